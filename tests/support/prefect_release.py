"""The command `interlock` as a process, in a home of its own with its own worlds and its own Prefect server."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from pydantic import SecretStr
from typer.testing import CliRunner

from deployments import embedded_server
from deployments.cli.main import app
from deployments.embedded_server import ServerDirectory as ServerPlace
from interlock.adapters.ledger import open_ledger
from interlock.model.release import Release
from rehearsal.directory import RehearsalDirectory
from rehearsal.fault_proxy import RequestLog
from rehearsal.process import stop_server
from rehearsal.world import running
from tests.support.paths import ROOT
from tests.support.prefect_homes import begin_migrated
from tests.support.prefect_server import api_client, clean_up, eventually

PROGRAM = Path(sys.executable).with_name("interlock")
CORE = "market-data-core"
RECEIVERS = ("market_data_pipeline", "market-data-store", "market_data_orchestrator", "market-data-ibkr")
PATIENCE = 120


class Ended(NamedTuple):
    """A command that ended."""

    code: int
    out: str
    err: str


@dataclass
class Running:
    """A command that runs in a session of its own; what it writes goes to files, which may be read meanwhile."""

    process: "subprocess.Popen[bytes]"
    out: Path
    err: Path

    def says(self, words: str) -> None:
        """Wait until its standard error has these words."""
        eventually(lambda: words in self._err() or self._must_run())
        assert words in self._err(), self._err()

    def waits_for(self, found: Callable[[], object]) -> None:
        """Wait until a function gives something true."""
        eventually(lambda: found() or self._must_run())
        assert found()

    def _must_run(self) -> bool:
        """Whether it has ended, which nobody waits for."""
        return self.process.poll() is not None

    def _err(self) -> str:
        return self.err.read_text("utf-8")

    def kill(self, *, group: bool) -> None:
        """SIGKILL, for it alone or with everybody in its process group."""
        (os.killpg if group else os.kill)(self.process.pid, signal.SIGKILL)
        assert self.process.wait(PATIENCE) == -signal.SIGKILL

    def ends(self) -> Ended:
        """Wait for its end."""
        code = self.process.wait(PATIENCE)
        return Ended(code, self.out.read_text("utf-8"), self.err.read_text("utf-8"))


@dataclass
class Interlock:
    """The command in a home.

    Attributes:
        folder: Everything of it is in here: the home, faults, and what commands wrote.
        own: The variables that keep it in there.
        environ: What it runs with.
    """

    folder: Path
    own: dict[str, str]
    environ: dict[str, str]
    _count: int = field(default=0)

    @property
    def home(self) -> Path:
        """INTERLOCK_HOME."""
        return self.folder / "home"

    @property
    def world(self) -> RehearsalDirectory:
        """The small family's world."""
        return RehearsalDirectory(self.home / "rehearsals" / "market-data")

    def begin(self, *arguments: str | Path, environ: Mapping[str, str] | None = None) -> Running:
        """Start it."""
        self._count += 1
        out, err = (self.folder / f"{self._count}.{name}" for name in ("out", "err"))
        with out.open("wb") as to_out, err.open("wb") as to_err:
            process = subprocess.Popen(
                [PROGRAM, *arguments],
                env={**(environ or self.environ)},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                start_new_session=True,
            )
        return Running(process, out, err)

    def run(self, *arguments: str | Path, environ: Mapping[str, str] | None = None) -> Ended:
        """Run it to its end."""
        return self.begin(*arguments, environ=environ).ends()

    def invoke(self, *arguments: str | Path, environ: Mapping[str, str]) -> Ended:
        """The same in this process, where a second of imports is spared; for what needs no flow."""
        ended = CliRunner().invoke(app, [str(argument) for argument in arguments], env=environ)
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    def rehearse(self, *arguments: str | Path) -> Ended:
        """Release market-data-core in the world."""
        return self.run("rehearse", "release", CORE, *arguments)

    def faults(self, *faults: Mapping[str, object]) -> Path:
        """A file with these faults."""
        file = self.folder / "faults.json"
        file.write_text(json.dumps(faults))
        return file

    def held(self, **where: object) -> Path:
        """A file with a fault that holds a request still for longer than any test waits."""
        return self.faults({"effect": "slow", "seconds": 10 * PATIENCE, **where})

    def writes(self) -> list[str]:
        """What the world's servers say that they did, in order, but for leases."""
        done = [seen.note or f"{seen.method} {seen.path}" for seen in RequestLog(self.world.log).writes()]
        return [note for note in done if "refs/interlock/" not in note]

    def git(self, repository: str, *arguments: str) -> str:
        """Ask a repository of the world."""
        path = self.world.repositories / "mjdevaccount" / f"{repository}.git"
        done = subprocess.run(["git", "-C", path, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def refs(self) -> dict[str, str]:
        """Every ref of every repository but for leases."""
        names = [path.stem for path in sorted((self.world.repositories / "mjdevaccount").iterdir())]
        return {
            name: "\n".join(line for line in self.git(name, "show-ref").splitlines() if "refs/interlock/" not in line)
            for name in names
        }

    def releases(self) -> tuple[Release, ...]:
        """What the world's ledger knows."""
        with open_ledger(SecretStr(f"sqlite:///{self.world.ledger}")) as ledger:
            return ledger.releases()

    def in_world(self, **changes: str) -> dict[str, str]:
        """The variables of a shell that uses the kept world, and some changes."""
        environ = dict(self.environ)
        running(self.world.path).environment(environ).apply(environ)
        return {**environ, **changes}

    @contextlib.contextmanager
    def api(self) -> Iterator[httpx.Client]:
        """Prefect's API."""
        with api_client(ServerPlace(self.home / "prefect")) as client:
            yield client

    def prefect(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ended:
        """Run Prefect's own command in the checkout, against this home's server."""
        record = embedded_server.status(ServerPlace(self.home / "prefect")).server
        assert record is not None
        own = {**embedded_server.environment(record), "PREFECT_HOME": str(self.folder / "worker")}
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            env={**(environ or self.environ), **own},
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def interlock_in(folder: Path) -> Iterator[Interlock]:
    """The command in a folder; at the end neither a server of Prefect's nor a world's is left."""
    paths = {"INTERLOCK_HOME": folder / "home", "HOME": folder / "user", "TMPDIR": folder / "tmp"}
    for name in ("home", "user", "tmp"):
        (folder / name).mkdir(parents=True)
    begin_migrated(folder / "home" / "prefect")
    own = {"COLUMNS": "200", **{name: str(path) for name, path in paths.items()}}
    interlock = Interlock(folder, own, {**os.environ, **own})
    try:
        yield interlock
    finally:
        stop_server(interlock.world)
        clean_up(ServerPlace(interlock.home / "prefect"))


def asked(api: httpx.Client, what: str, **filters: object) -> list[dict[str, Any]]:
    """What Prefect's API has of something."""
    answer = api.post(f"/{what}/filter", json=filters)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found
