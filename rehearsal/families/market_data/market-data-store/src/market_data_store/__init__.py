"""Keeps market data, and says when it can't keep up."""

__version__ = "0.6.3"
