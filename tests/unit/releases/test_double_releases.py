"""Whether a member's own workflows release what Interlock releases: by the family file and the workflow files alone."""

from typing import Any

import pytest

from interlock.model.family import Family
from interlock.releases.checks import State
from interlock.releases.checks.double_releases import HINT, check_double_releases, doubled

UPLOAD = "jobs: {go: {steps: [{run: uv publish}]}}"
SENT = "on: {repository_dispatch: {types: [core_release]}}"
MERGED = "on: {pull_request: {types: [closed]}}"


def family(commit_message: str = "chore: v{version}", **store: object) -> Family:
    core = {"dispatches": [{"event": "core_release", "targets": ["acme-store", "acme-images"]}]}
    images = {"publishes": False, "upstreams": ["acme-core"], "reaction": "dispatch"}
    packages = {"acme-core": core, "acme-store": {"upstreams": ["acme-core"], **store}, "acme-images": images}
    return Family.model_validate({"name": "acme", "commit_message": commit_message, "packages": packages})


def state(on: str, given: Family, *, member: str = "acme-store", releases: bool = False) -> State | None:
    files = {".github/workflows/out.yml": f"{on}\n{UPLOAD}\n".encode()}
    checks = check_double_releases(given, member, files, events=("core_release",), releases=releases)
    return checks[0].state if checks else None


def test_a_member_that_a_cascade_and_its_own_listener_would_release_is_warned_of() -> None:
    files = {".github/workflows/out.yml": f"{SENT}\n{UPLOAD}\n".encode()}
    (check,) = check_double_releases(family(), "acme-store", files, events=("core_release",), releases=False)
    assert (check.subject, check.state, check.cure) == ("acme-store", State.WARNING, HINT)
    assert check.cause == (
        '.github/workflows/out.yml:2 runs uv publish on "core_release" of acme-core, '
        "and Interlock releases acme-store too"
    )
    assert list(map(str, doubled(family(), "acme-store", files))) == [check.cause.partition(", and")[0]]


@pytest.mark.parametrize("fields", [{"reaction": "dispatch"}, {"follows": "never"}, {"publishes": False}])
def test_one_that_its_own_workflow_alone_releases_is_as_it_should_be(fields: dict[str, Any]) -> None:
    assert state(SENT, family(**fields)) is None


def test_one_whose_listener_releases_nothing_is_fine() -> None:
    assert state("on: {repository_dispatch: {types: [other]}}", family()) is State.OK


@pytest.mark.parametrize(
    ("on", "is_found"),
    [
        ("on: push", True),
        ("on: {push: {branches: [main]}}", True),
        ("on: {push: {branches: [dev]}}", False),
        ("on: {push: {tags: ['v*']}}", True),
        ("on: {push: {tags: ['images-*']}}", False),
        ("on: create", True),
        ("on: {release: {types: [published]}}", True),
        (MERGED, False),
        ("on: workflow_dispatch", False),
    ],
)
def test_what_a_release_does_in_its_own_repository_may_start_another(on: str, is_found: bool) -> None:
    assert state(on, family(), releases=True) is (State.WARNING if is_found else State.OK)
    assert state(on, family()) is State.OK  # nothing of the kind happens when it only gets an event


def test_the_tag_is_that_of_its_form_and_a_change_by_pull_request_is_merged() -> None:
    assert state("on: {push: {tags: ['v*']}}", family(tag="store-{version}"), releases=True) is State.OK
    assert state("on: {push: {tags: ['store-*']}}", family(tag="store-{version}"), releases=True) is State.WARNING
    assert state(MERGED, family(change="pull-request"), releases=True) is State.WARNING
    assert state(MERGED, family(release_on={"event": "merge"}), releases=True) is State.WARNING


def test_a_commit_message_that_keeps_workflows_from_starting_counts() -> None:
    quiet = family("chore: v{version} [skip ci]")
    assert state("on: push", quiet, releases=True) is State.OK
    assert state("on: release", quiet, releases=True) is State.WARNING
