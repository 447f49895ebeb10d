"""The message of a release's tag, which lists the files and dispatches of the release.

It makes a release independent of the ledger: the tag alone says which files it promised and which members it notifies.
"""

import re
from typing import NamedTuple, Self

from interlock.common.frozen_model import FrozenModel
from interlock.model.release import ReleasedFile

TRAILER = "Interlock-Release"
CASCADE = "Interlock-Cascade"
REQUEST = "Interlock-Request"
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
        request_id: What asked for the release.
    """

    package: str
    files: tuple[ReleasedFile, ...]
    targets: tuple[DispatchTarget, ...] = ()
    cascade: str | None = None
    request_id: str | None = None

    def write(self, title: str) -> str:
        """The tag's message."""
        lines = [title, ""]
        lines += [f"sha256:{file.sha256} {file.size:>8} {file.name}" for file in self.files]
        lines += ["", *(f"dispatch: {event} -> {target}" for event, target in self.targets)] if self.targets else []
        trailers = {CASCADE: self.cascade, REQUEST: self.request_id, TRAILER: self.package}
        lines += ["", *(f"{name}: {value}" for name, value in trailers.items() if value), ""]
        return "\n".join(lines)

    @classmethod
    def read(cls, message: str | None) -> Self | None:
        """Read a tag's message; None for one that Interlock did not write."""
        package = _trailer(TRAILER, message or "")
        if not message or package is None:
            return None
        return cls(
            package=package,
            files=tuple(
                ReleasedFile(sha256=sha256, size=int(size), name=name) for sha256, size, name in _FILE.findall(message)
            ),
            targets=tuple(DispatchTarget(event, target) for event, target in _ORDER.findall(message)),
            cascade=_trailer(CASCADE, message),
            request_id=_trailer(REQUEST, message),
        )


def _trailer(name: str, message: str) -> str | None:
    found = re.search(rf"^{name}: (\S+)$", message, re.MULTILINE)
    return found[1] if found else None
