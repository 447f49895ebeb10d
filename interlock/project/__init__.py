"""A source tree that is released: its version, its requirements, its build."""
