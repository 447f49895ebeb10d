"""GitHub on this machine: its API, its uploads and its Git, on bare repositories."""
