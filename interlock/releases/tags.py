"""The message of a release's tag, which lists the files and dispatches of the release.

It makes a release independent of the ledger: the tag alone says which files it promised and which members it notifies.
"""

import re
from typing import NamedTuple, Self

from interlock.common.frozen_model import FrozenModel
from interlock.model.release import ReleasedFile

TRAILER = "Interlock-Release"
CASCADE = "Interlock-Cascade"
_FILE = re.compile(r"^sha256:([0-9a-f]{64}) +(\d+) +(\S+)$", re.MULTILINE)
_ORDER = re.compile(r"^dispatch: (\S+) -> (\S+)$", re.MULTILINE)


class DispatchTarget(NamedTuple):
    """An event, and the member that gets it."""

    event: str
    target: str


class Manifest(FrozenModel):
    """The contents of a tag that Interlock made.

    Attributes:
        package: `name==version`.
        targets: The members that get a dispatch.
        cascade: The cascade that the release is part of.
    """

    package: str
    files: tuple[ReleasedFile, ...]
    targets: tuple[DispatchTarget, ...] = ()
    cascade: str | None = None

    def write(self, title: str) -> str:
        """The tag's message."""
        lines = [title, ""]
        lines += [f"sha256:{file.sha256} {file.size:>8} {file.name}" for file in self.files]
        lines += ["", *(f"dispatch: {event} -> {target}" for event, target in self.targets)] if self.targets else []
        lines += ["", *([f"{CASCADE}: {self.cascade}"] if self.cascade else []), f"{TRAILER}: {self.package}", ""]
        return "\n".join(lines)

    @classmethod
    def read(cls, message: str | None) -> Self | None:
        """Read a tag's message; None for one that Interlock did not write."""
        found = re.search(rf"^{TRAILER}: (\S+)$", message or "", re.MULTILINE)
        if not message or not found:
            return None
        return cls(
            package=found[1],
            files=tuple(
                ReleasedFile(sha256=sha256, size=int(size), name=name) for sha256, size, name in _FILE.findall(message)
            ),
            targets=tuple(DispatchTarget(event, target) for event, target in _ORDER.findall(message)),
            cascade=cascade[1] if (cascade := re.search(rf"^{CASCADE}: (\S+)$", message, re.MULTILINE)) else None,
        )
