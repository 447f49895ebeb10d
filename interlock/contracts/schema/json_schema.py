"""Reads JSON Schemas: follows references, converts older spellings, and drops annotations for people."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

# Keywords that validators ignore.
ANNOTATIONS = frozenset(
    {"title", "description", "examples", "example", "default", "deprecated", "readOnly", "writeOnly", "discriminator"}
    | {"$schema", "$id", "$comment", "$defs", "definitions"}
)
# The keys in these are names, not keywords.
BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas"})
CHOICES = ("anyOf", "oneOf")
# Keywords that change the meaning of others; a schema with one of them is compared as a whole.
OPAQUE = frozenset(
    {"$ref", "$dynamicRef", "allOf", "not", "if", "then", "else", "contains", "patternProperties", "unknown"}
    | {"dependentSchemas", "dependentRequired", "dependencies", "unevaluatedProperties", "unevaluatedItems"}
)

Schema: TypeAlias = Any


@dataclass(frozen=True)
class Document:
    """A schema with the definitions for its references."""

    root: Schema

    def resolved(self, schema: Schema) -> Mapping[str, Any] | None:
        """A schema with its reference followed; None for one that admits nothing."""
        seen: set[str] = set()
        while isinstance(schema, Mapping) and (inner := _only_part(schema)) is not None:
            if isinstance(inner, str):
                if inner in seen:
                    return {"unknown": inner}
                seen.add(inner)
            schema = self._find(inner) if isinstance(inner, str) else inner
        return _plain(schema)

    def name(self, schema: Schema) -> str | None:
        """The name of the definition that a schema refers to."""
        inner = _only_part(schema) if isinstance(schema, Mapping) else None
        return inner.rpartition("/")[2] if isinstance(inner, str) else None

    def whole(self, schema: Schema, inside: frozenset[str] = frozenset()) -> Schema:
        """A schema with all references replaced by their definitions, and by a name where they recur."""
        if isinstance(schema, list):
            return [self.whole(each, inside) for each in schema]
        if not isinstance(schema, Mapping):
            return schema
        if (name := self.name(schema)) is not None:
            return {"recursive": name} if name in inside else self.whole(self.resolved(schema), inside | {name})
        kept = {key: each for key, each in schema.items() if key not in ANNOTATIONS}
        return {
            key: {name: self.whole(one, inside) for name, one in each.items()}
            if key in BY_NAME and isinstance(each, Mapping)
            else self.whole(each, inside)
            for key, each in kept.items()
        }

    def _find(self, reference: str) -> Schema:
        found: Any = self.root
        for part in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        return {"unknown": reference} if found is None else found


@dataclass(frozen=True)
class Option:
    """One of the alternatives for a value.

    Attributes:
        name: The name of its definition, if it has one of its own.
    """

    name: str | None
    schema: Mapping[str, Any]


def options(schema: Schema, document: Document) -> Iterator[Option]:
    """The alternatives for a value; none when nothing is admitted.

    `oneOf` is read as `anyOf`: models write it where a field distinguishes the options.
    """
    plain = document.resolved(schema)
    if plain is None:
        return
    choice = next((key for key in CHOICES if key in plain), None)
    if choice is None:
        yield Option(document.name(schema), plain)
    elif len(plain) > 1:
        yield Option(document.name(schema), {"unknown": document.whole(plain)})
    else:
        for each in plain[choice]:
            yield from options(each, document)


def alternatives(schema: Schema, document: Document) -> Iterator[Mapping[str, Any]]:
    """The alternatives with one type, or one value, in each."""
    for option in options(schema, document):
        plain = option.schema
        if isinstance(plain.get("enum"), list):
            yield from ({**plain, "enum": [value]} for value in plain["enum"])
        elif isinstance(plain.get("type"), list):
            yield from ({**plain, "type": each} for each in plain["type"])
        else:
            yield plain


def is_opaque(schema: Mapping[str, Any]) -> bool:
    """Whether it can only be compared as a whole."""
    return bool(OPAQUE & set(schema))


def others_written(schema: Mapping[str, Any]) -> Schema:
    """The schema of what is written under unknown names: nothing, unless it says so or knows no names."""
    return schema.get("additionalProperties", "properties" not in schema)


def canonical(value: object) -> str:
    """A JSON value as text, equal for equal ones."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def same(one: object, other: object) -> bool:
    """Whether two JSON values are equal; 1 and true are not."""
    return canonical(one) == canonical(other)


def _only_part(schema: Mapping[str, Any]) -> Schema:
    """The only content of a schema that has nothing else: a reference, or the single part of `allOf`."""
    kept = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
    match kept:
        case {"$ref": str(reference)} if len(kept) == 1:
            return reference
        case {"allOf": [inner]} if len(kept) == 1:
            return inner
    return None


def _plain(schema: Schema) -> Mapping[str, Any] | None:
    if isinstance(schema, bool):
        return {} if schema else None
    if not isinstance(schema, Mapping):
        return {"unknown": schema}
    plain = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    if isinstance(plain.get("items"), list):  # of drafts before 2020-12, as pydantic 1 writes them
        plain["prefixItems"] = plain.pop("items")
        plain["items"] = plain.pop("additionalItems", True)
    return plain
