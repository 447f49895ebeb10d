"""Displays: the progress of a run in a terminal."""
