"""Which pushes and merges start a release, and that each commit starts one."""

from typing import Any
from uuid import uuid4

import pytest

from interlock.cascades.on_event import EventRequest
from interlock.model.delivery import Start
from interlock.model.family import Family
from interlock.webhooks import Envelope, IntakeResult, Kind, receive_github, receive_signed
from interlock.webhooks.routing import RELEASE, VERIFY
from tests.support.release_values import NOON
from tests.support.webhook_values import FAMILY, SHA, a_pull_request, a_push, as_body

MERGED = "f" * 40
BEFORE = "0" * 39 + "1"


def family(member: str = "feed", **release_on: Any) -> Family:
    on = {"event": "merge", **release_on}
    raw = FAMILY.package(member).model_dump(exclude={"name"}) | {"release_on": on}
    packages = {name: each.model_dump() for name, each in FAMILY.packages.items()}
    return Family.model_validate({"name": "trains", "owner": "alice", "packages": {**packages, member: raw}})


def received(event: str, payload: dict[str, Any], given: Family) -> IntakeResult:
    return receive_github(Envelope(event=event, guid=uuid4()), as_body(payload), given, NOON)


def releases(event: str, payload: dict[str, Any], given: Family) -> list[Start]:
    """The releases that it starts."""
    start = received(event, payload, given).delivery.start
    return [each for each in (start.every if start else ()) if each.deployment == RELEASE]


def a_merge(*labels: object, name: str = "alice/feed", title: str = "Add a thing", **fields: Any) -> dict[str, Any]:
    named = [{"name": label} if isinstance(label, str) else label for label in labels]
    facts = {"merged": True, "merge_commit_sha": MERGED, "labels": named, "title": title}
    return a_pull_request("closed", name, **{**facts, **fields})


def bump(start: Start) -> str | None:
    return EventRequest.model_validate(start.parameters["request"]).bump


def test_a_merged_pull_request_starts_the_release_of_the_commit_that_it_became() -> None:
    (start,) = releases("pull_request", a_merge(), family())
    assert EventRequest.model_validate(start.parameters["request"]) == EventRequest(
        package="feed", branch="main", sha=MERGED, pull=12
    )
    assert (start.package, start.key) == ("feed", f"{RELEASE}:alice/feed@{MERGED}:feed")


def test_a_merge_is_a_push_too_and_only_one_of_both_counts() -> None:
    push = a_push("alice/feed", sha=MERGED, before=BEFORE)
    assert releases("push", push, family()) == []
    (start,) = releases("push", push, family(event="push"))
    assert EventRequest.model_validate(start.parameters["request"]).before == BEFORE
    assert releases("pull_request", a_merge(), family(event="push")) == []
    # However the file is changed meanwhile, the same commit of the same package has the same key.
    assert start.key == releases("pull_request", a_merge(), family())[0].key


def test_without_release_on_nothing_is_released() -> None:
    assert releases("pull_request", a_merge("release:major"), FAMILY) == []
    assert releases("push", a_push("alice/feed"), FAMILY) == []


def test_a_push_is_verified_as_before_and_released_beside_it() -> None:
    result = received("push", a_push(), family("core", event="push"))
    start = result.delivery.start
    assert start is not None
    assert [each.deployment for each in start.every] == [VERIFY, RELEASE]
    assert start.key == f"{VERIFY}:alice/core:{SHA}"


@pytest.mark.parametrize(
    ("labels", "on", "wanted"),
    [
        ((), {}, [None]),
        (("release:minor",), {}, ["minor"]),
        (("bug", "Release:Major"), {}, ["major"]),
        (("release:patch", "release:major"), {}, ["major"]),
        (("release:major", "no-release"), {}, []),
        ((), {"event": "label"}, []),
        (("bug",), {"event": "label"}, []),
        (("release:patch",), {"event": "label"}, ["patch"]),
        (("breaking",), {"labels": {"breaking": "major"}}, ["major"]),
        (("release:minor",), {"labels": {"breaking": "major"}}, [None]),
        (("rc",), {"event": "label", "labels": {"rc": "minor,rc"}}, ["minor,rc"]),
        (({"name": None}, 7, "x" * 5000, "release:minor"), {}, ["minor"]),
    ],
)
def test_labels_choose_the_bump(labels: tuple[object, ...], on: dict[str, Any], wanted: list[str | None]) -> None:
    assert [bump(start) for start in releases("pull_request", a_merge(*labels), family(**on))] == wanted


