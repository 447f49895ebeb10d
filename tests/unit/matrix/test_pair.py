"""What a pair of wheels asks of a resolver, and when two pairs ask the same."""

from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.model.requirements import admits
from tests.support.matrix_values import INTERPRETER, a_pair, a_wheel

NEEDS = ("core>=1,<2", "httpx>=0.27", 'tomli>=2; python_version < "3.11"', 'redis; extra == "cache"')


def wheel(version: str = "1.0", requires: tuple[str, ...] = NEEDS, **facts: object) -> dict[str, object]:
    return {"version": version, "requires": requires, **facts}


PLAIN = a_pair(downstream=wheel())

SAME: dict[str, Mapping[str, Mapping[str, object]]] = {
    "the upstream's version": {"upstream": {"version": "1.9"}},
    "the downstream's version": {"downstream": wheel("7.0")},
    "the upstream's content": {"upstream": {"content": "changed"}},
    "the downstream's content": {"downstream": wheel(content="changed")},
    "the specifier on the upstream": {"downstream": wheel(requires=("core==1.4", *NEEDS[1:]))},
    "no specifier on the upstream": {"downstream": wheel(requires=("core", *NEEDS[1:]))},
    "the order of the requirements": {"downstream": wheel(requires=NEEDS[::-1])},
    "the suite's own name": {"suite": {"name": "other"}},
    "the suite's arguments": {"suite": {"pytest_args": ["-x"]}},
}

OTHER: dict[str, Mapping[str, Mapping[str, object]]] = {
    "a third-party specifier": {"downstream": wheel(requires=(NEEDS[0], "httpx>=0.28", *NEEDS[2:]))},
    "a third-party package more": {"downstream": wheel(requires=(*NEEDS, "rich"))},
    "a third-party package less": {"downstream": wheel(requires=NEEDS[:1] + NEEDS[2:])},
    "a third-party package of the upstream's": {"upstream": {"requires": ("rich",)}},
    "the upstream no longer required": {"downstream": wheel(requires=NEEDS[1:])},
    "a marker": {"downstream": wheel(requires=(*NEEDS[:2], 'tomli>=2; python_version < "3.12"', NEEDS[3]))},
    "a marker that holds either way": {"downstream": wheel(requires=(*NEEDS[:1], 'httpx>=0.27; os_name != ""'))},
    "the extra of a requirement": {"downstream": wheel(requires=(*NEEDS[:3], 'redis; extra == "fast"'))},
    "extras that a requirement asks for": {"downstream": wheel(requires=(NEEDS[0], "httpx[http2]>=0.27", *NEEDS[2:]))},
    "extras of the upstream": {"downstream": wheel(requires=("core[fast]>=1,<2", *NEEDS[1:]))},
    "extras that the suite asks for": {"suite": {"extras": ["cache"]}, "downstream": wheel()},
    "the upstream's requires-python": {"upstream": {"requires_python": ">=3.12"}},
    "the downstream's requires-python": {"downstream": wheel(requires_python=">=3.12")},
    "a requirement of the suite": {"suite": {"requirements": ["pytest-asyncio"]}},
    "the version of the interpreter": {"interpreter": {"version": "3.11.8"}},
    "the place of the interpreter": {"interpreter": {"path": Path("/elsewhere/python")}},
    "the upstream's name": {"upstream": {"name": "kernel"}},
}


def changed(change: Mapping[str, Mapping[str, object]]) -> str:
    wanted = {"downstream": wheel(), **change}
    upstream = dict(wanted.get("upstream", {}))
    name = upstream.pop("name", None)
    pair = a_pair(**{**wanted, "upstream": upstream})
    return (type(pair)(**{**vars(pair), "upstream": a_wheel(str(name))}) if name else pair).key()


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_pairs_that_differ_in_this_alone_are_resolved_once(change: Mapping[str, Mapping[str, object]]) -> None:
    assert changed(change) == PLAIN.key()


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER.keys())
def test_pairs_that_differ_in_this_alone_are_resolved_apart(change: Mapping[str, Mapping[str, object]]) -> None:
    assert changed(change) != PLAIN.key()


