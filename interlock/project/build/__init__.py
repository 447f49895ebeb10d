"""Building a package's sdist and wheel so that whoever builds them again gets the same bytes, and checking them."""

from interlock.project.build.built_file import BuiltFile
from interlock.project.build.checks import check
from interlock.project.build.builder import FailedBuildError, build

__all__ = ["BuiltFile", "FailedBuildError", "build", "check"]
