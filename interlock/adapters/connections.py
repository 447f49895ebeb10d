"""The one way to open everything outside: package index, uv, ledger and GitHub, each opened when it is first used.

A flow or a command opens the connections of its family once and passes them on; all are closed together at the end.
The family is a value: an edit of its file during a run does not change that run.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from interlock.adapters.code_host import CodeHost, Webhooks
from interlock.adapters.git import Remote
from interlock.adapters.github import AppInstallation, Credentials, GitHub, GitHubServer, StaticToken, github_server
from interlock.adapters.github.client import github_client
from interlock.adapters.github.retry_policy import RetryPolicy
from interlock.adapters.github.transport import Transport
from interlock.adapters.index.client import PackageIndex, index_client
from interlock.adapters.index.settings import Upload, find_index, find_upload
from interlock.adapters.ledger import Ledger, open_ledger
from interlock.adapters.uv import Uv
from interlock.common import tokens
from interlock.common.paths import cache
from interlock.common.tokens import Role
from interlock.errors import InterlockError, TokenError
from interlock.model.family import Family


@dataclass(frozen=True, kw_only=True)
class Access:
    """The credentials that were found, and the errors of those that were not.

    Attributes:
        credentials: Of the code host; None where there are none.
        token_error: Why there are no credentials, where that is known.
        upload: Where files are published and with which credentials; None where no password was found.
        upload_error: Why there is no upload, where that is known.
        read: Those that only read the code host; None where `credentials` serve this too.
        tell: Those of statuses, check runs and comments; None where `credentials` serve this too.
    """

    credentials: Credentials | None = None
    token_error: InterlockError | None = None
    upload: Upload | None = None
    upload_error: InterlockError | None = None
    read: Credentials | None = None
    tell: Credentials | None = None

    @property
    def distinct(self) -> Mapping[Role, Credentials]:
        """The credentials of the roles that have some of their own."""
        return {role: found for role, found in ((Role.READ, self.read), (Role.TELL, self.tell)) if found is not None}

    @property
    def reading(self) -> "Access":
        """The access of work that only reads."""
        return Access(credentials=self.read or self.credentials, token_error=self.token_error)


NO_ACCESS = Access()
"""Public repositories, and an index that is only read."""


# Where the credentials of each role stand in `Access`.
_FIELDS = {"credentials": Role.RELEASE, "read": Role.READ, "tell": Role.TELL}


def access_from(family: Family, environ: Mapping[str, str] = os.environ) -> Access:
    """The access that the environment alone gives, twine's own configuration included."""
    found: dict[str, Any] = {}
    try:
        for field, role in _FIELDS.items():
            if token := tokens.find(role.variable, family.token_aliases if role is Role.RELEASE else (), environ):
                found[field] = StaticToken(token=token.token, name=token.name)
    except InterlockError as error:
        found["token_error"] = error
    try:
        found["upload"] = find_upload(environ)
    except InterlockError as error:
        found["upload_error"] = error
    return Access(**found)


class Connections:
    """The connections of one family.

    Every attribute is opened when it is first read. Read `ledger` before the first step that can't be undone, so that a
    ledger that can't be opened stops the run in time.

    Args:
        family: The family that names packages, index and repositories.
        access: The credentials.
        closing: Closes everything that was opened.
        environ: Names the code host and the index.

    Attributes:
        cache: The directory of everything that can be fetched or made again.
        server: The code host.
    """

    def __init__(
        self, family: Family, access: Access, closing: contextlib.AsyncExitStack, environ: Mapping[str, str]
    ) -> None:
        self.family = family
        self.access = access
        self.environ = environ
        self.cache = cache()
        self.server: GitHubServer = github_server(environ)
        self._closing = closing

    @cached_property
    def index(self) -> PackageIndex:
        """The package index.

        Raises:
            FamilyError: The family names an index that is not configured.
        """
        client = index_client()
        self._closing.push_async_callback(client.aclose)
        return PackageIndex(find_index(self.family.index, self.environ), client, self.cache)

    @cached_property
    def uv(self) -> Uv:
        """uv, with this index and with the environments of the cache."""
        return Uv(self.index.index.environment(), self.cache / "environments", self.index, tuple(self.family.packages))

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger.

        Raises:
            LedgerError: It can't be opened.
        """
        ledger = open_ledger()
        self._closing.callback(ledger.close)
        return ledger

    @cached_property
    def github(self) -> CodeHost:
        """GitHub.

        Raises:
            TokenError: There are no credentials.
        """
        return self.github_of(self.credentials)

    @cached_property
    def telling(self) -> CodeHost:
        """GitHub, with the credentials for statuses, check runs and comments.

        Raises:
            TokenError: There are none.
        """
        return self.github if self.access.tell is None else self.github_of(self.access.tell)

    @cached_property
    def app(self) -> Webhooks | None:
        """GitHub for the App itself, for its own things; None when the credentials are not an App's."""
        credentials = self.access.credentials
        return self.github_of(credentials.itself()) if isinstance(credentials, AppInstallation) else None

    @property
    def credentials(self) -> Credentials:
        """The credentials of the code host.

        Raises:
            TokenError: There are none.
        """
        if self.access.credentials is None:
            raise self.access.token_error or TokenError(
                f"there is no {tokens.DISPATCH}", hint=f"set {tokens.DISPATCH}: docs/tokens.md says how to make one"
            )
        return self.access.credentials

    @property
    def upload(self) -> Upload:
        """Where files are published, and with which credentials.

        Raises:
            TokenError: There is no password.
        """
        if self.access.upload is None:
            raise self.access.upload_error or TokenError(
                f"there is no password to upload with: set {tokens.INDEX}", hint="docs/tokens.md says how to make one"
            )
        return self.access.upload

    @property
    def has_credentials(self) -> bool:
        """Whether there are credentials of the code host."""
        return self.access.credentials is not None

    async def remote(self, package: str) -> Remote:
        """A package's repository, with a token that is valid now if there is one.

        Raises:
            RepositoryError: The family names no owner.
        """
        credentials = self.access.credentials
        token = await credentials.token() if credentials else None
        return Remote(url=self.server.remote(self.family.repository(package)), token=token)

    async def open_all(self) -> None:
        """Open everything that a release needs, so that it fails before it has done anything.

        Raises:
            TokenError: There are no credentials, or there is no password for the index.
            LedgerError: The ledger can't be opened.
        """
        _ = self.credentials, self.upload
        await self.open_ledger()

    async def open_ledger(self) -> None:
        """Open the ledger.

        Raises:
            LedgerError: It can't be opened.
        """
        await asyncio.to_thread(lambda: self.ledger)

    @property
    def work(self) -> Path:
        """The directory of work folders."""
        path = self.cache / "work"
        path.mkdir(exist_ok=True)
        return path

    def work_folder(self, prefix: str) -> Path:
        """A new directory to work in, which is removed when the connections are closed."""
        return Path(self._closing.enter_context(tempfile.TemporaryDirectory(prefix=f"{prefix}-", dir=self.work)))

    def github_of(self, credentials: Credentials) -> GitHub:
        """GitHub, with other credentials than those of releases."""
        client = github_client()
        self._closing.push_async_callback(client.aclose)
        return GitHub(Transport(client, credentials, self.server, RetryPolicy()))


@contextlib.asynccontextmanager
async def open_connections(
    family: Family, access: Access = NO_ACCESS, *, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Connections]:
    """The connections of a family, closed at the end.

    Args:
        family: The family.
        access: The credentials; without any, repositories must be public.
        environ: Names the code host and the index.
    """
    async with contextlib.AsyncExitStack() as closing:
        yield Connections(family, access, closing, environ)
