"""A package index on this machine with PyPI's own semantics, for twine, uv and pip as they are."""

from rehearsal.index.app import index_app
from rehearsal.index.pages import Switches
from rehearsal.index.records import IndexStorage, Record
from rehearsal.index.store import IndexStore

__all__ = ["IndexStorage", "IndexStore", "Record", "Switches", "index_app"]
