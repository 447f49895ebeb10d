from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from interlock.common.validation import FAULT
from interlock.errors import UsageError
from interlock.model.family import Dispatch, Edge, Family, Package, Reaction
from interlock.model.suites import ImportsSource, Suite


def family(**upstreams: str) -> Family:
    """A family by its edges: `family(core="", store="core")`."""
    return Family(name="tiny", packages={name: Package(upstreams=tuple(of.split())) for name, of in upstreams.items()})


def messages(refused: pytest.ExceptionInfo[ValidationError]) -> list[tuple[tuple[str | int, ...], str]]:
    assert all(error["type"] == FAULT for error in refused.value.errors())
    return [(error["loc"], error["ctx"]["message"]) for error in refused.value.errors()]


def imports(name: str = "imports", *upstreams: str) -> Suite:
    return Suite(name=name, upstreams=upstreams, imports=ImportsSource())


@pytest.mark.parametrize(
    ("upstreams", "order"),
    [
        pytest.param({"a": ""}, "a", id="one member alone"),
        pytest.param({"c": "", "a": "", "b": ""}, "c a b", id="without edges, the file's order"),
        pytest.param({"a": "", "b": "a", "c": "b"}, "a b c", id="a chain in order keeps it"),
        pytest.param({"c": "b", "b": "a", "a": ""}, "a b c", id="a chain upside down is turned"),
        pytest.param(
            {"tip": "l r", "r": "core", "l": "core", "core": ""}, "core r l tip", id="a diamond's tip comes once"
        ),
        pytest.param({"b": "z", "a": "", "z": ""}, "a z b", id="of those that are ready, the first in the file"),
        pytest.param({"x": "z", "z": "", "y": ""}, "z x y", id="what becomes ready goes before later members"),
    ],
)
def test_order_puts_upstreams_first_and_ties_in_the_files_order(upstreams: Mapping[str, str], order: str) -> None:
    assert family(**upstreams).order() == tuple(order.split())


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, str]:
    """Edges without a cycle, their members in an order that need not be theirs."""
    size = draw(st.integers(1, 9))
    below = [draw(st.sets(st.integers(0, number - 1))) if number else set() for number in range(size)]
    file_order = draw(st.permutations(range(size)))
    return {f"p{number}": " ".join(f"p{one}" for one in sorted(below[number])) for number in file_order}


@given(graphs())
def test_order_respects_every_edge_and_names_each_member_once(upstreams: dict[str, str]) -> None:
    found = family(**upstreams)
    order = found.order()
    assert sorted(order) == sorted(upstreams)
    assert all(order.index(edge.upstream) < order.index(edge.downstream) for edge in found.edges())


@given(graphs())
def test_each_place_goes_to_the_first_in_the_file_of_those_that_are_ready(upstreams: dict[str, str]) -> None:
    order = family(**upstreams).order()
    for place, name in enumerate(order):
        placed = set(order[:place])
        ready = [other for other, of in upstreams.items() if other not in placed and set(of.split()) <= placed]
        assert name == ready[0]


@given(graphs())
def test_downstreams_and_edges_say_the_same(upstreams: dict[str, str]) -> None:
    found = family(**upstreams)
    pairs = {(name, downstream) for name in upstreams for downstream in found.downstreams(name)}
    assert pairs == {(edge.upstream, edge.downstream) for edge in found.edges()}
    assert len(found.edges()) == len(pairs)


@given(graphs(), st.data())
def test_an_edge_that_closes_a_circle_is_refused(upstreams: dict[str, str], data: st.DataObject) -> None:
    edges = family(**upstreams).edges()
    if not edges:
        return
    edge = data.draw(st.sampled_from(edges))
    closed = upstreams | {edge.upstream: f"{upstreams[edge.upstream]} {edge.downstream}"}
    with pytest.raises(ValidationError) as refused:
        family(**closed)
    assert all(message.startswith("upstreams form a cycle: ") for _, message in messages(refused))


def test_edges_come_by_downstream_in_dependency_order_then_as_declared() -> None:
    found = family(tip="store core", store="core", core="")
    assert found.edges() == (
        Edge(upstream="core", downstream="store"),
        Edge(upstream="store", downstream="tip"),
        Edge(upstream="core", downstream="tip"),
    )


def test_downstreams_are_the_direct_ones() -> None:
    assert family(tip="store", store="core", other="core", core="").downstreams("core") == ("store", "other")


def test_an_unknown_member_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match='has no package "stroe"') as refused:
        family(core="", store="core").downstreams("stroe")
    assert refused.value.hint == 'did you mean "store"?'


def test_a_cycle_is_named_from_its_first_member_in_the_file_along_what_each_requires() -> None:
    with pytest.raises(ValidationError) as refused:
        family(core="", b="core c", a="b", c="a")
    assert messages(refused) == [(("packages", "b", "upstreams", 1), "upstreams form a cycle: b -> c -> a -> b")]


