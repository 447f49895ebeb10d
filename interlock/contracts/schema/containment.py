"""Whether one JSON Schema admits everything that another one describes, decided without data. Pure.

Theory of operation. A sound approximation: `admits_all` says yes only when it is so, and no whenever it can't decide.
What a model writes has the properties that the model knows, and others only where its schema says so.

- Both schemas are split into alternatives (`anyOf`, lists of types, single values of an enum). One alternative of the
  wide schema must cover each alternative of the narrow one. Two that cover one only together are a no: this is where
  the approximation loses most.
- One alternative covers another when its type does, every limit is at least as wide, each property and each item is
  contained in its counterpart (by the same rule, recursively), and every other keyword is equal. With keywords that
  change the meaning of others (`not`, `if`, `allOf` of several …) a schema is compared as a whole, and must be equal.
- Definitions may be recursive. While the question whether one definition contains another is being answered, it may
  come up again; the answer is then assumed to be yes. Assumptions that hold together are right: a value is finite, and
  each step goes down into it, so a smallest counterexample would have been found without them.
- An assumption that turns out false is recorded as refused for good, and everything is decided again from the start,
  since other answers may depend on it. This ends: each round refuses at least one more pair of definitions, and there
  are finitely many; the last round refuses none, so nothing in it depends on a false assumption.
- Schemas that are nested deeper than Python's stack are a no.
"""

from collections.abc import Mapping
from typing import Any

from interlock.contracts.schema.json_schema import (
    Document,
    Schema,
    alternatives,
    is_opaque,
    others_written,
    same,
)

# Limits of which the wider schema has the smaller number; below, the greater one.
LOWER = ("minLength", "minItems", "minProperties")
UPPER = ("maxLength", "maxItems", "maxProperties")
BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
# Judged by other means than equality.
STRUCTURAL = frozenset(
    {
        "type",
        "enum",
        "format",
        "properties",
        "required",
        "additionalProperties",
        "propertyNames",
        "items",
        "prefixItems",
    }
)
TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
TEXT: Schema = {"type": "string"}


def admits_all(wide: Schema, narrow: Schema) -> bool:
    """Whether the wide document admits everything that the narrow one describes; no when that is unknown."""
    return _Containment(Document(wide), Document(narrow)).admits_all()


class _Containment:
    """Decides whether the wide document admits what the narrow one describes."""

    def __init__(self, wide: Document, narrow: Document) -> None:
        self._wide, self._narrow = wide, narrow
        # Pairs of definitions: those that are assumed to hold, and those that do not.
        self._assumed: set[tuple[str, str]] = set()
        self._refused: set[tuple[str, str]] = set()

    def admits_all(self) -> bool:
        """Whether the wide document admits everything that the narrow one describes."""
        try:
            while True:
                known = len(self._refused)
                self._assumed.clear()
                admitted = self._contains(self._wide.root, self._narrow.root)
                # Answers that depend on a false assumption have to be decided again.
                if len(self._refused) == known:
                    return admitted
        except RecursionError:
            return False

    def _contains(self, wide: Schema, narrow: Schema) -> bool:
        pair = (self._wide.name(wide) or "", self._narrow.name(narrow) or "")
        if not all(pair):
            return self._has_option(wide, narrow)
        if pair in self._refused or pair in self._assumed:
            return pair not in self._refused
        self._assumed.add(pair)
        if admitted := self._has_option(wide, narrow):
            return admitted
        self._refused.add(pair)
        return False

    def _has_option(self, wide: Schema, narrow: Schema) -> bool:
        options = tuple(alternatives(wide, self._wide))
        return all(any(self._covers(one, each) for one in options) for each in alternatives(narrow, self._narrow))

    def _covers(self, wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
        if not wide:
            return True
        if is_opaque(wide) or is_opaque(narrow):
            return same(self._wide.whole(wide), self._narrow.whole(narrow))
        if "type" not in narrow and "enum" not in narrow:
            return same(self._wide.whole(wide), self._narrow.whole(narrow))
        if "enum" in wide or "enum" in narrow:
            return _covers_value(wide, narrow)
        return (
            _covers_type(wide.get("type"), narrow.get("type"))
            and _covers_limits(wide, narrow)
            and self._covers_object(wide, narrow)
            and self._covers_array(wide, narrow)
        )

    def _covers_object(self, wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
        if narrow.get("type") != "object":
            return True
        if "propertyNames" in wide and not self._contains(wide["propertyNames"], narrow.get("propertyNames", TEXT)):
            return False
        mine, theirs = wide.get("properties", {}), narrow.get("properties", {})
        others, written = wide.get("additionalProperties", True), others_written(narrow)
        if not set(wide.get("required", ())) <= set(narrow.get("required", ())):
            return False
        if not all(self._contains(mine.get(name, others), each) for name, each in theirs.items()):
            return False
        # A property with a free name may have a name that the wide schema knows.
        met = [others, *(each for name, each in mine.items() if name not in theirs)]
        return written is False or all(self._contains(each, written) for each in met)

    def _covers_array(self, wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
        if narrow.get("type") != "array":
            return True
        mine, theirs = wide.get("prefixItems", []), narrow.get("prefixItems", [])
        rest, written = wide.get("items", True), narrow.get("items", True)
        length = max(len(mine), len(theirs))
        pairs = [(_at(mine, index, rest), _at(theirs, index, written)) for index in range(length)]
        # Places after the longest narrow array are never met.
        met = [pair for index, pair in enumerate(pairs) if index < narrow.get("maxItems", length)]
        if narrow.get("maxItems", length + 1) > length:
            met.append((rest, written))
        return all(self._contains(one, each) for one, each in met)


def _at(items: list[Schema], index: int, rest: Schema) -> Schema:
    return items[index] if index < len(items) else rest


def _covers_value(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    if "enum" not in narrow:
        return False
    value = narrow["enum"][0]
    # With a pattern or a limit, the value would have to be validated.
    is_plain = set(wide) <= {"type", "enum"} and _covers_type(wide.get("type"), TYPES.get(type(value)))
    return is_plain and ("enum" not in wide or same(wide["enum"][0], value))


def _covers_type(wide: object, narrow: object) -> bool:
    return wide is None or wide == narrow or (wide == "number" and narrow == "integer")


def _covers_limits(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    if wide.get("format") != narrow.get("format"):
        return False  # to a model, the value is of another type then
    if any(key in wide and (key not in narrow or wide[key] > narrow[key]) for key in LOWER):
        return False
    if any(key in wide and (key not in narrow or wide[key] < narrow[key]) for key in UPPER):
        return False
    rest = set(wide) - STRUCTURAL - {*LOWER, *UPPER, *BOUNDS}
    return _covers_range(wide, narrow) and all(key in narrow and same(wide[key], narrow[key]) for key in rest)


def _covers_range(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    """Whether the wide range of numbers includes the narrow one."""
    least, most = _end(narrow, "minimum", "exclusiveMinimum", 1), _end(narrow, "maximum", "exclusiveMaximum", -1)
    lower, upper = _end(wide, "minimum", "exclusiveMinimum", 1), _end(wide, "maximum", "exclusiveMaximum", -1)
    return (lower is None or (least is not None and lower <= least)) and (
        upper is None or (most is not None and upper <= most)
    )


def _end(schema: Mapping[str, Any], included: str, excluded: str, sign: int) -> tuple[float, bool] | None:
    """An end of a range, so that the stricter one is greater."""
    found = [(sign * schema[key], key == excluded) for key in (included, excluded) if key in schema]
    return max(found, default=None)
