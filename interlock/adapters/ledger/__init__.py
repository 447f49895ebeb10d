"""The ledger: a database of results that cost time to get, and of what the world itself does not record."""

from interlock.adapters.ledger.protocol import (
    CascadeLedger,
    ContractLedger,
    DeliveryLedger,
    KnownCell,
    KnownContract,
    Ledger,
    ReleaseLedger,
    StatementLedger,
    VerdictLedger,
)
from interlock.adapters.ledger.sql import SqlLedger, open_ledger

__all__ = [
    "CascadeLedger",
    "ContractLedger",
    "DeliveryLedger",
    "KnownCell",
    "KnownContract",
    "Ledger",
    "ReleaseLedger",
    "SqlLedger",
    "StatementLedger",
    "VerdictLedger",
    "open_ledger",
]
