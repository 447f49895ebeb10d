"""The applications: a frame around all endpoints that authenticates, counts, authorizes, saves and answers.

Requests are handled one at a time under the state's lock, so handlers see and leave a consistent state. The order is:
authenticate, count against the rate limit, authorize, handle, save, call the listeners, answer. Listeners run without
the lock and before the answer: a client that has its answer sees everything that follows from its request.
"""

import uuid
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rehearsal.github import (
    access,
    actions,
    apps,
    assets,
    branches,
    checks,
    commits,
    contents,
    dispatches,
    graphql,
    hooks,
    issues,
    merge_queue,
    pull_store,
    pulls,
    refs,
    releases,
    repositories,
    secret_names,
    statuses,
)
from rehearsal.github.git_http import git_app
from rehearsal.github.limits import Limits
from rehearsal.github.refusals import Refusal
from rehearsal.github.state import GitHubState
from rehearsal.github.web import Answer, Call, Route, Routes, entity_tag, find_route

if TYPE_CHECKING:
    from rehearsal.github.records import Token

__all__ = ["api_app", "git_app", "uploads_app"]
VERSIONS = ("2022-11-28", "2026-03-10")
# The first route that matches is taken, so modules with narrower paths come first.
API: tuple[Routes, ...] = (
    repositories.routes,
    branches.routes,
    contents.routes,
    refs.routes,
    releases.routes,
    assets.routes,
    dispatches.routes,
    actions.routes,
    apps.routes,
    checks.routes,
    graphql.routes,
    hooks.routes,
    issues.routes,
    pulls.routes,
    secret_names.routes,
    statuses.routes,
    commits.routes,
)
_attached: weakref.WeakSet[GitHubState] = weakref.WeakSet()


def attach(state: GitHubState) -> None:
    """Attach the listeners to a state, once: Apps' signed tokens, pull requests that follow branches, webhooks."""
    if state not in _attached:
        _attached.add(state)
        apps.attach(state)
        pull_store.attach(state)
        merge_queue.attach(state)
        hooks.attach(state)


def api_app(state: GitHubState) -> ASGIApp:
    """The REST API, with all listeners."""
    attach(state)
    return Frame(state, [route for routes in API for route in routes.all])


def uploads_app(state: GitHubState) -> ASGIApp:
    """The API for uploading the files of releases."""
    return Frame(state, assets.uploads.all)


class Frame:
    """An ASGI application of routes; requests are handled one at a time, under the state's lock."""

    def __init__(self, state: GitHubState, routes: Sequence[Route]) -> None:
        self._state, self._routes = state, routes
        self._limits = Limits(state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        content = await request.body()
        answer = await to_thread.run_sync(self._handle, scope, dict(request.headers), content)
        response = Response(
            b"" if scope["method"] == "HEAD" else answer.content, answer.status, answer.headers, answer.media
        )
        if answer.body is None:
            del response.headers["content-type"]
        await response(scope, receive, send)

    def _handle(self, scope: Scope, headers: dict[str, str], content: bytes) -> Answer:
        with self._state.changing():
            return _Handling(self._state, self._routes, self._limits, scope, headers).answer(content)


class _Handling:
    """One request on its way through the frame."""

    def __init__(
        self, state: GitHubState, routes: Sequence[Route], limits: Limits, scope: Scope, headers: dict[str, str]
    ) -> None:
        self._state, self._routes, self._limits, self._scope, self._headers = state, routes, limits, scope, headers
        self._token: Token | None = None
        self._route: Route | None = None

    def answer(self, content: bytes) -> Answer:
        """Its answer."""
        try:
            answer = self._fresh(self._do(content))
        except Refusal as refusal:
            answer = Answer(refusal.body, refusal.status, refusal.headers)
        answer.headers = {**self._common(), **answer.headers}
        return answer

    def _do(self, content: bytes) -> Answer:
        version = self._version()
        self._token = access.authenticate(self._state, self._headers.get("authorization"))
        if self._token:
            self._scope["rehearsal.user"] = self._token.name  # also for requests that have no note
        self._limits.count(self._token, self._scope["method"], self._scope["path"])
        if version not in VERSIONS:
            raise Refusal(400, f"The API version {version} is not supported.")
        method = "GET" if self._scope["method"] == "HEAD" else self._scope["method"]
        route, arguments = find_route(self._routes, method, self._scope["path"])
        self._route = route
        return route.handler(self._admit(route, arguments, content))

    def _admit(self, route: Route, arguments: dict[str, str], content: bytes) -> Call:
        call = Call(
            state=self._state,
            scope=self._scope,
            headers=self._headers,
            content=content,
            arguments=arguments,
            token=self._token,
            rule=route.rule,
        )
        if "repo" in arguments:
            known = self._state.repositories.get(f"{arguments['owner']}/{arguments['repo']}".lower())
            call.repository = access.check(self._state, route.rule, self._token, known)
        else:
            access.check_signed_in(route.rule, self._token)
        return call

    def _fresh(self, answer: Answer) -> Answer:
        """Add an entity tag to a readable answer; callers that have its body already get a 304."""
        if self._scope["method"] != "GET" or answer.status != 200:
            return answer
        tag = entity_tag(answer.content)
        if self._headers.get("if-none-match") == tag:
            self._limits.give_back(self._token)
            return Answer(None, 304, {"ETag": tag})
        answer.headers["ETag"] = tag
        return answer

    def _version(self) -> str:
        return self._headers.get("x-github-api-version", VERSIONS[0])

    def _common(self) -> dict[str, str]:
        return {
            "X-GitHub-Request-Id": uuid.uuid4().hex.upper(),
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-GitHub-Api-Version-Selected": self._version(),
            **self._limits.headers(self._token),
            **access.headers(self._state, self._token, self._route.rule if self._route else None),
        }
