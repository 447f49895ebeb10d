"""The process that owns the embedded server: starts it, starts it again after a crash, stops it when nobody uses it.

Started by the first command, in a session of its own, with the lock of the server's directory in its hands. It imports
nothing of Prefect: it stays small, and what can crash is its child.
"""

import asyncio
import http.client
import importlib.metadata
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from deployments.embedded_server import supervised_process as process
from deployments.embedded_server.processes import Identity, has_visitors, is_listening
from deployments.embedded_server.settings import server_environment
from deployments.embedded_server.state import HOST, Policy, Record, ServerDirectory, State, try_lock, write_record
from interlock.errors import ServerError

STARTING_TICK_SECONDS = 0.1
RESTART_SECONDS = 0.1
STABLE_SECONDS = 600  # a server that ran that long may crash as often again
RECORDED = {
    process.State.STARTING: State.STARTING,
    process.State.HEALTHY: State.RUNNING,
    process.State.PAUSING: State.STARTING,
    process.State.STOPPING: State.STOPPING,
}


class Supervisor(process.SupervisedProcess):
    """Keeps one server in one directory.

    Args:
        place: The directory, whose lock this process holds.
        policy: How the server is run.
        lock: The descriptor of that lock, which the server inherits.
    """

    def __init__(self, place: ServerDirectory, policy: Policy, lock: int) -> None:
        super().__init__(
            lock, process.Backoff(first=RESTART_SECONDS, stable=STABLE_SECONDS, grace=policy.grace_seconds)
        )
        self._place = place
        self._policy = policy
        self._port = free_port(policy.port)
        self._began = 0.0
        self._used: float | None = None  # None until it is ready
        self._lease_seen = 0

    async def run(self) -> None:
        """Serve until told to stop, until nobody uses the server, or until it cannot be helped."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)
        try:
            await self.keep()
        except ServerError as error:
            self._say(State.FAILED, reason=error.message)
        else:
            self._place.record.unlink(missing_ok=True)

    def _program(self) -> process.Program:
        self._began, self._used, self._tick = time.monotonic(), None, STARTING_TICK_SECONDS
        return process.Program(
            name="Prefect server",
            module=tuple(argument.format(port=self._port) for argument in self._policy.program),
            environ=server_environment(self._place, self._port),
            folder=self._place.path,
            log=self._place.log,
            port=self._port,
        )

    async def _look(self, child: asyncio.subprocess.Process) -> bool:
        if child.returncode is not None or self._told.is_set():
            return True
        if self._used is None:
            return await self._becomes_ready(child.pid)
        if self._is_used(child.pid):
            self._used = time.monotonic()
        elif 0 < self._policy.idle_seconds <= time.monotonic() - self._used:
            self._stop_unless_used()
        return True

    async def _becomes_ready(self, pid: int) -> bool:
        """Whether it is ready, or has still time to become so."""
        # A stranger may have taken the port since it was found free: another home's server even.
        if is_listening(pid, self._port) and await asyncio.to_thread(answers, self._port):
            self._used, self._tick = time.monotonic(), self._policy.tick_seconds
            self._become(process.State.HEALTHY)
            return True
        return time.monotonic() < self._began + self._policy.start_seconds

    def _is_used(self, pid: int) -> bool:
        """Whether a command holds or held a lease, or a browser, a run or a worker is connected.

        Prefect is not asked: its history can show runs that nothing runs any more, and runs that nothing will.
        """
        lock = try_lock(self._place.leases)
        if lock is None:
            return True
        os.close(lock)
        seen, self._lease_seen = self._lease_seen, self._place.leases.stat().st_mtime_ns
        return seen != self._lease_seen or has_visitors(pid, self._port)

    def _stop_unless_used(self) -> None:
        """Say that the server stops while no command can take a lease; the next one then knows that it must wait."""
        lock = try_lock(self._place.leases)
        if lock is not None:
            self.stop()
            self._become(process.State.STOPPING)
            os.close(lock)

    def _check_going_on(self, failures: int) -> None:
        before, self._port = self._port, free_port(self._port)
        if self._used is not None:
            why, is_hopeless = "the server crashed again and again", False
        else:
            # Unless its port was lost to a stranger, it would fail in the same way again.
            why, is_hopeless = "the server ended before it was ready", failures == 1 and self._port == before
        if is_hopeless or failures > self._policy.restarts:
            raise ServerError(why)

    def _become(self, state: process.State) -> None:
        super()._become(state)
        if state in RECORDED:
            self._say(RECORDED[state])

    def _say(self, state: State, reason: str = "") -> None:
        with suppress(ProcessLookupError):
            record = Record(
                state=state,
                supervisor=Identity.of(os.getpid()),
                server=Identity.of(self._pid) if self._pid else None,
                port=self._port,
                home=self._place.path,
                prefect=importlib.metadata.version("prefect"),
                since=time.time(),
                idle_seconds=self._policy.idle_seconds,
                reason=reason,
            )
            write_record(self._place, record)


def free_port(wanted: int) -> int:
    """The wanted port if it can be had, else any other."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            # As the server will: connections that its predecessor closed do not make a port taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            taken: int = probe.getsockname()[1]
            return taken
    raise OSError(f"no port is free on {HOST}")


def answers(port: int, path: str = "/api/ready") -> bool:
    """Whether what listens to a port of this machine says that it is well, asked directly and through no proxy."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: list[str]) -> None:
    """Supervise: the directory, the policy as JSON, the descriptor of the lock."""
    place, policy, lock = arguments
    os.umask(0o077)
    asyncio.run(Supervisor(ServerDirectory(Path(place)), Policy.model_validate_json(policy), int(lock)).run())


if __name__ == "__main__":
    main(sys.argv[1:])
