"""The gateway: takes webhooks, keeps each in the ledger before it answers, and starts the deployment that follows."""
