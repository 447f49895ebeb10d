"""The user's own index behind the rehearsal's: its files can be seen and installed, and nothing is uploaded to it."""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from packaging.utils import canonicalize_name
from pydantic import SecretStr
from pypi_simple import DistributionPackage, ProjectPage
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rehearsal.index.pages import JSON_TYPE, choose_type

TIMEOUT = 60.0
SIMPLE = "/simple/"
# Every type of page that an index may serve; JSON first, which says more.
ACCEPT = f"{JSON_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


class UpstreamIndex:
    """An ASGI application around the rehearsal's index: the page of a project shows the files of both.

    Files are fetched from the user's index directly. If it needs a password, this class sends it for pages; for files
    uv and pip find it themselves (netrc, keyring).

    Args:
        app: The rehearsal's index.
        url: The root of the simple API of the user's index; it may hold a password.
        transport: The transport of requests to it; default: the network.
    """

    def __init__(self, app: ASGIApp, url: SecretStr, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._app, self._url, self._transport = app, url.get_secret_value().rstrip("/"), transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or not (project := _project(scope)):
            await self._app(scope, receive, send)
            return
        response = await self._page(project, Request(scope, receive))
        await response(scope, receive, send)

    async def _page(self, project: str, request: Request) -> Response:
        try:
            others, status = await self._others(project)
            files = [*await self._own(project), *others]
        except (httpx.HTTPError, ValueError) as error:
            return PlainTextResponse(f"the index behind does not answer as one: {type(error).__name__}", 502)
        if not files and status is None:
            return PlainTextResponse("no such project", 404)
        # If both have a file of the same name, the rehearsal's own counts.
        merged = list({file["filename"]: file for file in reversed(files)}.values())[::-1]
        kind = choose_type(request.headers.get("accept", ""))
        content = _json(project, merged, status) if kind == JSON_TYPE else _html(project, merged)
        return Response(content, media_type=kind, headers={"cache-control": "max-age=0"})

    async def _own(self, project: str) -> Sequence[Mapping[str, Any]]:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://index") as client:
            answer = await client.get(f"{SIMPLE}{project}/", headers={"accept": JSON_TYPE})
        files: list[Mapping[str, Any]] = answer.json()["files"] if answer.is_success else []
        return files

    async def _others(self, project: str) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """The files of the user's index, and the project's status there (PEP 792)."""
        async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=True, transport=self._transport) as client:
            answer = await client.get(f"{self._url}/{project}/", headers={"accept": ACCEPT})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return [], None
        answer.raise_for_status()
        page = _read(project, answer)
        return [_entry(file) for file in page.packages], page.status.value if page.status else None


def _project(scope: Scope) -> str | None:
    """The project of a requested page; empty for other requests."""
    path: str = scope["path"]
    name = path.removeprefix(SIMPLE).rstrip("/")
    is_page = scope["method"] == "GET" and path.startswith(SIMPLE) and path.endswith("/") and "/" not in name
    return name if is_page and name == canonicalize_name(name) else None


def _read(project: str, answer: httpx.Response) -> ProjectPage:
    base = str(answer.url.copy_with(userinfo=b""))
    if answer.headers.get("content-type", "").partition(";")[0] == JSON_TYPE:
        return ProjectPage.from_json_data(answer.json(), base_url=base)
    return ProjectPage.from_html(project, answer.text, base_url=base)


def _entry(file: DistributionPackage) -> Mapping[str, Any]:
    """A file's entry in a JSON page."""
    known: dict[str, Any] = {
        "size": file.size,
        "upload-time": file.upload_time.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if file.upload_time else None,
        "requires-python": file.requires_python,
    }
    return {
        "filename": file.filename,
        "url": file.url,
        "hashes": file.digests,
        "yanked": (file.yanked_reason or True) if file.is_yanked else False,
        "core-metadata": (file.metadata_digests or True) if file.has_metadata else False,
        **{name: value for name, value in known.items() if value is not None},
    }


def _json(project: str, files: Sequence[Mapping[str, Any]], status: str | None) -> bytes:
    marker = {"project-status": {"status": status}} if status else {}
    return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": files, **marker}).encode()


def _html(project: str, files: Sequence[Mapping[str, Any]]) -> bytes:
    links = "\n".join(_link(file) for file in files)
    return f"<!DOCTYPE html>\n<html><body><h1>Links for {project}</h1>\n{links}\n</body></html>\n".encode()


def _link(file: Mapping[str, Any]) -> str:
    digest = next((f"#{name}={value}" for name, value in sorted(file["hashes"].items(), reverse=True)), "")
    attributes = {"href": file["url"] + digest, "data-requires-python": file.get("requires-python")}
    if file["yanked"] is not False:
        attributes["data-yanked"] = "" if file["yanked"] is True else file["yanked"]
    given = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items() if value is not None)
    return f"<a {given}>{html.escape(file['filename'])}</a><br>"
