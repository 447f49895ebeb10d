import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from interlock.model.requirements import admits, declared_range, effective, normalized

MARKERS = {**{name: str(value) for name, value in default_environment().items()}, "python_version": "3.11"}

names = st.sampled_from(["core", "Core", "click", "zope.interface", "zope_interface"])
extras = st.sampled_from(["", "[a]", "[b,a]", "[a,b]"])
specifiers = st.sampled_from(["", ">=1", ">=1,<2", "<2,>=1", "==1.0", "~=1.4"])
requirements = st.builds(lambda *parts: Requirement("".join(parts)), names, extras, specifiers)


def texts(*lines: str, asked: tuple[str, ...] = ()) -> list[str]:
    return [str(found) for found in effective(lines, markers=MARKERS, extras=asked)]


def test_requirements_hold_where_their_markers_do() -> None:
    lines = ("a", 'b; python_version >= "3.12"', 'c>=1; python_version < "3.12"', 'd; sys_platform == "nowhere"')
    assert texts(*lines) == ["a", 'c>=1; python_version < "3.12"']


def test_requirements_of_an_extra_hold_when_it_is_asked_for() -> None:
    lines = ("a", 'b; extra == "redis"', 'c; extra == "bus_two"', 'd; extra == "redis" and python_version < "3"')
    assert texts(*lines) == ["a"]
    assert texts(*lines, asked=("redis",)) == ["a", 'b; extra == "redis"']
    assert texts(*lines, asked=("redis", "bus.two"))[:2] == ["a", 'b; extra == "redis"']
    assert len(texts(*lines, asked=("redis", "bus.two"))) == 3


def test_a_requirement_outside_of_an_extra_holds_with_it_too() -> None:
    assert texts('a; extra != "redis"', asked=("redis",)) == ['a; extra != "redis"']


def test_the_declared_range_joins_all_that_is_required_of_an_upstream() -> None:
    required = effective(["Market_Core>=1", "market.core[x]<2", "other==3"], markers=MARKERS)
    assert declared_range(required, "market-core") == SpecifierSet(">=1,<2")
    assert declared_range(required, "absent") is None
    assert declared_range([Requirement("core")], "core") == SpecifierSet()


@pytest.mark.parametrize(
    ("declared", "version", "admitted"),
    [
        (">=1,<2", "1.5", True),
        (">=1,<2", "2.0", False),
        ("", "0.1", True),
        (">=1", "2.0rc1", True),
        ("==1.0", "1", True),
    ],
)
def test_a_range_admits_versions_pre_releases_included(declared: str, version: str, admitted: bool) -> None:
    assert admits(SpecifierSet(declared), Version(version)) is admitted


def test_no_requirement_admits_nothing() -> None:
    assert not admits(None, Version("1.0"))


def test_normal_requirements_tell_all_but_the_specifiers_that_are_forced() -> None:
    lines = [
        "Click>=8,!=8.1",
        "core[e,d,c,b,a]==1.0",
        "core[a,b,c,d,e]>=2",
        "pkg @ file:///x",
        'm; python_version > "3"',
    ]
    expected = ("click!=8.1,>=8", "core[a,b,c,d,e]", "m", "pkg @ file:///x")
    assert normalized(map(Requirement, lines), forced={"core"}) == expected


@given(st.lists(requirements), st.sets(st.sampled_from(["core", "click"])))
def test_the_normal_form_knows_neither_order_nor_repetition_nor_spelling(
    required: list[Requirement], forced: set[str]
) -> None:
    normal = normalized(required, forced=forced)
    assert normal == tuple(sorted(set(normal)))
    assert normalized([*reversed(required), *required], forced=forced) == normal
    assert normalized(map(Requirement, normal), forced=forced) == normal
    spelled = (Requirement(str(found).upper().replace("_", ".")) for found in required if not found.extras)
    assert set(normalized(spelled, forced=forced)) <= set(normal)


@given(st.lists(requirements, max_size=4), st.sampled_from(["1", "1.0", "1.5", "2", "2.0rc1"]).map(Version))
def test_a_range_admits_what_every_single_requirement_admits(required: list[Requirement], version: Version) -> None:
    single = [declared_range([found], "core") for found in required]
    mine = [found for found in single if found is not None]
    assert admits(declared_range(required, "core"), version) is (
        bool(mine) and all(admits(one, version) for one in mine)
    )


@given(st.lists(requirements, min_size=2, max_size=2))
def test_forcing_a_package_hides_its_specifiers_and_nothing_else(pair: list[Requirement]) -> None:
    for one, other in itertools.permutations(pair):
        same = normalized([one], forced={"core"}) == normalized([other], forced={"core"})
        really_same = normalized([one], forced=()) == normalized([other], forced=())
        if same and not really_same:
            assert one.name.lower() == other.name.lower() == "core"
