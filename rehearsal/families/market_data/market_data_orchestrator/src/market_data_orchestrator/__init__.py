"""Puts the market-data family together and runs it."""
