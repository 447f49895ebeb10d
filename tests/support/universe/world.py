"""A folder of packages with the index that serves it, begun with pytest and what it needs."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import Index
from interlock.adapters.uv import Uv
from rehearsal.wheels import pack_closure
from tests.support.universe.index import TinyIndex
from tests.support.universe.packages import make_sdist, make_wheel

# What a suite needs to run: pytest with its own requirements, as they are installed beside these tests.
FRIENDS = ("pytest",)


@dataclass(frozen=True, kw_only=True)
class Universe:
    """Packages and their index.

    Attributes:
        folder: Where the files are that the index serves.
        index: The running index; see its switches for faults.
    """

    folder: Path
    index: TinyIndex

    @property
    def url(self) -> str:
        """The root of the index's simple API."""
        return self.index.url

    def environment(self) -> dict[str, str]:
        """What uv needs to use this index (as `Index.environment` says it)."""
        return {"UV_DEFAULT_INDEX": self.url}

    @contextlib.asynccontextmanager
    async def uv(self, folder: Path) -> AsyncIterator[Uv]:
        """Interlock's uv upon this index; downloads and environments are kept in the folder."""
        index = Index(name="tiny", url=SecretStr(self.url), configured=True)
        async with open_index(index, folder) as opened:
            yield Uv(self.environment(), folder / "environments", opened)

    def wheel(
        self,
        name: str,
        version: str,
        files: Mapping[str, str] | None = None,
        *,
        requires: Sequence[str] = (),
        requires_python: str | None = None,
        entry_points: str = "",
        tag: str = "py3-none-any",
        extras: Sequence[str] = (),
    ) -> Path:
        """Publish a wheel; without files it has one module, named as the package, that does nothing."""
        module = name.replace("-", "_").lower()
        return make_wheel(
            self.folder,
            name,
            version,
            files=files if files is not None else {f"{module}/__init__.py": ""},
            requires=requires,
            requires_python=requires_python,
            entry_points=entry_points,
            tag=tag,
            extras=extras,
        )

    def sdist(self, name: str, version: str, files: Mapping[str, str]) -> Path:
        """Publish an sdist."""
        return make_sdist(self.folder, name, version, files)


def pack_friends(folder: Path) -> Path:
    """Make wheels of pytest and what it needs; some hundred files, so it is done once a session."""
    pack_closure(folder, FRIENDS)
    return folder


@contextlib.contextmanager
def open_universe(folder: Path, friends: Path | None = None) -> Iterator[Universe]:
    """A universe of its own in a new folder, with the wheels of another folder in it, until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in friends.iterdir() if friends else ():
        os.link(path, folder / path.name)
    with TinyIndex(folder) as index:
        yield Universe(folder=folder, index=index)
