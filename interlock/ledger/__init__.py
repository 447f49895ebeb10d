"""The ledger: what was found out at some cost, kept so that nobody has to find it out again."""

from interlock.ledger.memory import MemoryLedger
from interlock.ledger.protocol import KnownCell, KnownContract, Ledger
from interlock.ledger.sql import SqlLedger, open_ledger

__all__ = ["KnownCell", "KnownContract", "Ledger", "MemoryLedger", "SqlLedger", "open_ledger"]
