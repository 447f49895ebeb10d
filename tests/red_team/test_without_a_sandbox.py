"""A machine that has no sandbox: nothing of a stranger runs by itself, and whatever runs is said to be not isolated."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from interlock.common import sandbox
from interlock.contracts.verify.build import build
from interlock.errors import RefusedError
from interlock.releases.checks.machine import check_machine
from tests.support.sandboxes import without_isolation


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """bubblewrap is not there, and the operator has said nothing."""
    monkeypatch.delenv(sandbox.ISOLATION, raising=False)
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: None)
    sandbox.isolation.cache_clear()
    yield
    sandbox.isolation.cache_clear()


def verification(*, pull: int | None = 12, group: bool = False, **facts: Any) -> Any:
    """A verification that ends with an AttributeError as soon as it looks for something to build."""
    return SimpleNamespace(request=SimpleNamespace(pull=pull, group=group), **facts)


def begun(**facts: Any) -> None:
    asyncio.run(build(verification(**facts), SimpleNamespace(found=None)))  # type: ignore[arg-type]


@pytest.mark.usefixtures("no_sandbox")
def test_a_pull_request_does_not_run_by_itself() -> None:
    with pytest.raises(
        RefusedError, match=r"pull request #12 is not run by itself.*bubblewrap is not installed"
    ) as caught:
        begun(automatic=True)
    assert "INTERLOCK_ISOLATION=none" in str(caught.value.hint)
    with pytest.raises(RefusedError, match="a merge group is not run by itself"):
        begun(automatic=True, pull=None, group=True)
    with pytest.raises(AttributeError):
        begun(automatic=True, pull=None)  # a push to the default branch


def test_a_program_that_does_not_start_is_a_reason_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bwrap").write_text("not a program")
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: tmp_path / "bwrap")
    sandbox.isolation.cache_clear()
    try:
        assert "bubblewrap does not start" in sandbox.isolation().reason
    finally:
        sandbox.isolation.cache_clear()


@pytest.mark.usefixtures("no_sandbox")
def test_one_that_a_person_asks_for_runs() -> None:
    with pytest.raises(AttributeError):
        begun(automatic=False)


def test_one_runs_by_itself_once_the_operator_accepts_it() -> None:
    with without_isolation(), pytest.raises(AttributeError):
        begun(automatic=True)


@pytest.mark.usefixtures("no_sandbox")
def test_results_and_doctor_say_that_nothing_is_isolated() -> None:
    assert "is not isolated" in str(sandbox.not_isolated())
    checks = asyncio.run(check_machine(SimpleNamespace(author="A <a@example.org>"), {"PATH": "/usr/bin:/bin"}))  # type: ignore[arg-type]
    (found,) = (check for check in checks if check.name == "isolation")
    assert (found.state, "bubblewrap is not installed" in found.cause) == ("warning", True)


def test_where_there_is_one_nothing_is_said() -> None:
    assert sandbox.not_isolated() is None
