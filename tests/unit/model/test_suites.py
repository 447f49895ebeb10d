import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from interlock.common.validation import nearest, repeats
from interlock.model.suites import Suite


def suite(**settings: object) -> Suite:
    return Suite.model_validate({"name": "contracts", "sdist": "tests/contracts", **settings})


def test_a_suite_without_axes_has_one_empty_point() -> None:
    assert suite().points() == ({},)


def test_points_are_every_combination_in_the_order_of_the_file() -> None:
    found = suite(axes={"schema_track": ["v2", "v1"], "bus": ["redis", "memory"]})
    assert [tuple(point.values()) for point in found.points()] == [
        ("v2", "redis"),
        ("v2", "memory"),
        ("v1", "redis"),
        ("v1", "memory"),
    ]


WORDS = st.text("abcxyz", min_size=1, max_size=4)


@given(st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=3, unique=True), max_size=3))
def test_points_are_complete_and_each_there_once(axes: dict[str, list[str]]) -> None:
    found = suite(axes=axes)
    points = [tuple(point.items()) for point in found.points()]
    assert len(points) == len(set(points))
    size = 1
    for values in axes.values():
        size *= len(values)
    assert len(points) == size
    assert all([axis for axis, _ in point] == list(axes) for point in points)
    assert all(value in axes[axis] for point in points for axis, value in point)


@given(st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=3, unique=True), max_size=3))
def test_at_each_point_the_short_form_sets_a_variable_for_each_axis(axes: dict[str, list[str]]) -> None:
    found = suite(axes=axes)
    for point in found.points():
        assert found.environment(point) == {axis.upper(): value for axis, value in point.items()}


def test_the_short_form_of_an_axis_means_the_same_as_the_long_one() -> None:
    long = {"values": {"v1": {"SCHEMA_TRACK": "v1"}, "v2": {"SCHEMA_TRACK": "v2"}}}
    assert suite(axes={"schema-track": ["v1", "v2"]}).axes == suite(axes={"schema-track": long}).axes


def test_an_axis_overrides_the_suites_own_variables() -> None:
    axes = {"bus": {"values": {"redis": {"BUS": "redis", "PORT": "6379"}, "memory": {}}}}
    found = suite(env={"BUS": "none", "TZ": "UTC"}, axes=axes)
    assert found.environment({"bus": "redis"}) == {"BUS": "redis", "TZ": "UTC", "PORT": "6379"}
    assert found.environment({"bus": "memory"}) == {"BUS": "none", "TZ": "UTC"}


def test_resolutions_are_an_axis_that_sets_nothing_unless_they_are_what_is_done_anyway() -> None:
    assert suite(resolution="highest").points() == ({},)
    assert suite(resolution="lowest").points() == ({"resolution": "lowest"},)
    allowed = [{"point": {"resolution": "lowest-direct"}, "reason": "not yet"}]
    found = suite(resolution=["highest", "lowest-direct"], axes={"bus": ["a", "b"]}, allowed_to_fail=allowed)
    assert len(found.points()) == 4
    assert found.environment({"bus": "a", "resolution": "lowest-direct"}) == {"BUS": "a"}
    assert [point["resolution"] for point in found.points() if found.reason_to_allow(point)] == ["lowest-direct"] * 2


def test_an_axis_of_that_name_sets_variables_alone() -> None:
    (point,) = suite(axes={"resolution": ["lowest"]}).points()
    assert suite(axes={"resolution": ["lowest"]}).resolution_at(point) == "highest"
    assert suite(resolution="lowest").resolution_at(point) == "lowest"


@pytest.mark.parametrize(
    "fields",
    [
        {"resolution": []},
        {"resolution": ["lowest", "lowest"]},
        {"resolution": "low"},
        {"resolution": "lowest", "axes": {"resolution": ["a"]}},
    ],
)
def test_a_resolution_that_says_nothing_or_two_things_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="resolution"):
        suite(**fields)


def test_a_point_may_fail_when_all_that_is_named_of_it_agrees() -> None:
    axes = {"bus": ["redis", "memory"], "track": ["v1", "v2"]}
    allowed = [{"point": {"bus": "redis", "track": "v2"}, "reason": "not ported"}]
    found = suite(axes=axes, allowed_to_fail=allowed)
    assert found.reason_to_allow({"bus": "redis", "track": "v2"}) == "not ported"
    assert found.reason_to_allow({"bus": "redis", "track": "v1"}) is None


