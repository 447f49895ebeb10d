"""Compares two signatures, as callers see them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from interlock.contracts.schema.findings import Finding, Shape, type_change

POSITIONAL = ("positional_only", "positional_or_keyword")
NAMED = ("positional_or_keyword", "keyword_only")
VARIABLE = {"var_positional": "*", "var_keyword": "**"}


def signature_changes(before: Shape | None, after: Shape | None) -> Iterator[Finding]:
    """Every difference between two signatures; one that is unknown on one side alone counts as changed.

    Args:
        before: `{"parameters": [{"name", "kind", "required", "type", "default"}], "returns": …, "async": …}`.
        after: The same of the new version.
    """
    if before is None or after is None:
        if before is not after:
            yield Finding(detail="its signature can't be compared", readers=True, writers=True)
        return
    mine, theirs = _by_name(before), _by_name(after)
    for name, parameter in mine.items():
        if name in theirs:
            yield from _parameter_changes(name, parameter, theirs[name])
        else:
            yield Finding(detail=f"parameter {name} removed", writers=True)
    for name in [name for name in theirs if name not in mine]:
        needed = bool(theirs[name]["required"])
        # Arguments that went to *args go to it now.
        takes = theirs[name]["kind"] in POSITIONAL and any(key.startswith("*") and key[1] != "*" for key in mine)
        yield Finding(detail=f"parameter {name} added{', required' if needed else ''}", writers=needed or takes)
    if _is_moved(before["parameters"], after["parameters"]):
        yield Finding(detail="parameters stand at other places", writers=True)
    yield from type_change("returns", before.get("returns"), after.get("returns"), read=True, written=False)
    if before.get("async") != after.get("async"):
        detail = "is awaited now" if after.get("async") else "is no longer awaited"
        yield Finding(detail=detail, readers=True, writers=True)


def _by_name(signature: Shape) -> dict[str, Mapping[str, Any]]:
    return {f"{VARIABLE.get(each['kind'], '')}{each['name']}": each for each in signature["parameters"]}


def _parameter_changes(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    yield from type_change(f"parameter {name}", before.get("type"), after.get("type"), read=False, written=True)
    for kinds, how in ((POSITIONAL, "by position"), (NAMED, "by name")):
        was, now = before["kind"] in kinds, after["kind"] in kinds
        if was is not now:
            detail = f"parameter {name} is {'' if now else 'no longer '}taken {how}"
            yield Finding(detail=detail, writers=was)
    if before["required"] is not after["required"]:
        needed = bool(after["required"])
        yield Finding(detail=f"parameter {name} is {'required now' if needed else 'optional now'}", writers=needed)
    elif before.get("default") != after.get("default"):
        yield Finding(detail=f"parameter {name}: default {after.get('default')}, was {before.get('default')}")


def _is_moved(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a positional argument reaches another parameter than before."""
    kept = {each["name"] for each in before} & {each["name"] for each in after}
    was, now = ([each["name"] for each in side if each["kind"] in POSITIONAL] for side in (before, after))
    pairs = zip_longest(was, now)
    return any(one != other and (one in kept or other in kept) for one, other in pairs if one is not None)
