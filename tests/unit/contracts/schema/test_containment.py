"""Containment is judged by a validator: what it says of schemas must hold for every value that they describe."""

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from interlock.contracts.schema.containment import admits_all
from tests.support.json_schemas import SCHEMAS, TEXTS, Json, varied

ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(-2, 3), TEXTS, st.sampled_from([0.5, 2.5]))


def values(schema: Json) -> SearchStrategy[Json]:
    """What a model of this schema would write."""
    if "anyOf" in schema:
        return st.one_of(*(values(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "array":
            places = [values(each) for each in schema.get("prefixItems", [])]
            rest = st.lists(values(schema["items"]), max_size=3)
            return st.builds(lambda first, last: [*first, *last], st.tuples(*places), rest)
        case "object":
            known = {name: values(each) for name, each in schema.get("properties", {}).items()}
            optional = {name: known.pop(name) for name in list(known) if name not in schema["required"]}
            others = schema.get("additionalProperties")
            free = st.just({}) if others is None else st.dictionaries(st.sampled_from("abcd"), values(others))
            fixed = st.fixed_dictionaries(known, optional=optional)
            return st.builds(lambda more, written: {**more, **written}, free, fixed)
        case None:
            return ANYTHING
        case kind:
            return {
                "null": st.none(),
                "boolean": st.booleans(),
                "integer": st.integers(-1, 3),
                "number": st.sampled_from([-1, 0, 1.5, 2, 2.5]),
                "string": TEXTS,
            }[kind]


@given(st.data())
def test_what_a_contained_schema_describes_is_valid_for_the_wide_one(data: st.DataObject) -> None:
    wide = data.draw(SCHEMAS)
    narrow = data.draw(varied(wide))
    if admits_all(wide, narrow):
        value = data.draw(values(narrow))
        if jsonschema.Draft202012Validator(narrow).is_valid(value):
            jsonschema.Draft202012Validator(wide).validate(value)


@given(SCHEMAS)
def test_every_schema_contains_itself(schema: Json) -> None:
    assert admits_all(schema, schema)


@given(SCHEMAS, SCHEMAS)
def test_a_choice_contains_each_of_its_options(one: Json, other: Json) -> None:
    assert admits_all({"anyOf": [one, other]}, other)
    assert admits_all({"anyOf": [one, other]}, one)


def model(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def places(kind: str) -> Json:
    return {"type": "array", "prefixItems": [{"type": kind}], "maxItems": 1}


WIDER = {
    "a number for an integer": ({"type": "number"}, {"type": "integer"}),
    "a union for one of it": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}),
    "a list of types": ({"type": ["string", "null"]}, {"type": "null"}),
    "a text for a named one": ({"type": "string"}, {"enum": ["a"], "type": "string"}),
    "more values": ({"enum": ["a", "b"]}, {"const": "a"}),
    "an end that belongs to the range": ({"type": "number", "minimum": 0}, {"type": "number", "exclusiveMinimum": 0}),
    "a lower end": ({"type": "number", "minimum": 0}, {"type": "number", "minimum": 1}),
    "no pattern": ({"type": "string"}, {"type": "string", "pattern": "x"}),
    "fewer fields": (model(), model(a={"type": "string"})),
    "any number of places": ({"type": "array"}, {"type": "array", "prefixItems": [{"type": "null"}], "maxItems": 1}),
    "places as older drafts have them": (
        {"type": "array", "items": [{"type": "number"}], "additionalItems": {"type": "string"}},
        {"type": "array", "items": [{"type": "integer"}], "additionalItems": False, "minItems": 1},
    ),
    "shorter texts": ({"type": "string", "minLength": 1}, {"type": "string", "minLength": 2}),
    "any keys": ({"type": "object"}, {"type": "object", "propertyNames": {"enum": ["a"]}}),
    "anything": ({}, {"type": "object"}),
    "anything for nothing": ({"type": "null"}, False),
}


@pytest.mark.parametrize(("wide", "narrow"), WIDER.values(), ids=WIDER)
def test_a_wider_schema_admits_a_narrower_one_and_not_the_other_way_round(wide: Json, narrow: Json) -> None:
    assert admits_all(wide, narrow)
    assert not admits_all(narrow, wide)


APART = {
    "places of other types as older drafts have them": (
        {"type": "array", "items": [{"type": "string"}], "additionalItems": False},
        {"type": "array", "items": [{"type": "null"}], "additionalItems": False},
    ),
    "a field that is called as a keyword": (
        {"patternProperties": {"title": {"type": "string"}}},
        {"patternProperties": {"title": {"type": "null"}}},
    ),
    "places of other types": (places("string"), places("null")),
    "a place and what comes after it": (
        {**places("string"), "items": {"type": "null"}},
        {**places("string"), "maxItems": 2},
    ),
    "of other multiples": ({"type": "integer", "multipleOf": 2}, {"type": "integer", "multipleOf": 3}),
    "of another format, which is another type to a model": ({"type": "string"}, {"type": "string", "format": "date"}),
    "true is not 1": ({"enum": [1]}, {"enum": [True]}),
    "kept fields may be of any type": (model(a={"type": "string"}), {**model(), "additionalProperties": True}),
    "unknown keywords": ({"type": "string", "not": {}}, {"type": "string"}),
    "a missing definition": ({"$ref": "#/$defs/Gone"}, {"$ref": "#/$defs/Lost"}),
    "a definition of itself": ({"$defs": {"A": {"$ref": "#/$defs/A"}}, "$ref": "#/$defs/A"}, {"type": "string"}),
    "what is no schema": ({"type": "string"}, {"type": "array", "items": "string"}),
    "all of a recursive whole": (
        {"allOf": [{"type": "object"}, {"properties": {"a": {"$ref": "#"}}}]},
        {"allOf": [{"type": "object"}, {"properties": {"b": {"$ref": "#"}}}]},
    ),
    "a choice with more to say": ({"anyOf": [{}], "minimum": 1}, {"type": "integer"}),
}


@pytest.mark.parametrize(("one", "other"), APART.values(), ids=APART)
def test_what_can_not_be_told_is_not_contained(one: Json, other: Json) -> None:
    assert not admits_all(one, other)


def tree(**fields: Json) -> Json:
    node = {**model(kids={"type": "array", "items": {"$ref": "#/$defs/Node"}}, **fields)}
    return {"$defs": {"Node": node}, "$ref": "#/$defs/Node"}


def test_schemas_that_are_compared_as_wholes_are_equal_with_their_definitions() -> None:
    def document(name: str, kind: str) -> Json:
        return {"$defs": {name: {"type": kind}}, "not": {"$ref": f"#/$defs/{name}"}}

    assert admits_all(document("A", "string"), document("B", "string"))
    assert not admits_all(document("A", "string"), document("A", "null"))
    untyped = {"properties": {"a": {"type": "string"}}}
    assert admits_all(untyped, untyped)
    assert not admits_all(untyped, {"properties": {"a": {"type": "null"}}})
    assert admits_all({"type": "array", "items": "string"}, {"type": "array", "items": "string"})


def test_recursive_models_are_compared() -> None:
    assert admits_all(tree(), tree(a={"type": "string"}))
    assert not admits_all(tree(a={"type": "string"}), tree())
    assert not admits_all(tree(a={"type": "integer"}), tree(a={"type": "string"}))


def test_an_assumption_that_falls_takes_back_what_was_built_on_it() -> None:
    def pair(value: str) -> Json:
        left = model(right={"$ref": "#/$defs/Right"}, value={"type": value})
        return {"Left": left, "Right": model(left={"$ref": "#/$defs/Left"})}

    # Right holds as long as Left does, which is found not to when its value is looked at.
    both = model(a={"$ref": "#/$defs/Left"}, b={"$ref": "#/$defs/Right"})
    instead = model(a={}, b={"$ref": "#/$defs/Right"})
    wide = {"$defs": pair("integer"), "anyOf": [both, instead]}
    assert not admits_all(wide, {"$defs": pair("string"), **both})
    assert admits_all(wide, {"$defs": pair("integer"), **both})


def test_a_schema_without_an_end_is_not_contained_rather_than_an_error() -> None:
    deep: Json = {"type": "string"}
    for _ in range(5000):
        deep = {"type": "array", "items": deep}
    assert not admits_all(deep, deep)
