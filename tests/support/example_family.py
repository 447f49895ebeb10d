"""A tiny family on a tiny index, and the command `interlock` in a home of its own."""

import contextlib
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]

from deployments import embedded_server
from deployments.embedded_server import ServerDirectory
from interlock.matrix.report import Cell, MatrixReport, Sheet
from tests.support.paths import ROOT
from tests.support.prefect_homes import begin_migrated
from tests.support.universe import Universe

USER, PASSWORD = "reader", "hunter2-of-the-index"
PYTHON = ".".join(map(str, sys.version_info[:2]))

# By core's version: pipelines need a speed of 1, which 1.2 gets wrong; `limit` came with 1.3.
CORES = {
    "1.0": "def speed():\n    return 1\n",
    "1.1": "def speed():\n    return 1\n",
    "1.2": "def speed():\n    return 2\n",
    "1.3": "limit = 3\n\ndef speed():\n    return 1\n",
}
SPEED = "import core, pipeline\n\ndef test_speed():\n    assert core.speed() == 1\n"
OWN = "import core\n\ndef test_own():\n    assert undefined_name\n"
READS = (
    "import core\nfrom importlib.metadata import version\n\ndef test_reads():\n    assert version('core') >= '1.0'\n"
)
# Green while the answer is "fair": what a fingerprint can't know of.
ASKS = (
    "import core, os, socket\n\ndef ask(what):\n"
    "    with socket.create_connection(('127.0.0.1', int(os.environ['ANSWERS']))) as asked:\n"
    "        asked.sendall(what + b'\\n')\n        return asked.recv(9)\n\n"
)
WAVERS = ASKS + "def test_weather():\n    assert ask(b'weather') == b'fair'\n"
# Waits with core 1.2 until it may go on.
WAITS = ASKS + "def test_waits():\n    assert core.speed() != 2 or ask(b'gate') == b'go'\n"

FAMILY = """
[family]
name = "trains"
python = ["{python}"]

[packages.core]

[packages.pipeline]
upstreams = ["core"]
[[packages.pipeline.suites]]
name = "contracts"
sdist = "tests"
requirements = ["pytest"]

[packages.board]
upstreams = ["core"]
[[packages.board.suites]]
name = "imports"
imports = true

[packages.weather]
upstreams = ["core"]
[[packages.weather.suites]]
name = "contracts"
sdist = "tests"
requirements = ["pytest"]
network = true
env = {{ ANSWERS = "{port}" }}

[packages.waiter]
upstreams = ["core"]
[[packages.waiter.suites]]
name = "contracts"
sdist = "tests"
requirements = ["pytest"]
network = true
env = {{ ANSWERS = "{port}" }}
"""


def publish(universe: Universe) -> None:
    """Put the family on the index."""
    for version, text in CORES.items():
        universe.wheel("core", version, {"core/__init__.py": text})
    _tested(universe, "pipeline", "2.0", "core>=1.0", {"test_own.py": OWN, "test_speed.py": SPEED})
    _tested(universe, "pipeline", "2.1", "core>=1.0,<1.2", {"test_speed.py": SPEED})
    _tested(universe, "pipeline", "2.2", "core>=1.0", {"test_reads.py": READS, "test_speed.py": SPEED})
    _tested(universe, "weather", "1.0", "core", {"test_weather.py": WAVERS})
    _tested(universe, "waiter", "1.0", "core", {"test_waits.py": WAITS})
    board = {"board/__init__.py": "", "board/times.py": "from core import speed\n"}
    universe.wheel("board", "1.0", board, requires=["core"])
    universe.wheel("board", "1.1", board, requires=["core", "ghost==9"])
    universe.wheel("board", "1.2", {**board, "board/times.py": "from core import limit\n"}, requires=["core>=1.3"])


def _tested(universe: Universe, name: str, version: str, requires: str, tests: Mapping[str, str]) -> None:
    universe.wheel(name, version, {f"{name}/__init__.py": "import core\n"}, requires=[requires])
    universe.sdist(name, version, {f"tests/{file}": text for file, text in tests.items()})


class Ended(NamedTuple):
    """A command that ended, with the report that it wrote."""

    code: int
    out: str
    err: str
    report: Path

    @property
    def matrix(self) -> MatrixReport:
        """What it found."""
        return MatrixReport.model_validate(json.loads(self.report.read_text("utf-8")))

    def sheet(self, downstream: str) -> Sheet:
        """The table of core with one downstream."""
        (found,) = (sheet for sheet in self.matrix.sheets if sheet.downstream == downstream)
        return found

    def row(self, downstream: str, version: str) -> tuple[Cell, ...]:
        """The cells of one downstream version."""
        sheet = self.sheet(downstream)
        return sheet.cells[[row.version for row in sheet.rows].index(version)]


