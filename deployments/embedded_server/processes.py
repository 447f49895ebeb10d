"""Other processes of this machine: their identity, whether they live, what they listen to, and how they are killed."""

import contextlib
import os
import signal

import psutil  # type: ignore[import-untyped]

from interlock.common.frozen_model import FrozenModel

# psutil computes a start time from the boot time, which moves when the clock is corrected. Systems don't use a pid
# again within seconds.
CLOCK_CORRECTION_SECONDS = 5.0


class Identity(FrozenModel):
    """A process, distinct from a later one with the same pid.

    Attributes:
        pid: Its process id.
        started: When it started, in seconds since the epoch.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """The identity of the process with this pid.

        Raises:
            ProcessLookupError: There is no such process.
        """
        try:
            return cls(pid=pid, started=psutil.Process(pid).create_time())
        except psutil.NoSuchProcess as error:
            raise ProcessLookupError(pid) from error

    def is_alive(self) -> bool:
        """Whether this process still runs; a zombie does not."""
        try:
            process = psutil.Process(self.pid)
            started: float = process.create_time()
            zombie: bool = process.status() == psutil.STATUS_ZOMBIE
            return not zombie and abs(started - self.started) < CLOCK_CORRECTION_SECONDS
        except psutil.NoSuchProcess:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process, and not to another one with its pid."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill_group(self) -> None:
        """Kill this process and its group, which it must lead."""
        if self.is_alive():
            kill_group(self.pid)


def kill_group(leader: int) -> None:
    """Kill what is left of a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def is_listening(pid: int, port: int) -> bool:
    """Whether this process, and not a stranger, listens to the port."""
    return any(local == port and state == psutil.CONN_LISTEN for local, state in _connections(pid))


def has_visitors(pid: int, port: int) -> bool:
    """Whether a browser, a flow run or a worker is connected to the process's port."""
    return any(local == port and state == psutil.CONN_ESTABLISHED for local, state in _connections(pid))


def _connections(pid: int) -> list[tuple[int, str]]:
    try:
        found = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return []
    return [(each.laddr.port, each.status) for each in found if each.laddr]
