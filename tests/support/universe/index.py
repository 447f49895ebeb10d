"""The rehearsal's index over a plain folder: what lies there is served, with every fault on request."""

import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

from packaging.utils import canonicalize_name
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from rehearsal.index.app import reading_routes
from rehearsal.index.pages import JSON_TYPE, Switches, project_page
from rehearsal.index.records import Record, bare, parse_filename, read_metadata, with_metadata
from rehearsal.serving import close_connection
from tests.support.universe.served import Served


class Seen(NamedTuple):
    """A request that the index answered, or dropped (status 0)."""

    method: str
    path: str
    headers: Mapping[str, str]
    status: int


class TinyIndex:
    """Serves the wheels and sdists of a folder, as they are at the moment of asking, until `stop()`.

    A context manager. Its switches may be changed at any time:

    Attributes:
        folder: Where the files are; a file that is added is served at once.
        url: The root of the simple API, as `http://127.0.0.1:40123/simple/`.
        requests: Everything that was asked, in order.
        switches: How it serves: `serves_json`, `serves_metadata`, and the `password` that readers must bring.
        yanked: Yanked files (PEP 592): by file name, the reason.
        damaged: What is sent in place of a file, by its name (the page goes on to promise the right hash), or of a
            JSON page, by its path.
        moved: Where something else sends its callers: by path, the address.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.switches = Switches()
        self.requests: list[Seen] = []
        self.yanked: dict[str, str] = {}
        self.damaged: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self._faults: list[int] = []
        self._shelf = _Folder(self)
        self._app = Starlette(routes=reading_routes(self._shelf, self.switches))
        self._served = Served(self._answer)

    @property
    def address(self) -> str:
        """Host and port."""
        return self._served.url.removeprefix("http://")

    @property
    def url(self) -> str:
        """The root of the simple API."""
        return f"{self._served.url}/simple/"

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

    def page(self, project: str) -> bytes:
        """The JSON page of a project, as it is now."""
        return project_page(project, self._shelf.files(project) or (), JSON_TYPE, metadata=True)

    def start(self) -> Self:
        """Begin to serve; done by `with` too."""
        self._served.start()
        return self

    def stop(self) -> None:
        """End it: from now on nobody answers at this address. Doing it twice is no error."""
        self._served.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        def see(status: int) -> None:
            self.requests.append(Seen(scope["method"], scope["path"], headers, status))

        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                see(message["status"])
            await send(message)

        fault = self._faults.pop(0) if self._faults else None
        if fault == 0:
            see(0)
            await close_connection(scope)
        else:
            await (self._instead(scope["path"], fault) or self._app)(scope, receive, seen)

    def _instead(self, path: str, fault: int | None) -> Response | None:
        """What is answered in place of the index's own answer."""
        if fault:
            return PlainTextResponse("a fault that was asked for", fault)
        if path in self.moved:
            return RedirectResponse(self.moved[path], 301)
        if path in self.damaged:
            return Response(self.damaged[path], media_type=JSON_TYPE)
        body = self.damaged.get(path.rpartition("/")[2])
        return None if body is None else Response(body, media_type="application/octet-stream")


class _Folder:
    """A folder as a shelf: whatever has a name of a project is listed, even what nobody could install."""

    def __init__(self, index: TinyIndex) -> None:
        self._index = index
        self._read: dict[tuple[str, int, int, int], Record] = {}

    def projects(self) -> tuple[str, ...]:
        return tuple(sorted({record.project for record in self._records()}))

    def files(self, project: str, *, fresh: bool = False) -> tuple[Record, ...] | None:  # noqa: ARG002  always is
        return tuple(sorted(self._of(project), key=lambda record: record.filename)) or None

    def status(self, _project: str) -> None:
        return None

    def owners(self, _project: str) -> tuple[str, ...]:
        return ()

    def content(self, sha256: str, filename: str) -> Path | None:
        path = self._index.folder / filename
        return path if path.is_file() and self._record(path).sha256 == sha256 else None

    def _of(self, project: str) -> Iterator[Record]:
        for record in self._records():
            if record.project == project:
                yield record.model_copy(update={"yanked": self._index.yanked.get(record.filename)})

    def _records(self) -> Iterator[Record]:
        for path in self._index.folder.iterdir():
            if path.is_file() and not path.name.startswith("."):  # which are being written
                yield self._record(path)

    def _record(self, path: Path) -> Record:
        found = path.stat()
        key = (path.name, found.st_mtime_ns, found.st_size, found.st_ino)
        if key not in self._read:
            self._read[key] = _describe(path)
        return self._read[key]


def _describe(path: Path) -> Record:
    uploaded = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        named = parse_filename(path.name)
        record = bare(path, named.project, str(named.version), uploaded=uploaded)
    except ValueError:
        stem, _, version = path.name.removesuffix(".tar.gz").rpartition("-")
        return bare(path, canonicalize_name(stem), version, uploaded=uploaded)
    try:
        return with_metadata(record, read_metadata(path))
    except (zipfile.BadZipFile, tarfile.TarError, StopIteration, OSError, EOFError):
        return record