class Answers(socketserver.ThreadingTCPServer):
    """Answers suites, which see no file of this machine: what the weather is, and when one that waits may go on."""

    daemon_threads = True

    def __init__(self) -> None:
        self.weather, self.waiting, self.gate = b"fair", threading.Event(), threading.Event()
        super().__init__(("127.0.0.1", 0), _Asked)


class _Asked(socketserver.StreamRequestHandler):
    server: Answers

    def handle(self) -> None:
        """Answer one question."""
        answer = self.server.weather
        if self.rfile.readline().strip() == b"gate":
            self.server.waiting.set()
            self.server.gate.wait()
            answer = b"go"
        self.wfile.write(answer)


@dataclass(frozen=True, kw_only=True)
class Command:
    """The command `interlock` in a folder of its own: home, temporary files, family file and reports are in it.

    Attributes:
        answers: Answers its suites.
        settings: Further variables.
    """

    folder: Path
    answers: Answers
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in (self.home, self.temporary, self.folder / "user"):
            path.mkdir(parents=True, exist_ok=True)
        self.family.write_text(FAMILY.format(python=PYTHON, port=self.answers.server_address[1]))

    @property
    def home(self) -> Path:
        """INTERLOCK_HOME."""
        return self.folder / "interlock"

    @property
    def temporary(self) -> Path:
        """TMPDIR."""
        return self.folder / "tmp"

    @property
    def family(self) -> Path:
        """The family file."""
        return self.folder / "family.toml"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that it runs with."""
        own = {"INTERLOCK_HOME": self.home, "TMPDIR": self.temporary, "HOME": self.folder / "user", "COLUMNS": "160"}
        return {**os.environ, **{name: str(value) for name, value in own.items()}, **self.settings}

    def prefect(self, *arguments: str) -> str:
        """Run Prefect's own command in the checkout, against this home's server; what it printed."""
        running = embedded_server.status(ServerDirectory(self.home / "prefect")).server
        assert running is not None
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            env={
                **self.environ,
                **embedded_server.environment(running),
                "PREFECT_HOME": str(self.folder / "prefect"),
                "INTERLOCK_FAMILY": str(self.family),
            },
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def begin(self, *arguments: str | Path) -> Iterator["subprocess.Popen[str]"]:
        """Start it; at the end of the block it has ended."""
        program = Path(sys.executable).with_name("interlock")
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [program, *arguments],
            env=self.environ,
            cwd=self.folder,
            stdout=pipe,
            stderr=pipe,
            text=True,
            encoding="utf-8",
        ) as command:
            try:
                yield command
            finally:
                command.kill()

    def run(self, *arguments: str | Path) -> Ended:
        """Run it to its end."""
        with self.begin(*arguments) as command:
            return self.end(command)

    def end(self, command: "subprocess.Popen[str]", report: Path | None = None) -> Ended:
        """Wait for its end."""
        out, err = command.communicate(timeout=120)
        return Ended(command.returncode, out, err, report or self.folder / "none.json")

    def matrix(self, name: str, *arguments: str | Path) -> Ended:
        """Make a matrix, with reports of a name."""
        with self.begin_matrix(name, *arguments) as command:
            return self.end(command, self.folder / f"{name}.json")

    def begin_matrix(
        self, name: str, *arguments: str | Path
    ) -> "contextlib.AbstractContextManager[subprocess.Popen[str]]":
        """Begin to make a matrix."""
        reports = ("--json", f"{name}.json", "--html", f"{name}.html")
        return self.begin("matrix", "--family", self.family, *reports, *arguments)

    def processes(self) -> list[psutil.Process]:
        """Every live process that works in this folder, suites included."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                belongs = any(str(self.folder) in value for value in process.environ().values())
                if belongs and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def suites(self) -> list[psutil.Process]:
        """Every live process of a suite."""
        return [process for process in self.processes() if str(self.temporary) in process.environ().get("HOME", "")]


@contextlib.contextmanager
def command_in(folder: Path, **settings: str) -> Iterator[Command]:
    """The command in a folder; its server is stopped at the end, and nothing of it is left."""
    with Answers() as answers:
        threading.Thread(target=answers.serve_forever, daemon=True).start()
        command = Command(folder=folder, answers=answers, settings=settings)
        begin_migrated(command.home / "prefect")
        try:
            yield command
        finally:
            answers.gate.set()
            answers.shutdown()
            command.run("server", "stop", "--force")
            for process in command.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
