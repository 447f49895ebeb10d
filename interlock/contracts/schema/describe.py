"""JSON Schemas and types in a few words."""

from collections.abc import Iterable, Mapping
from typing import Any

from interlock.contracts.schema.json_schema import Document, Option, Schema, canonical, is_opaque, options

LONGEST = 160
LIMITS = {
    "format": "as {}",
    "pattern": "like {}",
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys",
    "uniqueItems": "each once",
}
INSIDE = frozenset(
    {"type", "enum", "properties", "required", "additionalProperties", "propertyNames", "items", "prefixItems"}
)


def shown(value: object) -> str:
    """A JSON value, cut where it is long."""
    text = canonical(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def words(schema: Schema, document: Document) -> str:
    """The values of a schema."""
    return joined(_option_words(option, document) for option in options(schema, document)) or "nothing"


def joined(parts: Iterable[str]) -> str:
    """`a, b or c`, each once."""
    found = list(dict.fromkeys(parts))
    return " or ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def limits(schema: Mapping[str, Any]) -> str:
    """The limits of a schema beside its type: `at least 0, at most 1`."""
    parts = [LIMITS[key].format(schema[key]) for key in LIMITS if key in schema]
    unknown = {key: schema[key] for key in sorted(schema) if key not in LIMITS and key not in INSIDE}
    return ", ".join([*parts, *([shown(unknown)] if unknown else [])])


def _option_words(option: Option, document: Document) -> str:
    schema = option.schema
    if is_opaque(schema):
        return shown(document.whole(schema))
    if "enum" in schema:
        return joined(map(shown, schema["enum"]))
    beside = limits(schema)
    return f"{_type_words(option, document)}{f' ({beside})' if beside else ''}"


def _type_words(option: Option, document: Document) -> str:
    schema = option.schema
    kind = schema.get("type")
    if option.name or kind is None:
        return option.name or "anything"
    if kind == "array" and "prefixItems" in schema:
        return f"list of {', '.join(words(each, document) for each in schema['prefixItems'])}"
    inside = {"array": "items", "object": "additionalProperties"}.get(str(kind), "")
    if isinstance(schema.get(inside), Mapping):
        return f"{'list' if kind == 'array' else 'object'} of {words(schema[inside], document)}"
    return joined(kind) if isinstance(kind, list) else str(kind)
