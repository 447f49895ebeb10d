"""Workflow files of GitHub Actions: what starts them, what they release, and writing a listener."""

from interlock.adapters.github.workflows.clone import workflow_files
from interlock.adapters.github.workflows.conditions import HEADS, TAGS, Happening
from interlock.adapters.github.workflows.listeners import Listener, ListenerMatch, listens
from interlock.adapters.github.workflows.parser import Finding, ListenedType, Workflow, read
from interlock.adapters.github.workflows.releasing import OwnRelease, own_releases
from interlock.adapters.github.workflows.template import listener

__all__ = [
    "HEADS",
    "TAGS",
    "Finding",
    "Happening",
    "ListenedType",
    "Listener",
    "ListenerMatch",
    "OwnRelease",
    "Workflow",
    "listener",
    "listens",
    "own_releases",
    "read",
    "workflow_files",
]
