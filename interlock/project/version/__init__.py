"""A project's version: finds it where the build backend reads it, and writes another there, not a byte more."""

from interlock.project.version.find import find_version, project_name
from interlock.project.version.location import Literal, VersionPlace
from interlock.project.version.mentions import mentions

__all__ = ["Literal", "VersionPlace", "find_version", "mentions", "project_name"]
