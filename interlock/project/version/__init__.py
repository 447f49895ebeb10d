"""Where a project keeps its version: found in all the places that build backends know, and moved by that alone."""

from interlock.project.version.find import find_version, project_name
from interlock.project.version.location import Literal, VersionPlace

__all__ = ["Literal", "VersionPlace", "find_version", "project_name"]
