"""Credentials and connections as Prefect blocks."""
