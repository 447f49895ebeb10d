"""The context of a matrix."""

from pathlib import Path
from typing import Protocol

from interlock.adapters.git import Remote
from interlock.adapters.index.client import PackageIndex
from interlock.adapters.ledger import Ledger
from interlock.adapters.uv import Uv
from interlock.model.family import Family


class MatrixContext(Protocol):
    """A family and the connections that a matrix needs: `Connections`, or anything with the same attributes."""

    @property
    def family(self) -> Family:
        """The family of the packages."""

    @property
    def index(self) -> PackageIndex:
        """The index that has the releases."""

    @property
    def uv(self) -> Uv:
        """What resolves and makes environments."""

    @property
    def ledger(self) -> Ledger:
        """Where runs are looked up and recorded."""

    @property
    def cache(self) -> Path:
        """The directory of everything that can be fetched or made again."""

    async def remote(self, package: str) -> Remote:
        """A package's repository, with a token that is valid now if there is one."""
