"""Turns the schemas of an OpenAPI 3.0 description into JSON Schema, as strict as they can be read."""

from collections.abc import Mapping
from typing import Any

Json = Any
COMPOSED = ("oneOf", "anyOf", "allOf")


def documents(description: Mapping[str, Json]) -> dict[str, Json]:
    """The description with JSON Schemas for its schemas: `components/schemas`, and `components/open` to be composed of.

    Objects are closed: what we answer and GitHub does not document is our invention. Parts of an `allOf` are open.
    """
    components = dict(description["components"])
    schemas = components.pop("schemas")
    converted: dict[str, Json] = _convert_where_named({**description, "components": components})
    converted["components"]["schemas"] = {name: json_schema(schema) for name, schema in schemas.items()}
    converted["components"]["open"] = {name: json_schema(schema, is_open=True) for name, schema in schemas.items()}
    return converted


def _convert_where_named(node: Json) -> Json:
    if isinstance(node, list):
        return [_convert_where_named(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: json_schema(value) if key == "schema" else _convert_where_named(value) for key, value in node.items()}


def json_schema(schema: Mapping[str, Json], *, is_open: bool = False) -> dict[str, Json]:
    """A schema of OpenAPI 3.0 as JSON Schema 2020-12.

    Args:
        schema: What the description says; a reference stays one.
        is_open: Whether properties that it does not name are let through, as parts of an `allOf` need it.
    """
    if "$ref" in schema:
        kind = "open" if is_open else "schemas"
        return {"$ref": schema["$ref"].replace("#/components/schemas/", f"#/components/{kind}/")}
    made = {key: _part(key, value, is_open=is_open) for key, value in schema.items() if key != "nullable"}
    if not is_open and "properties" in made and "additionalProperties" not in made:
        made["unevaluatedProperties"] = False
    return _or_null(made) if schema.get("nullable") else made


def _part(key: str, value: Json, *, is_open: bool) -> Json:
    if key == "properties":
        return {name: json_schema(schema) for name, schema in value.items()}
    if key in COMPOSED:
        return [json_schema(part, is_open=is_open or key == "allOf") for part in value]
    if key in {"items", "not", "additionalProperties"} and isinstance(value, dict):
        return json_schema(value, is_open=key == "not")
    return value


def _or_null(schema: dict[str, Json]) -> dict[str, Json]:
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
