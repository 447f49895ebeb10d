"""A hostile pull request from end to end: webhook, gateway, workers, and an ordinary cascade in the same home after it.

Every part is a process of its own. What the pull request runs is `tests/support/hostile_code.py`: it takes what it can,
changes what it can, and writes what came of it into the logs of its cells, where these tests read it. Each test goes on
where the one before has ended.
"""

import contextlib
import json
import re
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, select

from deployments import embedded_server
from deployments.embedded_server import ServerDirectory
from deployments.embedded_server.password import password_of
from interlock.adapters.ledger import open_ledger
from interlock.adapters.ledger.tables import RUN
from tests.support import hostile_code
from tests.support.paths import ROOT
from tests.support.prefect_release import CORE, Interlock, asked, interlock_in
from tests.support.prefect_server import eventually
from tests.support.pull_request_scene import HOOK_SECRET, PATIENCE, WEBHOOK_SECRET, Scene, scene_in
from tests.support.rehearsed_verification import STORE, TELEMETRY

# Long, since a whole stack and a pull request with it take more than a minute of two cores; what each row of it tries
# is in the gate by itself, beside this file.
pytestmark = [pytest.mark.timeout(900), pytest.mark.long]

MARK = f"hostile_{uuid.uuid4().hex}"
CANARY = f"canary-{uuid.uuid4().hex}"
# One time for both worlds: what is released has it in every file.
NOW = str(int(time.time()))
DOWNSTREAMS = {STORE, "market-data-pipeline", "market-data-orchestrator"}
HOOK = """
import pathlib, runpy
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class CustomBuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        package = pathlib.Path("src/market_data_core").resolve()
        line = runpy.run_path(str(package / "_attack.py"))["attack"]("build")
        (package / "_build.txt").write_text(line)
"""
MODULE = '''"""The contracts of the market-data family."""
import pathlib, sys
from market_data_core import _attack
_attack.attack("import")
_attack.say((pathlib.Path(__file__).parent / "_build.txt").read_text())
if "_pytest.python" in sys.modules:
    sys.modules["_pytest.python"].Function.runtest = lambda self: None
'''


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    environ = {"A_CANARY": CANARY, "SOURCE_DATE_EPOCH": NOW}
    with scene_in(tmp_path_factory.mktemp("hostile"), "friendly", environ, with_one_suite) as found:
        yield found


def with_one_suite(interlock: Interlock) -> None:
    """Leave out the suites of all but store, which is enough and quick."""
    family = interlock.world.family_file
    others = r"\n\[\[packages\.market-data-(pipeline|ibkr|orchestrator)\.suites\]\]\n(.+\n)*"
    text, count = re.subn(others, "\n", family.read_text("utf-8"))
    assert count == 3
    family.write_text(text, "utf-8")


@dataclass
class Attacked:
    """What became of the pull request."""

    number: int
    sha: str
    run: dict[str, Any]
    before: dict[str, list[str]]
    loot: list[dict[str, Any]]


@pytest.fixture(scope="module")
def attacked(scene: Scene) -> Attacked:
    before = kept(scene)
    scene.hook()
    source = scene.clone / "src/market_data_core"
    code = Path(hostile_code.__file__).read_text("utf-8")
    line = 'SETTINGS: "dict[str, Any]" = {}\n'
    assert code.count(line) == 1
    (source / "_attack.py").write_text(code.replace(line, f"SETTINGS = {settings(scene)!r}\n"), "utf-8")
    (source / "__init__.py").write_text(MODULE, "utf-8")
    (scene.clone / "hatch_build.py").write_text(HOOK, "utf-8")
    with (scene.clone / "pyproject.toml").open("a") as file:
        file.write("\n[tool.hatch.build.hooks.custom]\n")
    scene.replace(TELEMETRY, 'soft = "soft"', 'soft = "gentle"')  # which store's suite does not accept
    sha = scene.push("Be kind")
    number = int(scene.post("pulls", title="A kind word", head="friendly", base="main")["number"])
    run = scene.ended(0)
    return Attacked(number, sha, run, before, looted(scene.interlock))


def settings(scene: Scene) -> dict[str, object]:
    """What only a very well informed stranger knows."""
    of_the_world = [scene.environ[name] for name in ("UV_DEFAULT_INDEX", "GITHUB_API_URL", "GITHUB_SERVER_URL")]
    addresses = [scene.gateway, str(scene.prefect.base_url), *of_the_world]
    return {
        "mark": MARK,
        "stack": scene.stack.process.pid,
        "prefect": str(scene.prefect.base_url).rstrip("/"),
        "addresses": [*(["127.0.0.1", httpx.URL(each).port] for each in addresses), ["127.0.0.1", 4200]],
        "folders": [str(scene.interlock.home), str(scene.interlock.folder / "user")],
        "checkout": [str(ROOT), str(ROOT / "interlock"), sys.prefix],
    }


