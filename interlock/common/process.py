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
import os
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from interlock.common.frozen_model import FrozenModel

GRACE = 3.0
# The variables by which tools find themselves, their configuration, and the network; none of them holds a token.
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "NETRC", "SYSTEMROOT", "PYENV_ROOT", "PYENV_VERSION")
PASSED_ON_PREFIXES = ("LC_", "UV_", "XDG_", "SSL_CERT_", "GIT_SSL_")
PASSED_ON_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
# uv's variables for work that Interlock never gives it; builds of foreign code see this environment.
WITHHELD = ("UV_PUBLISH_", "UV_GITHUB_TOKEN")


class Completed(FrozenModel):
    """A program that ended.

    Attributes:
        returncode: Its exit code; minus the signal's number when a signal ended it.
        output: The end of its standard output.
        errors: The end of its standard error (empty when both went to one file).
        seconds: Wall time.
        timed_out: Whether it was ended because its time was up.
    """

    returncode: int
    output: str
    errors: str
    seconds: float
    timed_out: bool = False


def tool_environment() -> dict[str, str]:
    """The environment for tools such as uv and git: this process's, without anything that may hold a token."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(WITHHELD)
        and (name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES) or name.upper() in PASSED_ON_PROXIES)
    }


async def run(
    arguments: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    timeout: float | None = None,  # noqa: ASYNC109  the limit is for the whole process group, not for this coroutine
    keep: int = 65_536,
    merge: bool = False,
) -> Completed:
    """Run a program in a session of its own; everything that it started ends with it.

    Args:
        arguments: The program and its arguments.
        env: Its whole environment.
        cwd: Its working directory.
        timeout: Seconds after which it and all that it started are ended.
        keep: How many of the last bytes of each output are kept.
        merge: Write standard error into standard output, in the order of writing.

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
        )
        try:
            timed_out = not await _ends_within(process, timeout)
        finally:
            await _end_group(process)
        return Completed(
            returncode=process.returncode or 0,
            output=_tail(out, keep),
            errors=_tail(err, keep),
            seconds=time.monotonic() - began,
            timed_out=timed_out,
        )


async def _ends_within(process: asyncio.subprocess.Process, limit: float | None) -> bool:
    try:
        await asyncio.wait_for(process.wait(), limit)
    except TimeoutError:
        return False
    return True


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """End the group, gently first; also the rest of the group when the program itself has ended."""
    try:
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE)
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
