"""What checks look at: the environment, GitHub, the package index and the clock."""

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.connections import Access, access_from
from interlock.errors import InterlockError
from interlock.github import AppInstallation, StaticToken, open_github, place
from interlock.index_settings import Upload, find_index
from interlock.package_index import PackageIndex, open_index

__all__ = ["Access", "World", "access_from", "open_world"]

if TYPE_CHECKING:
    from interlock.code_host import CodeHost
    from interlock.family import Family
    from interlock.github import Credentials


@dataclass(frozen=True, kw_only=True)
class World:
    """What checks look at; nothing of it is changed by them.

    Attributes:
        credentials: Of GitHub; None when none were found.
        token_error: What was wrong with them, when that is known.
        github: None when there are no credentials.
        index: Where releases are looked for.
        upload: Where and as whom releases would be uploaded; None when no password was found.
        upload_error: What was wrong with it, when that is known.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    credentials: "Credentials | None" = None
    token_error: InterlockError | None = None
    github: "CodeHost | None" = None
    index: PackageIndex
    upload: Upload | None = None
    upload_error: InterlockError | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_app(self) -> bool:
        """Whether an App's installation speaks to GitHub: its permissions are its own, and no user's role."""
        given = self.credentials
        return isinstance(given, AppInstallation) or (isinstance(given, StaticToken) and given.is_app)


@contextlib.asynccontextmanager
async def open_world(
    family: "Family", access: Access, *, cache: Path, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[World]:
    """The world that the environment names, with its connections; they are closed at the end.

    Args:
        family: Whose index it is.
        access: The credentials.
        cache: Where the index's pages and files are kept.
        environ: Where the world is named.

    Raises:
        FamilyError: The family's index is not configured.
    """
    async with contextlib.AsyncExitStack() as stack:
        github = None
        if access.credentials is not None:
            github = await stack.enter_async_context(open_github(access.credentials, place(environ)))
        yield World(
            environ=environ,
            credentials=access.credentials,
            token_error=access.token_error,
            github=github,
            index=await stack.enter_async_context(open_index(find_index(family.index, environ), cache)),
            upload=access.upload,
            upload_error=access.upload_error,
        )
