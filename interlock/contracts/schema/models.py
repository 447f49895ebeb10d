"""What a package promises to its importers, and the changes of that."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import JsonValue

from interlock.common.frozen_model import FrozenModel
from interlock.model.bump import Part, ReleasePart


class Kind(StrEnum):
    """The kind of an element of a contract."""

    MODEL = "model"
    ENUM = "enum"
    PROTOCOL = "protocol"
    FUNCTION = "function"
    CLASS = "class"


class Element(FrozenModel):
    """One element of a contract.

    Attributes:
        name: Its shortest public name: `market_data_core.BackpressureLevel`.
        names: Every public name in the modules of the contract, with `name`; sorted.
        seen_as: Every name in the package's loaded modules, public or not; sorted.
        shape: Its details, in a form for each kind: see docs/contracts.md and `exporter.py`.
    """

    name: str
    kind: Kind
    names: tuple[str, ...] = ()
    seen_as: tuple[str, ...] = ()
    shape: JsonValue


class ContractSchema(FrozenModel):
    """All that a package promises, at one commit or version.

    Attributes:
        version: The version of the exported distribution.
        elements: Sorted by name.
        unreadable: Modules that could not be imported, and elements or members of these that could not be read, by
            each of their names, with the error's first line.
    """

    package: str
    version: str
    elements: tuple[Element, ...]
    unreadable: Mapping[str, str] = {}


class What(StrEnum):
    """How an element changed."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class ElementChange(FrozenModel):
    """The change of one element.

    Attributes:
        details: Each difference in words: `member "soft" removed`, `field "price": integer, was number`.
        breaks_readers: Whether a reader of what the new version writes may fail.
        breaks_writers: Whether the new version may refuse what was written for the old one; also whether code that
            calls or imports it may fail.
        names: Every name that it has or had, to look for its uses.
        values: The values of an enum that were added or removed, for the same purpose.
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
        """Whether a reader or a writer may fail."""
        return self.breaks_readers or self.breaks_writers


class Use(StrEnum):
    """A downstream's use of a changed element."""

    COVERED = "changed, used and covered by its suite"
    UNTESTED = "changed, used and untested"
    NOT_USED = "not used"


class ContractChange(FrozenModel):
    """The change of a contract from one version to another.

    Attributes:
        before, after: The versions.
        changes: Sorted by name; empty when the contract is the same.
        api: Breakages of the API that griffe found, one in a line.
        part: The least part by which the version must be raised.
        uses: By downstream, its use of each changed element.
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
