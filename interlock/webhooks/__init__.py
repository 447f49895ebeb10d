"""Webhooks, without I/O: whether a delivery is genuine, what it says, and which deployments it starts."""
