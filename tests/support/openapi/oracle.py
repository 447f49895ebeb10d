"""Judges answers by GitHub's official description: the operation, the status, the media type, and every field."""

import functools
import gzip
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.support.openapi.schemas import COMPOSED, Json, documents
from tests.support.openapi.slice import SLICE

ROOT = "github:"
# Parameters that may hold slashes: file paths, and names of branches and tags.
SLASHED = frozenset({"path", "ref", "tag", "branch", "basehead"})
# Our overlay: GitHub answers these everywhere, and the description leaves them out of most operations.
UNDOCUMENTED = frozenset({401, 403, 404, 409, 422, 429})
REFUSAL = {"$ref": "#/components/open/basic-error"}
# Optional in the description, or left out of it, and in every refusal of GitHub's.
REFUSED = {"required": ["message", "documentation_url"], "properties": {"status": {"type": "string"}}}
# Where the description contradicts its own example: an account must be a user *and* an enterprise there.
CORRECTED = {
    ("/app/installations", "get", "200"): {"type": "array", "items": {"$ref": "#/components/schemas/installation"}}
}
# Operations that answer with a file's own bytes when the caller's Accept asks for them.
RAW = re.compile(r"/contents/|/releases/assets/|/pulls/\d+$|/commits/|/compare/")
# What a fault of the rehearsal answers is no claim about GitHub.
FAULT = "a fault that was asked for"


class UnfaithfulError(AssertionError):
    """An answer that GitHub would not give."""


