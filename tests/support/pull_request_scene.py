"""A pull request on core in a world that is served, with `interlock up`: every part is a process of its own."""

import contextlib
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from deployments.embedded_server.supervisor import free_port
from interlock.webhooks import Secrets, Source
from interlock.webhooks.routing import VERIFY
from interlock.webhooks.signature import SECRET
from tests.support.prefect_release import CORE, Interlock, Running, asked, interlock_in
from tests.support.prefect_server import eventually

REPOSITORY = f"mjdevaccount/{CORE}"
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

    def replace(self, file: str, old: str, new: str) -> None:
        """Replace a text of core's, which is there once."""
        path = self.clone / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), "utf-8")

    def push(self, message: str) -> str:
        """Commit everything and push it; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")

    def hook(self) -> int:
        """The webhook that docs/gateway.md has people make; its number."""
        config = {"url": f"{self.gateway}/webhooks/github", "content_type": "json", "secret": HOOK_SECRET}
        events = ["release", "push", "pull_request", "workflow_run"]
        return int(self.post("hooks", name="web", events=events, config=config)["id"])

    def statuses(self, sha: str) -> dict[str, dict[str, Any]]:
        """The newest of each downstream, by its name."""
        found, prefix = self.get(f"commits/{sha}/status")["statuses"], "interlock/cells/"
        return {name.removeprefix(prefix): one for one in found if (name := one["context"]).startswith(prefix)}

    def for_all(self, sha: str) -> str:
        """What is said for all downstreams: the state and the words."""
        found = {one["context"]: one for one in self.get(f"commits/{sha}/status")["statuses"]}
        one = found.get("interlock/contracts", {"state": "", "description": ""})
        return f"{one['state']}: {one['description']}"

    def comments(self, number: int) -> list[dict[str, Any]]:
        """What is said of a pull request."""
        found: list[dict[str, Any]] = self.get(f"issues/{number}/comments")
        return found

    def told(self, sha: str) -> dict[str, dict[str, Any]]:
        """The statuses of a commit, when each downstream's is there: they follow the one for all."""

        def found() -> dict[str, dict[str, Any]] | None:
            number = re.search(r"(\d+) downstreams?\b", self.for_all(sha))
            statuses = self.statuses(sha)
            return statuses if number and len(statuses) == int(number[1]) else None

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


@contextlib.contextmanager
def scene_in(
    folder: Path,
    branch: str,
    environ: Mapping[str, str] | None = None,
    prepare: Callable[[Interlock], object] = lambda _interlock: None,
) -> Iterator[Scene]:
    """Everything runs until the end of the block.

    Args:
        folder: Everything of it is in here.
        branch: The branch of the pull request.
        environ: More variables of the shell that starts `interlock up`.
        prepare: Changes the world before.
    """
    with interlock_in(folder) as interlock:
        ended = interlock.run("rehearse", "--keep")
        assert ended.code == 0, ended.err
        prepare(interlock)
        shell = {name: text for name, text in interlock.in_world().items() if not name.startswith("PREFECT_")}
        port = free_port(0)
        stack = interlock.begin(
            *("up", "--port", str(free_port(0)), "--gateway-port", str(port)),
            environ={**shell, **(environ or {}), SECRET: WEBHOOK_SECRET},
        )
        try:
            eventually(lambda: is_up(stack), PATIENCE, pause=0.5)
            clone = cloned(folder / "clone", branch, shell)
            with github_api(shell) as github, interlock.api() as prefect:
                yield Scene(interlock, shell, stack, f"http://127.0.0.1:{port}", clone, github, prefect)
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


def cloned(folder: Path, branch: str, environ: dict[str, str]) -> Path:
    """A clone of core that may push, on a new branch."""
    address = httpx.URL(environ["GITHUB_SERVER_URL"]).copy_with(
        username="maintainer", password=environ["REPO_DISPATCH_TOKEN"], path=f"/{REPOSITORY}.git"
    )
    folder.mkdir()
    for command in (["clone", "--quiet", str(address), "."], ["switch", "--quiet", "--create", branch]):
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
