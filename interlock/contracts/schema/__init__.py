"""The contract of a package: exported in its own environment, compared with another one, and matched with its uses."""

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
