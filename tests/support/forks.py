"""Work in a forked process that is killed at any moment; forked, since to start Python costs more than a release.

The servers of the world run in threads of the process that forks, and such a thread may be about to start Git. The fork
must then not keep the other ends of its pipes: the server would wait for the end of what Git writes, with the state's
lock, for as long as the fork lives; and the fork would wait for the server. So it lets go of all that it inherits.
"""

import asyncio
import contextlib
import faulthandler
import os
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from rehearsal.fault_proxy import RequestLog

# A process that makes no request for so long hangs: no pause of a rehearsal is a tenth of it.
SILENCE = 60.0


def forked(work: Callable[[], Coroutine[object, object, object]]) -> int:
    """A process that does some work and ends without a word; its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        _let_go()
        faulthandler.register(signal.SIGUSR1)
        asyncio.run(work())
        code = 0
    finally:
        os._exit(code)


def _let_go() -> None:
    """Replace each inherited file but the standard ones; the numbers stay taken, as objects may still close them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in [int(path.name) for path in Path("/dev/fd").iterdir()]:
        if number > 2 and number != nothing:
            with contextlib.suppress(OSError):  # the one that listed the others is closed
                os.fstat(number)
                os.dup2(nothing, number, inheritable=False)


def is_killed(child: int, log: RequestLog, *, requests: int, seconds: float) -> bool:
    """Kill a forked process some time after its requests; false when it ended before. One that hangs says where."""
    until = len(log.all()) + requests
    moment, seen = time.monotonic() + SILENCE, 0
    while (now := len(log.all())) < until:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            seconds = 0
            break
        if now > seen:
            seen, moment = now, time.monotonic() + SILENCE
        if time.monotonic() > moment:
            os.kill(child, signal.SIGUSR1)
            pytest.fail(f"the process made no request for {SILENCE:.0f} seconds: see its traceback")
        time.sleep(0.005)
    time.sleep(seconds)
    os.killpg(child, signal.SIGKILL) if os.getpgid(child) == child else os.kill(child, signal.SIGKILL)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in {0, -signal.SIGKILL}
    _become_quiet(log)
    return ended != 0


def _become_quiet(log: RequestLog) -> None:
    """Wait until the servers are done with a killed process's requests: a fork takes over locks that they hold."""
    seen = -1
    while seen != len(log.all()):
        seen = len(log.all())
        time.sleep(0.1)