def looted(interlock: Interlock) -> list[dict[str, Any]]:
    """What the hostile code wrote into the logs of cells."""
    engine = create_engine(f"sqlite:///{interlock.world.ledger}")
    with engine.connect() as ledger:
        logs = list(ledger.scalars(select(RUN.c.log)))
    engine.dispose()
    return [json.loads(line[5:]) for log in logs for line in log.splitlines() if line.startswith("LOOT ")]


def secrets(scene: Scene) -> set[str]:
    """What must be in no place that the hostile code can read or write."""
    server = embedded_server.status(ServerDirectory(scene.interlock.home / "prefect")).server
    assert server is not None
    tokens = {scene.environ[name] for name in ("REPO_DISPATCH_TOKEN", "TWINE_PASSWORD")}
    return {*tokens, WEBHOOK_SECRET, HOOK_SECRET, CANARY, password_of(server).get_secret_value().rpartition(":")[2]}


def all_runs(scene: Scene) -> list[dict[str, Any]]:
    """Every run that was neither planned by a schedule nor started by an automation, with the name of its flow."""
    names = {flow["id"]: flow["name"] for flow in asked(scene.prefect, "flows")}
    runs = [run for run in asked(scene.prefect, "flow_runs") if not run["auto_scheduled"]]
    own = [run for run in runs if (run["created_by"] or {}).get("type") != "AUTOMATION"]
    return [{**run, "flow": names[run["flow_id"]]} for run in own]


def kept(scene: Scene) -> dict[str, list[str]]:
    """What Prefect keeps that could start a run, or holds something."""
    kinds = ("automations", "deployments", "variables", "block_documents")
    return {kind: sorted(str(each["id"]) for each in asked(scene.prefect, kind)) for kind in kinds}


