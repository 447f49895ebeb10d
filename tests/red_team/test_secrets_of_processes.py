"""What a neighbour of the same user finds in /proc of the processes that hold tokens: nothing."""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployments.embedded_server.state import is_locked
from deployments.stack import orphaned_runs
from tests.support.paths import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")

HUSH = "ghp_hush"
# The process of a run, as another user than root, since nothing is hidden from root.
RUN = """
import ctypes, os, sys
from flows.run_process import begin
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({group}); os.setuid({user})
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after a start: a change of the user has closed it already
if sys.argv[1] == "begins":
    begin("a-run")
print(os.environ["REPO_DISPATCH_TOKEN"], flush=True)
sys.stdin.read()
"""


def neighbour() -> dict[str, Any]:
    """Another process of the same user."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@pytest.fixture
def open_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home that the neighbour may use: not in pytest's directory, which is closed to other users."""
    with tempfile.TemporaryDirectory(prefix="open-") as name:
        monkeypatch.setenv("INTERLOCK_HOME", name)
        folder = Path(name) / "up" / "runs"
        folder.mkdir(parents=True)
        for each in (folder, folder.parent, folder.parent.parent):
            each.chmod(0o777)
        yield Path(name)


@pytest.fixture
def runs(open_home: Path) -> Path:
    """Where `interlock up` looks for runs."""
    return open_home / "up" / "runs"


@pytest.fixture(params=["begins", "does not"])
def started(request: pytest.FixtureRequest, runs: Path, open_home: Path) -> Iterator[tuple[str, int]]:
    """Whether the process has begun as runs do, and its number."""
    (open_home / "REPO_DISPATCH_TOKEN").write_text(HUSH)
    own = {"CREDENTIALS_DIRECTORY": str(open_home)} if request.param == "begins" else {"REPO_DISPATCH_TOKEN": HUSH}
    who = neighbour()
    script = RUN.format(user=who.get("user"), group=who.get("group"))
    with subprocess.Popen(
        [sys.executable, "-c", script, request.param],
        cwd=ROOT,
        env={**os.environ, **own, "INTERLOCK_RUNS": str(runs)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == HUSH, "it has its token"
        yield request.param, process.pid
        process.kill()


@pytest.mark.parametrize("file", ["environ", "mem", "fd/0", "maps"])
def test_a_run_that_has_begun_is_closed_to_its_neighbours(started: tuple[str, int], file: str) -> None:
    how, pid = started
    look = ["readlink"] if file == "fd/0" else ["head", "-c", "0"]
    done = subprocess.run([*look, f"/proc/{pid}/{file}"], capture_output=True, text=True, check=False, **neighbour())
    assert (done.returncode == 0) is (how != "begins"), done.stderr


def test_a_closed_run_is_still_known_to_live_until_it_ends(started: tuple[str, int], runs: Path) -> None:
    how, pid = started
    if how == "begins":
        assert orphaned_runs._locked() == {"a-run": pid}
        assert "a-run" in orphaned_runs.alive_here()
        os.kill(pid, 9)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert not is_locked(runs / "a-run")
    assert orphaned_runs._locked() == {}


SHELL = """
import os
from pathlib import Path
from deployments.stack.shell_secrets import withdraw_secrets
print(sorted(withdraw_secrets().items()))
print(sorted(each.partition("=")[0] for each in Path("/proc/self/environ").read_text().split(chr(0))))
print(sorted(os.environ))
"""


def test_a_command_that_runs_for_long_keeps_no_secret_of_its_shell_in_its_environment(interlock_home: Path) -> None:
    secrets = {"REPO_DISPATCH_TOKEN": HUSH, "TWINE_PASSWORD": 'with "quotes"\nand a line', "X_LEDGER": "pg://a:b@c"}
    done = subprocess.run(
        [sys.executable, "-c", SHELL],
        cwd=ROOT,
        env={**os.environ, **secrets, "INTERLOCK_HOME": str(interlock_home), "PREFECT_API_AUTH_STRING": "a:b"},
        capture_output=True,
        text=True,
        check=True,
    )
    taken, started_with, has = done.stdout.splitlines()
    assert taken == repr(sorted(secrets.items()))
    for names in (started_with, has):
        assert not [name for name in secrets if name in names]
        assert "PREFECT_API_AUTH_STRING" in names, "Prefect looks nowhere else"
    assert list(interlock_home.iterdir()) == []
