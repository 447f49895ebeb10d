"""A candidate: what a package would be released as from some commit, built, and on no index."""

from pathlib import Path

from interlock.adapters.index.client import Release
from interlock.common.frozen_model import FrozenModel
from interlock.model.lockfile import File
from interlock.model.versions import VersionField


class Candidate(FrozenModel):
    """A package built from a ref, or from a folder.

    Attributes:
        version: What the files say, and the commit as a local version: `1.4.61+g0123456789ab`.
        described: What it is of, for people: `pull request 12 (0123456789ab)`.
        sha: The commit; None for a folder that differs from every commit.
        wheel, sdist: The files that were built.
        tree: The files of the commit, for suites that are read from Git.
    """

    package: str
    version: VersionField
    described: str
    sha: str | None
    wheel: Path
    sdist: Path
    tree: Path

    def release(self, *, wheel: File, sdist: File) -> Release:
        """The release that whoever asks an index is offered."""
        return Release(package=self.package, version=self.version, wheels=(wheel,), sdist=sdist, tree=self.tree)
