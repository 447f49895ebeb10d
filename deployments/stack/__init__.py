"""A production-like stack on one machine: Prefect's server, workers and the gateway, kept running by one command."""
