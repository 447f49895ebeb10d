"""Git over HTTP: Git's own `http-backend`, behind checks of tokens, protected branches and workflow files.

A push is judged before Git does it. Its pack is first unpacked into a folder of its own, with the repository's objects
as alternates, so the rules can read the new commits while the repository is unchanged. For each ref that the rules
decline, a file is written that the repository's `update` hook reads: Git itself refuses these refs and takes the
others, as it would on GitHub. GitHub's reasons then replace the hook's message in Git's report. All of it happens
under the state's lock: no other change can come between the judgement and the push.
"""

import gzip
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NamedTuple

from anyio import open_process, to_thread
from anyio.abc import Process
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from interlock.common.process import tool_environment
from rehearsal.fault_proxy import note
from rehearsal.github import access
from rehearsal.github.assets import download
from rehearsal.github.git_report import commands, with_reasons
from rehearsal.github.git_store import NO_COMMIT, SETTINGS, GitStore
from rehearsal.github.protection import Decline, declined, is_free
from rehearsal.github.pushes import Change, moved
from rehearsal.github.records import Repository, Token, TokenKind
from rehearsal.github.refusals import Refusal
from rehearsal.github.state import GitHubState

SERVICES = ("git-upload-pack", "git-receive-pack")
# The headers of a request that the backend gets, by their CGI names.
HEADERS = {"content-type": "CONTENT_TYPE", "git-protocol": "HTTP_GIT_PROTOCOL"}
CHUNK = 65_536
SECONDS = 300


class Wish(NamedTuple):
    """The meaning of a Git request."""

    owner: str
    name: str
    path: str
    service: str

    @property
    def writes(self) -> bool:
        """Whether it is part of a push."""
        return self.service == "git-receive-pack"


def git_app(state: GitHubState) -> ASGIApp:
    """The Git repositories at `/owner/name.git`, and the files of releases."""
    return GitHttp(state)


class GitHttp:
    """An ASGI application for `git clone`, `fetch` and `push`."""

    def __init__(self, state: GitHubState) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http":
            response = await self._answer(Request(scope, receive))
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        wish = wish_of(request)
        try:
            if wish is None:
                return await to_thread.run_sync(download, self._state, request.url.path, request.headers)
            token, repository = await to_thread.run_sync(self._admit, wish, request)
        except Refusal as refusal:
            return PlainTextResponse(refusal.message, refusal.status, refusal.headers)
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if wish.writes and request.method == "POST":
            return await to_thread.run_sync(_Push(self._state, repository, token, wish, request).answer, body)
        return await stream(_environment(self._state, repository, wish, request, len(body)), body)

    def _admit(self, wish: Wish, request: Request) -> tuple[Token | None, Repository]:
        with self._state.lock:
            token = _authenticate(self._state, request.headers.get("authorization"))
            if token:
                request.scope["rehearsal.user"] = token.name
            known = self._state.repositories.get(f"{wish.owner}/{wish.name}".lower())
            return token, check(self._state, token, known, wish)


def wish_of(request: Request) -> Wish | None:
    """The meaning of a request; None if it is not Git's."""
    parts = request.url.path.strip("/").split("/", 2)
    if len(parts) < 3:
        return None
    owner, name, path = parts
    service = request.query_params.get("service", "") if path == "info/refs" else path
    # The older protocol, which reads a repository's files, is not supported.
    return Wish(owner, name.removesuffix(".git"), path, service) if service in SERVICES else None


def _authenticate(state: GitHubState, header: str | None) -> Token | None:
    try:
        return access.authenticate(state, header)
    except Refusal:
        said = "Invalid username or token. Password authentication is not supported for Git operations."
        raise _unauthorized(said) from None


def _unauthorized(message: str) -> Refusal:
    return Refusal(401, message, headers={"WWW-Authenticate": 'Basic realm="GitHub"'})


def check(state: GitHubState, token: Token | None, repository: Repository | None, wish: Wish) -> Repository:
    """The repository, if it may be fetched from, or pushed to.

    Raises:
        Refusal: As Git expects it: 401, so that Git asks for a password; 403; 404.
    """
    rule = access.needs("contents", "write" if wish.writes else "read")
    try:
        return access.check(state, rule, token, repository)
    except Refusal as refusal:
        if token is None:
            raise _unauthorized("Authentication required.") from None
        if refusal.status == 404:
            raise Refusal(404, "Repository not found.") from None
        raise Refusal(403, _forbidden(token, repository, refusal)) from None


