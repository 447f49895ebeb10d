"""A release's tag: its name, and its message, which says what the release is made of.

The message makes a release independent of every ledger: whoever finds the tag knows which files it promised and who was
to be told of it.
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
    """An event, and the member that is told of it."""

    event: str
    target: str


class Manifest(FrozenModel):
    """What a tag made by Interlock says.

    Attributes:
        package: `name==version`.
        told: Who is to be told.
        cascade: The cascade that it is part of.
    """

    package: str
    files: tuple[ReleasedFile, ...]
    told: tuple[DispatchTarget, ...] = ()
    cascade: str | None = None

    def write(self, title: str) -> str:
        """The tag's message."""
        lines = [title, ""]
        lines += [f"sha256:{file.sha256} {file.size:>8} {file.name}" for file in self.files]
        lines += ["", *(f"dispatch: {event} -> {target}" for event, target in self.told)] if self.told else []
        lines += ["", *([f"{CASCADE}: {self.cascade}"] if self.cascade else []), f"{TRAILER}: {self.package}", ""]
        return "\n".join(lines)

    @classmethod
    def read(cls, message: str | None) -> Self | None:
        """What a message says; None for one that Interlock did not write."""
        found = re.search(rf"^{TRAILER}: (\S+)$", message or "", re.MULTILINE)
        if not message or not found:
            return None
        return cls(
            package=found[1],
            files=tuple(
                ReleasedFile(sha256=sha256, size=int(size), name=name) for sha256, size, name in _FILE.findall(message)
            ),
            told=tuple(DispatchTarget(event, target) for event, target in _ORDER.findall(message)),
            cascade=cascade[1] if (cascade := re.search(rf"^{CASCADE}: (\S+)$", message, re.MULTILINE)) else None,
        )
