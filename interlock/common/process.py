"""The one way to run other programs: an argument list, an explicit environment, and a time limit for all processes.

Everything that a program starts ends with it, however its caller ends. This is how:

- The program is started in a session of its own, so it leads a process group, to which everything belongs that it
  starts. Only a process that leaves the group on purpose (a daemon with a session of its own) is out of reach. The
  terminal's Ctrl-C does not reach the group either: this process receives it, and ends the group as below.
- The group is ended whenever `run` is left: when the program has ended by itself, when its time is up, and when the
  caller is cancelled or fails. If the program still runs, the group gets SIGTERM and the program has `GRACE` seconds
  to end. Then the rest of the group gets SIGKILL, also when the program has ended and only a grandchild is left.
- A second cancellation during these seconds leads straight to SIGKILL.
- A signal to a group without members does nothing, and as long as a member lives no other group gets its number.
- Output goes to files. A grandchild could hold a pipe open, and reading to its end would wait for the grandchild.

Only when this process itself is killed (SIGKILL) does a group outlive it.
"""

import asyncio
import contextlib
import math
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil  # type: ignore[import-untyped]
from pydantic import Field

from interlock.common.frozen_model import FrozenModel

GRACE = 3.0
LOOK_SECONDS = 1.0  # a look at the memory of all processes costs some milliseconds
MUCH = 256 << 20
# The variables by which tools find themselves, their configuration, and the network; none of them holds a token.
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "NETRC", "SYSTEMROOT", "PYENV_ROOT", "PYENV_VERSION")
PASSED_ON_PREFIXES = ("LC_", "UV_", "XDG_", "SSL_CERT_", "GIT_SSL_")
PASSED_ON_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
# uv's variables for work that Interlock never gives it; builds of foreign code see this environment.
WITHHELD = ("UV_PUBLISH_", "UV_GITHUB_TOKEN")


class Limits(FrozenModel):
    """What a program may use.

    Attributes:
        file_size: The largest file that it may write, in bytes; each process.
        output: What all of them may write to their outputs, in bytes.
        memory: The memory of each process, and of all together, in bytes: at first half of this machine's.
        processes: How many there may be at once.
    """

    file_size: int = 1 << 30
    output: int = 64 << 20
    memory: int = Field(default_factory=lambda: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
    processes: int = 512


class Completed(FrozenModel):
    """A program that ended.

    Attributes:
        returncode: Its exit code; minus the signal's number when a signal ended it.
        output: The end of its standard output.
        errors: The end of its standard error (empty when both went to one file).
        seconds: Wall time.
        timed_out: Whether it was ended because its time was up.
        exceeded: The limit for which it was ended, as "more than 64 MiB of output"; empty if it was not.
    """

    returncode: int
    output: str
    errors: str
    seconds: float
    timed_out: bool = False
    exceeded: str = ""


def tool_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for tools such as uv and git: this process's, without anything that may hold a token.

    Args:
        environ: The environment of this process.
    """
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(WITHHELD)
        and (name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES) or name.upper() in PASSED_ON_PROXIES)
    }


async def run(  # noqa: PLR0913  the one door to other programs
    arguments: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    timeout: float | None = None,  # noqa: ASYNC109  the limit is for the whole process group, not for this coroutine
    keep: int = 65_536,
    merge: bool = False,
    limits: Limits | None = None,
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run a program in a session of its own; everything that it started ends with it.

    Args:
        arguments: The program and its arguments.
        env: Its whole environment.
        cwd: Its working directory.
        timeout: Seconds after which it and all that it started are ended.
        keep: How many of the last bytes of each output are kept.
        merge: Write standard error into standard output, in the order of writing.
        limits: The limits of its output and of the memory of all its processes, for which it is ended.
        pass_fds: Descriptors that it inherits.

    Raises:
        FileNotFoundError: There is no such program.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *map(str, arguments),
            env=dict(env),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out if merge else err,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        exceeded = ""
        try:
            if limits is None:
                timed_out = not await _ends_within(process, timeout)
            else:
                timed_out, exceeded = await _watch(process, timeout, limits, (out, err))
        finally:
            await _end_group(process)
        return Completed(
            returncode=process.returncode or 0,
            output=_tail(out, keep),
            errors=_tail(err, keep),
            seconds=time.monotonic() - began,
            timed_out=timed_out,
            exceeded=exceeded,
        )


async def _watch(
    process: asyncio.subprocess.Process, limit: float | None, limits: Limits, outputs: Sequence[IO[bytes]]
) -> tuple[bool, str]:
    """Wait for the end, and look at output and memory meanwhile.

    Returns:
        Whether the time is up, and which limit is exceeded.
    """
    deadline = time.monotonic() + limit if limit is not None else math.inf
    while not await _ends_within(process, min(LOOK_SECONDS, max(0.0, deadline - time.monotonic()))):
        if time.monotonic() >= deadline:
            return True, ""
        if sum(os.fstat(file.fileno()).st_size for file in set(outputs)) > limits.output:
            return False, f"more than {limits.output >> 20} MiB of output"
        if memory_of(process.pid) > limits.memory:
            return False, f"more than {limits.memory >> 20} MiB of memory"
    return False, ""


def memory_of(pid: int) -> int:
    """The memory of a process and of all below it, in bytes; what forks share is counted once, when it is much."""
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(pid)
        return sum(_resident(each) for each in (first, *first.children(recursive=True)))
    return 0


def _resident(process: psutil.Process) -> int:
    try:
        resident: int = process.memory_info().rss
        return resident if resident < MUCH else process.memory_full_info().pss
    except psutil.Error:  # it has ended, or hides its pages
        return 0


def run_now(
    arguments: Sequence[str | Path], *, env: Mapping[str, str], timeout: float, pass_fds: Sequence[int] = ()
) -> Completed:
    """Run a program of our own that ends soon, for callers without an event loop."""
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603  an argument list
        list(map(str, arguments)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env=dict(env),
        pass_fds=pass_fds,
        timeout=timeout,
    )
    return Completed(
        returncode=done.returncode,
        output=done.stdout.decode(errors="replace"),
        errors=done.stderr.decode(errors="replace"),
        seconds=time.monotonic() - began,
    )


async def _ends_within(process: asyncio.subprocess.Process, limit: float | None) -> bool:
    # Not `wait_for`: before Python 3.12 it swallows a cancellation at the moment of the end, and its caller goes on.
    try:
        async with asyncio.timeout(limit):
            await process.wait()
    except TimeoutError:
        return False
    return True


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """End the group, gently first; also the rest of the group when the program itself has ended."""
    try:
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGTERM)
            await _ends_within(process, GRACE)
    finally:  # also after a second cancellation
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _tail(file: IO[bytes], keep: int) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - keep))
    text = file.read().decode(errors="replace")
    return text if size <= keep else f"[… the first {size - keep} bytes are left out]\n{text}"
