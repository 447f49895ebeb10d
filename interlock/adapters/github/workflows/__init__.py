"""Workflow files of GitHub Actions: which `repository_dispatch` events they listen to, and writing a listener."""

from interlock.adapters.github.workflows.listeners import Listener, ListenerMatch, listens
from interlock.adapters.github.workflows.parser import Finding, ListenedType, Workflow, read
from interlock.adapters.github.workflows.template import listener

__all__ = ["Finding", "ListenedType", "Listener", "ListenerMatch", "Workflow", "listener", "listens", "read"]
