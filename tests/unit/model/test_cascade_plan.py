"""What follows a release: in which order, why, and nothing that it does not make necessary."""

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from pydantic import ValidationError

from interlock.errors import UsageError
from interlock.model.bump import Bump
from interlock.model.calver import CalVer, CalVerOn
from interlock.model.cascade import Action, CascadePlan, Planned, plan_cascade
from interlock.model.family import Dispatch, Family, Follows, Package, Reaction
from interlock.model.family_file import load
from interlock.model.suites import ImportsSource, Suite
from tests.support.paths import ROOT

NEW = Version("1.2.11")
OLD = Version("1.2.10")
RANGES = {"pinned": "==1.2.10", "admitted": ">=1.2.0,<2.0.0", "capped": ">=1.0,<1.2.11", "anything": "", "none": None}


def package(upstreams: str = "", **others: object) -> Package:
    return Package.model_validate({"upstreams": tuple(upstreams.split()), **others})


def planned(
    packages: Mapping[str, Package],
    ranges: Mapping[str, str] | None = None,
    *,
    root: str = "core",
    already: Mapping[str, Version] | None = None,
    current: Mapping[str, Version | None] | None = None,
    bumps: Mapping[str, Bump | CalVerOn | None] | None = None,
) -> CascadePlan:
    """Every edge is pinned to 1.2.10 unless `ranges` says otherwise, by "downstream upstream"."""
    known = ranges or {}
    edges = [(name, upstream) for name, member in packages.items() for upstream in member.upstreams]
    texts = {edge: RANGES[known.get(" ".join(edge), "pinned")] for edge in edges}
    return plan_cascade(
        Family(name="tiny", packages=packages),
        root,
        NEW,
        current={**dict.fromkeys(packages, OLD), **(current or {})},
        declared={edge: None if text is None else SpecifierSet(text) for edge, text in texts.items()},
        already=already,
        bumps=bumps,
    )


def actions(plan: CascadePlan) -> dict[str, str]:
    return {each.package: each.action.value for each in plan.packages}


DIAMOND = {
    "core": package(),
    "store": package("core"),
    "pipeline": package("core"),
    "tip": package("core store pipeline"),
}


def test_a_diamonds_tip_is_released_once_after_all_of_its_upstreams() -> None:
    plan = planned(DIAMOND)

    assert actions(plan) == dict.fromkeys(["core", "store", "pipeline", "tip"], "release")
    tip = plan.package("tip")
    assert tip.after == ("core", "store", "pipeline")
    assert tip.pins == {"core": NEW, "store": NEW, "pipeline": NEW}
    assert (tip.current, tip.next) == (OLD, NEW)
    assert tip.why == "core is pinned ==1.2.10; store is pinned ==1.2.10; pipeline is pinned ==1.2.10"


def test_what_the_cascade_does_not_reach_takes_no_part() -> None:
    plan = planned({**DIAMOND, "alone": package(), "other": package("alone")}, root="store")

    assert actions(plan) == {"store": "release", "tip": "release"}
    assert plan.package("tip").after == ("store",)


@pytest.mark.parametrize(
    ("declared", "follows", "action", "why"),
    [
        ("pinned", {}, "release", "core is pinned ==1.2.10"),
        ("capped", {}, "release", "declared core>=1.0,<1.2.11 does not admit 1.2.11"),
        ("admitted", {}, "test", "declared core>=1.2.0,<2.0.0 admits 1.2.11: tested, not released"),
        ("anything", {}, "test", "declared core (any) admits 1.2.11: tested, not released"),
        ("none", {}, "test", "no requirement on core is declared, though it is an upstream: tested, not released"),
        ("admitted", {"core": "always"}, "release", "policy always for core"),
        ("none", {"core": "always"}, "release", "policy always for core"),
        ("pinned", {"core": "never"}, "test", "policy never for core: tested, not released"),
        ("pinned", {"core": "when-pinned"}, "release", "core is pinned ==1.2.10"),
    ],
)
def test_policy_and_declared_range_decide_and_say_why(
    declared: str, follows: dict[str, str], action: str, why: str
) -> None:
    packages = {"core": package(), "store": package("core", follows=follows), "tip": package("store")}
    plan = planned(packages, {"store core": declared})
    store = plan.package("store")

    assert (store.action, store.why) == (action, why)
    assert store.pins == ({"core": NEW} if action == "release" else {})
    assert store.next == (NEW if action == "release" else None)
    assert ("tip" in plan.by_name) == (action == "release")


def test_only_what_makes_the_release_necessary_is_moved_and_said() -> None:
    plan = planned(DIAMOND, {"tip core": "admitted", "tip store": "none"})

    tip = plan.package("tip")
    assert (tip.why, dict(tip.pins)) == ("pipeline is pinned ==1.2.10", {"pipeline": NEW})
    assert tip.after == ("core", "store", "pipeline")


