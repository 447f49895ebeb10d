"""Releases. Each step looks at the world first, so running a release again finishes what an earlier run started."""
