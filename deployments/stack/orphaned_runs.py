"""Flow runs of a dead worker: their processes are killed, and each run is scheduled again.

Prefect gives every run a session of its own, so a run survives when its worker is killed; and a run whose process is
gone is still shown as running. On this machine there is no need to wait for a missing heartbeat: the process list
shows that the run is gone. A process says which run it has by a variable until it closes itself to others, and by a
lock from then on: `flows/run_process.py`.
"""

import asyncio
import os
import signal
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil  # type: ignore[import-untyped]

from deployments.embedded_server.processes import Identity
from deployments.embedded_server.state import HOST, is_locked
from flows.run_process import VARIABLE
from interlock.common.clock import now
from interlock.common.paths import home

PAGE = 200
# A run in any other state has ended, waits for its time, or waits for a person.
UNDER_WAY = ("RUNNING", "PENDING")
# A run has no process yet for some seconds after a worker has claimed it.
CLAIMED = timedelta(seconds=60)


@dataclass(frozen=True)
class PrefectApi:
    """The few requests to Prefect's API that the stack makes, without loading Prefect for them.

    Attributes:
        url: Its address.
        password: What `PREFECT_API_AUTH_STRING` holds.
    """

    url: str
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> "PrefectApi":
        """The API that these variables name; its password may be in the environment."""
        password = variables.get("PREFECT_API_AUTH_STRING") or os.environ.get("PREFECT_API_AUTH_STRING")
        return cls(variables["PREFECT_API_URL"], password)

    async def under_way(self) -> list[dict[str, Any]]:
        """The runs of deployments that a worker has claimed or runs."""
        asked = {"flow_runs": {"state": {"type": {"any_": list(UNDER_WAY)}}}, "limit": PAGE}
        found = (await self._post("/flow_runs/filter", asked)).json()
        return [run for run in found if run["deployment_id"]]

    async def schedule_again(self, run: str, why: str, states: Iterable[str]) -> bool:
        """Schedule a run again if its state is of one of these types; returns whether it was."""
        async with self._client() as client:
            found = await client.get(f"/flow_runs/{run}")
        if found.is_error or found.json()["state_type"] not in states:
            return False
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": why}
        await self._post(f"/flow_runs/{run}/set_state", {"state": state, "force": True})
        return True

    async def _post(self, path: str, body: object) -> httpx.Response:
        async with self._client() as client:
            answer = await client.post(path, json=body, headers=await _csrf_headers(client))
        return answer.raise_for_status()

    def _client(self) -> httpx.AsyncClient:
        key = os.environ.get("PREFECT_API_KEY")  # Prefect Cloud's
        if self.password:
            headers = {"Authorization": f"Basic {b64encode(self.password.encode()).decode()}"}
        else:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
        # A proxy is meant for other machines.
        here = httpx.URL(self.url).host in {HOST, "localhost"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20, trust_env=not here)


async def _csrf_headers(client: httpx.AsyncClient) -> dict[str, str]:
    """What a request needs that changes something; nothing where the server asks for no token."""
    me = str(uuid4())
    found = await client.get("/csrf-token", params={"client": me})
    return {"Prefect-Csrf-Client": me, "Prefect-Csrf-Token": found.json()["token"]} if found.is_success else {}


class Runs:
    """The runs of one worker, as they were at the last look."""

    def __init__(self) -> None:
        self._processes: dict[int, tuple[Identity, str | None]] = {}

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the runs under way."""
        return frozenset(run for _, run in self._processes.values() if run)

    def look(self, worker: int) -> None:
        """Add the worker's new processes, and drop those that have ended."""
        self._processes = {pid: seen for pid, seen in self._processes.items() if seen[0].is_alive()}
        self._add(worker)

    def kill(self) -> None:
        """Kill all processes that were seen, and those that they have started since."""
        for pid in list(self._processes):
            self._add(pid)
        for identity, _ in self._processes.values():
            identity.signal(signal.SIGKILL)

    def _add(self, leader: int) -> None:
        try:
            beneath = psutil.Process(leader).children(recursive=True)
        except psutil.NoSuchProcess:
            return
        for process in beneath:
            _, run = self._processes.get(process.pid, (None, None))
            if run is None:  # a known process may have been seen before it had its variables
                with suppress(psutil.Error, ProcessLookupError):
                    self._processes[process.pid] = Identity.of(process.pid), _run_of(process)


def folder_of_runs() -> Path:
    """The directory with a locked file for each run that lives on this machine."""
    return home() / "up" / "runs"


def _locked() -> dict[str, int]:
    """The runs that have closed their process, each with its number."""
    files = [file for file in folder_of_runs().glob("*") if is_locked(file)]
    texts = {file.name: file.read_text("utf-8") for file in files}
    return {run: int(text) for run, text in texts.items() if text.isdecimal()}


def _run_of(process: psutil.Process) -> str | None:
    try:
        found: str | None = process.environ().get(VARIABLE)
    except psutil.AccessDenied:
        return next((run for run, pid in _locked().items() if pid == process.pid), None)
    return found


def lost(under_way: Iterable[Mapping[str, Any]], alive: Iterable[str], now: datetime) -> list[str]:
    """The ids of the runs that should have a process on this machine, and have none."""
    here = set(alive)
    return [
        run["id"]
        for run in under_way
        if run["id"] not in here and (run["state_type"] == "RUNNING" or _since(run) < now - CLAIMED)
    ]


def _since(run: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(run["state"]["timestamp"])


def alive_here() -> set[str]:
    """The runs that have a process on this machine."""
    found: set[str | None] = set(_locked())
    for process in psutil.process_iter():
        try:
            found.add(process.environ().get(VARIABLE))
        except psutil.Error:
            continue
    return {run for run in found if run}


async def pick_up(api: PrefectApi, pools: Collection[str]) -> int:
    """Schedule again every run that should have a process on this machine, and has none; returns how many there are.

    Args:
        api: Prefect's.
        pools: The work pools with workers on this machine alone.
    """
    under_way = [run for run in await api.under_way() if run["work_pool_name"] in pools]
    runs = lost(under_way, await asyncio.to_thread(alive_here), now())
    for run in runs:
        await api.schedule_again(run, "its process is gone, and it goes on", UNDER_WAY)
    return len(runs)
