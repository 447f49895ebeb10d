"""A provider of market data that can be told to slow down."""
