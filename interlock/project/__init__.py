"""A project's source tree: its version, its requirements, its build."""