def test_each_of_these_differences_is_another_one() -> None:
    keys = [changed(change) for change in OTHER.values()]
    assert len(set(keys)) == len(keys)


def test_both_versions_are_forced_and_asked_for_with_what_the_suite_needs() -> None:
    pair = a_pair(upstream={"version": "1.3"}, downstream=wheel("2.1"), suite={"requirements": ["pytest-asyncio>=1"]})
    assert pair.lines() == (
        ("core==1.3", "pipeline==2.1", "pytest-asyncio>=1"),
        ("core==1.3", "pipeline==2.1"),
    )


def test_extras_of_the_upstream_that_the_downstream_asks_for_stay_with_the_forced_version() -> None:
    pair = a_pair(downstream=wheel(requires=("core[slow]", "Core[fast]>=1")))
    assert pair.lines()[1][0] == "core[fast,slow]==1.0"


def test_extras_of_a_requirement_that_does_not_hold_here_are_not_asked_for() -> None:
    requires = ("core", 'core[fast]; python_version < "3.11"', 'core[slow]; extra == "cache"')
    assert a_pair(downstream=wheel(requires=requires)).lines()[1][0] == "core==1.0"
    asked = a_pair(downstream=wheel(requires=requires), suite={"extras": ["cache"]})
    assert asked.lines()[1] == ("core[slow]==1.0", "pipeline[cache]==1.0")


def test_what_shapes_the_environment_is_what_holds_in_it() -> None:
    assert a_pair(upstream={"requires": ("rich>=14",)}, downstream=wheel()).shaping() == {
        "core": ("rich>=14",),
        "pipeline": ("core", "httpx>=0.27"),
    }
    assert "redis" in a_pair(downstream=wheel(), suite={"extras": ["cache"]}).shaping()["pipeline"]


@pytest.mark.parametrize(
    ("requires", "inside", "outside"),
    [
        (("core>=1,<2",), "1.5", "2.0"),
        (("core>=1", "core<2"), "1.5", "2.0"),
        (("core==1.2",), "1.2", "1.3"),
        (("core>=1.2",), "2.0rc1", "1.2rc1"),
        (("core",), "0.1.dev1", None),
        (('core<2; python_version < "3.12"', 'core>=2; python_version >= "3.12"'), "1.0", "2.0"),
        (("httpx",), None, "1.0"),
        ((), None, "1.0"),
    ],
)
def test_declared_is_what_the_requirements_admit_together(
    requires: tuple[str, ...], inside: str | None, outside: str | None
) -> None:
    declared = a_pair(downstream=wheel(requires=requires)).declared
    for version, expected in ((inside, True), (outside, False)):
        if version is not None:
            assert admits(declared, a_wheel("core", version).version) is expected


def test_no_requirement_on_the_upstream_is_not_any_version() -> None:
    assert a_pair(downstream=wheel(requires=("httpx",))).declared is None
    assert str(a_pair(downstream=wheel(requires=("core",))).declared) == ""


LINES = st.sampled_from([*NEEDS, "rich", "httpx<1", "core[fast]", 'core>3; os_name == "nt"'])


@given(st.lists(LINES, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_requirements_never_matters(lines: list[str], random: Random) -> None:
    shuffled = random.sample(lines, len(lines))
    one, other = (a_pair(downstream=wheel(requires=tuple(each))) for each in (lines, shuffled))
    assert one.key() == other.key()
    assert one.shaping() == other.shaping()
    assert one.lines() == other.lines()


def test_the_title_names_both() -> None:
    assert a_pair(upstream={"version": "1.3"}, downstream=wheel("2.1")).title == "core-1.3-pipeline-2.1"
    assert INTERPRETER.version not in PLAIN.title
