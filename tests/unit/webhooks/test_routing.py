"""Which deployment an event starts, and with which parameters."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from interlock.cascades.request import CascadeRequest
from interlock.contracts.verify import ContractsRequest
from interlock.releases.pull_request_branch import PREFIX
from interlock.webhooks import (
    Condition,
    Delivery,
    DeliveryRefusedError,
    DeliveryState,
    Envelope,
    IntakeResult,
    Kind,
    Reason,
    Start,
    receive_github,
    receive_signed,
)
from interlock.webhooks.github import EVENTS, read_object
from interlock.webhooks.routing import CHANGE_BRANCHES
from tests.support.release_values import NOON
from tests.support.webhook_values import (
    FAMILY,
    SHA,
    a_dispatch,
    a_merge_group,
    a_pull_request,
    a_push,
    a_release,
    a_run,
    as_body,
    in_repository,
)

PAYLOADS = Path(__file__).with_name("payloads")
VERIFY = "verify-contracts/verify-contracts"
FOLLOW = "cascade-release/follow-upstream"
CONTINUE = "continue-cascades/continue-cascades"
OTHER_SHA = "0" * 40


def heard(event: str, payload: dict[str, Any]) -> IntakeResult:
    return receive_github(Envelope(event=event, guid=uuid4()), as_body(payload), FAMILY, NOON)


def started(event: str, payload: dict[str, Any]) -> Start:
    delivery = heard(event, payload).delivery
    assert delivery.state is DeliveryState.ACCEPTED, delivery.why
    assert delivery.start is not None
    return delivery.start


def ignored(event: str, payload: dict[str, Any]) -> tuple[Kind | None, str]:
    result = heard(event, payload)
    assert (result.delivery.state, result.delivery.start) == (DeliveryState.IGNORED, None)
    assert result.delivery.ended_at == NOON
    return result.ignored, result.delivery.why


# ---- contracts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened"])
def test_a_pull_request_on_an_upstream_is_verified_at_its_head(action: str) -> None:
    start = started("pull_request", a_pull_request(action))
    assert (start.deployment, start.package, start.condition) == (VERIFY, "core", None)
    request = ContractsRequest.model_validate(start.parameters["request"])
    assert request == ContractsRequest(upstream="core", ref=SHA, pull=12)


def test_an_upstream_of_downstreams_without_a_suite_is_verified_too() -> None:
    store = FAMILY.package("store").model_copy(update={"suites": ()})
    family = FAMILY.model_copy(update={"packages": {**FAMILY.packages, "store": store}})
    envelope = Envelope(event="push", guid=uuid4())
    assert receive_github(envelope, as_body(a_push()), family, NOON).delivery.state is DeliveryState.ACCEPTED


def test_a_push_to_the_default_branch_is_verified() -> None:
    start = started("push", a_push())
    assert start.deployment == VERIFY
    assert ContractsRequest.model_validate(start.parameters["request"]) == ContractsRequest(upstream="core", ref=SHA)


def test_events_of_one_head_have_one_key_and_others_have_not() -> None:
    keys = {started("push", a_push(name)).key for name in ("alice/core", "Alice/Core")}
    assert keys == {f"{VERIFY}:alice/core:{SHA}"}
    assert started("push", a_push(sha=OTHER_SHA)).key not in keys
    verbs = ("opened", "reopened", "synchronize")
    assert {started("pull_request", a_pull_request(verb)).key for verb in verbs} == {f"{VERIFY}:alice/core:{SHA}#12"}


@pytest.mark.parametrize(
    ("name", "base"), [("alice/core", "main"), ("alice/core", "v1"), ("alice/store", "base"), ("alice/feed", "main")]
)
def test_a_merge_group_is_verified_beside_its_base_or_answered_whatever_it_is_for(name: str, base: str) -> None:
    start = started("merge_group", a_merge_group(name=name, base_ref=f"refs/heads/{base}"))
    request = {"upstream": start.package, "ref": SHA, "baseline": "0" * 40, "group": True}
    assert (start.deployment, start.parameters) == (VERIFY, {"request": request})
    assert ContractsRequest.model_validate(request).title == f"{start.package} merge group ({SHA[:12]})"
    push = started("push", a_push())
    assert start.key != push.key, "the push that merges it has the same commit, and another baseline"


def test_another_pull_request_of_the_same_head_is_verified_too_since_it_has_a_comment_of_its_own() -> None:
    one, other = a_pull_request(), a_pull_request(number=13)
    assert started("pull_request", one).key != started("pull_request", other).key


def test_a_pull_request_that_goes_back_to_an_earlier_head_is_verified_again() -> None:
    back = started("pull_request", a_pull_request("synchronize", before=OTHER_SHA))
    assert back.key != started("pull_request", a_pull_request("opened")).key
    # the repository's webhook and an App's say so alike
    assert back.key == started("pull_request", a_pull_request("synchronize", before=OTHER_SHA)).key


def test_a_pull_request_is_verified_when_it_is_to_be_merged_into_the_default_branch_after_all() -> None:
    moved = a_pull_request("edited", changes={"base": {"ref": {"from": "v1"}, "sha": {"from": OTHER_SHA}}})
    assert started("pull_request", moved).deployment == VERIFY
    renamed = a_pull_request("edited", changes={"title": {"from": "Old"}})
    assert ignored("pull_request", renamed)[0] is Kind.ACTION


@pytest.mark.parametrize(
    ("event", "payload", "kind", "words"),
    [
        ("push", a_push(ref="refs/heads/rename"), Kind.BRANCH, "not the default branch main"),
        ("push", a_push(ref="refs/tags/main"), Kind.BRANCH, "refs/tags/main is not"),
        ("push", a_push(deleted=True), Kind.BRANCH, ""),
        ("push", a_push("alice/store", ref="refs/heads/main"), Kind.BRANCH, "not the default branch base"),
        ("push", a_push("alice/store", ref="refs/heads/base"), Kind.UNTESTED, "no suite of a downstream tests store"),
        ("pull_request", a_pull_request(base="v1"), Kind.BRANCH, "it is for v1"),
        ("pull_request", a_pull_request("labeled"), Kind.ACTION, "labeled"),
        ("merge_group", a_merge_group("destroyed"), Kind.ACTION, "destroyed"),
        ("pull_request", a_pull_request("closed"), Kind.ACTION, "no cascade waits"),
        ("pull_request", a_pull_request("opened", "alice/feed"), Kind.UNTESTED, "tests feed"),
    ],
)
def test_what_changes_no_upstream_is_ignored(event: str, payload: dict[str, Any], kind: Kind, words: str) -> None:
    found, why = ignored(event, payload)
    assert found is kind
    assert words in why


def authors(payload: dict[str, Any]) -> tuple[str, ...]:
    start = started("pull_request", payload)
    assert start.deployment == VERIFY
    return ContractsRequest.model_validate(start.parameters["request"]).authors


def test_github_is_asked_about_everybody_who_wrote_the_code_of_a_fork() -> None:
    assert authors(a_pull_request()) == ()
    assert authors(a_pull_request(owner="Alice/Core")) == ()
    assert authors(a_pull_request(owner="Bob/core")) == ("Bob",)
    assert authors(a_pull_request(owner="mallory/core")) == ("Bob", "mallory")
    pushed = a_pull_request("synchronize", owner="Bob/core") | {"sender": {"login": "eve"}}
    assert authors(pushed) == ("Bob", "eve")
    reopened = a_pull_request("reopened", owner="Bob/core") | {"sender": {"login": "a-triager"}}
    assert authors(reopened) == ("Bob",)


@pytest.mark.parametrize("association", ["OWNER", "MEMBER", "COLLABORATOR", "NONE"])
def test_an_association_is_no_permission(association: str) -> None:
    assert authors(a_pull_request(owner="Bob/core", author_association=association)) == ("Bob",)


def test_code_of_somebody_who_is_gone_runs_by_hand_only_and_as_it_was_reviewed() -> None:
    gone = a_pull_request()
    gone["pull_request"]["head"]["repo"] = None
    for payload in (gone, a_pull_request(owner="bob/core", user=None)):
        kind, why = ignored("pull_request", payload)
        assert (kind, f"interlock contracts {SHA} --of core --pr 12" in why) == (Kind.FORK, True)


# ---- releases ---------------------------------------------------------------------------------------------------


def test_a_published_release_is_followed_unless_a_cascade_made_it() -> None:
    start = started("release", a_release())
    assert (start.deployment, start.package, start.condition) == (FOLLOW, "core", Condition.NOT_OURS)
    request = CascadeRequest.model_validate(start.parameters["request"])
    assert request == CascadeRequest(root="core", version="1.2.11", follow=True)


def test_everything_that_tells_of_one_release_has_one_key() -> None:
    told = [
        started("release", a_release()),
        started("release", a_release("released")),
        started("repository_dispatch", a_dispatch(version="1.2.11", origin="core")),
        started("repository_dispatch", a_dispatch(name="alice/feed", version="1.2.11.0", origin="alice/core")),
        started("repository_dispatch", a_dispatch(version="1.2.11")),
        started("repository_dispatch", a_dispatch(tag="v1.2.11", origin="Core")),
        started(
            "workflow_dispatch",
            in_repository(
                "alice/store",
                workflow=".github/workflows/core_release.yml",
                ref="refs/heads/base",
                inputs={"version": "1.2.11", "origin": "core"},
            ),
        ),
    ]
    versions = {str(Version(CascadeRequest.model_validate(each.parameters["request"]).version or "")) for each in told}
    assert versions == {"1.2.11", "1.2.11.0"}
    assert {each.key for each in told} == {f"{FOLLOW}:core==1.2.11"}


@pytest.mark.parametrize(
    ("event", "payload", "kind"),
    [
        *[("release", a_release(action), Kind.ACTION) for action in ("created", "edited", "deleted", "unpublished")],
        ("release", a_release(draft=True), Kind.ACTION),
        ("release", a_release(prerelease=True), Kind.VERSION),
        ("release", a_release(tag="nightly"), Kind.VERSION),
        ("release", a_release(tag="v1.3rc1"), Kind.VERSION),
        ("release", a_release(name="alice/infra"), Kind.UNFOLLOWED),
        ("repository_dispatch", a_dispatch("core_releases", version="1.2.11"), Kind.EVENT),
        ("repository_dispatch", a_dispatch(name="alice/infra", version="1.2.11", origin="core"), Kind.EVENT),
        ("repository_dispatch", a_dispatch(origin="core"), Kind.VERSION),
        ("repository_dispatch", a_dispatch(origin="core", tag="1.2.11"), Kind.VERSION),
        ("repository_dispatch", a_dispatch(origin="store", version="1"), Kind.VERSION),
        ("repository_dispatch", a_dispatch("downstream_release", "alice/Infra", version="1"), Kind.VERSION),
    ],
)
def test_what_is_no_release_that_somebody_follows_is_ignored(event: str, payload: dict[str, Any], kind: Kind) -> None:
    assert ignored(event, payload)[0] is kind


def test_a_member_that_several_tell_is_told_by_the_one_that_the_payload_names() -> None:
    start = started("repository_dispatch", a_dispatch("downstream_release", "alice/infra", tag="v2.0", origin="feed"))
    assert (start.package, start.key) == ("feed", f"{FOLLOW}:feed==2")


# ---- cascades ---------------------------------------------------------------------------------------------------


def test_the_branches_of_changes_are_those_that_cascades_make() -> None:
    assert CHANGE_BRANCHES == PREFIX


def test_the_merge_of_a_cascades_pull_request_lets_it_go_on() -> None:
    merged = a_pull_request("closed", "alice/store", base="base", head="interlock/core-1.2.11", merged=True)
    start = started("pull_request", merged)
    assert (start.deployment, start.parameters, start.key) == (CONTINUE, {}, f"{CONTINUE}:alice/store#12")


@pytest.mark.parametrize(
    "fields",
    [
        {"head": "interlock/core-1.2.11", "merged": False},
        {"head": "rename", "merged": True},
        {"head": "interlock/core-1.2.11", "merged": True, "owner": "mallory/store"},
    ],
)
def test_no_other_pull_request_that_is_closed_does(fields: dict[str, Any]) -> None:
    assert ignored("pull_request", a_pull_request("closed", "alice/store", base="base", **fields))[0] is Kind.ACTION


def test_a_check_that_fails_on_a_cascades_branch_lets_it_look() -> None:
    start = started("workflow_run", a_run())
    assert (start.deployment, start.condition, start.package) == (CONTINUE, Condition.A_CASCADE_WAITS, "store")
    assert start.key == f"{CONTINUE}:alice/store:run-7-2"


@pytest.mark.parametrize(
    "payload",
    [
        a_run("success"),
        a_run(None),
        a_run(head_branch="rename"),
        a_run(head_branch=None),
        a_run(owner="mallory/store"),
        a_run(head_repository=None),
    ],
)
def test_no_other_workflow_run_does(payload: dict[str, Any]) -> None:
    assert ignored("workflow_run", payload)[0] in {Kind.ACTION, Kind.BRANCH}


# ---- whatever comes ---------------------------------------------------------------------------------------------


def test_only_events_of_the_familys_repositories_count() -> None:
    for name in ("mallory/core", "alice/else", "alice/core2"):
        kind, why = ignored("push", a_push(name))
        assert (kind, why) == (Kind.REPOSITORY, f'{name} is no repository of the family "trains"')
    assert started("push", a_push("Alice/CORE")).package == "core"


def test_a_ping_and_an_unknown_event_are_told_apart() -> None:
    assert ignored("ping", in_repository(zen="Keep it logically awesome."))[0] is Kind.PING
    assert ignored("star", in_repository(action="created")) == (Kind.EVENT, "nothing follows from star")


def test_a_payload_that_lacks_something_is_ignored_and_what_it_lacks_is_named() -> None:
    kind, why = ignored("push", in_repository(ref="refs/heads/main", after="HEAD"))
    assert (kind, why) == (Kind.EVENT, "its payload is not as GitHub describes it: after")


@pytest.mark.parametrize("file", sorted(PAYLOADS.iterdir()), ids=lambda file: file.stem)
def test_githubs_own_examples_are_understood(file: Path) -> None:
    for payload in json.loads(file.read_text("utf-8")):
        repository = payload.get("repository", {}).get("full_name")
        result = heard(file.stem, payload)
        assert result.delivery.repository == repository
        known = file.stem in EVENTS
        expected = Kind.PING if file.stem == "ping" else Kind.REPOSITORY if known else Kind.EVENT
        assert result.ignored is expected, result.delivery.why


def test_githubs_own_examples_start_what_they_should_in_a_family_of_theirs() -> None:
    theirs = FAMILY.model_copy(
        update={
            "owner": "Codertocat",
            "packages": {
                "core": FAMILY.package("core").model_copy(
                    update={"repository": "Hello-World", "branch": "master", "tag": "{version}"}
                ),
                "store": FAMILY.package("store"),
            },
        }
    )
    found: dict[str, set[str]] = {}
    for event in ("pull_request", "push", "release"):
        for payload in json.loads((PAYLOADS / f"{event}.json").read_text("utf-8")):
            result = receive_github(Envelope(event=event, guid=uuid4()), as_body(payload), theirs, NOON)
            if start := result.delivery.start:
                found.setdefault(start.deployment, set()).add(f"{event} {result.delivery.action}")
    assert found == {
        VERIFY: {"pull_request opened", "pull_request reopened", "pull_request synchronize", "push None"},
        FOLLOW: {"release published", "release released"},
    }


@contextlib.contextmanager
def malformed_at_worst() -> Iterator[None]:
    try:
        yield
    except DeliveryRefusedError as refused:
        if refused.reason is not Reason.MALFORMED:
            raise
        refused.message.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
PARTS = ("action", "number", "ref", "after", "repository", "pull_request", "release", "client_payload", "workflow_run")


def replaced(value: Any, spot: int, by: Any) -> Any:
    """The same with one of its parts, counted through, replaced."""
    count = -1

    def walk(part: Any) -> Any:
        nonlocal count
        count += 1
        if count == spot:
            return by
        return {name: walk(inner) for name, inner in part.items()} if isinstance(part, dict) else part

    return walk(value)


@given(
    event=st.sampled_from(EVENTS),
    payload=st.sampled_from([a_push(), a_pull_request(), a_release(), a_dispatch(version="1", origin="core"), a_run()]),
    spot=st.integers(0, 20),
    by=JSON,
)
def test_a_payload_with_any_part_replaced_is_routed_or_ignored(event: str, payload: Any, spot: int, by: Any) -> None:
    body = json.dumps(replaced(payload, spot, by)).encode("utf-8", "surrogatepass")
    with malformed_at_worst():
        delivery = receive_github(Envelope(event=event, guid=uuid4()), body, FAMILY, NOON).delivery
        must_be_written(delivery)


def must_be_written(delivery: Delivery) -> None:
    # What is kept can be written: no halves of characters, and nothing of another repository.
    delivery.model_dump_json().encode()
    if delivery.start is not None:
        assert (delivery.repository or "").lower() in {"alice/core", "alice/store"}


@given(body=st.binary(max_size=60) | JSON.map(lambda found: json.dumps(found).encode("utf-8", "surrogatepass")))
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    with malformed_at_worst():
        assert isinstance(read_object(body), dict)


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b'{"n": ' + b"9" * 5000 + b"}", b"\xff{}", b"\xef\xbb\xbf{}", b"[]", b""],
)
def test_what_breaks_readers_of_json_is_refused(body: bytes) -> None:
    with pytest.raises(DeliveryRefusedError) as caught:
        read_object(body)
    assert caught.value.reason is Reason.MALFORMED


# ---- plain signed posts -----------------------------------------------------------------------------------------


def said(**fields: Any) -> IntakeResult:
    return receive_signed(as_body({"repository": "alice/core", **fields}), FAMILY, NOON)


@pytest.mark.parametrize(
    ("fields", "same_as"),
    [
        ({"event": "release", "version": "1.2.11"}, ("release", a_release())),
        ({"event": "push", "sha": SHA}, ("push", a_push())),
        ({"event": "push", "sha": SHA, "branch": "main"}, ("push", a_push())),
        ({"event": "pull_request", "sha": SHA, "pull": 12}, ("pull_request", a_pull_request())),
        ({"event": "merge_group", "sha": SHA, "base_sha": OTHER_SHA}, ("merge_group", a_merge_group())),
        (
            {"event": "core_release", "repository": "alice/store", "version": "1.2.11", "origin": "core"},
            ("repository_dispatch", a_dispatch(version="1.2.11", origin="core")),
        ),
    ],
)
def test_a_plain_post_leads_to_what_githubs_event_leads_to(
    fields: dict[str, Any], same_as: tuple[str, dict[str, Any]]
) -> None:
    assert said(**fields).delivery.start == started(*same_as)


def test_a_plain_delivery_is_named_by_its_bytes() -> None:
    one = said(event="push", sha=SHA)
    assert said(event="push", sha=SHA).delivery.guid == one.delivery.guid
    assert said(event="push", sha=SHA, id="2").delivery.guid != one.delivery.guid


def test_a_plain_post_with_an_id_has_a_run_of_its_own() -> None:
    starts = [said(event="push", sha=SHA, **more).delivery.start for more in ({}, {"id": "2"}, {"id": "3"})]
    assert len({start.key for start in starts if start}) == 3
    assert said(event="nonsense", id="2").ignored is Kind.EVENT


def test_a_branch_may_be_as_long_as_any() -> None:
    assert said(event="push", sha=SHA, branch="b" * 250).ignored is Kind.BRANCH
    with pytest.raises(DeliveryRefusedError, match="'branch' is not as it should be"):
        said(event="push", sha=SHA, branch="b" * 251)


def test_a_plain_post_of_another_repository_or_branch_is_ignored() -> None:
    assert said(event="push", sha=SHA, branch="rename").ignored is Kind.BRANCH
    assert said(event="push", sha=SHA, repository="mallory/core").ignored is Kind.REPOSITORY
    assert said(event="nonsense").ignored is Kind.EVENT


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "'event' is missing"),
        ({"event": "release"}, "'version' is missing, which a release has"),
        ({"event": "release", "version": "new"}, "'version' is not as it should be"),
        ({"event": "push"}, "'sha' is missing"),
        ({"event": "pull_request", "sha": SHA}, "'pull' is missing"),
        ({"event": "pull_request", "sha": SHA, "pull": 0}, "'pull' is not as it should be"),
        ({"event": "push", "sha": "main"}, "'sha' is not as it should be"),
        ({"event": "push", "sha": SHA, "shaa": ""}, "'shaa' is unknown"),
        ({"event": "push", "sha": SHA, "repository": "core"}, "'repository' is not as it should be"),
        ({"event": "push", "sha": SHA, "branch": "a b"}, "'branch' is not as it should be"),
        ({"event": "re\nlease"}, "'event' is not as it should be"),
    ],
)
def test_a_plain_post_that_cannot_be_meant_is_refused_by_name(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(DeliveryRefusedError, match=words) as caught:
        said(**fields)
    assert caught.value.reason is Reason.MALFORMED


@given(fields=st.dictionaries(st.sampled_from(["event", "repository", "version", "sha", "pull", "origin", "x"]), JSON))
def test_any_plain_post_is_routed_ignored_or_refused(fields: dict[str, Any]) -> None:
    with malformed_at_worst():
        must_be_written(said(**fields).delivery)
