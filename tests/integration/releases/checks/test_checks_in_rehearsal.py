"""The checks against a GitHub and an index that answer as the real ones do."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from interlock.adapters.connections import access_from, open_connections
from interlock.adapters.github.workflows import listener
from interlock.releases.checks import Check, State, check_family, check_package
from rehearsal.fault_proxy import WRITES
from rehearsal.github.records import Protection, Ruleset
from tests.support.rehearsed_checks import CORE, PIPELINE, STORE, RehearsedChecks, rehearse_checks

LISTENER = ".github/workflows/on_core_release.yml"
FINE = {"contents": "write", "metadata": "read", "actions": "read", "secrets": "read"}
ALL_OF_THEM = frozenset({"repo", "workflow"})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsedChecks]:
    with rehearse_checks(tmp_path_factory.mktemp("rehearsal")) as rehearsed:
        yield rehearsed


def look(
    world: RehearsedChecks, package: str | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Check, ...]:
    environ = environ or world.environ

    async def looking() -> tuple[Check, ...]:
        access = access_from(world.family, environ)
        async with open_connections(world.family, access, environ=environ) as connections:
            return await (check_family(connections) if package is None else check_package(connections, package))

    return asyncio.run(looking())


def bad(checks: tuple[Check, ...]) -> dict[tuple[str, str], State]:
    return {(check.subject, check.name): check.state for check in checks if check.state is not State.OK}


def test_the_small_family_is_in_order_and_nothing_was_written(world: RehearsedChecks) -> None:
    before = len(world.apps.log.all())
    checks = look(world)
    assert bad(checks) == {}
    assert {check.subject for check in checks} > set(world.family.packages)
    written = [seen for seen in world.apps.log.all()[before:] if seen.method in WRITES and seen.status < 400]
    assert written == []
    assert world.environ["REPO_DISPATCH_TOKEN"] not in repr(checks)


def test_a_token_that_github_does_not_know_fails_once(world: RehearsedChecks) -> None:
    checks = look(world, "market-data-store", {**world.environ, "REPO_DISPATCH_TOKEN": "ghp_nobodys"})
    found = bad(checks)
    assert found.pop(("token", "accepted by GitHub")) is State.FAILED
    assert set(found.values()) == {State.UNKNOWN}


def test_an_expired_token_fails_and_an_ageing_one_is_warned_of(world: RehearsedChecks) -> None:
    def states(left: timedelta) -> dict[tuple[str, str], State]:
        until = datetime.now(UTC) + left
        environ = world.with_token("ghp_ageing", scopes=ALL_OF_THEM, expires_at=until)
        return bad(look(world, "market-data-ibkr", environ))

    assert states(timedelta(days=9)) == {("token", "expiry"): State.WARNING}
    assert states(timedelta(days=11)) == {}
    assert states(timedelta(days=-1))["token", "accepted by GitHub"] is State.FAILED


def test_a_classic_token_without_its_scopes_may_not_send(world: RehearsedChecks) -> None:
    found = bad(look(world, "market-data-core", world.with_token("ghp_gist", scopes=frozenset({"gist"}))))
    assert found["token", "scopes"] is State.FAILED
    assert found["market-data-store", "write access"] is State.FAILED


def test_a_fine_grained_token_is_tried_with_each_target(world: RehearsedChecks) -> None:
    environ = world.with_token("github_pat_narrow", kind="fine-grained", permissions=FINE, repositories=[CORE, STORE])
    found = bad(look(world, "market-data-core", environ))
    failed = {subject for (subject, _), state in found.items() if state is State.FAILED}
    assert failed == {"market-data-pipeline", "market-data-ibkr", "market-data-orchestrator"}


def test_a_token_that_reads_only_is_refused_where_it_would_write(world: RehearsedChecks) -> None:
    environ = world.with_token("github_pat_reads", kind="fine-grained", permissions={**FINE, "contents": "read"})
    checks = look(world, "market-data-core", environ)
    (sent,) = (check for check in checks if (check.subject, check.name) == ("market-data-store", "write access"))
    assert sent.state is State.FAILED
    assert "contents" in str(sent.cure).lower()


def test_secrets_that_the_token_may_not_list_are_unknown(world: RehearsedChecks) -> None:
    permissions = {name: level for name, level in FINE.items() if name != "secrets"}
    environ = world.with_token("github_pat_no_secrets", kind="fine-grained", permissions=permissions)
    found = bad(look(world, "market-data-store", environ))
    assert found["market-data-store", "secrets"] is State.UNKNOWN


def test_a_listener_that_moves_to_another_branch_is_found_there_and_the_printed_one_cures_it(
    world: RehearsedChecks,
) -> None:
    world.write(PIPELINE, "base", {LISTENER: b"on: push\njobs: {a: {}}\n"})
    world.write(PIPELINE, "main", {LISTENER: listener("core_release").encode()})
    checks = look(world, "market-data-core")
    (check,) = (check for check in checks if check.state is not State.OK)
    assert (check.subject, check.name, check.state) == (
        "market-data-pipeline",
        "listener of core_release",
        State.FAILED,
    )
    assert f"{LISTENER} on main does" in check.cause
    world.write(PIPELINE, "base", {LISTENER: listener("core_release").encode()})
    assert bad(look(world, "market-data-core")) == {}


def test_a_protected_branch_is_seen_by_who_may_see_how(world: RehearsedChecks) -> None:
    def state(text: str, **permissions: str) -> State:
        environ = world.with_token(text, kind="fine-grained", permissions={**FINE, **permissions})
        return bad(look(world, "market-data-store", environ))["market-data-store", "branch rules"]

    store = world.apps.github.repository(STORE)
    store.protections["main"] = Protection(pull_request=True)
    try:
        assert state("github_pat_guesses") is State.UNKNOWN
        assert state("github_pat_sees", administration="read") is State.FAILED
        store.protections["main"] = Protection(pull_request=True, admins=False)
        assert state("github_pat_sees", administration="read") is State.WARNING
    finally:
        store.protections.clear()


def test_a_branch_that_only_its_merge_queue_changes_is_refused_before_anything_is_done(world: RehearsedChecks) -> None:
    store = world.apps.github.repository(STORE)
    store.rulesets.append(Ruleset(id=7, name="queue", rules=({"type": "merge_queue"},)))
    try:
        (check,) = (check for check in look(world, "market-data-store") if check.state is State.FAILED)
        assert (check.name, "main wants a pull request in its merge queue" in check.cause) == ("branch rules", True)
        store.rulesets[0].bypass = (store.owner,)
        assert bad(look(world, "market-data-store")) == {}
    finally:
        store.rulesets.clear()
