"""Tests: the tree of the project, mirrored; `universe` is the tiny world that they run in."""
