"""The commands `release` and `releases`: what they ask for and print; real runs are in test_release_for_real.py."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from packaging.version import Version
from typer.testing import CliRunner, Result

from deployments.cli import run_flow
from deployments.cli.main import app
from interlock.adapters.ledger import open_ledger
from interlock.errors import ConflictError, DispatchError, FamilyError, UsageError
from interlock.model.release import Release
from interlock.releases.plan import ReleaseRequest
from tests.support.rehearsed_checks import RehearsedChecks, rehearse_checks
from tests.support.release_values import NOON, a_record, a_release

CORE = "market-data-core"
RECEIVERS = ("market_data_pipeline", "market-data-store", "market_data_orchestrator", "market-data-ibkr")
FAMILY = '[family]\nname = "small"\nowner = "me"\n[packages.market-data-core]\n[packages.market-data-store]\n'


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A family file that is meant when none is named."""
    file = tmp_path / "family.toml"
    file.write_text(FAMILY)
    monkeypatch.setenv("INTERLOCK_FAMILY", str(file))
    return file


@pytest.fixture
def asked(family: Path, monkeypatch: pytest.MonkeyPatch) -> list[ReleaseRequest]:
    """What the flow is asked for; in its place a release is made up."""
    assert family.exists()
    requests: list[ReleaseRequest] = []

    async def run(_flow: str, request: ReleaseRequest, *_display: object) -> tuple[Release, str | None]:
        requests.append(request)
        return a_release(package=request.package), "http://127.0.0.1:4200/runs/flow-run/1"

    monkeypatch.setattr(run_flow, "run_flow", run)
    return requests


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_what_is_asked_for_reaches_the_flow(asked: list[ReleaseRequest], family: Path) -> None:
    assert invoke("release", CORE).exit_code == 0
    assert invoke("release", CORE, "--bump", "minor,rc", "--ref", "1.x").exit_code == 0
    assert invoke("release", CORE, "--version", "2.0.0", "--family", family).exit_code == 0
    assert asked == [
        ReleaseRequest(package=CORE),
        ReleaseRequest(package=CORE, bump="minor,rc", ref="1.x"),
        ReleaseRequest(package=CORE, version="2.0.0", family=str(family)),
    ]


@pytest.mark.usefixtures("asked")
def test_a_release_ends_with_its_report_and_the_address_of_its_run() -> None:
    lines = invoke("release", CORE).stdout.splitlines()
    assert lines[0] == f"✓ {CORE} 1.2.11 released (before: 1.2.10)"
    assert lines[-1] == "the run, in Prefect's UI: http://127.0.0.1:4200/runs/flow-run/1"


