"""The contract of a package, exported in its own environment, compared between two commits, and told by who uses it."""

from interlock.contracts.schema.models import (
    ContractChange,
    ContractSchema,
    Element,
    ElementChange,
    Kind,
    Use,
    What,
)

__all__ = ["ContractChange", "ContractSchema", "Element", "ElementChange", "Kind", "Use", "What"]
