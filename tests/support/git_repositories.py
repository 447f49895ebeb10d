"""Repositories for tests of git, and a server that lets git in by a token only."""

import base64
import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pydantic import SecretStr

from interlock.adapters.git import Author, Remote

TOKEN = "ghp_" + "s3cr3tT0ken" * 3
BASIC = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
BOT = Author(name="Release Bot", email="bot@example.org")
WHEN = 1_780_000_000


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip("\n")


def commit(work: Path, name: str, content: str, message: str) -> str:
    (work / name).parent.mkdir(parents=True, exist_ok=True)
    (work / name).write_text(content)
    git(work, "add", "--force", "--all")
    git(work, "commit", "--quiet", "--message", message)
    return git(work, "rev-parse", "HEAD")


def make_origin(folder: Path) -> Path:
    """A bare repository: three commits on `main`, the first tagged `v1` with a message, the second `light`."""
    work = folder / "work"
    work.mkdir(parents=True)
    git(work, "init", "--quiet", "--initial-branch=main")
    commit(work, "version.txt", "1\n", "first: a | b")
    git(work, "tag", "--annotate", "--message=One\n\nfile: 1234\n", "v1")
    commit(work, "src/x.py", "x = 1\n", "second")
    git(work, "tag", "light")
    commit(work, ".gitattributes", "src export-ignore\n*.txt export-subst\n", "third")
    git(folder, "clone", "--quiet", "--bare", "work", "origin.git")
    git(folder / "origin.git", "config", "http.receivepack", "true")
    return folder / "origin.git"


def hook(origin: Path, name: str, script: str) -> None:
    file = origin / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


class Server(ThreadingHTTPServer):
    """Serves bare repositories with git's own backend; `answers` are statuses that come first, `seen` the requests."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root = root
        self.answers: list[tuple[int, dict[str, str], str]] = []
        self.seen: list[tuple[str, str | None]] = []
        self.leaks: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def remote(self, token: str | None = TOKEN, name: str = "origin.git") -> Remote:
        return Remote(url=f"{self.address}/{name}", token=SecretStr(token) if token else None)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self._chunks() if self.headers.get("transfer-encoding") else self.rfile.read(length)
        self.server.seen.append((self.path, self.headers.get("authorization")))
        self.server.leaks += [words for words in _command_lines() if TOKEN in words or BASIC in words]
        if self.server.answers:
            self._answer(*self.server.answers.pop(0))
        elif self.headers.get_all("authorization") != [f"Basic {BASIC}"]:
            self._answer(401, {"WWW-Authenticate": 'Basic realm="GitHub"'}, "remote: Invalid username or token.")
        else:
            self._backend(body)

    def do_POST(self) -> None:
        self.do_GET()

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def _answer(self, status: int, headers: dict[str, str], body: str) -> None:
        if not status:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
            "REMOTE_USER": "bot",
            "PATH": os.environ["PATH"],
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=False)
        if done.returncode:  # a test's hook has ended it
            self._answer(0, {}, "")
            return
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def _command_lines() -> Iterator[str]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield file.read_text(errors="replace")


@contextlib.contextmanager
def serve(root: Path) -> Iterator[Server]:
    with Server(root) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
