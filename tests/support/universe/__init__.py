"""A tiny universe: real wheels and sdists on a real package index, all on this machine."""

from tests.support.universe.index import TinyIndex
from tests.support.universe.packages import make_sdist, make_wheel
from tests.support.universe.world import FRIENDS, Universe, open_universe

__all__ = ["FRIENDS", "TinyIndex", "Universe", "make_sdist", "make_wheel", "open_universe"]
