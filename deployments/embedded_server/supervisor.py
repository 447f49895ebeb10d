"""The process that owns the embedded server: starts it, restarts it after a crash, and stops it when it is not used.

The first command starts it, in a session of its own, with the lock of the server's directory. It imports nothing of
Prefect: it stays small, and what can crash is its child.
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
STABLE_SECONDS = 600  # after a life of this length, crashes are counted from the start again
RECORDED = {
    process.State.STARTING: State.STARTING,
    process.State.HEALTHY: State.RUNNING,
    process.State.PAUSING: State.STARTING,
    process.State.STOPPING: State.STOPPING,
}


class Supervisor(process.SupervisedProcess):
    """Keeps the server of a directory running.

    Args:
        directory: The directory, whose lock this process holds.
        policy: How the server is run.
        lock: The descriptor of that lock, which the server inherits.
    """

    def __init__(self, directory: ServerDirectory, policy: Policy, lock: int) -> None:
        super().__init__(
            lock, process.Backoff(first=RESTART_SECONDS, stable=STABLE_SECONDS, grace=policy.grace_seconds)
        )
        self._directory = directory
        self._policy = policy
        self._port = free_port(policy.port)
        self._began = 0.0
        self._used: float | None = None  # None until it is ready
        self._lease_seen = 0

    async def run(self) -> None:
        """Keep the server running until SIGTERM, until it is idle, or until it can't be started."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)
        try:
            await self.keep()
        except ServerError as error:
            self._say(State.FAILED, reason=error.message)
        else:
            self._directory.record.unlink(missing_ok=True)

    def _program(self) -> process.Program:
        self._began, self._used, self._tick = time.monotonic(), None, STARTING_TICK_SECONDS
        return process.Program(
            name="Prefect server",
            module=tuple(argument.format(port=self._port) for argument in self._policy.program),
            environ=server_environment(self._directory, self._port),
            folder=self._directory.path,
            log=self._directory.log,
            port=self._port,
        )

    async def _look(self, child: asyncio.subprocess.Process) -> bool:
        if child.returncode is not None or self._stop_requested.is_set():
            return True
        if self._used is None:
            return await self._becomes_ready(child.pid)
        if self._is_used(child.pid):
            self._used = time.monotonic()
        elif 0 < self._policy.idle_seconds <= time.monotonic() - self._used:
            self._stop_unless_used()
        return True

    async def _becomes_ready(self, pid: int) -> bool:
        """Whether it is ready, or still has time to become so."""
        # Another process may have taken the port since it was found free, even the server of another home.
        if is_listening(pid, self._port) and await asyncio.to_thread(answers, self._port):
            self._used, self._tick = time.monotonic(), self._policy.tick_seconds
            self._become(process.State.HEALTHY)
            return True
        return time.monotonic() < self._began + self._policy.start_seconds

    def _is_used(self, pid: int) -> bool:
        """Whether a command holds or held a lease, or a browser, a run or a worker is connected.

        Prefect's own history does not count: it can show runs that have died, and runs that will never start.
        """
        lock = try_lock(self._directory.leases)
        if lock is None:
            return True
        os.close(lock)
        seen, self._lease_seen = self._lease_seen, self._directory.leases.stat().st_mtime_ns
        return seen != self._lease_seen or has_visitors(pid, self._port)

    def _stop_unless_used(self) -> None:
        """Record that the server stops while no command can take a lease, so that the next command waits."""
        lock = try_lock(self._directory.leases)
        if lock is not None:
            self.stop()
            self._become(process.State.STOPPING)
            os.close(lock)

    def _check_restart(self, failures: int) -> None:
        before, self._port = self._port, free_port(self._port)
        if self._used is not None:
            why, is_hopeless = "the server crashed again and again", False
        else:
            # Unless another process took its port, it would fail in the same way again.
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
                home=self._directory.path,
                prefect=importlib.metadata.version("prefect"),
                since=time.time(),
                idle_seconds=self._policy.idle_seconds,
                has_password=True,
                reason=reason,
            )
            write_record(self._directory, record)


def free_port(wanted: int) -> int:
    """The wanted port if it is free, else any other."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            # As the server does: closed connections of its predecessor don't block the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            taken: int = probe.getsockname()[1]
            return taken
    raise OSError(f"no port is free on {HOST}")


def answers(port: int, path: str = "/api/ready") -> bool:
    """Whether the program on a port of this machine says that it is healthy; no proxy is used."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: list[str]) -> None:
    """Supervise; the arguments are the directory, the policy as JSON, and the descriptor of the lock."""
    directory, policy, lock = arguments
    os.umask(0o077)
    asyncio.run(Supervisor(ServerDirectory(Path(directory)), Policy.model_validate_json(policy), int(lock)).run())


if __name__ == "__main__":
    main(sys.argv[1:])
