"""`interlock cascade` and its relatives: what they ask for, print and decide; and as real processes in a world."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.commands import cascade as command
from deployments.cli.commands import rehearse
from deployments.cli.main import app
from interlock.adapters.ledger import open_ledger
from interlock.cascades.request import CascadeRequest
from interlock.errors import FamilyError, UsageError
from interlock.model.cascade import Cascade, State, settled
from tests.support.cascades import a_cascade, go, half
from tests.support.prefect_release import CORE, Ended, Interlock, interlock_in
from tests.support.release_values import NOON, a_release

ID = "market-data-core-1.2.11"
FAMILY = '[family]\nname = "small"\nowner = "me"\n[packages.market-data-core]\n[packages.store]\n'
STORE, PIPELINE = "market-data-store", "market-data-pipeline"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments: str | Path) -> str:
    """The words of a refusal."""
    error = invoke(*arguments).exception
    assert isinstance(error, UsageError | FamilyError), error
    return str(error)


# ---- what is asked for ------------------------------------------------------------------------------------------


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A family file that is meant when none is named."""
    file = tmp_path / "family.toml"
    file.write_text(FAMILY)
    monkeypatch.setenv("INTERLOCK_FAMILY", str(file))
    return file


class Walks:
    """Stands for the flow: what it was asked for, and the cascade that it gives back."""

    def __init__(self) -> None:
        self.requests: list[CascadeRequest] = []
        self.result = half()

    async def run(self, request: CascadeRequest) -> tuple[Cascade, str | None]:
        self.requests.append(request)
        return self.result, "http://127.0.0.1:4200/runs/flow-run/1"


@pytest.fixture
def walks(family: Path, monkeypatch: pytest.MonkeyPatch) -> Walks:
    assert family.exists()
    found = Walks()
    monkeypatch.setattr(command, "_run", found.run)
    return found


def all_released() -> Cascade:
    cascade = a_cascade()
    for name in cascade.progress:
        cascade = go(cascade, name, State.RELEASING, State.RELEASED)
    return cascade


def test_what_is_asked_for_reaches_the_flow(walks: Walks, family: Path) -> None:
    invoke("cascade", CORE)
    invoke("cascade", CORE, "--bump", "minor,rc")
    invoke("cascade", CORE, "--version", "2.0.0", "--family", family)
    invoke("follow", CORE, "1.2.11")
    assert walks.requests == [
        CascadeRequest(root=CORE),
        CascadeRequest(root=CORE, bump="minor,rc"),
        CascadeRequest(root=CORE, version="2.0.0", family=str(family)),
        CascadeRequest(root=CORE, version="1.2.11", follow=True),
    ]


def test_it_ends_with_0_only_when_all_is_done(walks: Walks) -> None:
    ended = invoke("cascade", CORE)
    assert ended.exit_code == 1
    assert ended.stdout.splitlines()[-1] == "the run, in Prefect's UI: http://127.0.0.1:4200/runs/flow-run/1"
    assert "    interlock cascade unhold store\n" in ended.stdout
    walks.result = a_cascade()
    assert invoke("cascade", CORE).exit_code == 1
    walks.result = all_released()
    assert invoke("cascade", CORE).exit_code == 0


def test_json_is_the_cascade_and_nothing_else(walks: Walks) -> None:
    assert Cascade.model_validate_json(invoke("cascade", CORE, "--json").stdout) == walks.result


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cascade", "market-data-cor"], 'has no package "market-data-cor"'),
        (["follow", "market-data-cor", "1.2.11"], 'has no package "market-data-cor"'),
        (["cascade", CORE, "--bump", "pathc"], "pathc"),
        (["cascade", CORE, "--version", "one"], "one"),
        (["follow", CORE, "one"], "one"),
        (["cascade", CORE, "--family", "none.toml"], "none.toml"),
    ],
)
def test_a_mistake_is_told_before_anything_is_started(walks: Walks, arguments: list[str], words: str) -> None:
    assert words in refused(*arguments)
    assert words in refused(*arguments, "--dry-run")
    assert walks.requests == []