def test_every_fault_carries_the_path_of_its_key() -> None:
    with pytest.raises(ValidationError) as refused:
        Family(
            name="tiny",
            packages={
                "core": Package(dispatches=(Dispatch(event="out", targets=("stoer",)),)),
                "store": Package(upstreams=("core", "cor", "store"), suites=(imports("x"), imports("x", "core", "no"))),
                "infra": Package(publishes=False, reaction=Reaction.COMMAND, suites=(imports(),)),
                "tip": Package(upstreams=("infra",), command=("make",)),
            },
        )
    assert [at[1:] for at, _ in messages(refused)] == [
        ("core", "dispatches", 0, "targets", 0),
        ("store", "upstreams", 1),
        ("store", "upstreams", 2),
        ("store", "suites", 1, "upstreams", 1),
        ("store", "suites", 1, "name"),
        ("infra", "reaction"),
        ("infra", "suites", 0),
        ("tip", "upstreams", 0),
        ("tip", "command"),
    ]


def test_a_member_that_only_listens_needs_no_edge() -> None:
    core = Package(dispatches=(Dispatch(event="core_release", targets=("infra",)),))
    found = Family(name="tiny", packages={"core": core, "infra": Package(publishes=False)})
    assert found.edges() == ()


def test_the_same_event_may_go_to_different_members_with_different_payloads() -> None:
    dispatches = (Dispatch(event="out", targets=("a",)), Dispatch(event="out", targets=("b",), payload=("version",)))
    packages = {"core": Package(dispatches=dispatches), "a": Package(), "b": Package()}
    assert Family(name="tiny", packages=packages).packages["core"].dispatches == dispatches


def test_suites_of_an_edge_are_those_that_name_its_upstream_or_none() -> None:
    suites = (imports("all"), imports("one", "core"), imports("other", "store"))
    tip = Package(upstreams=("core", "store"), suites=suites)
    found = Family(name="tiny", packages={"core": Package(), "store": Package(), "tip": tip})
    assert found.suites_of(Edge(upstream="core", downstream="tip")) == suites[:2]


@pytest.mark.parametrize(
    ("owner", "repository", "place"),
    [("me", None, "me/core"), ("me", "the_core", "me/the_core"), ("me", "you/core", "you/core"), (None, None, "core")],
)
def test_a_repository_is_named_by_its_owner_unless_it_says_otherwise(
    owner: str | None, repository: str | None, place: str
) -> None:
    found = Family(name="tiny", owner=owner, packages={"core": Package(repository=repository)})
    assert found.repository("core") == place


@pytest.mark.parametrize("version", ["3.11", "3.9", "3.11.4", "3.13.0"])
def test_a_python_version_is_a_minor_or_a_full_one(version: str) -> None:
    assert Family(name="tiny", python=(version,), packages={"core": Package()}).python == (version,)


@pytest.mark.parametrize("version", ["", "3", "2.7", "3.x", ">=3.11", "3.11.4.1", "python3.11", "3.११", "3.11\n"])
def test_anything_else_is_no_python_version(version: str) -> None:
    with pytest.raises(ValidationError, match="is not a Python version"):
        Family(name="tiny", python=(version,), packages={"core": Package()})


@pytest.mark.parametrize(
    "index", ["pypi", "company", "our.index-2", "https://example.org/simple", "http://localhost:3141/"]
)
def test_an_index_is_a_name_or_an_address(index: str) -> None:
    assert Family(name="tiny", index=index, packages={"core": Package()}).index == index


@pytest.mark.parametrize(
    "index",
    ["", "-x", "a b", "ftp://example.org", "https://", "https:///simple", "file:///srv/x", "http://[::1", "//host/x"],
)
def test_anything_else_is_no_index(index: str) -> None:
    with pytest.raises(ValidationError, match='"index" must be pypi'):
        Family(name="tiny", index=index, packages={"core": Package()})


@pytest.mark.parametrize(
    "index", ["https://me:hunter2@example.org/simple", "https://hunter2@example.org", "me:hunter2@example.org/simple"]
)
def test_credentials_in_an_index_are_refused_and_not_repeated(index: str) -> None:
    with pytest.raises(ValidationError, match='"index" holds credentials') as refused:
        Family(name="tiny", index=index, packages={"core": Package()})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("tag", ["v{version}", "{version}", "core-{version}", "core/v{version}+x"])
def test_a_tag_has_a_place_for_the_version(tag: str) -> None:
    assert Package(tag=tag).tag == tag


@pytest.mark.parametrize(
    "tag", ["", "v1", "-{version}", "v{version} final", "{package}-{version}", "{version}{", "v{}"]
)
def test_anything_else_is_no_form_of_a_tag(tag: str) -> None:
    with pytest.raises(ValidationError):
        Package(tag=tag)


@pytest.mark.parametrize("branch", ["", "-f", "a b", "a..b:c"])
def test_what_git_would_take_for_an_option_or_a_refspec_is_no_branch(branch: str) -> None:
    with pytest.raises(ValidationError):
        Package(branch=branch)


@pytest.mark.parametrize("form", ["Release {version}", "{tag}", "{package} {tag} ({version})"])
def test_a_message_names_the_version_or_the_tag(form: str) -> None:
    family = Family(name="tiny", commit_message=form, tag_message=form, packages={"core": Package()})
    assert family.commit_message == family.tag_message == form


@pytest.mark.parametrize("form", ["Release", "{package}", "{version} {sha}", "{tag}\n", "{tag.__class__}{x}"])
def test_any_other_message_is_refused(form: str) -> None:
    with pytest.raises(ValidationError, match=r"name the \{version\}|cannot be filled in"):
        Family(name="tiny", commit_message=form, packages={"core": Package()})
