"""May a version be released, and since when does something not fit: answered from what the ledger knows."""

from interlock.admission.evidence import Asked, admission, known_as
from interlock.admission.values import Admission, Answer, CellSaid, Evidence, Shown

__all__ = ["Admission", "Answer", "Asked", "CellSaid", "Evidence", "Shown", "admission", "known_as"]
