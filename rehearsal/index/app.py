"""The index as an ASGI application: pages, files and the JSON API for readers, and uploads for its accounts."""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable
from typing import NoReturn

from packaging.utils import canonicalize_name
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from rehearsal.fault_proxy import note
from rehearsal.index.accounts import Credential
from rehearsal.index.pages import Switches, choose_type, project_page, root_page
from rehearsal.index.project_json import project_json, release_json
from rehearsal.index.records import IndexStorage, Record, read_metadata
from rehearsal.index.store import IndexStore
from rehearsal.index.uploads import RefusedUploadError, Upload, take_upload
from rehearsal.serving import REASONS

Endpoint = Callable[[Request], Awaitable[Response]]
OCTETS = "application/octet-stream"
NOBODY = "Invalid or non-existent authentication information."
# The description is a part of the form, and may be long.
LARGEST_FIELD = 16 * 1024 * 1024


def index_app(store: IndexStore, switches: Switches | None = None) -> Starlette:
    """The whole index.

    Args:
        store: Its state; no other process changes it meanwhile.
        switches: How it serves; may be changed at any time.
    """
    store.tidy()
    uploads = Route("/legacy/", _Uploads(store).upload, methods=["POST"])
    return Starlette(routes=[uploads, *reading_routes(store, switches or Switches())])


def reading_routes(shelf: IndexStorage, switches: Switches) -> list[Route]:
    """The routes for readers, of any collection of files."""
    reader = _Reader(shelf, switches)
    pages: dict[str, Endpoint] = {
        "/simple/": reader.root,
        "/simple/{project}/": reader.page,
        "/simple/{project}": reader.with_slash,
        "/files/{sha256}/{filename}": reader.file,
        "/pypi/{project}/json": reader.project,
        "/pypi/{project}/{version}/json": reader.release,
    }
    return [Route(path, reader.known_to(endpoint), methods=["GET"]) for path, endpoint in pages.items()]


class _Reader:
    def __init__(self, shelf: IndexStorage, switches: Switches) -> None:
        self._shelf, self._switches = shelf, switches

    def known_to(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, for callers with the password if there is one."""

        async def guarded(request: Request) -> Response:
            wanted = self._switches.password
            if wanted and _login(request) != wanted:
                return PlainTextResponse("who are you?", 401, {"www-authenticate": 'Basic realm="index"'})
            return await endpoint(request)

        return guarded

    async def root(self, request: Request) -> Response:
        kind = self._kind(request)
        return self._answer(request, root_page(self._shelf.projects(), kind), kind)

    async def with_slash(self, request: Request) -> Response:
        return RedirectResponse(f"/simple/{canonicalize_name(request.path_params['project'])}/", 301)

    async def page(self, request: Request) -> Response:
        asked = request.path_params["project"]
        project = canonicalize_name(asked)
        if asked != project:
            return await self.with_slash(request)
        kind = self._kind(request)
        files = self._shelf.files(project)
        if files is None:
            _no("no such project")
        status = self._shelf.status(project)
        page = project_page(project, files, kind, metadata=self._switches.serves_metadata, status=status)
        return self._answer(request, page, kind)

    async def file(self, request: Request) -> Response:
        sha256, filename = request.path_params["sha256"], request.path_params["filename"]
        wheel = filename.removesuffix(".metadata")
        path = self._shelf.content(sha256, wheel)
        if path is None or (wheel != filename and not self._switches.serves_metadata):
            _no("no such file")
        if wheel != filename:
            return Response(read_metadata(path), media_type=OCTETS)
        return FileResponse(path, media_type=OCTETS, headers={"cache-control": "max-age=365000000, immutable"})

    async def project(self, request: Request) -> Response:
        project, files = self._fresh(request)
        body = project_json(project, files, self._shelf.owners(project), str(request.base_url).rstrip("/"))
        return JSONResponse(body)

    async def release(self, request: Request) -> Response:
        _project, files = self._fresh(request)
        version = request.path_params["version"]
        if version not in {record.version for record in files}:
            _no("no such release")
        return JSONResponse(release_json(version, files, str(request.base_url).rstrip("/")))

    def _fresh(self, request: Request) -> tuple[str, tuple[Record, ...]]:
        project = canonicalize_name(request.path_params["project"])
        files = self._shelf.files(project, fresh=True)
        if files is None:
            _no("no such project")
        return project, files

    def _kind(self, request: Request) -> str:
        accept = ",".join(request.headers.getlist("accept"))
        return choose_type(accept, serves_json=self._switches.serves_json)

    def _answer(self, request: Request, body: bytes, kind: str) -> Response:
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        headers = {
            "etag": etag,
            "vary": "Accept",
            "cache-control": f"max-age={self._switches.max_age}, public",
            "content-type": f"{kind}; charset=utf-8" if kind == "text/html" else kind,
        }
        known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
        if known & {etag, "*"}:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers)


class _Uploads:
    def __init__(self, store: IndexStore) -> None:
        self._store = store

    async def upload(self, request: Request) -> Response:
        try:
            credential = self._credential(request)
            upload = await _read(request)
            is_new = take_upload(self._store, upload, credential)
        except RefusedUploadError as refused:
            request.scope.get(REASONS, {})[refused.status] = refused.reason
            return PlainTextResponse(f"{refused.status} {refused.reason}", refused.status)
        note(request.scope, f"upload {upload.filename}" if is_new else f"kept {upload.filename}", credential.user)
        return PlainTextResponse("")

    def _credential(self, request: Request) -> Credential:
        login = _login(request)
        credential = self._store.accounts.find(login[0], SecretStr(login[1])) if login else None
        if credential is None:
            raise RefusedUploadError(403, NOBODY)
        if credential.is_expired():
            raise RefusedUploadError(403, "Invalid API Token: token is expired")
        return credential


async def _read(request: Request) -> Upload:
    async with request.form(max_part_size=LARGEST_FIELD) as form:
        fields: dict[str, tuple[str, ...]] = {}
        for name, value in form.multi_items():
            if isinstance(value, str):
                fields[name] = (*fields.get(name, ()), value)
        file = form.get("content")
        if not isinstance(file, UploadFile):
            return Upload(fields=fields, filename="", content=b"")
        return Upload(fields=fields, filename=file.filename or "", content=await file.read())


def _login(request: Request) -> tuple[str, str] | None:
    """User and password of Basic authorization."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if scheme.lower() == "basic" and colon else None


def _no(what: str) -> NoReturn:
    raise HTTPException(404, what)
