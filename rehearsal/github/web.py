"""What every endpoint uses: routes, the calls and answers of handlers, pages, entity tags, and validated bodies."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.routing import compile_path
from starlette.types import Scope

from rehearsal.fault_proxy import note
from rehearsal.github import access
from rehearsal.github.access import Rule
from rehearsal.github.git_store import GitStore
from rehearsal.github.records import Repository, Token
from rehearsal.github.refusals import Refusal, not_found
from rehearsal.github.state import GitHubState

T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)
LARGEST_PAGE = 100


class Body(BaseModel):
    """The body of a request; unknown keys are ignored, as GitHub mostly does."""

    model_config = ConfigDict(extra="ignore")


class StrictBody(BaseModel):
    """The body of a request; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


@dataclass
class Answer:
    """The answer of a handler.

    Attributes:
        body: Values for JSON, or bytes that are sent as they are; None for no body.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media: str = "application/json; charset=utf-8"

    @property
    def content(self) -> bytes:
        """The response."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def created(body: object, location: str | None = None) -> Answer:
    """A 201."""
    return Answer(body, 201, {"Location": location} if location else {})


def nothing() -> Answer:
    """A 204."""
    return Answer(None, 204)


@dataclass
class Call:
    """An authorized request, as its handler gets it.

    Attributes:
        arguments: The parts of the path that the route names.
        query: The last value of each parameter.
        token: The caller's token; None without one.
    """

    state: GitHubState
    scope: Scope
    headers: Mapping[str, str]
    content: bytes
    arguments: Mapping[str, Any]
    token: Token | None
    rule: Rule
    repository: Repository | None = None

    @property
    def repo(self) -> Repository:
        """The repository of a path under /repos/{owner}/{repo}."""
        assert self.repository is not None
        return self.repository

    @property
    def caller(self) -> Token:
        """The token, for rules that need one."""
        assert self.token is not None
        return self.token

    @property
    def git(self) -> GitStore:
        """The repository's Git repository."""
        return self.state.git(self.repo)

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True))

    @property
    def accept(self) -> str:
        """The media types that the caller accepts."""
        return self.headers.get("accept", "")

    def note(self, what: str) -> None:
        """Note for the request log what was done."""
        note(self.scope, what)

    def may(self, rule: Rule) -> bool:
        """Whether another rule allows the caller too."""
        return access.may(self.state, rule, self.token, self.repo)

    def json(self) -> Any:  # noqa: ANN401  JSON
        """The body as JSON; an empty one is an empty object.

        Raises:
            Refusal: It is not JSON.
        """
        try:
            found = json.loads(self.content) if self.content.strip() else {}
            json.dumps(found, ensure_ascii=False).encode()  # half a character is none
        except (ValueError, RecursionError):
            raise Refusal(400, "Problems parsing JSON") from None
        return found

    def body(self, model: type[B], resource: str) -> B:
        """The validated body.

        Raises:
            Refusal: 400 if it is not JSON, 422 if it is invalid.
        """
        sent = self.json()
        if not isinstance(sent, dict):
            raise Refusal(400, "Body should be a JSON object")
        try:
            return model.model_validate(sent)
        except ValidationError as wrong:
            raise _misfit(wrong, resource) from None

    def page(self, items: Sequence[T], show: Callable[[T], object], *, under: str | None = None) -> Answer:
        """One page of a list, with links to the others; `under` is its key in an object with a count."""
        size = min(max(_number(self.query, "per_page", 30), 1), LARGEST_PAGE)
        number = max(_number(self.query, "page", 1), 1)
        shown = [show(item) for item in items[(number - 1) * size : number * size]]
        body = shown if under is None else {"total_count": len(items), under: shown}
        link = self._link(number, max(1, -(-len(items) // size)))
        return Answer(body, headers={"Link": link} if link else {})

    def _link(self, number: int, last: int) -> str:
        pages = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        there = {
            name: page
            for name, page in pages.items()
            if (page >= 1 and name in {"prev", "first"} and number > 1) or (name in {"next", "last"} and number < last)
        }
        return ", ".join(f'<{self._at(page)}>; rel="{name}"' for name, page in there.items())

    def _at(self, page: int) -> str:
        query = urlencode({**self.query, "page": str(page)})
        return f"{self.state.addresses.api}{self.scope['path']}?{query}"


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else default


# GitHub's words by pydantic's types of errors.
MISFITS = {
    "missing": ("missing_field", '"{field}" wasn\'t supplied.'),
    "extra_forbidden": ("invalid", '"{field}" is not a permitted key.'),
}


def _misfit(wrong: ValidationError, resource: str) -> Refusal:
    errors, words = [], []
    for error in wrong.errors():
        field = ".".join(map(str, error["loc"])) or "body"
        code, said = MISFITS.get(error["type"], ("invalid", "For '{field}': " + error["msg"].replace("{", "(") + "."))
        errors.append({"resource": resource, "field": field, "code": code})
        words.append(said.format(field=field))
    return Refusal(422, "Invalid request.\n\n" + "\n".join(words), errors=errors)


Handler = Callable[[Call], Answer]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True)
class Route:
    """An endpoint."""

    method: str
    path: str
    rule: Rule
    handler: Handler
    pattern: re.Pattern[str]
    convertors: Mapping[str, Any]

    def match(self, path: str) -> dict[str, Any] | None:
        """The named parts of the path; None if it is another route's."""
        found = self.pattern.match(path)
        if not found:
            return None
        return {name: self.convertors[name].convert(text) for name, text in found.groupdict().items()}


class Routes:
    """The endpoints of a module; paths are Starlette's: `{name}`, `{name:int}`, `{name:path}`."""

    def __init__(self) -> None:
        self.all: list[Route] = []

    def add(self, method: str, path: str, rule: Rule) -> Callable[[H], H]:
        """Register the handler of a method and path."""
        pattern, _, convertors = compile_path(path)

        def remember(handler: H) -> H:
            self.all.append(Route(method, path, rule, handler, pattern, convertors))
            return handler

        return remember

    def get(self, path: str, rule: Rule) -> Callable[[H], H]:
        """A handler of GET."""
        return self.add("GET", path, rule)

    def post(self, path: str, rule: Rule) -> Callable[[H], H]:
        """A handler of POST."""
        return self.add("POST", path, rule)

    def put(self, path: str, rule: Rule) -> Callable[[H], H]:
        """A handler of PUT."""
        return self.add("PUT", path, rule)

    def patch(self, path: str, rule: Rule) -> Callable[[H], H]:
        """A handler of PATCH."""
        return self.add("PATCH", path, rule)

    def delete(self, path: str, rule: Rule) -> Callable[[H], H]:
        """A handler of DELETE."""
        return self.add("DELETE", path, rule)


def find_route(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, Any]]:
    """The first route for a method and path, and the named parts of the path.

    Raises:
        Refusal: There is none.
    """
    for route in routes:
        arguments = route.match(path) if route.method == method else None
        if arguments is not None:
            return route, arguments
    raise not_found()


def entity_tag(content: bytes) -> str:
    """The ETag of a body."""
    return f'W/"{hashlib.sha256(content).hexdigest()}"'
