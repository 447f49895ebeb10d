"""Releases: every step looks at the world first, so that running it again finishes what an earlier run began."""
