"""A dry run says what would be done, and a refusal is an answer."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from flows.dry_run import told
from interlock.cascades.request import CascadeRequest
from interlock.checks import failed
from interlock.errors import IndexUnavailableError, RefusedError, TokenError, UsageError
from interlock.releases.plan import ReleaseRequest
from interlock.releases.preview import Preview
from interlock.reports import preview_markdown
from tests.cascades.walked import Walked, walked
from tests.releases.rehearsed import CORE


async def done() -> str:
    return "core 1.2.11 would be released"


async def refused() -> str:
    raise TokenError("no token", hint="get one")


async def away() -> str:
    raise IndexUnavailableError("no answer")


def test_what_would_be_done_is_planned() -> None:
    state = asyncio.run(told(done))
    assert (state.type, state.name, state.message) == (StateType.COMPLETED, "Planned", "core 1.2.11 would be released")


def test_what_would_be_refused_is_answered_with_its_cure() -> None:
    state = asyncio.run(told(refused))
    assert (state.type, state.name) == (StateType.COMPLETED, "Refused")
    assert state.message == "no token\n  get one"


def test_what_can_not_be_found_out_is_no_answer() -> None:
    with pytest.raises(IndexUnavailableError):
        asyncio.run(told(away))


@pytest.fixture(scope="module")
def world(seeded_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    with walked(seeded_world, tmp_path_factory.mktemp("dry-run") / "world") as here:
        yield here


def answer(world: Walked, **request: object) -> tuple[str | None, str | None]:
    wanted = CascadeRequest.model_validate({"root": CORE, "dry_run": True, **request})
    state = asyncio.run(world.cascading.cascade_release.fn(wanted))
    return state.name, state.message


def test_a_release_that_is_not_meant_changes_nothing(world: Walked) -> None:
    before = (world.refs(), world.writes())
    wanted = ReleaseRequest(package=CORE, dry_run=True)
    state = asyncio.run(world.flow.release_package.fn(wanted))
    assert (state.name, state.message) == ("Planned", f"{CORE} 1.2.11 would be released")
    assert (world.refs(), world.writes()) == before


def test_a_cascade_that_is_not_meant_changes_nothing(world: Walked) -> None:
    before = (world.refs(), world.writes())
    assert answer(world) == (
        "Planned",
        f"{CORE} 1.2.11 with what follows: 4 releases, 1 test without release, 1 command",
    )
    assert (world.refs(), world.writes()) == before


def test_who_would_follow_the_newest_release_needs_no_version(world: Walked) -> None:
    name, said = answer(world, follow=True)
    assert name == "Planned"
    assert (said or "").startswith(f"{CORE} 1.2.10 with what follows: 3 releases")


def test_what_really_follows_is_a_version(world: Walked) -> None:
    with pytest.raises(UsageError, match="nobody said which version"):
        CascadeRequest(root=CORE, follow=True)


def test_a_package_that_publishes_nothing_begins_no_cascade(world: Walked) -> None:
    name, said = answer(world, root="market-data-infra")
    assert name == "Refused"
    assert "publishes nothing" in (said or "")


def test_what_fails_before_a_release_is_named() -> None:
    found = Preview(checks=(failed("token", "scopes", "may | not push", "another one"),))
    with pytest.raises(RefusedError, match="token, scopes: may"):
        found.says()
    assert "| token, scopes | failed | may \\| not push |" in preview_markdown(found)
