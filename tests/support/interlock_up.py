"""The command `interlock up`, in a home of its own."""

import os
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]

from deployments.embedded_server import ServerDirectory
from deployments.embedded_server.supervisor import free_port
from tests.support.prefect_release import PROGRAM
from tests.support.prefect_server import api_client, eventually

SECRET = "0123456789abcdef0123456789abcdef"


class Up:
    """The command, in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.output = folder / "output"
        self.port = free_port(0)
        self.gateway = f"http://127.0.0.1:{free_port(0)}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        own = {"INTERLOCK_HOME": str(self.home), "HOME": str(folder), "INTERLOCK_WEBHOOK_SECRET": SECRET}
        self.environ = {**kept, **own, "REPO_DISPATCH_TOKEN": "ghp_hush"}
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self) -> "subprocess.Popen[bytes]":
        arguments = ["up", "--port", str(self.port), "--gateway-port", self.gateway.rpartition(":")[2]]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [PROGRAM, *arguments], env=self.environ, stdout=output, stderr=output, start_new_session=True
            )
        return self.process

    def said(self) -> list[str]:
        return self.output.read_text().splitlines()

    def is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output.read_text()
        parts = ("worker 1", "untrusted worker 1")
        return all(any(line.startswith(f"{part}: healthy") for line in self.said()) for part in parts)

    def processes(self) -> list[psutil.Process]:
        """Whatever lives in its home."""
        return [each for each in psutil.process_iter() if self._has(each)]

    def _has(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get("INTERLOCK_HOME") == str(self.home))
        except psutil.AccessDenied:  # it has closed itself to others of its user
            closed = {self.gateway.rpartition(":")[2], str(self.port)}
            return not closed.isdisjoint(process.cmdline())
        except psutil.Error:
            return False

    def worker(self, pool: str = "interlock") -> psutil.Process:
        (found,) = (each for each in self.processes() if {"worker", pool} <= {*each.cmdline()} and each.is_running())
        return found

    def api(self) -> AbstractContextManager[httpx.Client]:
        """Prefect's API."""
        return api_client(ServerDirectory(self.home / "prefect"))

    def run(self, api: httpx.Client, deployment: str) -> str:
        """Start a deployment as it is; with SQLite, one asks again."""
        body = {"state": {"type": "SCHEDULED"}}
        path = f"/deployments/{deployment}/create_flow_run"
        made = eventually(lambda: _made(api.post(path, json=body)))
        return str(made["id"])

    def clean_up(self) -> None:
        for each in self.processes():
            with_kill(each)
        if self.process is not None:
            self.process.wait()


def _made(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json() if answer.is_success else {}
    return found


def with_kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def patiently_up(made: Up) -> None:
    for _ in range(3):  # a machine with other work may need minutes
        try:
            eventually(made.is_up)
        except AssertionError:
            assert made.process is not None
            if made.process.poll() is not None:
                raise
        else:
            return
    raise AssertionError(made.output.read_text())
