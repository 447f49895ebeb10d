"""Deliveries beyond their routes: what must hold in the ledger for a run, and what GitHub could not deliver."""

from interlock.deliveries.conditions import obstacle
from interlock.deliveries.sweep import KEPT, Looked, Missed, Swept, look, send_again

__all__ = ["KEPT", "Looked", "Missed", "Swept", "look", "obstacle", "send_again"]
