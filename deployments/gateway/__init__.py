"""The gateway: receives webhooks, records each in the ledger before it answers, and starts the deployment for it."""
