"""Serving a world: in this process, from a thread, or in a process of its own that ends with the one that began it.

As a program it is that process: its standard input is a pipe that the other holds open. When that one is gone, killed
even, the kernel closes the pipe; servers that nobody uses must not go on.
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
from rehearsal.directory import ORIGINS, Facts, RehearsalDirectory, Server
from rehearsal.environment import gitconfig
from rehearsal.process import READY, START_SECONDS
from rehearsal.servers import Apps
from rehearsal.serving import HOST, PortTakenError, bind, listen, serve_all

# Below those that systems give to connections as they come and go: these are free again the next time.
PORTS = range(20_000, 32_000)
TRIES = 5


class Serving:
    """A world's servers, about to serve.

    Args:
        directory: The world's directory, whose lock this process has.
        upstream: The simple API that is asked for what the rehearsal's own index does not have.

    Attributes:
        facts: With the ports that the servers have now.
        apps: The servers.
    """

    def __init__(self, directory: RehearsalDirectory, facts: Facts, upstream: SecretStr | None) -> None:
        self._sockets = {origin: _bind(facts.ports.get(origin, 0)) for origin in ORIGINS}
        ports = {origin: taken.getsockname()[1] for origin, taken in self._sockets.items()}
        self.facts = facts.model_copy(update={"ports": ports})
        directory.keep_facts(self.facts)
        write_whole(directory.gitconfig, gitconfig(self.facts).encode())
        self.apps = Apps(directory, self.facts, upstream)

    async def run(self, ready: Callable[[], None], ended: asyncio.Event) -> None:
        """Serve until the event is set."""
        async with serve_all(self.apps.all(), self._sockets):
            ready()
            await ended.wait()


def _bind(port: int) -> socket.socket:
    """The port that a server had before, which addresses in its world have in them, or another one."""
    for candidate in (*([port] if port else []), *random.sample(PORTS, TRIES), 0):
        # Listened to at once: another world may have bound the same one, and only one of them can listen.
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


async def _serve(directory: RehearsalDirectory, told: Mapping[str, object]) -> None:
    facts = directory.facts()
    assert facts is not None
    upstream = told["upstream"]
    serving = Serving(directory, facts, SecretStr(upstream) if isinstance(upstream, str) else None)
    directory.keep_server(Server(pid=os.getpid(), since=time.time(), stays=bool(told["stays"])))
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    if not told["stays"]:
        loop.add_reader(0, ended.set)  # nothing more is ever written to it: it can only be closed
    await serving.run(_say_ready, ended)


def _say_ready() -> None:
    os.write(1, f"{READY}\n".encode())


def main() -> None:
    """Serve the world whose directory is the argument, as the one line on standard input says."""
    # Ctrl-C is for the command, which ends this process when it has done what is left to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = json.loads(_line(0))
    asyncio.run(_serve(RehearsalDirectory(Path(sys.argv[1])), told))


def _line(descriptor: int) -> bytes:
    """One line, and nothing of what may come after it."""
    read = b""
    while not read.endswith(b"\n") and (piece := os.read(descriptor, 1)):
        read += piece
    return read


if __name__ == "__main__":
    main()
