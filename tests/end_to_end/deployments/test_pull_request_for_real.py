"""A pull request on core as its maintainers see it: the rehearsal's GitHub, `interlock up`, and nothing in between.

Every part is a process of its own: GitHub with its signed webhooks, the gateway that takes them, Prefect's server, the
worker for code under test, the run, and the run of the other worker that tells. Each test goes on where the one before
has ended.
"""

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from deployments.embedded_server.supervisor import free_port
from interlock.webhooks import Secrets, Source
from interlock.webhooks.routing import VERIFY
from interlock.webhooks.signature import SECRET
from tests.support.prefect_release import CORE, Interlock, Running, asked, interlock_in
from tests.support.prefect_server import eventually
from tests.support.rehearsed_verification import NAMED, PIPELINE, STORE, TELEMETRY

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

REPOSITORY = f"mjdevaccount/{CORE}"
BRANCH = "gentler"
VALUE, RENAMED = 'soft = "soft"', 'soft = "gentle"'
# Their suites expect the value; the others' ask only whether everything can be imported.
RED = {PIPELINE, STORE}
DOWNSTREAMS = RED | {"market-data-ibkr", "market-data-orchestrator"}
WEBHOOK_SECRET = "It's the master secret of the gateway"
HOOK_SECRET = Secrets(current=SecretStr(WEBHOOK_SECRET)).derived(Source.GITHUB, REPOSITORY).get_secret_value()
PATIENCE = 300.0


