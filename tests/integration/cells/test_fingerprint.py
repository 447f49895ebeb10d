from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.common.digest import Ingredients, bound_to, digest, files_digest

SOME = Ingredients(
    contents={"core": "c1", "pipe": "p1"},
    requirements={"core": ("click",), "pipe": ("core", "rich>=13")},
    suite_files="f1",
    suite_settings={"timeout": 600, "pytest_args": ["-x"], "env": {"A": "1"}},
    lock=("click==8.0", "pytest==8.0"),
    interpreter="cpython 3.11.7",
    platform="linux x86_64 glibc 2.36",
    runner="r1",
    point={"bus": "redis", "track": "v1"},
)
CHANGES: Mapping[str, list[object]] = {
    "contents": [
        {"core": "c2", "pipe": "p1"},
        {"core": "p1", "pipe": "c1"},
        {"core": "c1", "pipe": "p1", "store": "s"},
    ],
    "requirements": [{"core": (), "pipe": ("core", "rich>=13")}, {"core": ("click",), "pipe": ("core", "rich>=14")}],
    "suite_files": ["f2"],
    "suite_settings": [
        {"timeout": 601, "pytest_args": ["-x"], "env": {"A": "1"}},
        {"timeout": 600, "pytest_args": [], "env": {"A": "1"}},
        {"timeout": 600, "pytest_args": ["-x"], "env": {"A": "2"}},
    ],
    "lock": [("click==8.1", "pytest==8.0"), ("pytest==8.0",), ("click==8.0", "pytest==8.0", "rich==13")],
    "interpreter": ["cpython 3.11.8", "pypy 3.11.7"],
    "platform": ["linux aarch64 glibc 2.36"],
    "runner": ["r2"],
    "point": [{"bus": "redis", "track": "v2"}, {"bus": "redis"}, {}],
}
# A digest that was written down: when it changes, every verdict in every ledger is forgotten.
KNOWN = "1eb7a8af30e0ba2a06274ea6917f62eb159713140e98b5dfb07f9c251bdffec8"
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
trees = st.dictionaries(st.text(max_size=3), st.binary(max_size=3))


def test_every_ingredient_is_tried() -> None:
    assert set(CHANGES) == set(Ingredients.model_fields)


@pytest.mark.parametrize("name", Ingredients.model_fields)
def test_each_ingredient_changes_the_fingerprint(name: str) -> None:
    changed = [SOME.model_copy(update={name: value}).fingerprint() for value in CHANGES[name]]
    assert len({SOME.fingerprint(), *changed}) == len(changed) + 1


def test_the_same_ingredients_have_the_same_fingerprint_today_and_tomorrow() -> None:
    assert Ingredients.model_validate_json(SOME.model_dump_json()).fingerprint() == SOME.fingerprint()
    assert digest("a", {"b": [1, "\u00e9"]}, None) == KNOWN


def turned(value: object) -> object:
    """The same value, with every mapping in the other order."""
    if isinstance(value, dict):
        return {key: turned(inner) for key, inner in reversed(value.items())}
    return [turned(inner) for inner in value] if isinstance(value, list) else value


def test_the_order_of_mappings_is_no_ingredient() -> None:
    assert Ingredients.model_validate(turned(SOME.model_dump(mode="json"))).fingerprint() == SOME.fingerprint()


@given(values, values)
def test_digests_are_equal_for_equal_values_alone(one: object, other: object) -> None:
    assert digest(turned(one)) == digest(one)
    assert (digest(one) == digest(other)) is (repr(turned_sorted(one)) == repr(turned_sorted(other)))


def turned_sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: turned_sorted(value[key]) for key in sorted(value)}
    return [turned_sorted(inner) for inner in value] if isinstance(value, list) else value


@given(st.lists(st.text(max_size=3), max_size=3), st.lists(st.text(max_size=3), max_size=3))
def test_where_one_part_ends_is_part_of_a_digest(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) is (one == other)


@given(trees, trees)
def test_files_have_a_digest_of_their_names_and_contents(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert files_digest(reversed(one.items())) == files_digest(one.items())
    assert (files_digest(one.items()) == files_digest(other.items())) is (one == other)


def test_a_verdict_that_read_versions_is_bound_to_them() -> None:
    plain = SOME.fingerprint()
    read = ({"core": "1.0"}, {"core": "1.1"}, {"pipe": "1.0"}, {"core": "1.0", "pipe": "1.0"})
    bound = [bound_to(plain, versions) for versions in read]
    assert len({plain, *bound}) == 5
    assert bound_to(plain, {"pipe": "1.0", "core": "1.0"}) == bound[3]
    assert bound_to(plain, {}) == plain
    assert bound_to(digest("another"), {"core": "1.0"}) not in bound
