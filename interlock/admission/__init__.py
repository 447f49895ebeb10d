"""May a version be released, and since when does something not fit: answered from what the ledger knows."""
