"""May a version be released? The answer comes from what the ledger knows."""

from interlock.contracts.admission.evidence import AdmissionRequest, admission, known_as
from interlock.contracts.admission.models import Admission, Answer, CellSaid, Evidence, Shown

__all__ = ["Admission", "AdmissionRequest", "Answer", "CellSaid", "Evidence", "Shown", "admission", "known_as"]
