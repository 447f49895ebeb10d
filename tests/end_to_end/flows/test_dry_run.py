"""A dry run says what would be done, and a refusal is an answer."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.schemas.objects import State, StateType

from flows import cascade_release, release_on_event, release_package
from flows.dry_run import outcome
from interlock.adapters.connections import access_from, open_connections
from interlock.cascades.context import open_cascade
from interlock.cascades.on_event import EventRequest
from interlock.cascades.request import CascadeRequest
from interlock.common.steps import call
from interlock.errors import IndexUnavailableError, RefusedError, TokenError, UsageError
from interlock.model import family_file
from interlock.model.release import Release
from interlock.project import build
from interlock.releases.checks import failed
from interlock.releases.plan import ReleaseRequest
from interlock.releases.preflight import Preview, Refusal
from interlock.reports import preview_markdown
from tests.support.rehearsed_cascade import RehearsedCascade, built, rehearse_cascade
from tests.support.rehearsed_release import CORE
from tests.support.release_values import a_release


async def done() -> str:
    return "core 1.2.11 would be released"


async def refused() -> str:
    raise TokenError("no token", hint="get one")


async def away() -> str:
    raise IndexUnavailableError("no answer")


def test_what_would_be_done_is_planned() -> None:
    state = asyncio.run(outcome(done))
    assert (state.type, state.name, state.message) == (StateType.COMPLETED, "Planned", "core 1.2.11 would be released")


def test_what_would_be_refused_is_answered_with_its_cure() -> None:
    state = asyncio.run(outcome(refused))
    assert (state.type, state.name) == (StateType.COMPLETED, "Refused")
    assert state.message == "no token\n  get one"


def test_what_can_not_be_found_out_is_no_answer() -> None:
    with pytest.raises(IndexUnavailableError):
        asyncio.run(outcome(away))


async def nowhere(**_artifact: object) -> None:
    """No server keeps it."""


@pytest.fixture(scope="module")
def world(seeded_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsedCascade]:
    folder = tmp_path_factory.mktemp("dry-run")
    with rehearse_cascade(seeded_world, folder / "world") as here, pytest.MonkeyPatch.context() as patch:
        for module in (release_package, cascade_release):
            patch.setattr(module, "run", call)
            patch.setattr(module, "log", logging.getLogger("tests.flows").log)
            patch.setattr(module, "acreate_markdown_artifact", nowhere)
        patch.setattr(release_on_event, "as_tasks", lambda: call)
        patch.setattr(build, "build", built)
        yield here


def answer(world: RehearsedCascade, **request: object) -> tuple[str | None, str | None]:
    wanted = CascadeRequest.model_validate({"root": CORE, "dry_run": True, **request})
    state = asyncio.run(cascade_release.cascade_release.fn(wanted))
    assert isinstance(state, State)
    return state.name, state.message


def test_a_release_that_is_not_meant_changes_nothing(world: RehearsedCascade) -> None:
    before = (world.refs(), world.writes())
    wanted = ReleaseRequest(package=CORE, dry_run=True)
    state = asyncio.run(release_package.release_package.fn(wanted))
    assert isinstance(state, State)
    assert (state.name, state.message) == ("Planned", f"{CORE} 1.2.11 would be released")
    assert (world.refs(), world.writes()) == before


@pytest.mark.parametrize(
    ("release_on", "name", "message"),
    [
        ('event = "merge"', "Planned", f"{CORE} 1.2.11 would be released"),
        ('event = "push"\nstart = "cascade"', "Planned", f"{CORE} 1.2.11 with what follows: "),
        (None, "Refused", f"nothing starts a release of {CORE} by itself"),
    ],
)
def test_an_event_that_is_not_meant_changes_nothing(
    world: RehearsedCascade, release_on: str | None, name: str, message: str
) -> None:
    before = (world.refs(), world.writes())
    family = world.world.directory.family_file
    text = family.read_text("utf-8")
    try:
        family.write_text(f"{text}\n[packages.{CORE}.release_on]\n{release_on}\n" if release_on else text, "utf-8")
        state = asyncio.run(release_on_event.release_on_event.fn(EventRequest(package=CORE, dry_run=True)))
    finally:
        family.write_text(text, "utf-8")
    assert state.name == name
    assert (state.message or "").startswith(message)
    assert (world.refs(), world.writes()) == before


def test_a_cascade_that_is_not_meant_changes_nothing(world: RehearsedCascade) -> None:
    before = (world.refs(), world.writes())
    assert answer(world) == (
        "Planned",
        f"{CORE} 1.2.11 with what follows: 4 releases, 1 test without release, 1 command",
    )
    assert (world.refs(), world.writes()) == before


def test_who_would_follow_the_newest_release_needs_no_version(world: RehearsedCascade) -> None:
    name, said = answer(world, follow=True)
    assert name == "Planned"
    assert (said or "").startswith(f"{CORE} 1.2.10 with what follows: 3 releases")


def test_what_really_follows_is_a_version(world: RehearsedCascade) -> None:
    with pytest.raises(UsageError, match="nobody said which version"):
        CascadeRequest(root=CORE, follow=True)


def test_a_package_that_publishes_nothing_begins_no_cascade(world: RehearsedCascade) -> None:
    name, said = answer(world, root="market-data-infra")
    assert name == "Refused"
    assert "publishes nothing" in (said or "")


def test_a_release_within_a_cascade_has_the_family_that_the_cascade_has_read(
    world: RehearsedCascade, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str | None] = []

    async def released(request: ReleaseRequest) -> Release:
        state = await release_package.release_package.fn(request.model_copy(update={"dry_run": True}))
        assert isinstance(state, State)
        said.append(state.name)
        return a_release()

    async def act() -> None:
        family = family_file.load()
        async with open_connections(family, access_from(family)) as connections:
            context = await open_cascade(CascadeRequest(root=CORE), connections)
            await cascade_release.release(context, ReleaseRequest(package=CORE, family="nowhere.toml"))

    monkeypatch.setattr(cascade_release, "release_package", released)
    asyncio.run(act())

    assert said == ["Planned"]
    assert release_package.known_family.get() is None


def test_what_fails_before_a_release_is_named() -> None:
    check = failed("token", "scopes", "may | not push", "another one")
    found = Preview(checks=(check,), refusals=(Refusal.of_check(check),))
    with pytest.raises(RefusedError, match="token, scopes: may"):
        found.says()
    assert "| token, scopes | failed | may \\| not push |" in preview_markdown(found)
