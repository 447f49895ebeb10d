"""Everything that starts a flow run, and what it runs on."""