@dataclass
class Scene:
    """Everything that runs.

    Attributes:
        interlock: The command, in a home with a world that is served.
        environ: Of a shell that uses the world.
        stack: `interlock up`.
        gateway: Its address.
        clone: Of core, on the branch of the pull request.
        github: The API, with the maintainer's token.
        prefect: The API of the server that the stack has started.
    """

    interlock: Interlock
    environ: dict[str, str]
    stack: Running
    gateway: str
    clone: Path
    github: httpx.Client
    prefect: httpx.Client

    def get(self, path: str) -> Any:
        """Ask GitHub about core."""
        return self.github.get(f"/repos/{REPOSITORY}/{path}").raise_for_status().json()

    def post(self, path: str, **body: object) -> Any:
        """Tell GitHub something."""
        answer = self.github.post(f"/repos/{REPOSITORY}/{path}", json=body).raise_for_status()
        return answer.json() if answer.content else None

    def git(self, *arguments: str | Path) -> str:
        """Run Git in the clone, as the maintainer."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.clone, env=self.environ, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def push(self, old: str, new: str) -> str:
        """Replace a text of core's and push that; the commit."""
        file = self.clone / TELEMETRY
        text = file.read_text("utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), "utf-8")
        self.git("commit", "--quiet", "--all", "--message", f"Say {new}")
        self.git("push", "--quiet", "origin", BRANCH)
        return self.git("rev-parse", "HEAD")

    def statuses(self, sha: str) -> dict[str, dict[str, Any]]:
        """The newest of each downstream, by its name."""
        found = self.get(f"commits/{sha}/status")["statuses"]
        return {one["context"].removeprefix("interlock/cells/"): one for one in found}

    def comments(self, number: int) -> list[dict[str, Any]]:
        """What is said of a pull request."""
        found: list[dict[str, Any]] = self.get(f"issues/{number}/comments")
        return found

    def told(self, sha: str) -> dict[str, dict[str, Any]]:
        """The statuses of a commit, when each downstream's is final."""

        def found() -> dict[str, dict[str, Any]] | None:
            statuses = self.statuses(sha)
            is_final = statuses and all(one["state"] != "pending" for one in statuses.values())
            return statuses if is_final else None

        return eventually(found, PATIENCE, pause=0.5) or {}

    def runs(self, deployment: str = VERIFY) -> list[dict[str, Any]]:
        """What Prefect knows of the runs of a deployment, the oldest first."""
        name = {"name": {"any_": [deployment.partition("/")[0]]}}
        return sorted(asked(self.prefect, "flow_runs", flows=name), key=lambda run: str(run["created"]))

    def ended(self, number: int) -> dict[str, Any]:
        """Wait for the end of a run, by its number from zero."""

        def found() -> dict[str, Any] | None:
            assert self.stack.process.poll() is None, self.stack.err.read_text("utf-8")
            runs = self.runs()
            return runs[number] if len(runs) > number and runs[number]["end_time"] else None

        run = eventually(found, PATIENCE, pause=0.5)
        assert run is not None
        return run


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with interlock_in(tmp_path_factory.mktemp("pull-request")) as interlock:
        ended = interlock.run("rehearse", "--keep")
        assert ended.code == 0, ended.err
        environ = {name: text for name, text in interlock.in_world().items() if not name.startswith("PREFECT_")}
        port = free_port(0)
        stack = interlock.begin(
            *("up", "--port", str(free_port(0)), "--gateway-port", str(port)),
            environ={**environ, SECRET: WEBHOOK_SECRET},
        )
        try:
            eventually(lambda: is_up(stack), PATIENCE, pause=0.5)
            clone = cloned(interlock.folder / "clone", environ)
            with github_api(environ) as github, interlock.api() as prefect:
                yield Scene(interlock, environ, stack, f"http://127.0.0.1:{port}", clone, github, prefect)
        finally:
            stopped(stack)


def github_api(environ: dict[str, str]) -> httpx.Client:
    token = {"authorization": f"Bearer {environ['REPO_DISPATCH_TOKEN']}"}
    return httpx.Client(base_url=environ["GITHUB_API_URL"], headers=token, trust_env=False, timeout=30)


def is_up(stack: Running) -> bool:
    said = stack.out.read_text("utf-8")
    assert stack.process.poll() is None, said + stack.err.read_text("utf-8")
    return all(
        any(line.startswith(f"{part}: healthy") for line in said.splitlines())
        for part in ("gateway", "worker 1", "untrusted worker 1")
    )


def cloned(folder: Path, environ: dict[str, str]) -> Path:
    """A clone of core that may push, on a new branch."""
    address = httpx.URL(environ["GITHUB_SERVER_URL"]).copy_with(
        username="maintainer", password=environ["REPO_DISPATCH_TOKEN"], path=f"/{REPOSITORY}.git"
    )
    folder.mkdir()
    for command in (["clone", "--quiet", str(address), "."], ["switch", "--quiet", "--create", BRANCH]):
        subprocess.run(["git", *command], cwd=folder, env=environ, check=True)
    return folder


def stopped(stack: Running) -> None:
    """Stop it as people do; what is left when it doesn't stop ends with it."""
    if stack.process.poll() is None:
        stack.process.send_signal(signal.SIGINT)
    try:
        stack.ends()
    except subprocess.TimeoutExpired:
        stack.kill(group=True)
        raise


@pytest.fixture(scope="module")
def hook(scene: Scene) -> int:
    """The webhook that docs/gateway.md has people make."""
    config = {"url": f"{scene.gateway}/webhooks/github", "content_type": "json", "secret": HOOK_SECRET}
    events = ["release", "push", "pull_request", "workflow_run"]
    return int(scene.post("hooks", name="web", events=events, config=config)["id"])


@dataclass
class Opened:
    """A pull request, and what became of its first commit."""

    number: int
    sha: str
    run: dict[str, Any]


@pytest.fixture(scope="module")
def opened(scene: Scene, hook: int) -> Opened:
    """It renames a value, and has been verified."""
    assert hook
    sha = scene.push(VALUE, RENAMED)
    pull = scene.post("pulls", title="Softer words", head=BRANCH, base="main")
    return Opened(int(pull["number"]), sha, scene.ended(0))


def deliveries(scene: Scene, hook: int, event: str) -> list[dict[str, Any]]:
    """What GitHub has sent to the gateway, the newest first, when all of it was answered."""
    found: list[dict[str, Any]] = eventually(
        lambda: [
            each
            for listed in [scene.get(f"hooks/{hook}/deliveries")]
            if all(one["status_code"] for one in listed)
            for each in listed
            if each["event"] == event
        ]
    )
    return found


def test_its_webhook_is_taken_and_a_worker_has_run_what_follows(scene: Scene, hook: int, opened: Opened) -> None:
    (sent,) = deliveries(scene, hook, "pull_request")
    assert (sent["action"], sent["status_code"]) == ("opened", 202)
    (kept,) = json.loads(scene.interlock.run("deliveries", "--state", "started", "--json", environ=scene.environ).out)
    assert (kept["guid"], kept["start"]["deployment"], kept["run"]) == (sent["guid"], VERIFY, opened.run["id"])
    assert opened.run["state_type"] == "COMPLETED", opened.run["state"]
    assert opened.run["work_pool_name"] == "interlock-untrusted"
    assert opened.run["name"] == f"contracts {CORE} #{opened.number} ({opened.sha[:12]})"


def test_each_downstream_has_a_status_that_leads_to_the_run(scene: Scene, opened: Opened) -> None:
    statuses = scene.told(opened.sha)
    states = {name: one["state"] for name, one in statuses.items()}
    assert states == {name: "failure" if name in RED else "success" for name in DOWNSTREAMS}
    assert all(one["target_url"].endswith(opened.run["id"]) for one in statuses.values())
    said = [(one["context"], one["state"]) for one in scene.get(f"commits/{opened.sha}/statuses?per_page=100")]
    assert len(said) == len(set(said)) == 2 * len(DOWNSTREAMS), "pending, then a result, and nothing twice"


def test_it_is_told_by_runs_with_a_token_from_what_a_run_without_one_has_found_out(
    scene: Scene, opened: Opened
) -> None:
    assert scene.told(opened.sha)

    def ended() -> list[dict[str, Any]]:
        runs = [run for run in scene.runs("tell-contracts") if not run["auto_scheduled"]]
        return runs if all(run["end_time"] for run in runs) else []

    runs = eventually(ended, PATIENCE, pause=0.5)
    assert {(run["work_pool_name"], run["state_type"]) for run in runs} == {("interlock", "COMPLETED")}
    credentials = scene.interlock.home / "up" / "credentials"
    assert (credentials / "worker" / "REPO_DISPATCH_TOKEN").exists()
    assert list((credentials / "untrusted").iterdir()) == []


def test_the_comment_names_the_tests_that_fail_and_what_changed(scene: Scene, opened: Opened) -> None:
    (comment,) = eventually(lambda: scene.comments(opened.number), PATIENCE, pause=0.5)
    for words in (NAMED.rpartition("::")[2], "BackpressureLevel", opened.sha[:12], "interlock contracts "):
        assert words in comment["body"], comment["body"]


def test_what_github_sends_again_changes_nothing(scene: Scene, hook: int, opened: Opened) -> None:
    (sent,) = deliveries(scene, hook, "pull_request")
    scene.post(f"hooks/{hook}/deliveries/{sent['id']}/attempts")
    again, _first = deliveries(scene, hook, "pull_request")
    assert (again["redelivery"], again["status_code"]) == (True, 200)
    assert [run["id"] for run in scene.runs()] == [opened.run["id"]]


def test_a_push_that_restores_it_turns_all_green_and_updates_the_comment(scene: Scene, opened: Opened) -> None:
    (before,) = scene.comments(opened.number)
    sha = scene.push(RENAMED, VALUE)
    run = scene.ended(1)
    assert run["state_type"] == "COMPLETED", run["state"]
    assert {name: one["state"] for name, one in scene.told(sha).items()} == dict.fromkeys(DOWNSTREAMS, "success")
    assert scene.statuses(opened.sha)[PIPELINE]["state"] == "failure"
    (after,) = eventually(
        lambda: [each for each in scene.comments(opened.number) if sha[:12] in each["body"]], PATIENCE, pause=0.5
    )
    assert after["id"] == before["id"]
    assert sha[:12] in after["body"]
    assert NAMED.rpartition("::")[2] not in after["body"], after["body"]
