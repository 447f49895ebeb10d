"""The ledger: what was found out at some cost, kept so that nobody has to find it out again."""

from interlock.adapters.ledger.protocol import (
    CascadeLedger,
    ContractLedger,
    DeliveryLedger,
    KnownCell,
    KnownContract,
    Ledger,
    ReleaseLedger,
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
    "VerdictLedger",
    "open_ledger",
]
