import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil  # type: ignore[import-untyped]
import pytest

from interlock.common import process
from interlock.common.process import Completed, run, tool_environment

NOTHING: dict[str, str] = {}
# Starts a grandchild that never ends by itself, keeps standard output open, and says who it is.
WITH_GRANDCHILD = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
print("begun", flush=True)
if sys.argv[2] == "wait":
    time.sleep(600)
"""
STUBBORN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: pathlib.Path(sys.argv[2]).touch())
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
while True:
    time.sleep(60)
"""


def python(code: str, *arguments: str | Path, **settings: object) -> Completed:
    return asyncio.run(run([sys.executable, "-c", code, *arguments], env=NOTHING, **settings))  # type: ignore[arg-type]


def has_ended(pid: int) -> bool:
    """Whether a process is gone, soon: a killed one may still be on its way out, and nobody may have buried it."""
    for _ in range(200):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


async def appears(path: Path, *, text: bool = False) -> None:
    # A file is there before what is written into it.
    while not path.exists() or (text and not path.read_text()):  # noqa: ASYNC110  another process makes it
        await asyncio.sleep(0.01)


def test_what_a_program_writes_and_how_it_ends_is_told() -> None:
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.returncode, done.output, done.errors, done.timed_out) == (3, "out\n", "err\n", False)
    assert done.seconds > 0


def test_a_signal_is_a_negative_return_code() -> None:
    assert python("import os; os.abort()").returncode == -signal.SIGABRT


def test_merged_output_keeps_the_order_of_writing() -> None:
    done = python("import os; [os.write(1 + n % 2, b'%d' % n) for n in range(6)]", merge=True)
    assert (done.output, done.errors) == ("012345", "")


def test_only_the_end_of_a_long_output_is_kept_and_it_says_so() -> None:
    done = python("print('a' * 500 + 'b' * 100, end='')", keep=100)
    assert done.output == "[… the first 500 bytes are left out]\n" + "b" * 100
    assert python("print('b' * 100, end='')", keep=100).output == "b" * 100


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert python("import os; os.write(1, b'\\xff!')").output == "\ufffd!"


def test_the_environment_is_the_given_one_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    code = "import os; print(sorted(os.environ.items()))"
    done = asyncio.run(run([sys.executable, "-S", "-c", code], env={"LC_ALL": "C.UTF-8", "A": "1"}))
    assert done.output == "[('A', '1'), ('LC_ALL', 'C.UTF-8')]\n"


def test_a_program_waits_for_no_input_and_works_where_it_is_told(tmp_path: Path) -> None:
    done = python("import os, sys; print(repr(sys.stdin.read()), os.getcwd())", cwd=tmp_path)
    assert done.output == f"'' {tmp_path.resolve()}\n"


def test_a_program_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(run(["no-such-program"], env=NOTHING))


def test_a_time_limit_ends_grandchildren_too(tmp_path: Path) -> None:
    done = python(WITH_GRANDCHILD, tmp_path / "pid", "wait", timeout=1.0)
    assert done.timed_out
    assert done.returncode == -signal.SIGTERM
    assert "begun" in done.output
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_grandchild_that_holds_standard_output_open_neither_hangs_the_run_nor_outlives_it(tmp_path: Path) -> None:
    done = python(WITH_GRANDCHILD, tmp_path / "pid", "leave", timeout=60)
    assert (done.returncode, done.timed_out) == (0, False)
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_program_that_ignores_the_request_to_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.common.process.GRACE", 0.2)
    done = python(STUBBORN, tmp_path / "up", tmp_path / "asked", timeout=1.0)
    assert (tmp_path / "asked").exists()
    assert (done.returncode, done.timed_out) == (-signal.SIGKILL, True)


def test_cancelling_ends_the_whole_group(tmp_path: Path) -> None:
    async def cancelled() -> None:
        arguments: list[str | Path] = [sys.executable, "-c", WITH_GRANDCHILD, tmp_path / "pid", "wait"]
        running = asyncio.create_task(run(arguments, env=NOTHING))
        await appears(tmp_path / "pid", text=True)
        running.cancel()
        await running

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_cancelling_twice_does_not_leave_a_stubborn_program_behind(tmp_path: Path) -> None:
    async def cancelled_twice() -> None:
        arguments: list[str | Path] = [sys.executable, "-c", STUBBORN, tmp_path / "up", tmp_path / "asked"]
        running = asyncio.create_task(run(arguments, env=NOTHING))
        await appears(tmp_path / "up")
        running.cancel()
        await appears(tmp_path / "asked")
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()

    asyncio.run(cancelled_twice())
    assert has_ended(int((tmp_path / "up").read_text()))


def test_tools_are_given_what_they_need_and_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"PATH": "/bin", "LC_ALL": "C", "UV_CACHE_DIR": "/c", "https_proxy": "http://p", "SSL_CERT_FILE": "/x"}
    held = {"GITHUB_TOKEN": "1", "REPO_TOKEN": "2", "TWINE_PASSWORD": "3", "UV_PUBLISH_TOKEN": "4", "AWS_KEY": "5"}
    held |= {"UV_PUBLISH_PASSWORD": "6", "UV_GITHUB_TOKEN": "7", "PYTHONPATH": "8", "VIRTUAL_ENV": "9"}
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in (given | held).items():
        monkeypatch.setenv(name, value)
    assert tool_environment() == given


@pytest.mark.parametrize("ticks", range(6))
def test_a_cancellation_at_the_moment_of_the_end_is_not_swallowed(ticks: int) -> None:
    """A caller that asks until it is cancelled, as a lease that is renewed, would go on for ever."""

    async def ends() -> bool:
        end = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(process._ends_within(SimpleNamespace(wait=lambda: end), 60))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        end.set_result(0)
        for _ in range(ticks):
            await asyncio.sleep(0)
        is_cancelled = task.cancel()
        await asyncio.wait([task])
        return task.cancelled() == is_cancelled

    assert asyncio.run(ends())