@pytest.mark.usefixtures("asked")
def test_json_is_the_release_and_nothing_else() -> None:
    assert Release.model_validate_json(invoke("release", CORE, "--json").stdout) == a_release()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["market-data-cor"], UsageError, 'has no package "market-data-cor"'),
        ([CORE, "--bump", "pathc"], UsageError, "pathc"),
        ([CORE, "--version", "one"], UsageError, "one"),
        ([CORE, "--family", "none.toml"], FamilyError, "none.toml"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_mistake_is_told_before_anything_is_started(
    asked: list[ReleaseRequest], arguments: list[str], error: type[Exception], words: str, dry: list[str]
) -> None:
    caught = invoke("release", *arguments, *dry).exception
    assert isinstance(caught, error)
    assert words in str(caught)
    assert asked == []


def fail_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(*_asked: object) -> tuple[Release, str | None]:
        raise error

    monkeypatch.setattr(run_flow, "run_flow", run)


@pytest.mark.usefixtures("family")
def test_what_is_out_though_not_all_have_heard_is_shown_before_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    unheard = a_release(dispatches=(a_record(),), ended_at=None, page="https://example.org/page")
    fail_with(DispatchError("store did not take it"), monkeypatch)
    assert invoke("release", CORE).stdout == ""  # no ledger knows anything yet
    with open_ledger() as ledger:
        ledger.record_release(a_release(version=Version("1.2.10"), began_at=NOON - timedelta(days=1)))
        ledger.record_release(unheard)
        for record in unheard.dispatches:
            ledger.record_dispatch(record)
    ended = invoke("release", CORE)
    assert isinstance(ended.exception, DispatchError)
    assert ended.stdout.startswith(f"! {CORE} 1.2.11 released, and not everybody has taken its dispatch")
    assert "✗ mjdevaccount/market-data-store core_release: nobody took it" in ended.stdout
    for version in ("1.2.10", "1.2.11"):
        shown = invoke("release", CORE, "--json", "--version", version).stdout
        assert str(Release.model_validate_json(shown).version) == version


@pytest.mark.usefixtures("family")
def test_any_other_error_leaves_standard_output_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_ledger() as ledger:
        ledger.record_release(a_release())
    fail_with(ConflictError("taken"), monkeypatch)
    ended = invoke("release", CORE, "--json")
    assert isinstance(ended.exception, ConflictError)
    assert ended.stdout == ""


# ---- a dry run ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsedChecks]:
    with rehearse_checks(tmp_path_factory.mktemp("rehearsal")) as rehearsed:
        yield rehearsed


@pytest.fixture
def in_world(world: RehearsedChecks, monkeypatch: pytest.MonkeyPatch) -> RehearsedChecks:
    """The same with this process using it."""
    monkeypatch.delenv("REPO_TOKEN", raising=False)
    for name, value in world.environ.items():
        if name not in {"INTERLOCK_HOME", "PYTEST_CURRENT_TEST"}:
            monkeypatch.setenv(name, value)
    return world


@pytest.mark.usefixtures("in_world")
def test_a_dry_run_is_the_plan_in_words_or_for_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = invoke("release", CORE, "--dry-run", "--bump", "minor,rc")
    assert ended.exit_code == 0, ended.output
    assert f"{CORE} 1.3.0rc1 would be released (before: 1.2.10); nothing was changed" in ended.stdout
    assert "files to change: pyproject.toml" in ended.stdout
    assert ended.stdout.count("sha256:") == 2
    for name in RECEIVERS:
        assert f"tell     mjdevaccount/{name} core_release {{version: 1.3.0rc1, origin: {CORE}, " in ended.stdout
    assert ended.stdout.count("listener of core_release: .github/workflows/") == len(RECEIVERS)
    found = json.loads(invoke("release", CORE, "--dry-run", "--json").stdout)
    assert found["plan"]["version"] == "1.2.11"
    assert len(found["orders"]) == 4


def test_a_dry_run_of_what_would_be_refused_ends_with_the_code_of_the_refusal(in_world: RehearsedChecks) -> None:
    listener = ".github/workflows/on_core_release.yml"
    in_world.write("mjdevaccount/market-data-store", "main", {listener: None})
    ended = invoke("release", CORE, "--dry-run")
    assert ended.exit_code == 10
    assert "cure: interlock listener market-data-store" in ended.stdout
    assert "✗ preflight: market-data-store, listener of core_release: " in ended.stdout
    assert ended.stdout.endswith("✗ it would not be started; nothing was changed\n")


# ---- releases ----------------------------------------------------------------------------------------------------


def test_an_empty_ledger_says_so() -> None:
    assert invoke("releases").stdout == "no release is in the ledger\n"
    assert invoke("releases", CORE).stdout == f"no release of {CORE} is in the ledger\n"
    assert json.loads(invoke("releases", "--json").stdout) == []


def test_releases_are_listed_and_may_be_one_packages() -> None:
    with open_ledger() as ledger:
        for package in (CORE, "market-data-store"):
            ledger.record_release(a_release(package=package, dispatches=()))
    assert len(invoke("releases").stdout.splitlines()) == 3
    (line,) = invoke("releases", "market-data-store").stdout.splitlines()[1:]
    assert line.split()[:2] == ["market-data-store", "1.2.11"]
    listed = json.loads(invoke("releases", CORE, "--json").stdout)
    assert [Release.model_validate(one).package for one in listed] == [CORE]
