"""The process that owns the embedded server: starts it, starts it again after a crash, stops it when nobody uses it.

Started by the first command, in a session of its own, with the lock of the server's directory in its hands. It imports
nothing of Prefect: it stays small, and what can crash is its child.
"""

import enum
import http.client
import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from deployments.embedded_server.processes import Identity, has_visitors, is_listening, kill_group
from deployments.embedded_server.settings import server_environment
from deployments.embedded_server.state import HOST, Place, Policy, Record, State, try_lock, write_record

STARTING_TICK_SECONDS = 0.1
STABLE_SECONDS = 600  # a server that ran that long may crash as often again


class End(enum.Enum):
    """Why the server does not run any more."""

    NEVER_READY = "the server ended before it was ready"
    CRASHED = "the server crashed again and again"
    STOPPED = "stopped"


class Supervisor:
    """Keeps one server in one directory.

    Args:
        place: The directory, whose lock this process holds.
        policy: How the server is run.
        lock: The descriptor of that lock, which the server inherits.
    """

    def __init__(self, place: Place, policy: Policy, lock: int) -> None:
        self._place = place
        self._policy = policy
        self._lock = lock
        self._port = free_port(policy.port)
        self._told_to_stop = False
        self._wake = threading.Event()
        self._lease_seen = 0

    def run(self) -> None:
        """Serve until told to stop, until nobody uses the server, or until it cannot be helped."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: self._wake.set())
        end, failures = End.STOPPED, 0
        while failures <= self._policy.restarts:
            began = time.monotonic()
            end = self._serve()
            if end is End.STOPPED or (end is End.NEVER_READY and failures == 0 and not self._port_was_lost()):
                break
            self._port = free_port(self._port)
            failures = 1 if time.monotonic() - began > STABLE_SECONDS else failures + 1
        self._conclude(end)

    def _serve(self) -> End:
        """One life of the server."""
        child = self._launch()
        try:
            self._say(State.STARTING, child)
            if not self._becomes_ready(child):
                return End.STOPPED if self._told_to_stop else End.NEVER_READY
            self._say(State.RUNNING, child)
            return self._watch(child)
        finally:
            self._say(State.STOPPING if self._told_to_stop else State.STARTING, child)
            self._end(child)

    def _launch(self) -> subprocess.Popen[bytes]:
        program = [argument.format(port=self._port) for argument in self._policy.program]
        return subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-P", "-m", "deployments.embedded_server.child", *program],
            stdin=subprocess.PIPE,  # its lifeline: see child.py
            cwd=self._place.path,
            env=server_environment(self._place, self._port),
            pass_fds=(self._lock,),
            process_group=0,
        )

    def _becomes_ready(self, child: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + self._policy.start_seconds
        while time.monotonic() < deadline:
            self._pause(STARTING_TICK_SECONDS)
            if self._told_to_stop or child.poll() is not None:
                return False
            # A stranger may have taken the port since it was found free: another home's server even.
            if is_listening(child.pid, self._port) and answers(self._port):
                return True
        return False

    def _watch(self, child: subprocess.Popen[bytes]) -> End:
        used = time.monotonic()
        while not self._told_to_stop:
            self._pause(self._policy.tick_seconds)
            if child.poll() is not None:
                return End.CRASHED
            if self._is_used(child):
                used = time.monotonic()
            elif 0 < self._policy.idle_seconds <= time.monotonic() - used:
                self._stop_unless_used(child)
        return End.STOPPED

    def _is_used(self, child: subprocess.Popen[bytes]) -> bool:
        """Whether a command holds or held a lease, or a browser, a run or a worker is connected.

        Prefect is not asked: its history can show runs that nothing runs any more, and runs that nothing will.
        """
        lock = try_lock(self._place.leases)
        if lock is None:
            return True
        os.close(lock)
        seen, self._lease_seen = self._lease_seen, self._place.leases.stat().st_mtime_ns
        return seen != self._lease_seen or has_visitors(child.pid, self._port)

    def _stop_unless_used(self, child: subprocess.Popen[bytes]) -> None:
        """Say that the server stops while no command can take a lease; the next one then knows that it must wait."""
        lock = try_lock(self._place.leases)
        if lock is not None:
            self._told_to_stop = True
            self._say(State.STOPPING, child)
            os.close(lock)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """End the server and its group: with a backlog, Prefect may never heed a TERM."""
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(self._policy.grace_seconds)
        kill_group(child.pid)
        child.wait()
        if child.stdin:
            child.stdin.close()

    def _port_was_lost(self) -> bool:
        return free_port(self._port) != self._port

    def _say(self, state: State, child: subprocess.Popen[bytes] | None, reason: str = "") -> None:
        with suppress(ProcessLookupError):
            server = Identity.of(child.pid) if child and child.poll() is None else None
            record = Record(
                state=state,
                supervisor=Identity.of(os.getpid()),
                server=server,
                port=self._port,
                home=self._place.path,
                prefect=importlib.metadata.version("prefect"),
                since=time.time(),
                idle_seconds=self._policy.idle_seconds,
                reason=reason,
            )
            write_record(self._place, record)

    def _conclude(self, end: End) -> None:
        """The last word, before the kernel frees the lock."""
        if end is End.STOPPED:
            self._place.record.unlink(missing_ok=True)
        else:
            self._say(State.FAILED, None, reason=end.value)

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def _on_stop(self, *_: object) -> None:
        self._told_to_stop = True
        self._wake.set()


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
    Supervisor(Place(Path(place)), Policy.model_validate_json(policy), int(lock)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
