"""The changelog of a project: what it says of a version, and making its unreleased section that of a version."""

from interlock.project.changelog.document import Changelog
from interlock.project.changelog.find import ChangelogFile, find_changelogs
from interlock.project.changelog.move import Moved, Release, move

__all__ = ["Changelog", "ChangelogFile", "Moved", "Release", "find_changelogs", "move"]