def _forbidden(token: Token, repository: Repository | None, refusal: Refusal) -> str:
    if "archived" in refusal.message:
        return "This repository was archived so it is read-only."
    if token.kind is TokenKind.CLASSIC and repository:
        return f"Permission to {repository.full_name}.git denied to {token.login}."
    return "Write access to repository not granted."


def _environment(
    state: GitHubState, repository: Repository, wish: Wish, request: Request, length: int
) -> dict[str, str]:
    """The backend's whole environment; of the request, it has only what is named here."""
    given = {name: request.headers[header] for header, name in HEADERS.items() if header in request.headers}
    return {
        **tool_environment(),
        **SETTINGS,
        **given,
        "GIT_PROJECT_ROOT": str(state.git(repository).path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.name}.git/{wish.path}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": str(request.url.query),
        "CONTENT_LENGTH": str(length),
        "REMOTE_USER": "git",
        "REMOTE_ADDR": "127.0.0.1",
    }


async def stream(environment: Mapping[str, str], body: bytes) -> Response:
    """Run the backend, and pass its answer on as it arrives."""
    # The body is in a file, since the backend may answer before it has read all of it, or read nothing.
    with tempfile.TemporaryFile() as sent:
        sent.write(body)
        sent.seek(0)
        process = await open_process(["git", "http-backend"], env=environment, stdin=sent, stderr=subprocess.DEVNULL)
    head, rest = await _head(process)
    status, headers = _parsed(head)
    return StreamingResponse(_rest(process, rest), status, headers)


async def _head(process: Process) -> tuple[bytes, bytes]:
    assert process.stdout
    data = b""
    async for chunk in process.stdout:
        data += chunk
        if b"\r\n\r\n" in data:
            break
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


async def _rest(process: Process, first: bytes) -> AsyncIterator[bytes]:
    try:
        yield first
        assert process.stdout
        async for chunk in process.stdout:
            yield chunk
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
        await process.aclose()


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    lines = (line.partition(": ") for line in head.decode("latin-1").split("\r\n") if line)
    headers = {name.lower(): value for name, _, value in lines}
    return int(headers.pop("status", "200").split()[0]), headers


class _Push:
    """One push: judged with its objects in a folder of their own, then done by Git, whose hook declines refs."""

    def __init__(
        self, state: GitHubState, repository: Repository, token: Token | None, wish: Wish, request: Request
    ) -> None:
        self._state, self._repository, self._token = state, repository, token
        self._wish, self._request = wish, request
        self._git = state.git(repository)

    def answer(self, body: bytes) -> Response:
        """Do it, under the state's lock."""
        with self._state.changing(), tempfile.TemporaryDirectory(prefix="push-") as folder:
            asked, pack = commands(body)
            before = self._git.refs()
            refused = self._refused(asked, pack, Path(folder, "objects"))
            response = self._do(body, refused, Path(folder, "declined"))
            self._notify(asked, before)
        return response

    def _refused(self, asked: list[Change], pack: bytes, folder: Path) -> dict[str, Decline]:
        if is_free(self._repository, asked, self._token):
            return {}
        seen = _with_pack(self._git, pack, folder)
        found = {
            change.ref: declined(self._state, seen, self._repository, change, self._token)
            for change in asked
            if all(seen.kind_of(sha) for sha in (change.old, change.new) if sha != NO_COMMIT)
        }
        return {ref: decline for ref, decline in found.items() if decline}

    def _do(self, body: bytes, refused: Mapping[str, Decline], folder: Path) -> Response:
        for ref, decline in refused.items():
            (folder / ref).parent.mkdir(parents=True, exist_ok=True)
            (folder / ref).write_text("".join(f"{line}\n" for line in decline.remote))
        environment = _environment(self._state, self._repository, self._wish, self._request, len(body))
        done = subprocess.run(
            ["git", "http-backend"],  # noqa: S607  the user's own git
            input=body,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            env={**environment, "REHEARSAL_DECLINED": str(folder)},
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        status, headers = _parsed(head)
        headers.pop("content-length", None)
        return Response(with_reasons(content, {ref: found.status for ref, found in refused.items()}), status, headers)

    def _notify(self, asked: list[Change], before: Mapping[str, str]) -> None:
        after = self._git.refs()
        done = [change for change in asked if before.get(change.ref) != after.get(change.ref)]
        if done:
            note(self._request.scope, "push " + " ".join(change.words for change in done))
            moved(self._state, self._repository, done, self._token)


def _with_pack(git: GitStore, pack: bytes, folder: Path) -> GitStore:
    """The repository with the pack's objects, which are unpacked into the folder."""
    folder.mkdir()
    seen = git.with_objects(folder)
    if pack:
        seen.git("unpack-objects", "-q", data=pack)
    return seen
