"""A GitHub for one test: users, tokens of each kind, repositories, a clock that is set by hand, and its callers."""

import asyncio
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from rehearsal.fault_proxy import FaultProxy, RequestLog
from rehearsal.faults import FaultScript
from rehearsal.github.app import api_app, git_app, uploads_app
from rehearsal.github.fault_effects import happen
from rehearsal.github.git_store import GitStore
from rehearsal.github.records import Repository
from rehearsal.github.state import Addresses, GitHubState
from tests.support.openapi import Judge

START = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
LISTENER = b"""name: Hear
run-name: core ${{ github.event.client_payload.version || 'none' }} ${{ github.event.client_payload.dispatch_id }}
on:
  repository_dispatch:
    types: [core_release]
  workflow_dispatch:
jobs:
  a: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
"""
FILES = {"README.md": b"# core\n", "src/core/__init__.py": b'"""Core."""\n', ".github/workflows/hear.yml": LISTENER}
# Operations that the committed slice leaves out; statuses that every operation can have (400, 304, 502); a 409 whose
# two forms the description does not tell apart; the state of a broken upload, which it does not know; what went away
# with the newer version.
BESIDE_THE_DESCRIPTION = (
    "is not an operation of the slice",
    "does not document this status",
    ": 409: is not what",
    "'starter' is",
    "'rate' is a required property",
)


class Clock:
    """A time that passes when a test says so."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Hub:
    """A GitHub of `alice`, with her repository `alice/core`; her token is `alice-classic`."""

    directory: Path
    clock: Clock = field(default_factory=Clock)
    keeps: bool = False
    state: GitHubState = field(init=False)
    faults: FaultScript = field(default_factory=FaultScript)
    log: RequestLog = field(default_factory=RequestLog)

    def __post_init__(self) -> None:
        self.state = GitHubState(self.directory, keeps=self.keeps, clock=self.clock)
        self.state.addresses = Addresses(api="http://api.test", uploads="http://uploads.test", server="http://git.test")
        self.state.add_user("alice")
        self.state.add_token("alice-classic", "alice", scopes=["repo", "workflow"], name="alice's token")
        self.core = self.add("alice/core")

    def add(self, full_name: str, files: Mapping[str, bytes] | None = None, **facts: Any) -> Repository:
        """A repository with one commit."""
        with self.state.changing():
            made = self.state.add_repository(full_name, **facts)
            git = self.state.git(made)
            git.set_ref("refs/heads/main", git.write_commit(None, FILES if files is None else files, "feat: begin"))
        return made

    @property
    def git(self) -> GitStore:
        """The Git of alice/core."""
        return self.state.git(self.core)

    @property
    def head(self) -> str:
        """The newest commit of alice/core."""
        sha = self.git.ref("refs/heads/main")
        assert sha
        return sha

    def front(self, app: ASGIApp, origin: str) -> FaultProxy:
        """An application with the log and the faults before it."""
        return FaultProxy(app, origin=origin, faults=self.faults, log=self.log, happen=happen(self.state))

    def serve_git(self) -> ASGIApp:
        """What Git talks to."""
        return self.front(git_app(self.state), "git")

    def ask(
        self, method: str, path: str, *, token: str | None = "alice-classic", uploads: bool = False, **more: Any
    ) -> httpx.Response:
        """Ask the API, or the uploads' origin."""
        judge = Judge(uploads_app(self.state) if uploads else api_app(self.state))
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **more.pop("headers", {})}
        answer = asyncio.run(_ask(self.front(judge, "uploads" if uploads else "api"), method, path, headers, more))
        unlike = [said for said in judge.complaints if not any(words in said for words in BESIDE_THE_DESCRIPTION)]
        assert not unlike, unlike
        return answer

    def get(self, path: str, **more: Any) -> Any:
        """The body of a GET that is answered with 200."""
        answer = self.ask("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def notes(self) -> list[str]:
        """What the log says that was done."""
        return [seen.note for seen in self.log.all() if seen.note]


async def _ask(app: ASGIApp, method: str, path: str, headers: dict[str, str], more: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api.test") as client:
        return await client.request(method, path, headers=headers, **more)


@dataclass
class Work:
    """A work tree, with the real Git."""

    path: Path

    def run(self, *arguments: str, check: bool = True, token: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run Git in it; a token goes along as a header, through the environment."""
        env = {
            "PATH": "/usr/bin:/bin:/usr/local/bin",
            "HOME": str(self.path.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.invalid",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.invalid",
        }
        if token:
            env |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "http.extraHeader",
                "GIT_CONFIG_VALUE_0": f"Authorization: Bearer {token}",
            }
        self.path.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=env, capture_output=True, text=True, check=False, timeout=60
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def commit(self, path: str, content: str, message: str = "fix: change") -> str:
        """Commit a file; the SHA."""
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_text(content)
        self.run("add", "--all")
        self.run("commit", "--quiet", "--message", message)
        return self.run("rev-parse", "HEAD").stdout.strip()
