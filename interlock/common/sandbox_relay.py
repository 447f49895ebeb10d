"""Run in the sandbox, where there is no network: gives a program the proxy at the end of a socket as its own.

`python sandbox_relay.py SOCKET PROGRAM ARGUMENT…` listens on a port of the sandbox's own loopback, names it in the
variables that programs read their proxy from, and runs the program. It needs the standard library alone.
"""

import os
import socket
import subprocess
import sys
import threading

STEP = 1 << 16


def main(path: str, command: "list[str]") -> int:
    """Run the command; its exit code."""
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listening, path), daemon=True).start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    names = [f"{scheme}_proxy" for scheme in ("http", "https", "all")]
    proxies = dict.fromkeys([*names, *(name.upper() for name in names)], address)
    return subprocess.run(command, env={**os.environ, **proxies}, check=False).returncode  # noqa: S603  a list


def _accept(listening: socket.socket, path: str) -> None:
    while True:
        here, _ = listening.accept()
        there = socket.socket(socket.AF_UNIX)
        try:
            there.connect(path)
        except OSError:
            here.close()
            continue
        for source, target in ((here, there), (there, here)):
            threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(STEP):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