@pytest.mark.parametrize("options", [[], ["--keep"]])
def test_what_was_rehearsed_says_where_to_look_and_leaves_out_pages_that_are_gone(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def run_cascade(package: str, **how: object) -> int:
        asked.append({"package": package, **how})
        return 0

    monkeypatch.setattr(rehearse, "run_cascade", run_cascade)
    monkeypatch.setattr(os, "environ", {**os.environ})
    directory = tmp_path / "my world"
    try:
        ended = invoke("rehearse", "cascade", CORE, "--bump", "minor", "--directory", directory, *options)
    finally:
        invoke("rehearse", "stop", "--directory", directory)
    how = {"version": None, "ref": None, "empty": False, "dry_run": False, "as_json": False, "pages": bool(options)}
    assert asked == [{"package": CORE, "bump": "minor", **how}]
    look = f"eval \"$(interlock rehearse env --directory '{directory}')\"; interlock cascades\n"
    first = f"to look around in its world: interlock rehearse --directory '{directory}'; in another shell: "
    assert ended.stdout == (look if options else first + look)


# ---- what is in the ledger --------------------------------------------------------------------------------------


def keep(cascade: Cascade) -> None:
    with open_ledger() as ledger:
        ledger.begin_cascade(cascade)


def kept() -> Cascade:
    """What is in the ledger, with what follows from it: that is written by whoever walks."""
    with open_ledger() as ledger:
        found = ledger.cascade(ID)
    assert found is not None
    return settled(found, NOON)


def test_an_empty_ledger_says_so() -> None:
    assert invoke("cascades").stdout == "no cascade is in the ledger\n"
    assert json.loads(invoke("cascades", "--json").stdout) == []


def test_cascades_are_listed_shown_and_given_with_their_manifest() -> None:
    keep(half())
    with open_ledger() as ledger:
        ledger.record_release(a_release(cascade=ID))
        ledger.record_release(a_release(package="store"))
    assert [line.split()[0] for line in invoke("cascades").stdout.splitlines()] == ["cascade", ID]
    assert [Cascade.model_validate(each) for each in json.loads(invoke("cascades", "--json").stdout)] == [kept()]
    assert invoke("cascades", ID).stdout.startswith(f"{ID} over, with packages that are held")
    found = json.loads(invoke("cascades", ID, "--json").stdout)
    core, store = found["packages"][:2]
    assert (core["package"], core["version"], core["commit"]) == (CORE, "1.2.11", "c" * 40)
    assert (store["state"], store["commit"]) == ("held", None)


@pytest.mark.parametrize(
    "arguments",
    [["cascades", "no"], ["cascade", "resume", "no"], ["cascade", "abort", "no"]],
)
def test_a_cascade_that_is_not_there_is_usage(arguments: list[str]) -> None:
    assert 'there is no cascade "no"' in refused(*arguments)


@pytest.mark.parametrize(("verb", "why"), [("hold", ["--why", "x"]), ("unhold", [])])
def test_what_can_not_be_decided_says_why(verb: str, why: list[str]) -> None:
    assert "there is no cascade yet" in refused("cascade", verb, "store", *why)
    keep(half())
    assert f'"stor" takes no part in {ID}' in refused("cascade", verb, "stor", *why)
    assert "market-data-core is released" in refused("cascade", verb, CORE, *why)
    assert kept() == half()


def test_a_hold_and_what_follows_is_kept_until_it_is_taken_back() -> None:
    keep(a_cascade())
    assert invoke("cascade", "hold", "store", "--why", "not on a Friday").stdout == "store is held: not on a Friday\n"
    now = kept()
    assert now.holds == {"store": "not on a Friday"}
    assert (now.state("store"), now.state("tip"), now.state("pipeline")) == (State.HELD, State.HELD, State.WAITING)
    assert invoke("cascade", "unhold", "store", "--of", ID).stdout == (
        f"store goes on with: interlock cascade resume {ID}\n"
    )
    assert kept().holds == {}
    assert kept().state("tip") is State.WAITING


def test_one_that_was_over_goes_on_when_something_is_let_go() -> None:
    ended = half()
    keep(ended)
    with open_ledger() as ledger:
        ledger.end_cascade(ID, NOON)
    assert invoke("cascade", "unhold", "store").exit_code == 0
    assert kept().ended_at is None
    assert kept().state("store") is State.PLANNED


def test_aborted_is_aborted_until_it_is_resumed(walks: Walks) -> None:
    keep(a_cascade())
    assert "is aborted; to go on after all" in invoke("cascade", "abort", ID).stdout
    assert kept().aborted
    assert {each.state for each in kept().progress.values()} == {State.HELD}
    invoke("cascade", "resume", ID)
    assert not kept().aborted
    assert kept().ended_at is None
    assert walks.requests == [CascadeRequest(root=CORE, version="1.2.11")]


def test_what_is_done_is_not_aborted() -> None:
    keep(all_released())
    assert "is done: there is nothing left to abort" in refused("cascade", "abort", ID)
    assert not kept().aborted


def test_what_failed_is_tried_again_when_it_is_resumed(walks: Walks) -> None:
    keep(go(a_cascade(), CORE, State.RELEASING, State.FAILED, reason="no answer"))
    invoke("cascade", "resume", ID)
    assert kept().state(CORE) is State.PLANNED
    assert len(walks.requests) == 1


# ---- for real ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def interlock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interlock]:
    with interlock_in(tmp_path_factory.mktemp("for-real")) as found:
        yield found


@pytest.fixture(scope="module")
def world(interlock: Interlock) -> dict[str, str]:
    """The variables of a shell that uses a world which stays."""
    assert interlock.run("rehearse", "--keep").code == 0
    family = interlock.world.family_file
    # One suite runs as Prefect's tasks do; the others are run by the same steps in tests of cascades.
    others = r"\n\[\[packages\.market-data-(pipeline|orchestrator)\.suites\]\]\n(.+\n)*"
    family.write_text(re.sub(others, "\n", family.read_text()))
    return interlock.in_world()


@pytest.fixture(scope="module")
def planned(interlock: Interlock, world: dict[str, str]) -> Ended:
    """A dry run."""
    return interlock.invoke("cascade", CORE, "--dry-run", environ=world)


@pytest.fixture(scope="module")
def interrupted(interlock: Interlock, planned: Ended) -> Ended:
    """A cascade that somebody ended while core was out and the next ones were about to be."""
    assert "4 releases, 1 test without release, 1 command; nothing was changed\n" in planned.out
    assert interlock.writes() == []
    third_file = interlock.held(origin="index", method="POST", skip=2, times=9)
    running = interlock.begin("rehearse", "cascade", CORE, "--faults", third_file)
    running.says(f"{STORE} releasing")
    running.says(f"{PIPELINE} releasing")
    running.process.send_signal(signal.SIGINT)
    ended = running.ends()
    assert interlock.run("rehearse", "clear").code == 0
    return ended


@pytest.fixture(scope="module")
def whole(interlock: Interlock, interrupted: Ended) -> Ended:
    """The same to its end."""
    assert interrupted.code == 130, interrupted.err
    return interlock.run("rehearse", "cascade", CORE)


def test_a_dry_run_is_the_plan(interlock: Interlock, world: dict[str, str], planned: Ended, whole: Ended) -> None:
    assert planned.out.splitlines()[1].split() == [CORE, "release", "1.2.10", "→", "1.2.11", "–"]
    assert whole.code == 0, whole.err
    again = interlock.invoke("cascade", CORE, "--dry-run", environ=world)
    done = "it was done before, and nothing is new since; nothing was changed"
    assert again.out == f"✓ {CORE} 1.2.11 and what follows: {done}\n"
    document = interlock.invoke("cascade", CORE, "--dry-run", "--empty", "--json", environ=world)
    packages = json.loads(document.out)["packages"]
    assert [packages[0][each] for each in ("package", "action", "current", "next")] == [
        CORE,
        "release",
        "1.2.11",
        "1.2.12",
    ]
    assert packages[-1]["package"] == "market-data-infra"


def test_ctrl_c_ends_it_as_everything_else(interrupted: Ended) -> None:
    assert interrupted.err.endswith("interrupted: what was finished is kept, and the same command goes on from there\n")
    assert "Traceback" not in interrupted.err + interrupted.out
    assert f"{CORE} 1.2.11 released\n" in interrupted.err


def test_a_whole_cascade_ends_with_what_was_released_and_why(whole: Ended) -> None:
    assert whole.code == 0, whole.out + whole.err
    lines = whole.out.splitlines()
    assert lines[0].startswith(f"{ID} done; began ")
    rows = {
        line.split()[0]: (line, lines[number + 1])
        for number, line in enumerate(lines)
        if line.startswith("market-data-")
    }
    for name, versions, why in (
        (CORE, "1.2.10 → 1.2.11", "the cascade begins with it"),
        (STORE, "0.6.3 → 0.6.4", f"policy always for {CORE}"),
        ("market-data-orchestrator", "0.8.4 → 0.8.5", f"{CORE} is pinned ==1.2.10; {STORE} is pinned ==0.6.3"),
    ):
        row, reason = rows[name]
        assert f"✓ released   {versions} " in row
        assert reason.startswith(f"    {why}")
    assert "= unchanged" in rows["market-data-ibkr"][0]
    assert "✓ released" in rows["market-data-infra"][0]
    assert "the run, in Prefect's UI: http://127.0.0.1:" in lines[-2]
    assert lines[-1] == 'eval "$(interlock rehearse env)"; interlock cascades'


def test_each_package_was_released_once_though_it_took_two_commands(whole: Ended, interlock: Interlock) -> None:
    assert whole.code == 0
    tags = [note for note in interlock.writes() if note.startswith("push") and "refs/tags/" in note]
    assert len(tags) == len(set(tags)) == 4, tags


def test_the_worlds_ledger_has_it_with_its_manifest(whole: Ended, interlock: Interlock, world: dict[str, str]) -> None:
    assert whole.code == 0
    listed = interlock.invoke("cascades", environ=world).out.splitlines()
    assert [line.split()[0] for line in listed] == ["cascade", ID]
    assert listed[1].split()[4:] == ["done", "5", "0", "0"]
    manifest = json.loads(interlock.invoke("cascades", ID, "--json", environ=world).out)
    released = {each["package"]: each for each in manifest["packages"] if each["commit"]}
    assert set(released) == {CORE, STORE, PIPELINE, "market-data-orchestrator"}
    assert all(file["sha256"] for each in released.values() for file in each["files"])
    assert interlock.invoke("cascades", environ=interlock.environ).out == "no cascade is in the ledger\n"
