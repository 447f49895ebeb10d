"""Which packages of one repository an event is about."""

from typing import Any
from uuid import UUID

from interlock.model.delivery import Start
from interlock.model.family import Family
from interlock.webhooks import DeliveryState, Envelope, IntakeResult, Kind, receive_github, receive_signed
from tests.support.release_values import NOON
from tests.support.webhook_values import (
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

GUID = UUID(int=7)
SUITES = [{"name": "imports", "imports": True}]


def place(directory: str, **fields: object) -> dict[str, object]:
    return {"repository": "Mono", "directory": directory, "tag": f"{directory}-v{{version}}", **fields}


MONO = Family.model_validate(
    {
        "name": "trains",
        "owner": "alice",
        "packages": {
            "core": place("core", dispatches=[{"event": "out", "targets": ["api"]}]),
            "api": place("api", upstreams=["core"], suites=SUITES),
            "app": place("app", upstreams=["core", "api"], suites=SUITES, branch="next"),
            "images": place("images", publishes=False, upstreams=["app"], reaction="command", command=["make"]),
            "alone": {"upstreams": ["api"]},
        },
    }
)


def heard(event: str, payload: dict[str, Any]) -> IntakeResult:
    return receive_github(Envelope(event=event, guid=GUID), as_body(payload), MONO, NOON)


def starts(result: IntakeResult) -> list[Start]:
    deliveries = [result.delivery, *result.others]
    assert {each.state for each in deliveries} == {DeliveryState.ACCEPTED}, result.delivery.why
    assert len({each.guid for each in deliveries}) == len(deliveries)
    return [each.start for each in deliveries if each.start]


def test_a_push_verifies_each_package_that_somebody_tests_with_a_key_of_its_own() -> None:
    core, api = starts(heard("push", a_push("alice/mono")))

    assert [core.package, api.package] == ["core", "api"]
    assert [each.key.partition(":")[2] for each in (core, api)] == [f"alice/mono/core:{SHA}", f"alice/mono/api:{SHA}"]
    (again,) = [each for each in starts(heard("push", a_push("Alice/Mono"))) if each.package == "api"]
    assert again == api


def test_a_pull_request_verifies_those_of_its_base_and_a_merge_group_answers_for_all() -> None:
    pull, group = a_pull_request(name="alice/mono"), a_merge_group(name="alice/mono")

    assert [each.package for each in starts(heard("pull_request", pull))] == ["core", "api"]
    assert [each.package for each in starts(heard("merge_group", group))] == ["core", "api", "app", "images"]


def test_a_release_is_of_the_package_with_its_form_of_tags() -> None:
    (start,) = starts(heard("release", a_release(name="alice/mono", tag="api-v1.2.11")))

    assert start.package == "api"
    other = heard("release", a_release(name="alice/mono", tag="v1.2.11"))
    assert other.ignored is Kind.VERSION
    assert "v1.2.11 is no tag of a version of core; v1.2.11 is no tag of a version of api" in other.delivery.why


def test_a_dispatch_is_followed_once() -> None:
    sent = a_dispatch("out", "alice/mono", origin="core", version="1.2")

    assert [each.package for each in starts(heard("repository_dispatch", sent))] == ["core"]


def test_a_reported_version_says_of_which_package_it_is() -> None:
    def posted(**fields: object) -> IntakeResult:
        return receive_signed(as_body({"event": "release", "version": "1.2", **fields}), MONO, NOON)

    for origin in (None, "alone", "strange"):
        unclear = posted(repository="alice/mono", origin=origin)
        assert unclear.ignored is Kind.VERSION
        assert '"origin", of core, api, app' in unclear.delivery.why
    assert [each.package for each in starts(posted(repository="alice/mono", origin="API"))] == ["api"]
    # Where there is one package, whatever else is sent names no other.
    assert posted(repository="alice/alone", origin="core").ignored is Kind.UNFOLLOWED


def test_each_run_that_a_sender_asks_for_by_an_id_is_one_of_its_own() -> None:
    body = as_body({"event": "push", "repository": "alice/mono", "sha": SHA, "id": "x"})

    assert {each.key.rpartition(";")[2] for each in starts(receive_signed(body, MONO, NOON))} == {"x"}


def test_a_failed_check_is_looked_into_for_each_package_and_a_merge_once() -> None:
    merged = a_pull_request("closed", "alice/mono", head="interlock/api/core-1.2", merged=True)
    failed = a_run(name="alice/mono", head_branch="interlock/api/core-1.2")

    assert len(starts(heard("pull_request", merged))) == 1
    looks = starts(heard("workflow_run", failed))
    assert [each.package for each in looks] == ["core", "api", "app", "images"]
    assert len({each.key for each in looks}) == 1


def test_why_nothing_starts_is_said_once() -> None:
    assert heard("push", a_push("alice/mono", ref="refs/heads/x")).delivery.why.count("refs/heads/x") == 2
    assert heard("issues", in_repository("alice/mono")).others == ()