def living() -> list[str]:
    """What the pull request has started and still runs."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if MARK in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found


def test_it_was_run_by_itself_and_told(scene: Scene, attacked: Attacked) -> None:
    assert attacked.run["state_type"] == "COMPLETED", attacked.run["state"]
    assert scene.told(attacked.sha).keys() == {STORE}
    assert len(eventually(lambda: scene.comments(attacked.number), PATIENCE, pause=0.5)) == 1


def test_its_lie_about_itself_is_green_and_named_for_those_who_read_the_diff(scene: Scene, attacked: Attacked) -> None:
    assert scene.told(attacked.sha)[STORE]["state"] == "success", "docs/security.md: what is not promised"
    (comment,) = scene.comments(attacked.number)
    assert "this change touches market_data_core/__init__.py" in comment["body"]
    assert "a person should read it" in comment["body"]


def test_its_build_and_its_import_were_an_attack(attacked: Attacked) -> None:
    assert {loot["where"] for loot in attacked.loot} == {"build", "import"}
    assert all(isinstance(loot["daemon"], int) for loot in attacked.loot)
    assert all(isinstance(loot["files"], dict) and isinstance(loot["writable"], list) for loot in attacked.loot)


def test_it_saw_no_process_but_its_own_and_no_secret(scene: Scene, attacked: Attacked) -> None:
    for loot in attacked.loot:
        assert len(loot["environments"]) < 10
        assert {pid: found for pid, found in loot["memories"].items() if found} == {}
        assert not [secret for secret in secrets(scene) if secret in json.dumps(loot)]


def test_it_reached_no_service_and_could_give_no_order(attacked: Attacked) -> None:
    for loot in attacked.loot:
        assert (loot["connected"], loot["unix"]) == ([], [])
        assert {said for each in loot["orders"].values() for said in each if "Connection refused" not in said} == set()


def test_it_could_write_into_its_own_folder_alone(attacked: Attacked) -> None:
    for loot in attacked.loot:
        assert loot["files"]["spoilt"] == loot["checkout"] == []
        others = [path for path in loot["writable"] if path not in {"/tmp", "/dev/shm", "<cell>"}]
        assert all(re.search(r"/interlock-build-\w+/\d+/\w+$", path) for path in others), others
        assert all("/cache-untrusted/environments/" in path for path in loot["files"]["seen"])


def test_nothing_of_it_lives_on(attacked: Attacked) -> None:
    assert attacked.loot
    assert living() == []


def test_no_file_and_no_log_of_interlocks_has_a_secret_or_what_it_left(scene: Scene, attacked: Attacked) -> None:
    assert attacked.loot
    home = scene.interlock.home
    apart = [home / "rehearsals", home / "up/credentials", home / "prefect/api-password"]
    found = {
        path: [secret for secret in secrets(scene) if secret.encode() in path.read_bytes()]
        for path in home.rglob("*")
        if path.is_file() and not any(path.is_relative_to(each) for each in apart)
    }
    assert {path: seen for path, seen in found.items() if seen} == {}
    assert not list(scene.interlock.folder.rglob(f"{MARK}*"))
    said = json.dumps([asked(scene.prefect, what) for what in ("logs", "artifacts")])
    said += json.dumps([scene.comments(attacked.number), scene.statuses(attacked.sha)])
    assert not [secret for secret in secrets(scene) if secret in said]


def test_no_run_was_made_that_nobody_asked_for(scene: Scene, attacked: Attacked) -> None:
    runs = all_runs(scene)
    assert [run["id"] for run in runs if run["flow"] == "verify-contracts"] == [attacked.run["id"]]
    assert {run["flow"] for run in runs} == {"verify-contracts", "tell-contracts"}
    assert kept(scene) == attacked.before


# ---- an ordinary cascade, afterwards ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cascade(scene: Scene, attacked: Attacked) -> dict[str, Any]:
    """By the worker that releases, in the home that has seen the pull request."""
    deployment = scene.prefect.get("/deployments/name/cascade-release/cascade-release").raise_for_status().json()["id"]
    body = {"state": {"type": "SCHEDULED"}, "parameters": {"request": {"root": CORE, "bump": "patch"}}}
    made = scene.prefect.post(f"/deployments/{deployment}/create_flow_run", json=body).raise_for_status().json()

    def ended() -> dict[str, Any]:
        run: dict[str, Any] = scene.prefect.get(f"/flow_runs/{made['id']}").json()
        return run if run["end_time"] else {}

    return eventually(ended, PATIENCE, pause=0.5)


@pytest.fixture(scope="module")
def innocent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interlock]:
    """A world that never saw the pull request, with the same cascade by a command."""
    with interlock_in(tmp_path_factory.mktemp("innocent")) as found:
        found.environ["SOURCE_DATE_EPOCH"] = NOW
        assert found.run("rehearse", "--keep").code == 0
        with_one_suite(found)
        ended = found.run("rehearse", "cascade", CORE)
        assert ended.code == 0, ended.out + ended.err
        yield found


def published(interlock: Interlock) -> dict[str, bytes]:
    """Each file of the family on the index."""
    files = [path for path in (interlock.world.index / "files").rglob("market_data*") if path.is_file()]
    return {path.name: path.read_bytes() for path in files}


def released(interlock: Interlock) -> dict[str, set[str]]:
    """The tags and the branches that are released from, with their commits."""
    own = {name: set(text.splitlines()) for name, text in interlock.refs().items()}
    return {name: {line for line in lines if not re.search("friendly|refs/pull", line)} for name, lines in own.items()}


def test_published_files_are_those_of_a_world_that_never_saw_it(
    scene: Scene, cascade: dict[str, Any], innocent: Interlock
) -> None:
    assert cascade["state_type"] == "COMPLETED", cascade["state"]
    releases = {release.package: release.files for release in scene.interlock.releases()}
    assert releases.keys() == {CORE, *DOWNSTREAMS}
    assert {file.name for files in releases.values() for file in files} < published(innocent).keys()
    assert published(scene.interlock) == published(innocent)
    assert released(scene.interlock) == released(innocent)


def test_every_run_is_one_that_was_asked_for(scene: Scene, attacked: Attacked, cascade: dict[str, Any]) -> None:
    with open_ledger(SecretStr(f"sqlite:///{scene.interlock.world.ledger}")) as ledger:
        eventually(lambda: not ledger.waiting_deliveries(), PATIENCE)
        by_gateway = {str(each.run) for each in ledger.deliveries() if each.run}  # also what was pushed
    runs = all_runs(scene)
    alone = {run["id"] for run in runs if not run["parent_task_run_id"] and run["flow"] != "tell-contracts"}
    assert attacked.run["id"] in by_gateway
    assert alone == by_gateway | {cascade["id"]}
    below = [run for run in runs if run["parent_task_run_id"]]
    parents = [scene.prefect.get(f"/task_runs/{run['parent_task_run_id']}").json()["flow_run_id"] for run in below]
    assert (Counter(run["flow"] for run in below), set(parents)) == ({"release-package": 4}, {cascade["id"]})
    assert kept(scene) == attacked.before
    assert living() == []
