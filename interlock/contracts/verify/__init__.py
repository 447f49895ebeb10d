"""The verification of one ref: every downstream with the ref and with a baseline; what regressed is the ref's fault."""

from interlock.contracts.verify.report import (
    CellResult,
    Conclusion,
    ContractsReport,
    DownstreamResult,
    RedTest,
)
from interlock.contracts.verify.request import ContractsRequest

__all__ = ["CellResult", "Conclusion", "ContractsReport", "ContractsRequest", "DownstreamResult", "RedTest"]