def test_who_is_released_waits_for_the_tests_of_its_upstreams_too() -> None:
    plan = planned(DIAMOND, {"store core": "admitted"})

    assert plan.package("store").action is Action.TEST
    assert plan.package("tip").after == ("core", "store", "pipeline")
    assert set(plan.package("tip").pins) == {"core", "pipeline"}


@pytest.mark.parametrize(
    ("text", "pin"),
    [("==1.2.*", False), ("==1.1.*", False), ("===1.2.10", True), ("==1.2.10,>=1", True), ("~=1.1.0", False)],
)
def test_a_wildcard_is_no_pin(text: str, pin: bool) -> None:
    packages = {"core": package(), "store": package("core")}
    family = Family(name="tiny", packages=packages)
    declared = {("store", "core"): SpecifierSet(text)}
    plan = plan_cascade(family, "core", NEW, current={"store": OLD}, declared=declared)

    assert ("is pinned" in plan.package("store").why) == pin


def test_suites_are_those_of_the_edges_that_move() -> None:
    def suite(name: str, *upstreams: str) -> Suite:
        return Suite(name=name, upstreams=upstreams, imports=ImportsSource())

    suites = (suite("ours", "core"), suite("theirs", "stranger"), suite("all"), suite("both", "stranger", "core"))
    packages = {"core": package(), "stranger": package(), "store": package("core stranger", suites=suites)}
    plan = planned(packages, {"store core": "admitted"})

    assert plan.package("store").suites == ("ours", "all", "both")
    assert planned(packages).package("store").suites == ("ours", "all", "both")


def test_a_member_that_dispatches_takes_part_and_its_downstreams_wait_for_its_version() -> None:
    told = Dispatch(event="core_release", targets=("feed",))
    packages = {
        "core": package(dispatches=(told, Dispatch(event="other", targets=("tip",)))),
        "feed": package("core", reaction="dispatch"),
        "tip": package("feed"),
    }
    plan = planned(packages, {"feed core": "admitted"})

    feed = plan.package("feed")
    assert (feed.action, feed.why, feed.next) == (Action.DISPATCH, "reacts by dispatch: core_release of core", NEW)
    assert plan.package("tip").pins == {"feed": NEW}


def test_a_dispatch_that_nobody_sends_is_named() -> None:
    plan = planned({"core": package(), "feed": package("core", reaction="dispatch")})
    assert plan.package("feed").why == "reacts by dispatch: but none of its upstreams sends it one"


def test_a_command_runs_after_everything_and_makes_nothing_that_others_follow() -> None:
    command = {"reaction": "command", "command": ("make", "all")}
    packages = {**DIAMOND, "images": package("core tip", publishes=False, **command), "odd": package("core", **command)}
    plan = planned({**packages, "after-odd": package("odd")}, current={"images": None})

    images = plan.package("images")
    assert (images.action, images.next, images.after) == (Action.COMMAND, None, ("core", "tip"))
    assert images.why == "reacts by command to core, tip: make all"
    assert "after-odd" not in plan.by_name


@pytest.mark.parametrize("reaction", ["dispatch", "command"])
def test_policy_never_holds_for_every_reaction(reaction: str) -> None:
    command = ("make",) if reaction == "command" else ()
    follows = {"core": "never"}
    packages = {"core": package(), "feed": package("core", reaction=reaction, command=command, follows=follows)}
    feed = planned(packages).package("feed")

    assert (feed.action, feed.why) == (Action.TEST, "policy never for core: tested, not released")


def test_a_member_that_can_do_nothing_is_named_as_such() -> None:
    notes = planned({"core": package(), "notes": package("core", publishes=False)}).package("notes")
    assert notes.action is Action.TEST
    assert notes.why == "publishes nothing, and reacts to core by nothing that could be done"


def test_a_root_that_somebody_else_releases_is_waited_for() -> None:
    family = Family(name="tiny", packages=DIAMOND)
    plan = plan_cascade(family, "core", NEW, current={}, declared={}, follow=True)

    root = plan.package("core")
    assert (root.action, root.why) == (Action.DISPATCH, "somebody else releases it: the cascade begins after it")


def test_what_the_cascade_has_released_before_is_planned_as_such_though_it_is_pinned_to_it_now() -> None:
    known = {"store core": "admitted"}
    before = {"core": NEW, "store": Version("1.2.12")}
    plan = planned(DIAMOND, known, already=before, current={"core": NEW, "store": Version("1.2.12")})

    store = plan.package("store")
    assert (store.action, store.next, store.why) == (
        Action.RELEASE,
        Version("1.2.12"),
        "this cascade has released it before",
    )
    assert store.pins == {"core": NEW}
    assert plan.package("tip").pins["store"] == Version("1.2.12")


