"""JSON Schemas at random."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Json = Any
NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["", "x", "xy", "xyz"])
SCALARS = st.one_of(
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    st.just({}),
    st.builds(lambda low: {"type": "integer", **low}, st.sampled_from([{}, {"minimum": 0}, {"exclusiveMinimum": 0}])),
    st.builds(lambda top: {"type": "number", **top}, st.sampled_from([{}, {"maximum": 2}, {"exclusiveMaximum": 2}])),
    st.builds(lambda longest: {"type": "string", "maxLength": longest}, st.integers(0, 3)),
    st.lists(st.one_of(TEXTS, st.booleans(), st.integers(-1, 2)), min_size=1, max_size=3).map(lambda v: {"enum": v}),
)


def nested(inner: SearchStrategy[Json]) -> SearchStrategy[Json]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
        st.builds(lambda items, most: {"type": "array", "items": items, "maxItems": most}, inner, st.integers(0, 3)),
        st.builds(_tuple, st.lists(inner, max_size=3), inner),
        st.builds(_object, st.dictionaries(NAMES, inner, max_size=3), st.sets(NAMES), st.one_of(st.none(), inner)),
        inner.map(lambda values: {"type": "object", "additionalProperties": values}),
    )


def _tuple(items: list[Json], rest: Json) -> Json:
    return {"type": "array", "prefixItems": items, "items": rest, "maxItems": 4}


def _object(properties: dict[str, Json], required: set[str], others: Json) -> Json:
    shape: Json = {"type": "object", "properties": properties, "required": sorted(required & set(properties))}
    return shape if others is None else {**shape, "additionalProperties": others}


SCHEMAS = st.recursive(SCALARS, nested, max_leaves=6)


@st.composite
def varied(draw: st.DrawFn, schema: Json) -> Json:
    """Nearly the same schema: two that have nothing in common show nothing."""
    if draw(st.integers(0, 5)) == 0:
        return draw(SCALARS)
    if "properties" in schema:
        kept = {name: draw(varied(each)) for name, each in schema["properties"].items() if draw(st.integers(0, 3))}
        required = {name for name in kept if (name in schema["required"]) is (draw(st.integers(0, 3)) > 0)}
        return {**schema, "properties": kept, "required": sorted(required)}
    changed = dict(schema)
    for key in ("items", "additionalProperties"):
        if key in schema:
            changed[key] = draw(varied(schema[key]))
    for key in ("anyOf", "prefixItems"):
        if key in schema:
            changed[key] = [draw(varied(each)) for each in schema[key]]
    return changed
