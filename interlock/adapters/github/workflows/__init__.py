"""Workflow files of GitHub Actions: which `repository_dispatch` events they hear, and the file that hears them."""

from interlock.adapters.github.workflows.listeners import Hearing, Listener, listens
from interlock.adapters.github.workflows.parser import Finding, HeardType, Workflow, read
from interlock.adapters.github.workflows.template import listener

__all__ = ["Finding", "HeardType", "Hearing", "Listener", "Workflow", "listener", "listens", "read"]