def test_a_package_without_a_release_is_planned_without_a_version() -> None:
    plan = planned(DIAMOND, current={"store": None})

    assert (plan.package("store").current, plan.package("store").next) == (None, None)
    tip = plan.package("tip")
    assert "store has no release yet, and ==1.2.10 is declared" in tip.why
    assert tip.pins["store"] is None


def test_a_root_that_publishes_nothing_or_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match='"core" publishes nothing'):
        planned({"core": package(publishes=False)})
    with pytest.raises(UsageError, match='no package "cor"'):
        planned(DIAMOND, root="cor")


def test_the_real_family_is_planned_as_its_maintainers_say() -> None:
    family = load(ROOT / "family.toml")
    edges = [(edge.downstream, edge.upstream) for edge in family.edges()]
    declared = {edge: SpecifierSet("==1.2.10" if "orch" in edge[0] else ">=1.2.0,<1.2.11") for edge in edges}
    current = {name: OLD for name, member in family.packages.items() if member.publishes}
    plan = plan_cascade(family, "market-data-core", NEW, current=current, declared=declared)

    assert list(actions(plan).values()) == ["release"] * 5 + ["command"]
    assert plan.packages[-2].package == "market-data-orchestrator"
    assert len(plan.packages[-2].after) == 4
    assert plan.package("market-data-pipeline").suites == ("contracts",)


def test_a_plan_out_of_order_cannot_exist() -> None:
    core = Planned(package="core", action=Action.RELEASE, why="")
    store = Planned(package="store", action=Action.TEST, after=("core",), why="")
    for packages in ((store, core), (core, core), (store,)):
        with pytest.raises(ValidationError, match="planned twice, or before"):
            CascadePlan(root="core", root_version=NEW, packages=packages)


# ---- any family --------------------------------------------------------------------------------------------------

KINDS = ["pinned", "capped", "admitted", "anything", "none"]


@st.composite
def families(draw: st.DrawFn, most: int = 60) -> tuple[dict[str, Package], dict[str, str]]:
    """Members in layers, in any order of the file; with what they declare on each edge."""
    sizes = draw(st.lists(st.integers(1, 8), min_size=1, max_size=8).filter(lambda sizes: sum(sizes) <= most))
    layers: list[list[str]] = []
    packages: dict[str, Package] = {}
    ranges: dict[str, str] = {}
    for number, size in enumerate(sizes):
        below = [name for layer in layers for name in layer if packages[name].publishes]
        layers.append([f"p{number}-{place}" for place in range(size)])
        for name in layers[-1]:
            upstreams = draw(st.lists(st.sampled_from(below), unique=True, max_size=4)) if below else []
            ranges |= {f"{name} {upstream}": draw(st.sampled_from(KINDS)) for upstream in upstreams}
            packages[name] = draw(_members(upstreams))
    order = draw(st.permutations(list(packages)))
    return {name: packages[name] for name in order}, ranges


@st.composite
def _members(draw: st.DrawFn, upstreams: list[str]) -> Package:
    reaction = draw(st.sampled_from([Reaction.RELEASE] * 6 + [Reaction.DISPATCH, Reaction.COMMAND]))
    follows = {upstream: draw(st.sampled_from([Follows.WHEN_PINNED] * 3 + list(Follows))) for upstream in upstreams}
    return package(
        " ".join(upstreams),
        publishes=not upstreams or draw(st.sampled_from([True] * 9 + [False])),
        reaction=reaction,
        command=("make",) if reaction is Reaction.COMMAND else (),
        follows=follows,
    )


def moves(name: str, root: str, packages: Mapping[str, Package], ranges: Mapping[str, str]) -> bool:
    """Whether a package has a new version at the end, said anew, from the tips down."""
    if name == root:
        return True
    member = packages[name]
    pulling = [upstream for upstream in member.upstreams if moves(upstream, root, packages, ranges)]
    heard = [upstream for upstream in pulling if member.follows_of(upstream) != "never"]
    if member.reaction is not Reaction.RELEASE:
        return member.reaction is Reaction.DISPATCH and bool(heard)
    pinned = ("pinned", "capped")
    return member.publishes and any(
        member.follows_of(upstream) == "always" or ranges[f"{name} {upstream}"] in pinned for upstream in heard
    )