@pytest.mark.parametrize(
    ("written", "modules"), [(True, ()), ([], ()), (["a.b", "c"], ("a.b", "c")), ({"modules": ["a"]}, ("a",))]
)
def test_imports_may_be_true_or_a_list_or_a_table(written: object, modules: tuple[str, ...]) -> None:
    found = Suite.model_validate({"name": "imports", "imports": written})
    assert found.imports is not None
    assert found.imports.modules == modules


@pytest.mark.parametrize("written", [False, 1, "a.b", ["a b"], ["a-b"], [""], ["a."], {"module": ["a"]}])
def test_imports_are_nothing_else(written: object) -> None:
    with pytest.raises(ValidationError):
        Suite.model_validate({"name": "imports", "imports": written})


@pytest.mark.parametrize(
    "axes",
    [
        pytest.param({"bus": []}, id="no value"),
        pytest.param({"bus": {"values": {}}}, id="no value, long"),
        pytest.param({"bus": ["redis", "redis"]}, id="a value twice"),
        pytest.param({"bus": [1]}, id="a number"),
        pytest.param({"bus": [["redis"]]}, id="a list"),
        pytest.param({"bus": "redis"}, id="text"),
        pytest.param({"a=b": ["x"]}, id="a name that a written point could not hold"),
        pytest.param({"bus": ["x,y"]}, id="a value that a written point could not hold"),
        pytest.param({"1st": ["x"]}, id="a name that makes no variable"),
        pytest.param({"bus": {"values": {"redis": {"A=B": "x"}}}}, id="no variable's name"),
        pytest.param({"a-b": ["x"], "a_b": ["y"]}, id="two axes that set one variable"),
    ],
)
def test_an_axis_that_cannot_be_told_from_others_is_refused(axes: object) -> None:
    with pytest.raises(ValidationError):
        suite(axes=axes)


@pytest.mark.parametrize("source", ["/tests", "../tests", "tests/../../x"])
def test_tests_are_inside_the_package(source: str) -> None:
    with pytest.raises(ValidationError, match="leads out of the package"):
        suite(sdist=source)


@pytest.mark.parametrize("ref", ["main", "v{version}", "release/{version}", "{version}", "1f3a9c", "feature-x"])
def test_a_ref_may_hold_the_version(ref: str) -> None:
    found = Suite.model_validate({"name": "contracts", "git": {"path": "tests", "ref": ref}})
    assert found.git is not None
    assert found.git.ref == ref


@pytest.mark.parametrize("ref", ["", "-x", "--upload-pack=x", "{package}", "a b", "{version"])
def test_a_ref_is_no_option_and_holds_no_other_placeholder(ref: str) -> None:
    with pytest.raises(ValidationError):
        Suite.model_validate({"name": "contracts", "git": {"path": "tests", "ref": ref}})


@pytest.mark.parametrize("url", ["https://example.org/x.git", "ssh://git@example.org/x", "git@example.org:x", "/srv/x"])
def test_git_urls_may_name_a_user_for_ssh(url: str) -> None:
    assert Suite.model_validate({"name": "contracts", "git": {"path": "tests", "url": url}}).git


@pytest.mark.parametrize("url", ["https://token@example.org/x", "ssh://git:hunter2@example.org/x", "-x", "--exec=x"])
def test_git_urls_hold_no_secrets_and_are_no_options(url: str) -> None:
    with pytest.raises(ValidationError):
        Suite.model_validate({"name": "contracts", "git": {"path": "tests", "url": url}})


@pytest.mark.parametrize("timeout", [0, -1, True, "60", 1.5])
def test_a_timeout_is_a_positive_whole_number(timeout: object) -> None:
    with pytest.raises(ValidationError):
        suite(timeout=timeout)


def test_a_hint_names_the_nearest_name_else_all_else_nothing() -> None:
    assert nearest("cor", ["core", "store"]) == 'did you mean "core"?'
    assert nearest("zzz", ["core", "store"]) == "known here: core, store"
    assert nearest("core", []) is None


def test_repeats_are_found_at_their_second_place_and_later() -> None:
    assert list(repeats("abcab")) == [(3, "a"), (4, "b")]
