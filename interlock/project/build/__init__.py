"""Builds a package's sdist and wheel, with the same bytes for every build of the same source, and checks them."""

from interlock.project.build.builder import FailedBuildError, build
from interlock.project.build.built_file import BuiltFile
from interlock.project.build.checks import FOR_INSTALLERS, Demands, check
from interlock.project.build.version_literals import left_behind

__all__ = ["FOR_INSTALLERS", "BuiltFile", "Demands", "FailedBuildError", "build", "check", "left_behind"]
