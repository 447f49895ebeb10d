"""A candidate: a ref of a package, built as it would be released, and on no index."""

from pathlib import Path

from interlock.adapters.index.client import Release
from interlock.common.frozen_model import FrozenModel
from interlock.model.lockfile import File
from interlock.model.versions import VersionField


class Candidate(FrozenModel):
    """A package built from a ref, or from a folder.

    Attributes:
        version: The files' version, and the commit as a local version: `1.4.61+g0123456789ab`.
        described: Its ref, for people: `pull request 12 (0123456789ab)`.
        sha: The commit; None for a folder that differs from every commit.
        wheel, sdist: The built files.
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
        """The candidate as a release of an index."""
        return Release(package=self.package, version=self.version, wheels=(wheel,), sdist=sdist, tree=self.tree)
