"""Serves a world: from a thread of this process, or as a program that ends with the process that started it.

The program's standard input is a pipe that its parent holds open. When the parent ends, even by SIGKILL, the kernel
closes the pipe, and the servers stop: unused servers must not keep running. A program that stays ignores the pipe.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pydantic import SecretStr

from interlock.common.atomic_files import write_whole
from rehearsal.directory import SERVERS, Facts, RehearsalDirectory, Server
from rehearsal.environment import gitconfig
from rehearsal.process import READY, START_SECONDS
from rehearsal.servers import Apps
from rehearsal.serving import HOST, PortTakenError, bind, listen, serve_all

# Below the ephemeral ports of systems, so that a world finds its ports free again the next time.
PORTS = range(20_000, 32_000)
TRIES = 5


class Serving:
    """A world's servers, with their ports bound.

    Args:
        directory: The world's directory, whose lock this process holds.
        upstream: The simple API of the user's own index, for projects that the rehearsal's index lacks.

    Attributes:
        facts: The facts about the world, with the servers' ports.
        apps: The servers.
    """

    def __init__(self, directory: RehearsalDirectory, facts: Facts, upstream: SecretStr | None) -> None:
        self._sockets = {origin: _bind(facts.ports.get(origin, 0)) for origin in SERVERS}
        ports = {origin: taken.getsockname()[1] for origin, taken in self._sockets.items()}
        self.facts = facts.model_copy(update={"ports": ports})
        directory.keep_facts(self.facts)
        write_whole(directory.gitconfig, gitconfig(self.facts).encode())
        self.apps = Apps(directory, self.facts, upstream)

    async def run(self, ready: Callable[[], object], ended: asyncio.Event) -> None:
        """Serve until the event is set."""
        async with serve_all(self.apps.all(), self._sockets):
            ready()
            await ended.wait()


def _bind(port: int) -> socket.socket:
    """Bind the port that a server had before, since addresses in its world contain it, or another one."""
    for candidate in (*([port] if port else []), *random.sample(PORTS, TRIES), 0):
        # Listen at once: another world may have bound the same port, and only one of them can listen.
        with contextlib.suppress(PortTakenError):
            listen(taken := bind(candidate))
            return taken
    raise PortTakenError(f"no port can be had on {HOST}")


@contextlib.contextmanager
def serve_here(directory: RehearsalDirectory, facts: Facts, upstream: SecretStr | None = None) -> Iterator[Serving]:
    """Serve a world from a thread of this process until the end of the block."""
    serving = Serving(directory, facts, upstream)
    loop, ended, listens = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    def run() -> None:
        with contextlib.closing(loop):
            loop.run_until_complete(serving.run(listens.set, ended))

    thread = threading.Thread(target=run, name=f"rehearsal in {directory.path}", daemon=True)
    thread.start()
    listens.wait(START_SECONDS)
    try:
        yield serving
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


async def _serve(directory: RehearsalDirectory, order: Mapping[str, object]) -> None:
    facts = directory.facts()
    assert facts is not None
    upstream = order["upstream"]
    serving = Serving(directory, facts, SecretStr(upstream) if isinstance(upstream, str) else None)
    directory.keep_server(Server(pid=os.getpid(), since=time.time(), stays=bool(order["stays"])))
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    if not order["stays"]:
        loop.add_reader(0, ended.set)  # nothing more is written to the pipe: it becomes readable when it is closed
    await serving.run(lambda: os.write(1, f"{READY}\n".encode()), ended)


def main() -> None:
    """Serve the world in the directory that the argument names, as the line on standard input says."""
    # Ctrl-C is for the command, which ends this process once it has finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    order = json.loads(_line(0))
    asyncio.run(_serve(RehearsalDirectory(Path(sys.argv[1])), order))


def _line(descriptor: int) -> bytes:
    """Read one line, and no byte after it."""
    read = b""
    while not read.endswith(b"\n") and (piece := os.read(descriptor, 1)):
        read += piece
    return read


if __name__ == "__main__":
    main()
