"""Differences in words; equal meanings have none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.contracts.schema.containment import admits_all
from interlock.contracts.schema.differences import differences
from tests.support.json_schemas import SCHEMAS, varied

Json = Any
TEXT = {"type": "string"}


def model(required: tuple[str, ...] = (), /, **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def in_words(value: Json, before: Json) -> str:
    (found,) = differences(model(x=before), model(x=value))
    return found


TOLD = {
    "of another type": ({"type": "integer"}, {"type": "number"}, 'field "x": number, was integer'),
    "may be missing": (TEXT, {"anyOf": [TEXT, {"type": "null"}]}, 'field "x": string or null, was string'),
    "less values": ({"enum": ["a", "b"]}, {"const": "a"}, 'field "x": value "b" removed'),
    "more values": ({"enum": ["a"]}, {"enum": ["b", "a"]}, 'field "x": value "b" added'),
    "limits": (
        {"type": "integer", "minimum": 0},
        {"type": "integer", "exclusiveMinimum": 0, "maximum": 9},
        'field "x": integer (more than 0, at most 9), was integer (at least 0)',
    ),
    "limits of a list": (
        {"type": "array", "items": TEXT},
        {"type": "array", "items": TEXT, "minItems": 1},
        'field "x": at least 1 items, was without limits',
    ),
    "items": (
        {"type": "array", "items": TEXT},
        {"type": "array", "items": {"type": "null"}},
        'field "x[]": null, was string',
    ),
    "places": (
        {"type": "array", "prefixItems": [TEXT]},
        {"type": "array", "prefixItems": [{"type": "null"}]},
        'field "x[0]": null, was string',
    ),
    "another number of places": (
        {"type": "array", "prefixItems": [TEXT]},
        {"type": "array", "prefixItems": [TEXT, TEXT]},
        'field "x": list of string, string, was list of string',
    ),
    "of a dictionary": (
        {"type": "object", "additionalProperties": TEXT},
        {"type": "object", "additionalProperties": {"type": "null"}},
        'field "x.*": null, was string',
    ),
    "keys of a dictionary": (
        {"type": "object", "additionalProperties": TEXT, "propertyNames": {"enum": ["a"]}},
        {"type": "object", "additionalProperties": TEXT, "propertyNames": {"enum": ["a", "b"]}},
        'field "x.<key>": value "b" added',
    ),
    "inside": (model(y=TEXT), model(y={"type": "null"}), 'field "x.y": null, was string'),
    "unknown fields": (
        model(),
        {**model(), "additionalProperties": False},
        "unknown fields of x: refused, were passed over",
    ),
    "unknown fields of a type": (
        {**model(), "additionalProperties": True},
        {**model(), "additionalProperties": TEXT},
        "unknown fields of x: admitted as string, were admitted",
    ),
    "default": ({**TEXT, "default": "a"}, {**TEXT, "default": "b"}, 'field "x": default "b", was "a"'),
    "types": (
        {"type": ["string", "null"]},
        {"type": "object", "additionalProperties": TEXT},
        'field "x": object of string, was string or null',
    ),
    "anything": ({}, False, 'field "x": nothing, was anything'),
    "a keyword that nobody knows": ({"not": {}}, {"if": {}}, 'field "x": {"if": {}}, was {"not": {}}'),
    "a limit that nobody knows": (
        {"type": "array", "items": TEXT},
        {"type": "array", "items": TEXT, "maxContains": 1},
        'field "x": {"maxContains": 1}, was without limits',
    ),
}


@pytest.mark.parametrize(("before", "after", "words"), TOLD.values(), ids=TOLD)
def test_a_difference_is_told_in_words(before: Json, after: Json, words: str) -> None:
    assert in_words(after, before) == words


def test_fields_come_go_and_become_required() -> None:
    assert differences(model(("a", "b"), a=TEXT, b=TEXT), model(("c", "d"), b=TEXT, c=TEXT, d=TEXT)) == (
        'field "a" removed',
        'field "b" is no longer required',
        'field "c" added, required',
        'field "d" added, required',
    )
    assert differences(model(a=TEXT), model(("a",), a=TEXT, b=TEXT)) == ('field "a" is required now', 'field "b" added')


def test_what_is_said_to_people_and_how_definitions_are_called_is_no_difference() -> None:
    before = {
        "$defs": {"Level": {"enum": ["a", "b"], "type": "string", "description": "How full."}},
        **model(("x", "y"), x={"$ref": "#/$defs/Level"}, y={"anyOf": [TEXT, {"type": "null"}]}),
    }
    after = {
        **model(("y", "x"), y={"anyOf": [{"type": "null"}, TEXT]}, x={"allOf": [{"$ref": "#/definitions/Grade"}]}),
        "definitions": {"Grade": {"type": "string", "enum": ["b", "a"], "title": "Grade"}},
        "title": "Another",
    }
    assert differences(before, after) == ()


def test_a_change_is_told_where_a_definition_is_used_and_of_a_model_once() -> None:
    def document(*values: str) -> Json:
        level = {"enum": list(values)}
        inner = model(level={"$ref": "#/$defs/Level"})
        uses = {"one": {"$ref": "#/$defs/Inner"}, "two": {"$ref": "#/$defs/Inner"}, "own": {"$ref": "#/$defs/Level"}}
        return {"$defs": {"Level": level, "Inner": inner}, **model(**uses)}

    assert differences(document("a"), document("a", "b")) == (
        'field "one.level": value "b" added',
        'field "own": value "b" added',
    )


def test_options_of_one_shape_are_told_apart_by_their_names() -> None:
    def document(**fields: Json) -> Json:
        kinds = {"Cat": model(name=TEXT), "Dog": model(**fields)}
        options = [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]
        return {"$defs": kinds, **model(pet={"oneOf": options, "discriminator": {"propertyName": "kind"}})}

    assert differences(document(bark=TEXT), document(bark={"type": "null"})) == ('field "pet.bark": null, was string',)


def test_recursive_models_are_compared_and_too_deep_ones_are_not() -> None:
    def tree(value: Json) -> Json:
        node = model(value=value, kids={"type": "array", "items": {"$ref": "#/$defs/Node"}})
        return {"$defs": {"Node": node}, "$ref": "#/$defs/Node"}

    assert differences(tree(TEXT), tree({"type": "null"})) == ('field "value": null, was string',)
    deep: Json = {}
    for _ in range(5000):
        deep = {"type": "array", "items": deep}
    assert differences(deep, deep) == ("it is nested too deeply to be compared",)


@given(SCHEMAS)
def test_equal_schemas_do_not_differ(schema: Json) -> None:
    assert differences(schema, schema) == ()


@given(st.data())
def test_without_a_difference_each_contains_the_other(data: st.DataObject) -> None:
    one = data.draw(SCHEMAS)
    other = data.draw(varied(one))
    if not differences(one, other):
        assert admits_all(one, other)
        assert admits_all(other, one)


@given(st.data())
def test_the_order_of_fields_and_options_is_no_difference(data: st.DataObject) -> None:
    options = data.draw(st.lists(SCHEMAS, min_size=1, max_size=3))
    shuffled = data.draw(st.permutations(options))
    assert differences({"anyOf": options}, {"anyOf": shuffled}) == ()


def test_what_is_a_list_of_itself_is_the_same_as_itself() -> None:
    def tree(leaf: str, **others: Json) -> Json:
        kinds = [{"type": "array", "items": {"$ref": "#/$defs/Tree"}}, {"type": leaf}]
        return {"$ref": "#/$defs/Tree", "$defs": {"Tree": {"anyOf": kinds}, **others}}

    assert differences(tree("integer"), tree("integer", Unused=TEXT)) == ()
    before, after = ({**model(x=tree("integer"), y=y), "$defs": tree("integer")["$defs"]} for y in (TEXT, True))
    assert differences(before, after) == ('field "y": anything, was string',)
