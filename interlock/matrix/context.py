"""What a matrix works with."""

from pathlib import Path
from typing import Protocol

from interlock.adapters.git import Remote
from interlock.adapters.index.client import PackageIndex
from interlock.adapters.ledger import Ledger
from interlock.adapters.uv import Uv
from interlock.model.family import Family


class MatrixContext(Protocol):
    """A family, and what is outside as far as a matrix needs it: `Connections`, or what has the same attributes."""

    @property
    def family(self) -> Family:
        """Whose packages they are."""

    @property
    def index(self) -> PackageIndex:
        """The index where releases are looked for."""

    @property
    def uv(self) -> Uv:
        """What resolves and makes environments."""

    @property
    def ledger(self) -> Ledger:
        """What is known, and where runs are recorded."""

    @property
    def cache(self) -> Path:
        """The directory of everything that can be fetched or made again."""

    async def remote(self, package: str) -> Remote:
        """A package's repository, with a token that is valid now if there is one."""
