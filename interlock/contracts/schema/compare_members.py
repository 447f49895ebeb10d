"""Compares two classes: their members, attributes, bases and constructors. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from interlock.contracts.schema.compare_signatures import signature_changes
from interlock.contracts.schema.findings import Finding, Shape, type_change


def class_changes(before: Shape, after: Shape, *, implemented: bool = False) -> Iterator[Finding]:
    """Every difference between two classes.

    Args:
        before: The shape that the exporter gives a class.
        after: The same of the new version.
        implemented: Whether others implement it, as a protocol: then every change of what it requires breaks them.
    """
    yield from _of_whole(before, after)
    if "keys" in before and "keys" in after:
        yield from _of_keys(before["keys"], after["keys"])
    if "constructor" in before and "constructor" in after:
        found = signature_changes(before["constructor"], after["constructor"])
        yield from (finding.inside("constructor") for finding in found)
    yield from _of_methods(before.get("methods", {}), after.get("methods", {}), implemented=implemented)
    yield from _of_attributes(before.get("attributes", {}), after.get("attributes", {}), implemented=implemented)


def _of_whole(before: Shape, after: Shape) -> Iterator[Finding]:
    """The class as a whole: its bases, whether it is a TypedDict, whether instances can be changed."""
    was, now = before.get("bases", ()), after.get("bases", ())
    yield from (Finding(detail=f"is no {base} any more", readers=True, writers=True) for base in was if base not in now)
    yield from (Finding(detail=f"is a {base} now") for base in now if base not in was)
    if ("keys" in before) is not ("keys" in after):
        yield Finding(detail="is a TypedDict on one side alone", readers=True, writers=True)
    if bool(before.get("frozen")) is not bool(after.get("frozen")):
        detail = "can't be changed any more" if after.get("frozen") else "can be changed now, and be no key"
        yield Finding(detail=detail, writers=True)


def _of_methods(before: Shape, after: Shape, *, implemented: bool) -> Iterator[Finding]:
    for name, method in before.items():
        if name in after:
            yield from _of_method(name, method, after[name], implemented=implemented)
        else:
            is_read = method["is"] == "property"
            yield Finding(detail=f"{_label(name, method)} removed", readers=is_read, writers=True)
    for name in sorted(after.keys() - before.keys()):
        asked = implemented or bool(after[name].get("abstract"))
        yield Finding(detail=f"{_label(name, after[name])} added", writers=asked)


def _label(name: str, method: Mapping[str, Any]) -> str:
    return f"{'property' if method['is'] == 'property' else 'method'} {name}"


def _of_method(name: str, before: Shape, after: Shape, *, implemented: bool) -> Iterator[Finding]:
    asked = implemented or bool(before.get("abstract")) or bool(after.get("abstract"))
    for finding in _of_member(name, before, after):
        yield finding.model_copy(update={"writers": finding.writers or asked})
    is_asked = bool(after.get("abstract"))
    if bool(before.get("abstract")) is not is_asked:
        how = "must be implemented now" if is_asked else "need not be implemented any more"
        yield Finding(detail=f"{_label(name, after)} {how}", writers=is_asked)


def _of_member(name: str, before: Shape, after: Shape) -> Iterator[Finding]:
    if before["is"] != after["is"]:
        yield Finding(detail=f"{name}: {after['is']}, was {before['is']}", readers=True, writers=True)
    elif before["is"] == "property":
        yield from type_change(f"property {name}", before.get("type"), after.get("type"), read=True, written=False)
    else:
        found = signature_changes(before.get("signature"), after.get("signature"))
        yield from (finding.inside(f"method {name}") for finding in found)


def _of_attributes(before: Shape, after: Shape, *, implemented: bool) -> Iterator[Finding]:
    for name, kind in before.items():
        if name not in after:
            yield Finding(detail=f"attribute {name} removed", readers=True, writers=True)
        else:
            yield from type_change(f"attribute {name}", kind, after[name], read=True, written=True)
    for name in sorted(after.keys() - before.keys()):
        yield Finding(detail=f"attribute {name} added", writers=implemented)


def _of_keys(before: Shape, after: Shape) -> Iterator[Finding]:
    """Every difference between the keys of two TypedDicts, which may be read and written."""
    for name, key in before.items():
        if name not in after:
            yield Finding(detail=f"key {name} removed", readers=True, writers=True)
            continue
        yield from type_change(f"key {name}", key["type"], after[name]["type"], read=True, written=True)
        needed = bool(after[name]["required"])
        if bool(key["required"]) is not needed:
            detail = f"key {name} is {'required now' if needed else 'no longer required'}"
            yield Finding(detail=detail, readers=not needed, writers=needed)
    for name in sorted(after.keys() - before.keys()):
        needed = bool(after[name]["required"])
        yield Finding(detail=f"key {name} added{', required' if needed else ''}", writers=needed)
