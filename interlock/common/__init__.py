"""Helpers that know nothing of the domain: processes, files, retries, models."""
