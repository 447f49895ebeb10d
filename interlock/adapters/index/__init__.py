"""The package index: reading it, its settings, and uploads."""
