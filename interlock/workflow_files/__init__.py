"""Workflow files of GitHub Actions: which `repository_dispatch` events they hear, and the file that hears them."""

from interlock.workflow_files.hearing import Hearing, Listener, listens
from interlock.workflow_files.listener import listener
from interlock.workflow_files.reading import Finding, HeardType, Workflow, read

__all__ = ["Finding", "HeardType", "Hearing", "Listener", "Workflow", "listener", "listens", "read"]
