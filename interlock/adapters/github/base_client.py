"""What all groups of calls to GitHub have in common: reads, writes, lists, and parsing answers."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from interlock.adapters.github.errors import NotThereError
from interlock.adapters.github.gidgethub_client import Reply
from interlock.adapters.github.transport import Transport
from interlock.errors import GitHubError, TokenError, UsageError

M = TypeVar("M", bound=BaseModel)
PAGE = "per_page=100"


class BaseClient:
    """The base of the groups of calls, which share one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def _read(self, url: str, what: str, repo: str) -> Reply:
        return await self._transport.read(url, what, repo)

    async def _write(self, method: str, url: str, what: str, repo: str, data: Mapping[str, Any]) -> Reply:
        try:
            return await self._transport.write(method, url, what, repo, dict(data))
        except NotThereError:
            raise self._invisible(repo) from None

    async def _if_allowed(self, url: str, what: str, repo: str) -> Reply | None:
        try:
            return await self._read(url, what, repo)
        except (NotThereError, TokenError):
            return None

    async def _list(self, url: str, what: str, repo: str, key: str = "") -> list[dict[str, Any]] | None:
        try:
            return [item async for item in self._transport.pages(url, what, repo, key)]
        except (NotThereError, TokenError):
            return None

    async def _all(self, url: str, what: str, repo: str, *, key: str = "", named: str = "") -> list[dict[str, Any]]:
        """A list that must be there; messages name it `named`, or by the repository."""
        try:
            return [item async for item in self._transport.pages(url, what, repo, key)]
        except NotThereError:
            raise self._invisible(named or repo) from None

    async def _one(self, model: type[M], url: str, what: str, repo: str, *, named: str = "") -> M:
        """A value that must be there; messages name it `named`, or by the repository."""
        try:
            return parsed(model, (await self._read(url, what, repo)).data, repo)
        except NotThereError:
            raise self._invisible(named or repo) from None

    def _invisible(self, repo: str) -> TokenError:
        return TokenError(
            f"{repo} does not exist on GitHub, or the token of {self._transport.credentials.name} cannot see it",
            hint="check owner and name in the family file, and that the token is for this repository",
        )


def at(repo: str) -> str:
    """The address of a repository, from the API's root.

    Raises:
        UsageError: Its name is not owner/name.
    """
    if not re.fullmatch(r"(?!\.)[\w.-]+/(?!\.{1,2}$)[\w.-]+", repo, re.ASCII):
        raise UsageError(f'"{repo}" is not a repository on GitHub', hint="write owner/name, or [family] owner")
    return f"/repos/{repo}"


def parsed(model: type[M], data: object, repo: str) -> M:
    """An answer as a value.

    Raises:
        GitHubError: It does not fit GitHub's description.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lacking = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise GitHubError(f"{repo}: GitHub's answer is not as its description says: {lacking}") from None
