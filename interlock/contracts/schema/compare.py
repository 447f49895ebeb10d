"""Compares two contracts: what was added, removed or changed, and which side that breaks. Pure."""

from collections.abc import Iterator
from typing import cast

from interlock.contracts.schema.compare_members import class_changes
from interlock.contracts.schema.compare_signatures import signature_changes
from interlock.contracts.schema.containment import admits_all
from interlock.contracts.schema.describe import shown
from interlock.contracts.schema.differences import differences
from interlock.contracts.schema.findings import Finding, Shape
from interlock.contracts.schema.models import ContractSchema, Element, ElementChange, Kind, What


def compare(before: ContractSchema, after: ContractSchema) -> tuple[ElementChange, ...]:
    """The changed elements, sorted by name.

    An element is found again by any of its public names: one that has a shorter name now is still importable by the
    old one. docs/contracts.md has a table of which side each difference breaks; what can't be decided breaks.
    """
    old, new = _by_name(before), _by_name(after)
    changes = [change for element in before.elements if (change := _became(element, new, after))]
    added = [
        _unreadable(element, before)
        or ElementChange(name=element.name, kind=element.kind, what=What.ADDED, names=_all_names(element))
        for element in after.elements
        if not any(name in old for name in _names(element))
    ]
    return tuple(sorted((*changes, *added), key=lambda change: change.name))


def _by_name(schema: ContractSchema) -> dict[str, Element]:
    return {name: element for element in schema.elements for name in _names(element)}


def _names(element: Element) -> tuple[str, ...]:
    return element.names or (element.name,)


def _became(element: Element, new: dict[str, Element], after: ContractSchema) -> ElementChange | None:
    found = next((new[name] for name in (element.name, *_names(element)) if name in new), None)
    if found is None:
        return _unreadable(element, after) or _removed(element, after)
    findings = (*_of_names(element, new), *_findings(element, found))
    if not findings:
        return None
    return ElementChange(
        name=element.name,
        kind=found.kind,
        what=What.CHANGED,
        details=tuple(dict.fromkeys(finding.detail for finding in findings)),
        breaks_readers=any(finding.readers for finding in findings),
        breaks_writers=any(finding.writers for finding in findings),
        names=_all_names(element, found),
        values=_values(element, found),
    )


def _unreadable(element: Element, other: ContractSchema) -> ElementChange | None:
    """An element that can't be compared, since it can't be read on the other side; what it became is unknown."""
    error = next((other.unreadable[name] for name in _all_names(element) if name in other.unreadable), None)
    if error is None:
        return None
    return ElementChange(
        name=element.name,
        kind=element.kind,
        what=What.CHANGED,
        details=(f"can't be compared: {error}",),
        breaks_readers=True,
        breaks_writers=True,
        names=_all_names(element),
        values=_values(element),
    )


def _removed(element: Element, after: ContractSchema) -> ElementChange:
    why = [
        f"{module} can't be imported: {error}"
        for module, error in after.unreadable.items()
        if any(name.rpartition(".")[0] == module for name in element.seen_as)
    ]
    return ElementChange(
        name=element.name,
        kind=element.kind,
        what=What.REMOVED,
        details=tuple(why),
        breaks_readers=True,
        breaks_writers=True,
        names=_all_names(element),
        values=_values(element),
    )


def _all_names(*elements: Element) -> tuple[str, ...]:
    return tuple(sorted({name for each in elements for name in (each.name, *each.names, *each.seen_as)}))


def _values(*elements: Element) -> tuple[str, ...]:
    """The texts among the values of enums that not all of the enums have."""
    found = [
        {value for value in shape["members"].values() if isinstance(value, str)}
        for each in elements
        if each.kind is Kind.ENUM and (shape := cast("Shape", each.shape))
    ]
    kept = set.intersection(*found) if len(found) > 1 else set()
    return tuple(sorted(set().union(*found) - kept))


def _of_names(element: Element, new: dict[str, Element]) -> Iterator[Finding]:
    for name in _names(element):
        if name not in new:
            yield Finding(detail=f"can't be imported as {name} any more", writers=True)


def _findings(before: Element, after: Element) -> Iterator[Finding]:
    if before.kind is not after.kind:
        yield Finding(detail=f"is a {after.kind}, was a {before.kind}", readers=True, writers=True)
        return
    # A function's signature may be unknown, and so None.
    one, other = cast("Shape", before.shape), cast("Shape", after.shape)
    match before.kind:
        case Kind.MODEL:
            yield from _model_changes(one, other)
        case Kind.ENUM:
            yield from _enum_changes(one, other)
        case Kind.FUNCTION:
            yield from signature_changes(one, other)
        case Kind.PROTOCOL:
            yield from class_changes(one, other, implemented="implemented" in one or "implemented" in other)
        case Kind.CLASS:
            yield from class_changes(one, other)


def _model_changes(before: Shape, after: Shape) -> Iterator[Finding]:
    """Every difference between two models: in what they accept, in what they write, and in what code sees of them.

    Readers fail when the new version writes what the old one never wrote; writers, when the new version refuses what
    the old one accepted. Which single difference is to blame is unknown, so all differences of that side are breaking.
    """
    taken = differences(before["validation"], after["validation"])
    written = differences(before["serialization"], after["serialization"])
    refuses = bool(taken) and not admits_all(after["validation"], before["validation"])
    surprises = bool(written) and not admits_all(before["serialization"], after["serialization"])
    for detail in dict.fromkeys((*taken, *written)):
        alone = (
            "" if detail in taken and detail in written else " (when read)" if detail in taken else " (when written)"
        )
        yield Finding(
            detail=f"{detail}{alone}",
            readers=surprises and detail in written,
            writers=refuses and detail in taken,
        )
    for name in before["fields"]:
        if name not in after["fields"] and f'field "{name}" removed' not in written:
            yield Finding(detail=f"attribute {name} removed", readers=True, writers=True)
    yield from class_changes(before, after)


def _enum_changes(before: Shape, after: Shape) -> Iterator[Finding]:
    """Every difference between two enums: a name is what code uses, a value is what is written and read."""
    was, now = before["members"], after["members"]
    values = [[shown(value) for value in members.values()] for members in (was, now)]
    for name, value in was.items():
        if name not in now:
            stays = ", its value stays" if shown(value) in values[1] else ""
            yield Finding(detail=f"member {name} = {shown(value)} removed{stays}", writers=True)
        elif shown(now[name]) != shown(value):
            detail = f"member {name} = {shown(now[name])}, was {shown(value)}"
            yield Finding(detail=detail, readers=shown(now[name]) not in values[0], writers=True)
    for name, value in now.items():
        if name not in was:
            yield Finding(detail=f"member {name} = {shown(value)} added", readers=shown(value) not in values[0])
    if before["mixin"] != after["mixin"]:
        detail = f"its values are {after['mixin'] or 'plain objects'}, were {before['mixin'] or 'plain objects'}"
        yield Finding(detail=detail, readers=True, writers=True)
    yield from class_changes(before, after)
