"""`interlock rehearse`: the command around a world."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.commands import rehearse
from interlock.errors import RehearsalError, UsageError
from rehearsal.directory import RehearsalDirectory
from rehearsal.faults import Effect, InjectedFault, read_faults, seeded
from rehearsal.index import IndexStore
from rehearsal.world import running
from tests.support.paths import ROOT

COMMAND = [sys.executable, "-c", "from deployments.cli.main import main; main()", "rehearse"]


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with what was built for the small family, so that a test's world is made in no time."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of these tests, in which nothing runs before and after."""
    monkeypatch.setenv("INTERLOCK_HOME", str(shared_home))
    # What a rehearsed command changes in the environment ends with the test.
    for name, value in os.environ.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    yield shared_home
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    invoke("stop")


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(rehearse.app, [str(argument) for argument in arguments])


def said(*arguments: str | Path) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output or result.exception
    return result.output


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Stands for the release itself, which has tests of its own: what it was asked for, and in which environment."""
    asked: list[dict[str, object]] = []

    def run_release(package: str, **how: object) -> int:
        asked.append({"package": package, **how, "index": os.environ["UV_DEFAULT_INDEX"]})
        return 0

    monkeypatch.setattr(rehearse, "run_release", run_release)
    return asked


def test_it_prints_where_everything_is_and_ends_with_the_terminal(home: Path) -> None:
    world = subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert world.stdout is not None
    with world.stdout as output:
        lines = [output.readline() for _ in range(8)]
        assert lines[0] == f"A rehearsal of market-data in {home}/rehearsals/market-data\n"
        urls = running(home / "rehearsals/market-data").addresses()
        assert f"{urls['git']}/mjdevaccount/" in lines[1]
        assert f"{urls['index']}/simple/" in lines[2]
        assert urls["api"] in lines[3]
        os.killpg(world.pid, signal.SIGINT)  # as a terminal does: everything in the group gets it
        assert world.wait() == 0
        assert output.read() == ""
    assert RehearsalDirectory(home / "rehearsals/market-data").server() is None


def test_one_that_is_kept_can_be_used_looked_at_and_stopped(home: Path) -> None:
    assert "goes on until: interlock rehearse stop" in said("--keep")
    directory = home / "rehearsals/market-data"
    exports = said("env")
    assert f"export INTERLOCK_FAMILY={directory}/family.toml\n" in exports
    script = f"{exports}\ngit ls-remote --quiet https://github.com/mjdevaccount/market-data-core.git main"
    subprocess.run(["sh", "-c", script], check=True, capture_output=True)
    shown = said("log")
    assert " git     200 GET    /mjdevaccount/market-data-core.git/info/refs?service=git-upload-pack" in shown
    assert "goes on until" in said()  # it is joined
    assert said("stop") == f"stopped: {directory}\n"
    assert said("stop") == said("stop", "--directory", directory) == "was not running\n"
    assert said("log") == shown
    assert isinstance(invoke("env").exception, RehearsalError)


def test_faults_come_from_files_and_seeds_and_can_be_cleared(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('[{"effect": "refuse", "origin": "index", "status": 503, "times": 5}]')
    said("--keep", "--faults", file, "--seed", "7")
    index = running(home / "rehearsals/market-data").addresses()["index"]
    curl = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", f"{index}/simple/"]
    assert subprocess.run(curl, capture_output=True, check=True).stdout == b"503"
    assert "fault: refuse" in said("log")
    assert said("clear") == "no more faults\n"
    assert subprocess.run(curl, capture_output=True, check=True).stdout == b"200"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.toml", '[[faults]]\neffect = "lose"\npath = "/dispatches$"\n[[faults]]\neffect = "drop"\nskip = 3\n'),
        ("f.json", '{"faults": [{"effect": "lose", "path": "/dispatches$"}, {"effect": "drop", "skip": 3}]}'),
        ("f", '[{"effect": "lose", "path": "/dispatches$"}, {"effect": "drop", "skip": 3}]'),
    ],
)
def test_files_of_faults_are_read(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    expected = (InjectedFault(effect=Effect.LOSE, path="/dispatches$"), InjectedFault(effect=Effect.DROP, skip=3))
    assert read_faults(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[{"effect": "lost"}]', "faults.0.effect: ", "effects: refuse, lose, drop"),
        ('[{"effect": "lose", "tims": 2}]', "faults.0.tims: ", "for example"),
        ("{}", "names no faults", "for example"),
        ("[[faults]]", "cannot be read: ", "for example"),
        ("\udcff", "cannot be read: ", "for example"),
        (None, "cannot be read: No such file", ""),
    ],
)
def test_files_that_say_no_faults_are_refused(text: str | None, message: str, hint: str, tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    if text is not None:
        file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageError) as refused:
        read_faults(file)
    assert f"{file}: {message}" in refused.value.message
    assert (refused.value.hint or "").startswith(hint)


def test_a_release_runs_in_the_world_with_all_that_was_said(home: Path, released: list[dict[str, object]]) -> None:
    output = said("release", "market-data-core", "--bump", "minor", "--ref", "main")
    index = running_index(home)
    assert released == [
        {
            "package": "market-data-core",
            "bump": "minor",
            "version": None,
            "ref": "main",
            "finish": False,
            "empty": False,
            "dry_run": False,
            "as_json": False,
            "index": f"{index}/simple/",
        }
    ]
    assert output == (
        f"while interlock rehearse runs: pip install --index-url {index}/simple/ market-data-core==1.2.10\n"
    )
    assert RehearsalDirectory(home / "rehearsals/market-data").server() is None


def running_index(home: Path) -> str:
    facts = RehearsalDirectory(home / "rehearsals/market-data").facts()
    assert facts is not None
    return f"http://127.0.0.1:{facts.ports['index']}"


@pytest.mark.usefixtures("home")
def test_options_count_before_and_after_the_command(tmp_path: Path, released: list[dict[str, object]]) -> None:
    said("--directory", tmp_path / "here", "--keep", "release", "market-data-core", "--dry-run")
    said("stop", "--directory", tmp_path / "here")
    said("release", "market-data-core", "--dry-run", "--directory", tmp_path / "there", "--seed", "0")
    said("--seed", "3", "release", "market-data-core", "--json", "--directory", tmp_path / "there", "--new")
    assert all((tmp_path / name / "world.json").exists() for name in ("here", "there"))
    assert len(released) == 3


def test_what_was_said_after_the_command_counts_first() -> None:
    here, there = (
        rehearse.RehearseOptions(
            directory=Path(name),
            new=True,
            keep=True,
            faults=Path(name),
            seed=number,
            from_git=(name,),
            family=Path(name),
        )
        for number, name in enumerate(("here", "there"))
    )
    assert (
        here.beside(there) == here.beside(rehearse.RehearseOptions()) == rehearse.RehearseOptions().beside(here) == here
    )
    assert rehearse.RehearseOptions().beside(rehearse.RehearseOptions()) == rehearse.RehearseOptions()


def test_what_can_be_installed_is_not_said_of_what_publishes_nothing(
    home: Path, released: list[dict[str, object]]
) -> None:
    assert said("release", "market-data-infra", "--keep") == ""
    assert said("release", "market-data-store", "--keep") == (
        f"pip install --index-url {running_index(home)}/simple/ market-data-store==0.6.3\n"
    )
    assert len(released) == 2


def test_a_dry_run_finds_nothing_wrong_with_the_world_and_changes_nothing_in_it(home: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "release", "market-data-core", "--dry-run", "--json", "--new"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert {check["state"] for check in found["checks"]} == {"ok"}
    store = IndexStore(home / "rehearsals/market-data/index")
    assert {record.version for record in store.files("market-data-core") or ()} == {"1.2.9", "1.2.10"}


def test_mirrors_are_kept_apart_from_the_small_family(home: Path, tmp_path: Path) -> None:
    (tmp_path / "family.toml").write_text('[family]\nname = "my [own]"\nowner = "me"\n[packages.solo]\n')
    repository = tmp_path / "solo"
    subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)
    output = said("--keep", "--from-git", repository, "--family", tmp_path / "family.toml")
    assert f"A rehearsal of my [own] in {home}/rehearsals/my--own--mirrored\n" in output
    assert "export INTERLOCK_FAMILY=" in said("env")


def test_of_several_that_run_one_must_be_named(home: Path) -> None:
    said("--keep")
    said("--keep", "--directory", home / "rehearsals/another")
    refused = invoke("env").exception
    assert isinstance(refused, RehearsalError)
    assert "several rehearsals run" in refused.message
    assert "--directory" in (refused.hint or "")
    assert "GITHUB_API_URL" in said("env", "--directory", home / "rehearsals/another")
    assert said("stop").count("stopped: ") == 2


@pytest.mark.parametrize("arguments", [[], ["release", "core"], ["env"]])
def test_without_what_only_rehearsals_need_it_says_how_to_get_it(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "interlock-0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: interlock\nVersion: 0\n"
        "Requires-Dist: pytest>=8; extra == 'rehearsal'\n"
        "Requires-Dist: not-there>=3; extra == 'rehearsal'\n"
        "Requires-Dist: not-wanted; extra == 'another'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    refused = invoke(*arguments).exception
    assert isinstance(refused, RehearsalError)
    assert refused.message == "a rehearsal needs not-there, which is not installed"
    assert "pip install 'interlock[rehearsal]'" in (refused.hint or "")


def test_a_seed_gives_the_same_faults_again() -> None:
    assert seeded(3, requests=60, count=6) == seeded(3, requests=60, count=6) != seeded(4, requests=60, count=6)
