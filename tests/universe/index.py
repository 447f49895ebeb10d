"""A package index on loopback: the simple API as HTML (PEP 503) and JSON (PEP 691), and every fault on request."""

import base64
import hashlib
import html
import json
import tarfile
import threading
import zipfile
from collections.abc import Mapping
from email.parser import BytesHeaderParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote, unquote

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, canonicalize_name, parse_sdist_filename

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html; charset=utf-8"


class Seen(NamedTuple):
    """A request that the index answered, or dropped (status 0)."""

    method: str
    path: str
    headers: Mapping[str, str]
    status: int


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    content_type: str = "text/plain"


class TinyIndex:
    """Serves the wheels and sdists of a folder, as they are at the moment of asking, until `stop()`.

    A context manager. Its switches may be changed at any time:

    Attributes:
        folder: Where the files are; a file that is added is served at once.
        url: The root of the simple API, as `http://127.0.0.1:40123/simple/`.
        requests: Everything that was asked, in order.
        serves_json: Whether JSON (PEP 691) is given to those who accept it; else HTML.
        serves_metadata: Whether wheels' metadata can be had by itself (PEP 658).
        yanked: Yanked files (PEP 592): by file name, the reason.
        damaged: What is sent in place of a file: by file name; the page goes on to promise the right hash.
        password: User and password that every request must bring, or None.
        moved: Where something else sends its callers: by path, the address.
    """

    def __init__(self, folder: Path, *, serves_json: bool = True, serves_metadata: bool = True) -> None:
        self.folder = folder
        self.serves_json = serves_json
        self.serves_metadata = serves_metadata
        self.requests: list[Seen] = []
        self.yanked: dict[str, str] = {}
        self.damaged: dict[str, bytes] = {}
        self.password: tuple[str, str] | None = None
        self.moved: dict[str, str] = {}
        self._faults: list[int] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.index = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._running = False

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The root of the simple API."""
        return f"http://{self.address}/simple/"

    def url_with(self, user: str, password: str) -> str:
        """The same with credentials in it."""
        return f"http://{quote(user, safe='')}:{quote(password, safe='')}@{self.address}/simple/"

    def fail_next(self, count: int = 1, status: int = 503) -> None:
        """Answer the next requests with a status and nothing else."""
        self._faults += [status] * count

    def drop_next(self, count: int = 1) -> None:
        """Close the connection on the next requests, without an answer."""
        self._faults += [0] * count

    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [seen.path for seen in self.requests]

    def start(self) -> Self:
        """Begin to serve; done by `with` too."""
        self._running = True
        self._thread.start()
        return self

    def stop(self) -> None:
        """End it: from now on nobody answers at this address. Doing it twice is no error."""
        if self._running:
            self._running = False
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer | None:
        """What a GET of a path gets; None for a dropped connection."""
        if self._faults:
            fault = self._faults.pop(0)
            return Answer(fault, b"a fault that was asked for") if fault else None
        if self.password and headers.get("authorization") != _basic(*self.password):
            return Answer(401, b"who are you?")
        if path in self.moved:
            return Answer(301, self.moved[path].encode())
        kind, _, rest = unquote(path).lstrip("/").partition("/")
        if kind == "simple":
            return self._page(rest.strip("/"), headers.get("accept", ""))
        return self._file(rest) if kind == "files" else Answer(404)

    def _page(self, project: str, accept: str) -> Answer:
        files = [path for path in sorted(self.folder.iterdir()) if path.is_file() and _project(path.name) == project]
        if not files:
            return Answer(404, b"no such project")
        if self.serves_json and JSON_TYPE in accept:
            return Answer(200, self._as_json(project, files), JSON_TYPE)
        return Answer(200, self._as_html(files), HTML_TYPE)

    def _as_json(self, project: str, files: list[Path]) -> bytes:
        entries = [self._entry(path) for path in files]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": entries, "versions": []}).encode()

    def _entry(self, path: Path) -> dict[str, object]:
        entry: dict[str, object] = {
            "filename": path.name,
            "url": f"/files/{quote(path.name)}",
            "hashes": {"sha256": _sha256(path)},
            "size": path.stat().st_size,
        }
        if python := _requires_python(path):
            entry["requires-python"] = python
        if path.name in self.yanked:
            entry["yanked"] = self.yanked[path.name] or True
        if self.serves_metadata and path.suffix == ".whl":
            entry["core-metadata"] = {"sha256": hashlib.sha256(_metadata(path)).hexdigest()}
        return entry

    def _as_html(self, files: list[Path]) -> bytes:
        links = "\n".join(f"<a {self._attributes(path)}>{html.escape(path.name)}</a><br>" for path in files)
        return f"<!DOCTYPE html><html><body>\n{links}\n</body></html>".encode()

    def _attributes(self, path: Path) -> str:
        attributes = {"href": f"/files/{quote(path.name)}#sha256={_sha256(path)}"}
        if python := _requires_python(path):
            attributes["data-requires-python"] = python
        if path.name in self.yanked:
            attributes["data-yanked"] = self.yanked[path.name]
        if self.serves_metadata and path.suffix == ".whl":
            attributes["data-core-metadata"] = f"sha256={hashlib.sha256(_metadata(path)).hexdigest()}"
        return " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())

    def _file(self, name: str) -> Answer:
        wheel = name.removesuffix(".metadata")
        if wheel != name and self.serves_metadata and (self.folder / wheel).is_file():
            return Answer(200, _metadata(self.folder / wheel))
        if name in self.damaged:
            return Answer(200, self.damaged[name], "application/octet-stream")
        path = self.folder / name
        return Answer(200, path.read_bytes(), "application/octet-stream") if path.is_file() else Answer(404)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Many clients connect at the same moment; the default of 5 would make some of them wait a second.
    request_queue_size = 64
    index: TinyIndex


class _Handler(BaseHTTPRequestHandler):
    # One connection for each request: when the index is stopped, no open one answers on.
    protocol_version = "HTTP/1.0"
    server: _Server

    def do_GET(self) -> None:
        index = self.server.index
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = index.answer(self.path, headers)
        if answer is None:
            index.requests.append(Seen(self.command, self.path, headers, 0))
            return
        etag = f'"{hashlib.sha256(answer.body).hexdigest()}"'
        if answer.status == 200 and headers.get("if-none-match") == etag:
            answer = Answer(304)
        index.requests.append(Seen(self.command, self.path, headers, answer.status))
        self._send(answer, etag)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, answer: Answer, etag: str) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "max-age=0, must-revalidate")
        if answer.status in {200, 304}:
            self.send_header("ETag", etag)
        if answer.status == 301:
            self.send_header("Location", answer.body.decode())
        if answer.status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="tiny"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Say nothing: `requests` keeps what was asked."""


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _project(name: str) -> str | None:
    """Whose file it is, by its name."""
    if name.endswith(".whl"):
        return canonicalize_name(name.partition("-")[0])
    try:
        return parse_sdist_filename(name)[0]
    except (InvalidSdistFilename, InvalidWheelFilename):
        stem, hyphen, _ = name.rpartition("-")
        return canonicalize_name(stem) if hyphen else None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _requires_python(path: Path) -> str | None:
    try:
        return BytesHeaderParser().parsebytes(_metadata(path)).get("Requires-Python")
    except (zipfile.BadZipFile, tarfile.TarError, StopIteration, OSError, EOFError):
        return None


def _metadata(path: Path) -> bytes:
    """METADATA of a wheel, PKG-INFO of an sdist."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))
    with tarfile.open(path) as archive:
        found = next(member for member in archive if member.name.count("/") == 1 and member.name.endswith("PKG-INFO"))
        file = archive.extractfile(found)
        return file.read() if file else b""
