"""Building a package's sdist and wheel so that whoever builds them again gets the same bytes, and checking them."""

from interlock.project.build.builder import FailedBuildError, build
from interlock.project.build.built_file import BuiltFile
from interlock.project.build.checks import check

__all__ = ["BuiltFile", "FailedBuildError", "build", "check"]
