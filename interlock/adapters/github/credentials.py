"""Credentials for GitHub: a token as it is, or an App, with tokens that are fetched and renewed early."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from weakref import WeakKeyDictionary

import httpx
import jwt
from gidgethub.apps import get_jwt
from pydantic import AwareDatetime, SecretStr

from interlock.adapters.github.errors import ApiRequest
from interlock.adapters.github.gidgethub_client import HEADERS, STUMBLES, Wire, as_error
from interlock.adapters.github.models import Answer
from interlock.adapters.github.retry_policy import RetryPolicy
from interlock.adapters.github.server import GitHubServer
from interlock.common.clock import now
from interlock.common.tls import trusted
from interlock.common.tokens import KINDS, kind
from interlock.errors import InterlockError, TokenError

EARLY = timedelta(minutes=5)
TIMEOUT = 30.0


class Credentials(Protocol):
    """Gives the token for each request."""

    @property
    def name(self) -> str:
        """Its name in messages, which is not a secret."""
        ...

    async def token(self) -> SecretStr:
        """A token that is valid now."""
        ...


class StaticToken:
    """A token as it is.

    Args:
        token: The token.
        name: The variable or block that it is from.

    Attributes:
        is_app: Whether it is of an App's installation, which has no user's role.
    """

    def __init__(self, token: SecretStr, name: str) -> None:
        self.name = name
        self.is_app = kind(token) == KINDS["ghs_"]
        self._token = token

    async def token(self) -> SecretStr:
        """The token."""
        return self._token


class AppItself:
    """An App as itself, not as one of its installations.

    Args:
        name: Its name in messages.
        key: Makes its JSON web token.
    """

    def __init__(self, name: str, key: Callable[[], str]) -> None:
        self.name = name
        self._key = key

    async def token(self) -> SecretStr:
        """A new JSON web token for each request."""
        return SecretStr(self._key())


class _Issued(Answer):
    token: SecretStr
    expires_at: AwareDatetime


class AppInstallation:
    """An installation of an App: its tokens last an hour, and a new one is fetched five minutes before that.

    Args:
        app_id: The app's id or client id.
        private_key: In PEM.
        installation_id: Of the installation for the family's owner.
        server: Which GitHub.
        policy: What is tried again.
        clock: The clock.
    """

    def __init__(
        self,
        *,
        app_id: str,
        private_key: SecretStr,
        installation_id: str,
        server: GitHubServer,
        policy: RetryPolicy | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.name = f"the GitHub App {app_id}"
        self._app_id = app_id
        self._private_key = private_key
        self._installation_id = installation_id
        self._server = server
        self._policy = policy or RetryPolicy()
        self._clock = clock
        self._issued: _Issued | None = None
        # A block may live longer than an event loop, and a lock belongs to one.
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def token(self) -> SecretStr:
        """The installation's token; concurrent calls wait for the same new one.

        Raises:
            TokenError: GitHub does not know the App, its key or the installation.
            GitHubError: GitHub did not answer.
        """
        async with self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if self._issued is None or self._issued.expires_at - EARLY <= self._clock():
                # One more token does no harm, so this POST may be repeated.
                self._issued = await self._policy.reading(self._fetch)
        return self._issued.token

    async def _fetch(self) -> _Issued:
        request = ApiRequest(what="give the installation a token", subject=self.name, token=self.name)
        url, key = f"/app/installations/{self._installation_id}/access_tokens", self._key()
        async with httpx.AsyncClient(timeout=TIMEOUT, headers=HEADERS, verify=trusted()) as client:
            try:
                return _Issued.model_validate(await Wire(client, self._server.api).post(url, None, data=b"", jwt=key))
            except STUMBLES as error:
                raise _as_token_error(as_error(error, request)) from None

    def itself(self) -> "AppItself":
        """The App as itself, for its own things, such as its webhook."""
        return AppItself(self.name, self._key)

    def _key(self) -> str:
        """The App's JSON web token, valid for ten minutes at most."""
        try:
            return get_jwt(app_id=self._app_id, private_key=self._private_key.get_secret_value())
        except (jwt.PyJWTError, ValueError, TypeError):
            raise TokenError(
                f"the private key of {self.name} is none", hint="give the whole .pem file that GitHub made for the app"
            ) from None


def _as_token_error(error: InterlockError) -> InterlockError:
    """A missing App or installation is an error in the credentials."""
    if isinstance(error, TokenError) or error.transient:
        return error
    return TokenError(error.message, hint="check the app's id, its key and the installation's id")