class OpenApiOracle:
    """The official description, ready to judge.

    Args:
        description: A slice of it, as `slice.cut` makes it.
    """

    def __init__(self, description: Mapping[str, Json]) -> None:
        self._document = documents(description)
        for (path, method, status), schema in CORRECTED.items():
            if path in self._document["paths"]:
                answer = self._document["paths"][path][method]["responses"][status]
                answer["content"]["application/json"]["schema"] = schema
        resource = DRAFT202012.create_resource(self._document)
        self._registry: Registry[Any] = Registry().with_resource(ROOT, resource)
        self._paths = {path: _pattern(path) for path in description["paths"]}

    def operation(self, method: str, path: str) -> tuple[str, str]:
        """The operation of a request: method and path as the description has them.

        Raises:
            UnfaithfulError: The slice has none.
        """
        wanted = "get" if method == "HEAD" else method.lower()
        fits = [known for known, pattern in self._paths.items() if pattern.fullmatch(path)]
        fits = [known for known in fits if wanted in self._document["paths"][known]]
        if not fits:
            raise UnfaithfulError(f"{method} {path} is not an operation of the slice (operations.txt)")
        return wanted, max(fits, key=_how_literal)

    def check(self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Check an answer.

        Args:
            method: Of the request.
            path: Of the request, without the query.
            status: Of the answer.
            headers: Of the answer, with names in lower case.
            body: Of the answer.

        Raises:
            UnfaithfulError: GitHub would not answer so; it says every reason.
        """
        if FAULT.encode() in body:
            return
        wanted, known = self.operation(method, path)
        answers = self._document["paths"][known][wanted]["responses"]
        place = f"{method} {path}: {status}"
        schema = self._schema(place, answers, status)
        if method == "HEAD" or _is_raw(path, status, headers):
            return
        if schema is None:
            _must(not body or status == 302, f"{place}: has a body, GitHub sends none: {body[:200]!r}")
            return
        media = headers.get("content-type", "")
        _must(media.startswith("application/json"), f"{place}: is {media or 'of no type'}, not application/json")
        self._judge(place, schema, body)

    def check_request(self, method: str, path: str, body: bytes) -> None:
        """Check what a client of ours sends, where the description says what it may be.

        Raises:
            UnfaithfulError: GitHub does not document such a body.
        """
        wanted, known = self.operation(method, path)
        request = self._document["paths"][known][wanted].get("requestBody", {})
        media = request.get("content", {}).get("application/json")
        if media is None or not body:
            _must(not request.get("required"), f"{method} {path}: nothing is sent, GitHub requires something")
            return
        self._judge(f"{method} {path}: request", media["schema"], body)

    def check_webhook(self, event: str, payload: Mapping[str, Json]) -> None:
        """Check what a webhook sends.

        Args:
            event: As `X-GitHub-Event` has it.
            payload: The JSON.

        Raises:
            UnfaithfulError: GitHub would not send so, or the slice has no such webhook.
        """
        kinds, name = self._document["payloads"], event.replace("_", "-")
        fits = [kind for kind in (f"{name}-{_action(event, payload)}", name) if kind in kinds]
        _must(bool(fits), f"{event} {payload.get('action')} is not a webhook of the slice (operations.txt)")
        schema = kinds[fits[0]]["schema"]
        kept = {**payload, **self._without_forgotten(schema, payload)}
        self._judge(f"webhook {event}", schema, json.dumps(kept).encode())

    def _without_forgotten(self, schema: Mapping[str, Json], payload: Mapping[str, Json]) -> dict[str, Json]:
        """A run without its title, which GitHub sends, and the description of some of the actions has forgotten."""
        described = self._document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
        fields = described.get("properties", {}).get("workflow_run", {}).get("properties", {})
        if "workflow_run" not in payload or "display_title" in fields:
            return {}
        return {"workflow_run": {name: value for name, value in payload["workflow_run"].items() if name in fields}}

    def _schema(self, place: str, answers: Mapping[str, Json], status: int) -> Json:
        """The schema of an answer; None when it is documented to have no JSON."""
        answer = answers.get(str(status))
        if answer is None:
            _must(status in UNDOCUMENTED, f"{place}: GitHub does not document this status")
            return {"allOf": [REFUSAL, REFUSED]}
        if "$ref" in answer:
            answer = functools.reduce(lambda node, key: node[key], answer["$ref"][2:].split("/"), self._document)
        media = answer.get("content", {}).get("application/json")
        if status >= 400:
            return {"allOf": [_opened(media["schema"]) if media else REFUSAL, REFUSED]}
        return media and media.get("schema", {})

    def _judge(self, place: str, schema: Json, body: bytes) -> None:
        try:
            value = json.loads(body)
        except ValueError as error:
            raise UnfaithfulError(f"{place}: is not JSON: {body[:200]!r}") from error
        resolved = _absolute(schema)
        validator = Draft202012Validator(resolved, registry=self._registry, format_checker=FORMATS)
        reasons = [line for error in validator.iter_errors(value) for line in _explain(error)]
        _must(not reasons, "\n  ".join([f"{place}: is not what GitHub documents", *reasons[:30]]))


@functools.cache
def official() -> OpenApiOracle:
    """The judge by the slice that lies beside this file."""
    return OpenApiOracle(json.loads(gzip.decompress(SLICE.read_bytes())))


def _opened(schema: Mapping[str, Json]) -> dict[str, Json]:
    """A refusal's schema that lets through what it does not name, such as the status."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("/schemas/", "/open/")}
    kept = {key: value for key, value in schema.items() if key != "unevaluatedProperties"}
    return {key: [_opened(part) for part in value] if key in COMPOSED else value for key, value in kept.items()}


def _action(event: str, payload: Mapping[str, Json]) -> str:
    # The action of a dispatch is the caller's own word: the description has one for all.
    return "sample.collected" if event == "repository_dispatch" else str(payload.get("action")).replace("_", "-")


def _pattern(path: str) -> re.Pattern[str]:
    def part(match: re.Match[str]) -> str:
        return ".+" if match[1] in SLASHED else "[^/]+"

    # `contents/` without a path is the root folder.
    pattern = re.sub(r"\{(\w+)\}", part, path.replace(".", r"\."))
    return re.compile(pattern.replace("/contents/.+", "/contents(?:/.*)?"))


def _how_literal(path: str) -> tuple[int, int]:
    parts = path.split("/")
    return sum(not part.startswith("{") for part in parts), len(parts)


def _is_raw(path: str, status: int, headers: Mapping[str, str]) -> bool:
    media = headers.get("content-type", "")
    return status == 200 and bool(RAW.search(path)) and not media.startswith("application/json")


def _absolute(node: Json) -> Json:
    if isinstance(node, list):
        return [_absolute(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: ROOT + value if key == "$ref" and value.startswith("#") else _absolute(value)
        for key, value in node.items()
    }


def _explain(error: Any, depth: int = 0) -> Iterable[str]:
    said = error.message if len(error.message) <= 300 else f"{error.message[:100]} … {error.message[-150:]}"
    yield f"{'  ' * depth}{error.json_path}: {said}"
    if depth < 3:
        for cause in sorted(error.context, key=lambda cause: cause.json_path)[:12]:
            yield from _explain(cause, depth + 1)


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise UnfaithfulError(otherwise)


def _is_date_time(value: object) -> bool:
    # GitHub sends `2026-11-20T13:00:00Z`; a time without its zone is read differently by every client.
    return not isinstance(value, str) or ("T" in value and datetime.fromisoformat(value).tzinfo is not None)


def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or (bool(urlsplit(value).scheme and urlsplit(value).netloc) and "{" not in value)


def _is_email(value: object) -> bool:
    return not isinstance(value, str) or value.count("@") == 1


FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time", raises=ValueError)(_is_date_time)
FORMATS.checks("uri", raises=ValueError)(_is_uri)
FORMATS.checks("email")(_is_email)
