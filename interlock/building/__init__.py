"""Building a package's sdist and wheel so that whoever builds them again gets the same bytes, and checking them."""

from interlock.building.built import BuiltFile
from interlock.building.checking import check
from interlock.building.making import FailedBuildError, build

__all__ = ["BuiltFile", "FailedBuildError", "build", "check"]
