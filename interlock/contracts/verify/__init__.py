"""Contracts: a ref of an upstream against every downstream, beside a baseline; what regressed is its fault."""

from interlock.contracts.verify.report import (
    CellResult,
    Conclusion,
    ContractsReport,
    DownstreamResult,
    RedTest,
)
from interlock.contracts.verify.request import ContractsRequest

__all__ = ["CellResult", "Conclusion", "ContractsReport", "ContractsRequest", "DownstreamResult", "RedTest"]