@given(families(24), st.data())
def test_a_plan_is_in_order_names_each_once_and_nothing_that_is_not_necessary(
    family: tuple[dict[str, Package], dict[str, str]], data: st.DataObject
) -> None:
    packages, ranges = family
    root = data.draw(st.sampled_from([name for name, member in packages.items() if member.publishes]))
    plan = planned(packages, ranges, root=root)
    names = [each.package for each in plan.packages]

    assert names[0] == root
    assert len(set(names)) == len(names)
    moving = {name for name in packages if moves(name, root, packages, ranges)}
    touched = {name for name, member in packages.items() if moving & set(member.upstreams)}
    assert set(names) == touched | {root}
    assert {each.package for each in plan.packages if each.action in {"release", "dispatch"}} == moving
    for place, each in enumerate(plan.packages[1:], start=1):
        assert set(each.after) == set(packages[each.package].upstreams) & set(names)
        assert set(each.after) <= set(names[:place])
        assert set(each.pins) <= set(each.after) & moving
        assert bool(each.pins) == (each.action is Action.RELEASE)


@given(families(24), st.data())
def test_more_pins_never_mean_fewer_releases(
    family: tuple[dict[str, Package], dict[str, str]], data: st.DataObject
) -> None:
    packages, ranges = family
    root = data.draw(st.sampled_from([name for name, member in packages.items() if member.publishes]))
    more = {edge: "pinned" if data.draw(st.booleans()) else kind for edge, kind in ranges.items()}
    before, after = actions(planned(packages, ranges, root=root)), actions(planned(packages, more, root=root))

    assert before.keys() <= after.keys()
    assert {name for name, action in before.items() if action == "release"} <= {
        name for name, action in after.items() if action == "release"
    }


@settings(max_examples=20)
@given(families())
def test_the_same_family_is_always_planned_the_same(family: tuple[dict[str, Package], dict[str, str]]) -> None:
    packages, ranges = family
    root = next(name for name, member in packages.items() if member.publishes)
    assert planned(packages, ranges, root=root) == planned(packages, ranges, root=root)


def test_sixty_packages_in_eight_layers_are_each_released_once() -> None:
    layers = [
        [f"p{layer}-{place}" for place in range(1 if layer == 0 else 9 if layer < 4 else 8)] for layer in range(8)
    ]
    packages = {
        name: package(" ".join(layers[number - 1]) if number else "")
        for number, layer in enumerate(layers)
        for name in reversed(layer)
    }
    plan = planned(packages, root="p0-0")

    assert len(packages) == len(plan.packages) == 60
    assert all(each.action is Action.RELEASE for each in plan.packages)


def test_one_word_says_of_every_upstream_when_to_follow() -> None:
    member = package("core store", follows="always")
    assert {member.follows_of("core"), member.follows_of("store")} == {Follows.ALWAYS}
    assert package("core").follows_of("core") is Follows.WHEN_PINNED
    assert Package.model_validate(member.model_dump()) == member


@pytest.mark.parametrize("range_", [">=2.0", ">1.2.11", "==1.3.*", "~=1.3", "==2.0.0", ">=1.2.12,<2"])
def test_what_needs_more_than_the_new_version_is_on_another_line(range_: str) -> None:
    family = Family(name="tiny", packages={"core": package(), "store": package("core"), "tip": package("store")})
    declared = {("store", "core"): SpecifierSet(range_), ("tip", "store"): SpecifierSet("==1.2.10")}

    plan = plan_cascade(family, "core", NEW, current={"store": OLD, "tip": OLD}, declared=declared)

    assert list(plan.by_name) == ["core"]


@pytest.mark.parametrize("range_", [">=1.2.11", ">1.2.10", "==1.2.*", "!=2.0", "<3", "===1.2.10", "==1.2.10"])
def test_every_other_requirement_is_of_the_same_line(range_: str) -> None:
    family = Family(name="tiny", packages={"core": package(), "store": package("core")})
    declared = {("store", "core"): SpecifierSet(range_)}

    assert "store" in plan_cascade(family, "core", NEW, current={"store": OLD}, declared=declared).by_name


def test_a_follower_moves_as_its_rule_says_and_what_is_not_known_is_said() -> None:
    day = CalVerOn(form=CalVer.parse("calver:YYYY.0M"), day=date(2026, 8, 7))
    bumps = {"store": Bump.parse("minor"), "pipeline": None, "tip": day}

    plan = planned(DIAMOND, bumps=bumps)

    assert {name: str(each.next) for name, each in plan.by_name.items()} == {
        "core": "1.2.11",
        "store": "1.3.0",
        "pipeline": "None",
        "tip": "2026.8",
    }
    assert plan.package("tip").pins["pipeline"] is None
    assert "which version of pipeline comes next is not known yet" in plan.package("tip").why
    assert planned(DIAMOND, bumps={"store": Bump.parse("rc")}).package("store").next is None
