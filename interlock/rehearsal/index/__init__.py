"""A package index on this machine with PyPI's own semantics, for twine, uv and pip as they are."""

from interlock.rehearsal.index.app import index_app
from interlock.rehearsal.index.pages import Switches
from interlock.rehearsal.index.records import Record, Shelf
from interlock.rehearsal.index.store import IndexStore

__all__ = ["IndexStore", "Record", "Shelf", "Switches", "index_app"]
