"""What a package promises to those who import it, and what became of a promise."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import JsonValue

from interlock.values import Value


class Kind(StrEnum):
    """What an element of a contract is."""

    MODEL = "model"
    ENUM = "enum"
    PROTOCOL = "protocol"
    FUNCTION = "function"
    CLASS = "class"


class Element(Value):
    """One thing that is promised.

    Attributes:
        name: Where it is imported from: `market_data_core.telemetry.BackpressureLevel`.
        schema: A model's JSON Schemas (`{"validation": …, "serialization": …}`), an enum's members by name, the
            members of a protocol or class and the signature of a function, as text.
    """

    name: str
    kind: Kind
    shape: JsonValue


class ContractSchema(Value):
    """All that a package promises, at one commit or version.

    Attributes:
        version: Of the distribution that was exported.
        elements: By name, sorted.
        unreadable: Modules that could not be imported, with the error's first line.
    """

    package: str
    version: str
    elements: tuple[Element, ...]
    unreadable: Mapping[str, str] = {}


class Part(StrEnum):
    """The part of a version that a change asks for."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


class What(StrEnum):
    """What became of an element."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class ElementChange(Value):
    """What became of one element.

    Attributes:
        details: Each difference in words: `member "soft" removed`, `field "price": integer, was number`.
        breaks_readers: Whether who reads what the new version writes may fail.
        breaks_writers: Whether what was written for the old version may be refused by the new one; also whether code
            that calls or imports it may fail.
    """

    name: str
    kind: Kind
    what: What
    details: tuple[str, ...] = ()
    breaks_readers: bool = False
    breaks_writers: bool = False

    @property
    def breaks(self) -> bool:
        """Whether anybody may fail."""
        return self.breaks_readers or self.breaks_writers


class Use(StrEnum):
    """What a changed element is to a downstream."""

    COVERED = "changed, used and covered by its suite"
    UNTESTED = "changed, used and untested"
    NOT_USED = "not used"


class ContractChange(Value):
    """What became of a contract from one version to another.

    Attributes:
        before, after: The versions.
        changes: Sorted by name; empty when the contract is the same.
        api: Breakages of the API that griffe names, one a line.
        part: What the version must be raised by at least.
        uses: By downstream, what each changed element is to it.
    """

    before: str
    after: str
    changes: tuple[ElementChange, ...] = ()
    api: tuple[str, ...] = ()
    part: Part = Part.PATCH
    uses: Mapping[str, Mapping[str, Use]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether the contract is the same."""
        return not self.changes and not self.api
