"""The whole way: `interlock matrix` on a real index, with the real uv, pytest and Prefect server, and back again."""

import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import httpx
import jsonschema  # type: ignore[import-untyped]
import psutil  # type: ignore[import-untyped]
import pytest
import yaml
from typer.testing import CliRunner

from deployments.cli.main import app
from deployments.embedded_server import ServerDirectory
from interlock.matrix.report import VersionRange
from interlock.model.verdicts import RunStatus, Verdict
from tests.support.example_family import PASSWORD, USER, Command, Ended, command_in, publish
from tests.support.paths import ROOT
from tests.support.prefect_server import api_client
from tests.support.universe import Universe, open_universe

OK, BAD, OWN = Verdict.COMPATIBLE, Verdict.INCOMPATIBLE, Verdict.BROKEN_BEFORE
PLAIN = ("--downstream", "pipeline", "--downstream", "board")
PATIENCE = 60.0
SCHEMA = ROOT / "docs" / "matrix.schema.json"

Found = TypeVar("Found")


def eventually(what: Callable[[], Found]) -> Found:
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def world(friends: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    with open_universe(tmp_path_factory.mktemp("trains") / "index", friends) as opened:
        publish(opened)
        opened.index.switches.password = (USER, PASSWORD)
        yield opened


@pytest.fixture(scope="module")
def interlock(world: Universe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    url = world.index.url_with(USER, PASSWORD)
    with command_in(tmp_path_factory.mktemp("command"), UV_DEFAULT_INDEX=url) as command:
        yield command


@pytest.fixture(scope="module")
def first(interlock: Command) -> Ended:
    return interlock.matrix("first", *PLAIN)


@pytest.fixture(scope="module")
def second(interlock: Command, first: Ended) -> Ended:
    assert first.code == 1, first.err
    return interlock.matrix("second", *PLAIN)


@pytest.fixture(scope="module")
def api(interlock: Command, first: Ended) -> Iterator[httpx.Client]:
    assert first.code == 1, first.err
    with api_client(ServerDirectory(interlock.home / "prefect")) as client:
        yield client


# ---- what is found ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("downstream", "version", "verdicts"),
    [
        ("pipeline", "2.0", [OWN, OWN, BAD, OWN]),
        ("pipeline", "2.1", [OK, OK, BAD, OK]),
        ("pipeline", "2.2", [OK, OK, BAD, OK]),
        ("board", "1.0", [OK, OK, OK, OK]),
        ("board", "1.1", [Verdict.UNRESOLVABLE] * 4),
        ("board", "1.2", [BAD, BAD, BAD, OK]),
    ],
)
def test_each_cell_has_its_verdict(first: Ended, downstream: str, version: str, verdicts: list[Verdict]) -> None:
    assert [cell.verdict for cell in first.row(downstream, version)] == verdicts


def test_something_that_is_declared_and_does_not_work_is_exit_code_1(first: Ended) -> None:
    assert first.code == first.matrix.exit_code == 1
    assert "Traceback" not in first.err


def test_what_is_red_everywhere_is_told_apart_from_what_regressed(first: Ended) -> None:
    own, _, both, _ = first.row("pipeline", "2.0")
    assert (own.own_fault, own.own, own.regressed) == (True, ("tests/test_own.py::test_own",), ())
    assert (both.own_fault, both.own) == (False, ("tests/test_own.py::test_own",))
    assert both.regressed == ("tests/test_speed.py::test_speed",)
    assert "NameError: name 'undefined_name' is not defined" in first.out


def test_the_regression_names_two_versions_and_the_downstreams_that_show_it(first: Ended) -> None:
    steps = {(found.good, found.bad): found for found in first.sheet("pipeline").regressions}
    assert set(steps) == {("1.1", "1.2"), ("1.3", "1.2")}
    step = steps["1.1", "1.2"]
    assert step.test == "tests/test_speed.py::test_speed"
    assert step.downstream == (VersionRange(first="2.0", last="2.2"),)
    assert step.error == "assert 2 == 1"


def test_declared_stands_beside_proven(first: Ended) -> None:
    rows = {row.version: row for row in first.sheet("pipeline").rows}
    assert rows["2.1"].declared == ">=1.0,<1.2"
    assert rows["2.1"].needlessly_forbidden == (VersionRange(first="1.3", last="1.3"),)
    assert rows["2.1"].falsely_allowed == ()
    assert rows["2.2"].falsely_allowed == (VersionRange(first="1.2", last="1.2"),)


def test_an_environment_that_cannot_be_had_says_why_in_uvs_words(first: Ended) -> None:
    cells = first.row("board", "1.1")
    (run,) = {first.matrix.runs[cell.run or ""] for cell in cells}
    assert run.status is RunStatus.UNRESOLVABLE
    assert "ghost" in (run.reason or "")
    assert all(cell.own_fault for cell in cells)


def test_equal_cells_are_run_once_and_say_with_which_they_share(first: Ended) -> None:
    totals = first.matrix.totals
    assert (totals.cells, totals.run, totals.shared, totals.known, totals.unrun) == (24, 16, 4, 0, 4)
    assert totals.runs == 16
    shared = first.row("pipeline", "2.1")[1].shared_with
    assert shared is not None
    assert (shared.upstream_version, shared.downstream_version) == ("1.0", "2.1")


def test_a_suite_that_reads_a_version_shares_with_no_other(first: Ended) -> None:
    cells = first.row("pipeline", "2.2")
    assert len({cell.run for cell in cells}) == 4
    assert all(first.matrix.runs[cell.run or ""].reads == {"core"} for cell in cells)
    assert all(cell.shared_with is None for cell in cells)


def test_a_red_run_is_confirmed_and_has_its_log_and_its_environment(first: Ended) -> None:
    run = first.matrix.runs[first.row("pipeline", "2.1")[2].run or ""]
    assert run.confirmed
    assert "test_speed" in run.log
    assert {"core==1.2", "pipeline==2.1"} <= set(run.lock)
    assert any(pin.startswith("pytest==") for pin in run.lock)


def test_json_follows_the_published_schema(first: Ended, second: Ended) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    for ended in (first, second):
        jsonschema.validate(json.loads(ended.report.read_text("utf-8")), schema)


def test_the_html_report_is_there_and_is_named(interlock: Command, first: Ended) -> None:
    page = interlock.folder / "first.html"
    assert page.read_text("utf-8").startswith("<!doctype html>") or "<html" in page.read_text("utf-8")
    assert "first.html" in first.out


def test_the_address_of_the_ui_is_printed(first: Ended) -> None:
    assert "Prefect UI: http://127.0.0.1:" in first.err


# ---- the second time --------------------------------------------------------------------------------------------


def test_a_second_run_runs_nothing_and_finds_the_same(first: Ended, second: Ended) -> None:
    totals = second.matrix.totals
    assert (totals.runs, totals.run, totals.shared) == (0, 0, 0)
    assert (totals.known, totals.unrun) == (20, 4)
    assert second.code == first.code
    assert totals.verdicts == first.matrix.totals.verdicts
    assert [cell.verdict for row in second.sheet("board").cells for cell in row] == [
        cell.verdict for row in first.sheet("board").cells for cell in row
    ]
    assert second.matrix.changes == ()


# ---- as Prefect shows it ----------------------------------------------------------------------------------------


def asked(api: httpx.Client, what: str, **filters: object) -> list[dict[str, Any]]:
    answer = api.post(f"/{what}/filter", json=filters)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def run_of(api: httpx.Client, number: int) -> dict[str, Any]:
    return asked(api, "flow_runs", sort="START_TIME_ASC")[number]


@pytest.mark.usefixtures("second")
def test_the_flow_run_says_what_it_covers(api: httpx.Client) -> None:
    for number in (0, 1):
        run = run_of(api, number)
        assert run["name"] == "matrix every upstream (latest:10) × pipeline, board (latest:10)"
        assert run["state"]["type"] == "COMPLETED"


def test_there_is_one_task_run_for_each_distinct_cell(api: httpx.Client, first: Ended, second: Ended) -> None:
    def tasks(number: int) -> list[dict[str, Any]]:
        ids = {"id": {"any_": [run_of(api, number)["id"]]}}
        return asked(api, "task_runs", flow_runs=ids)

    eventually(lambda: sum("×" in task["name"] for task in tasks(0)) == first.matrix.totals.runs == 16)
    names = Counter(task["name"] for task in tasks(0))
    assert names["core 1.0 × pipeline 2.1: contracts, Python 3.11"] == 1
    assert names.most_common(1)[0][1] == 1
    assert {task["state"]["type"] for task in tasks(0)} == {"COMPLETED"}
    assert second.matrix.totals.runs == 0
    eventually(lambda: any(task["name"].startswith("publish-report") for task in tasks(1)))
    assert not any("×" in task["name"] for task in tasks(1))


def test_the_artifacts_are_there(api: httpx.Client, interlock: Command, second: Ended) -> None:
    assert second.code == 1
    run = {"id": {"any_": [run_of(api, 0)["id"]]}}
    found = {each["key"]: each for each in asked(api, "artifacts", flow_runs=run)}
    assert {key: each["type"] for key, each in found.items()} == {
        "matrix-progress": "progress",
        "matrix-edges": "table",
        "matrix-summary": "markdown",
        "matrix-report": "markdown",
    }
    assert found["matrix-progress"]["data"] == 100
    assert len(json.loads(found["matrix-edges"]["data"])) == len(second.matrix.sheets) * 3
    assert (interlock.folder / "first.html").as_uri() in found["matrix-report"]["data"]
    assert "speed" in found["matrix-summary"]["data"]


# ---- wavering, interruption -------------------------------------------------------------------------------------


@pytest.mark.long
def test_fresh_runs_all_again_and_reports_what_wavers_as_flaky(interlock: Command, first: Ended) -> None:
    assert first.code == 1
    fair = interlock.matrix("fair", "--downstream", "weather", "--upstream-versions", "1.0")
    assert (fair.code, fair.matrix.totals.runs) == (0, 1), fair.err
    interlock.answers.weather = b"foul"
    foul = interlock.matrix("foul", "--downstream", "weather", "--upstream-versions", "1.0", "--fresh")
    assert (foul.code, foul.matrix.totals.runs) == (1, 1), foul.err
    (cell,) = foul.row("weather", "1.0")
    assert cell.verdict is Verdict.FLAKY
    (change,) = foul.matrix.changes
    assert (change.before, change.after) == (OK, Verdict.FLAKY)


def test_ctrl_c_ends_all_and_keeps_what_was_finished(interlock: Command, api: httpx.Client) -> None:
    with interlock.begin_matrix("waits", "--downstream", "waiter", "--jobs", "2") as command:
        eventually(interlock.answers.waiting.is_set)
        no_password_is_seen(interlock)
        # The other two are done and recorded when their environments are gone.
        eventually(lambda: len(list(interlock.temporary.glob("interlock-cell-*"))) == 1 and len(known(interlock)) == 2)
        command.send_signal(signal.SIGINT)
        ended = interlock.end(command)
    assert ended.code == 130, ended.err
    assert "Traceback" not in ended.err + ended.out
    assert interlock.suites() == []
    assert list(interlock.temporary.glob("interlock-cell-*")) == []
    assert not (interlock.folder / "waits.json").exists()
    eventually(lambda: run_of(api, -1)["state"]["type"] in {"CANCELLED", "CRASHED", "FAILED"})
    assert len(known(interlock)) == 2


def known(interlock: Command) -> list[object]:
    """The runs of the suite that waits, in the ledger."""
    with closing(sqlite3.connect(f"file:{interlock.home / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        return ledger.execute("SELECT 1 FROM ledger_run WHERE tests LIKE '%test_waits%'").fetchall()


def no_password_is_seen(interlock: Command) -> None:
    """Nor what everybody on this machine can read of a process: its arguments."""
    for process in interlock.processes():
        try:
            assert not any(PASSWORD in argument for argument in process.cmdline())
        except psutil.NoSuchProcess:
            continue


# ---- what the ledger answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "code", "says"),
    [
        ("1.3", 0, "✓ yes  core 1.3 (before: 1.2): 2 cells work"),
        ("1.2", 1, "✗ tests/test_speed.py::test_speed: assert 2 == 1"),
        ("1.1", 0, "red with the last release too"),
        ("0123456789abcdef0123456789abcdef01234567", 2, '"answer": "unknown"'),
    ],
)
def test_whether_a_version_may_be_released_is_known(
    interlock: Command, second: Ended, version: str, code: int, says: str
) -> None:
    assert second.code == 1
    arguments = ["check", "core", version, "--family", str(interlock.family), *PLAIN]
    ended = CliRunner().invoke(app, [*arguments, *["--json"][: code == 2]], env=interlock.environ)
    assert (ended.exit_code, ended.stderr) == (code, "")
    assert says in ended.stdout


def test_the_first_version_that_breaks_a_suite_is_found_without_a_run(interlock: Command, second: Ended) -> None:
    assert second.code == 1
    words = ("--of", "core", "--downstream", "pipeline", "--good", "1.0", "--bad", "1.2")
    ended = interlock.run("bisect", "--family", interlock.family, *words)
    assert ended.code == 0, ended.err
    assert "✗ core 1.2 is the first that breaks pipeline 2.2" in ended.out
    assert "✗ tests/test_speed.py::test_speed: assert 2 == 1" in ended.out
    assert "3 steps, 0 runs of a suite" in ended.out
    assert "the run, in Prefect's UI: http" in ended.out


# ---- mistakes ---------------------------------------------------------------------------------------------------


def test_a_mistake_that_shows_while_the_server_starts_ends_with_its_code_and_a_cure(
    interlock: Command, second: Ended
) -> None:
    assert second.code == 1
    ended = interlock.matrix("none", "--downstream", "board", "--upstream-versions", "9.9")
    assert ended.code == 2, ended.err
    assert "Traceback" not in ended.err + ended.out
    for word in ("core has no release 9.9", "1.3"):
        assert word in ended.err


@pytest.mark.long
def test_an_index_that_does_not_answer_is_told_while_nothing_is_cached(tmp_path: Path) -> None:
    with command_in(tmp_path, UV_DEFAULT_INDEX=f"http://{USER}:{PASSWORD}@127.0.0.1:9/simple/") as interlock:
        ended = interlock.matrix("none", *PLAIN)
        assert ended.code == 4, ended.err
        assert "check the network and the index" in ended.err
        assert "Traceback" not in ended.err
        assert PASSWORD not in ended.err
    assert interlock.processes() == []


# ---- at the end: secrets, and without an index ------------------------------------------------------------------


def test_without_the_index_the_caches_serve_and_it_says_so(interlock: Command, world: Universe, second: Ended) -> None:
    world.index.stop()
    ended = interlock.matrix("offline", *PLAIN)
    assert ended.code == 1, ended.err
    assert ended.matrix.totals == second.matrix.totals
    assert len(ended.matrix.notes) == 3
    assert all("did not answer" in note for note in ended.matrix.notes)
    assert "did not answer" in ended.out


def test_the_password_of_the_index_is_nowhere(interlock: Command, second: Ended) -> None:
    assert second.code == 1
    files = [path for path in interlock.folder.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in files)
    assert any(path.name == "ledger.db" for path in files)
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
    assert PASSWORD not in second.out + second.err


# ---- deployed ---------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_every_deployment_is_made_and_a_worker_runs_one(interlock: Command, api: httpx.Client, second: Ended) -> None:
    for pool in ("interlock", "interlock-untrusted"):
        interlock.prefect("work-pool", "create", pool, "--type", "process")
    interlock.prefect("deploy", "--all")
    deployments = {made["name"]: made for made in api.post("/deployments/filter", json={}).json()}
    written = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
    rules = {each["name"]: _rules(each) for each in written}
    assert {name: _rules(made) for name, made in deployments.items()} == rules
    asked = {"parameters": {"request": {"downstream": ["pipeline", "board"]}}, "state": {"type": "SCHEDULED"}}
    run = api.post(f"/deployments/{deployments['nightly']['id']}/create_flow_run", json=asked)
    interlock.prefect("worker", "start", "--pool", "interlock-untrusted", "--run-once")
    found = api.get(f"/flow_runs/{run.json()['id']}").json()
    assert found["state"]["type"] == "COMPLETED", found["state"]
    assert second.code == 1


def _rules(deployment: Mapping[str, Any]) -> list[str]:
    """When it is started, as the file or the server says it; the server adds a beginning."""
    return [each.get("schedule", each)["rrule"].rpartition("\n")[2] for each in deployment.get("schedules", ())]
