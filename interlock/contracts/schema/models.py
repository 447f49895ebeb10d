"""What a package promises to those who import it, and what became of a promise."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import JsonValue

from interlock.common.frozen_model import FrozenModel
from interlock.model.bump import Part, ReleasePart


class Kind(StrEnum):
    """What an element of a contract is."""

    MODEL = "model"
    ENUM = "enum"
    PROTOCOL = "protocol"
    FUNCTION = "function"
    CLASS = "class"


class Element(FrozenModel):
    """One thing that is promised.

    Attributes:
        name: The shortest name by which it is public: `market_data_core.BackpressureLevel`.
        names: Every name by which it is public in the modules of the contract, `name` among them; sorted.
        seen_as: Every name by which the package's loaded modules have it, public or not; sorted.
        shape: What it looks like, in a form for each kind: see docs/contracts.md and `exporter.py`.
    """

    name: str
    kind: Kind
    names: tuple[str, ...] = ()
    seen_as: tuple[str, ...] = ()
    shape: JsonValue


class ContractSchema(FrozenModel):
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


class What(StrEnum):
    """What became of an element."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class ElementChange(FrozenModel):
    """What became of one element.

    Attributes:
        details: Each difference in words: `member "soft" removed`, `field "price": integer, was number`.
        breaks_readers: Whether who reads what the new version writes may fail.
        breaks_writers: Whether what was written for the old version may be refused by the new one; also whether code
            that calls or imports it may fail.
        names: Every name by which it is or was to be had, for whoever looks for its uses.
        values: Values of an enum that came or went, for the same.
    """

    name: str
    kind: Kind
    what: What
    details: tuple[str, ...] = ()
    breaks_readers: bool = False
    breaks_writers: bool = False
    names: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether anybody may fail."""
        return self.breaks_readers or self.breaks_writers


class Use(StrEnum):
    """What a changed element is to a downstream."""

    COVERED = "changed, used and covered by its suite"
    UNTESTED = "changed, used and untested"
    NOT_USED = "not used"


class ContractChange(FrozenModel):
    """What became of a contract from one version to another.

    Attributes:
        before, after: The versions.
        changes: Sorted by name; empty when the contract is the same.
        api: Breakages of the API that griffe names, one a line.
        part: What the version must be raised by at least.
        uses: By downstream, what each changed element is to it.
        notes: What could not be compared, such as modules that can't be imported.
    """

    before: str
    after: str
    changes: tuple[ElementChange, ...] = ()
    api: tuple[str, ...] = ()
    part: ReleasePart = Part.PATCH
    uses: Mapping[str, Mapping[str, Use]] = {}
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the contract is the same, and all of it could be compared."""
        return not self.changes and not self.api and not self.notes