@pytest.mark.parametrize("action", ["labeled", "edited", "synchronize", "opened"])
def test_a_label_alone_starts_nothing_whenever_it_is_set(action: str) -> None:
    labels = [{"name": "release:major"}]
    for merged in (False, True):
        payload = a_pull_request(action, "alice/feed", labels=labels, merged=merged, merge_commit_sha=MERGED)
        assert releases("pull_request", payload, family(event="label")) == []


def test_one_that_is_closed_unmerged_starts_nothing() -> None:
    assert releases("pull_request", a_merge("release:major", merged=False), family(event="label")) == []
    assert releases("pull_request", a_merge(merge_commit_sha=None), family()) == []


def test_a_fork_is_trusted_as_the_branch_that_it_was_merged_into() -> None:
    assert len(releases("pull_request", a_merge(owner="mallory/feed"), family())) == 1


def test_a_cascades_own_pull_request_is_released_by_the_cascade() -> None:
    ours = a_merge(head="interlock/core-1.2.11")
    assert releases("pull_request", ours, family()) == []
    start = received("pull_request", ours, family()).delivery.start
    assert start is not None
    assert start.deployment == "continue-cascades/continue-cascades"
    # Somebody else's branch of that name is none of a cascade.
    assert len(releases("pull_request", a_merge(head="interlock/core-1.2.11", owner="mallory/feed"), family())) == 1


@pytest.mark.parametrize(
    ("branch", "is_started"), [("main", True), ("1.x", True), ("maint/a/b", True), ("dev", False), ("1.x/y", False)]
)
def test_only_the_branch_and_those_that_are_named_count(branch: str, is_started: bool) -> None:
    given: dict[str, Any] = {"branches": ["*.x", "maint/**"]}
    assert bool(releases("pull_request", a_merge(base=branch), family(**given))) is is_started
    push = a_push("alice/feed", ref=f"refs/heads/{branch}")
    assert bool(releases("push", push, family(event="push", **given))) is is_started
    assert releases("push", a_push("alice/feed", ref="refs/tags/1.x"), family(event="push", **given)) == []
    assert releases("push", {**push, "deleted": True}, family(event="push", **given)) == []


@pytest.mark.parametrize(
    ("title", "is_started"),
    [
        ("chore: Bump market-data-core to v1.2.12", True),
        ("Fix", False),
        ("bump market-data-core [skip release]", False),
    ],
)
def test_a_title_may_be_asked_for_and_may_skip_it(title: str, is_started: bool) -> None:
    given = family(titles=["bump market-data-core"])
    assert bool(releases("pull_request", a_merge(title=title), given)) is is_started


def test_what_starts_nothing_says_why() -> None:
    result = received("pull_request", a_merge("no-release"), family())
    assert (result.ignored, result.delivery.why) == (
        Kind.UNASKED,
        "a label of the merged pull request says that nothing is released",
    )


def test_a_workflows_own_post_of_the_push_is_the_same_release() -> None:
    body = as_body({"event": "push", "repository": "alice/feed", "sha": MERGED, "id": "run 7"})
    start = receive_signed(body, family(event="push"), NOON).delivery.start
    assert start is not None
    assert start.deployment == RELEASE


def test_hostile_titles_and_labels_spoil_no_other_use_of_the_event() -> None:
    payload = a_pull_request(labels="x", title=["y"])
    start = received("pull_request", payload, FAMILY).delivery.start
    assert start is not None
    assert start.deployment == VERIFY


def test_each_member_of_a_repository_gets_a_release_of_its_own() -> None:
    member = {"repository": "mono", "release_on": {"event": "merge"}}
    packages = {name: {**member, "directory": name, "tag": f"{name}-v{{version}}"} for name in ("one", "two")}
    given = Family.model_validate({"name": "mono", "owner": "alice", "packages": packages})
    result = received("pull_request", a_merge("release:minor", name="alice/mono"), given)
    starts = [delivery.start for delivery in (result.delivery, *result.others)]
    assert [(each.package, bump(each)) for each in starts if each] == [("one", "minor"), ("two", "minor")]
    assert len({each.key for each in starts if each}) == 2
