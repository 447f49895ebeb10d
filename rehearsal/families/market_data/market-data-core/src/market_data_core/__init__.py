"""The contracts of the market-data family."""
