"""Moves market data, at the pace that its readers can keep."""
