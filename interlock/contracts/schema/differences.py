"""The differences between two JSON Schemas, in words. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from interlock.contracts.schema.describe import INSIDE, limits, shown, words
from interlock.contracts.schema.json_schema import Document, Option, Schema, canonical, is_opaque, options, same

# What a model does with fields that it does not know, by `additionalProperties`.
UNKNOWN_FIELDS = {False: "refused", True: "admitted", None: "passed over"}


def differences(before: Schema, after: Schema) -> tuple[str, ...]:
    """Every difference between two documents; none when they mean the same.

    Titles, descriptions, order and the names of definitions don't count. A model that appears again is reported once.
    """
    try:
        return tuple(dict.fromkeys(_Differences(Document(before), Document(after)).of(before, after, "")))
    except RecursionError:
        return ("it is nested too deeply to be compared",)


class _Differences:
    def __init__(self, before: Document, after: Document) -> None:
        self._before, self._after = before, after
        self._reported: set[tuple[str, str]] = set()
        self._inside: set[tuple[str | None, str | None]] = set()

    def of(self, before: Schema, after: Schema, path: str) -> Iterator[str]:
        """The differences of two schemas at one path; a recursive definition is entered once on the way down."""
        pair = self._before.name(before), self._after.name(after)
        if pair in self._inside:
            return
        if None not in pair:
            self._inside.add(pair)
        yield from self._of_options(before, after, path)
        self._inside.discard(pair)

    def _of_options(self, before: Schema, after: Schema, path: str) -> Iterator[str]:
        """The differences of the options that they share, and which options they don't share."""
        was, now = tuple(options(before, self._before)), tuple(options(after, self._after))
        mine, theirs = self._keyed(was, now, self._before), self._keyed(now, was, self._after)
        for key, option in mine.items():
            if key in theirs:
                yield from self._of_pair(option, theirs[key], path)
        if set(mine) != set(theirs):
            yield f"{_field(path)}: {words(after, self._after)}, was {words(before, self._before)}"

    def _keyed(
        self, own: Sequence[Option], other: Sequence[Option], document: Document
    ) -> dict[tuple[str, str], Option]:
        """Options by their shape; if that is not unique, also by their name or their whole content."""
        shapes = [[_shape(option) for option in each] for each in (own, other)]
        keyed = {}
        for option, shape in zip(own, shapes[0], strict=True):
            is_alone = bool(shape) and all(each.count(shape) <= 1 for each in shapes)
            detail = "" if is_alone else option.name or canonical(document.whole(option.schema))
            keyed[shape, detail if shape else canonical(document.whole(option.schema))] = option
        return keyed

    def _of_pair(self, one: Option, other: Option, path: str) -> Iterator[str]:
        if (shape := _shape(one)) == "values":
            yield from _of_values(one.schema["enum"], other.schema["enum"], path)
        elif shape and self._is_new(one, other):
            inside = self._of_objects if shape == "object" else self._of_lists
            yield from inside(one.schema, other.schema, path)
            yield from _of_limits(one.schema, other.schema, path)

    def _is_new(self, one: Option, other: Option) -> bool:
        if one.name is None or other.name is None:
            return True
        pair = (one.name, other.name)
        is_new = pair not in self._reported
        self._reported.add(pair)
        return is_new

    def _of_objects(self, one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Iterator[str]:
        mine, theirs = one.get("properties", {}), other.get("properties", {})
        for name in dict.fromkeys((*mine, *theirs)):
            field = f"{path}.{name}" if path else name
            needed = tuple(name in each.get("required", ()) for each in (one, other))
            if name not in theirs:
                yield f"{_field(field)} removed"
            elif name not in mine:
                yield f"{_field(field)} added{', required' if needed[1] else ''}"
            else:
                yield from self._of_field(mine[name], theirs[name], needed, field)
        yield from self._of_other_fields(one, other, path)
        yield from self.of(one.get("propertyNames", True), other.get("propertyNames", True), f"{path}.<key>")

    def _of_field(self, before: Schema, after: Schema, needed: tuple[bool, ...], field: str) -> Iterator[str]:
        yield from self.of(before, after, field)
        if needed[0] is not needed[1]:
            yield f"{_field(field)} is {'required now' if needed[1] else 'no longer required'}"
        was, now = (each.get("default") if isinstance(each, Mapping) else None for each in (before, after))
        if not same(was, now):
            yield f"{_field(field)}: default {shown(now)}, was {shown(was)}"

    def _of_other_fields(self, one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Iterator[str]:
        was, now = _others(one), _others(other)
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from self.of(was, now, f"{path}.*" if path else "*")
        elif not same(was, now):
            where = f" of {path}" if path else ""
            yield f"unknown fields{where}: {_fate(now, self._after)}, were {_fate(was, self._before)}"

    def _of_lists(self, one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Iterator[str]:
        mine, theirs = one.get("prefixItems", []), other.get("prefixItems", [])
        for index, (was, now) in enumerate(zip(mine, theirs, strict=False)):
            yield from self.of(was, now, f"{path}[{index}]")
        if len(mine) != len(theirs):
            yield f"{_field(path)}: {words(other, self._after)}, was {words(one, self._before)}"
        yield from self.of(one.get("items", True), other.get("items", True), f"{path}[]")


def _shape(option: Option) -> str:
    """The kind of an option that is compared part by part; empty for one that is compared as a whole."""
    schema = option.schema
    if is_opaque(schema):
        return ""
    if "enum" in schema:
        return "values" if set(schema) <= {"enum", "type"} else ""
    return {"object": "object", "array": "list"}.get(str(schema.get("type")), "")


def _of_values(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[str]:
    was, now = [shown(value) for value in before], [shown(value) for value in after]
    where = f"{_field(path)}: " if path else ""
    yield from (f"{where}value {value} removed" for value in was if value not in now)
    yield from (f"{where}value {value} added" for value in now if value not in was)


def _of_limits(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Iterator[str]:
    was, now = ({key: each[key] for key in each if key not in INSIDE} for each in (one, other))
    if not same(was, now):
        yield f"{_field(path)}: {limits(now) or 'without limits'}, was {limits(was) or 'without limits'}"


def _others(schema: Mapping[str, Any]) -> Schema:
    """The schema of other fields; None for a model that ignores them, by saying nothing."""
    return schema.get("additionalProperties", None if "properties" in schema else True)


def _fate(others: Schema, document: Document) -> str:
    return f"admitted as {words(others, document)}" if isinstance(others, Mapping) else UNKNOWN_FIELDS[others]


def _field(path: str) -> str:
    return f'field "{path.lstrip(".")}"' if path else "it"
