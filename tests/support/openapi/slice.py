"""Cuts the part that the rehearsal serves out of GitHub's official OpenAPI description (see README.md beside this).

Run as: python tests/support/openapi/slice.py DESCRIPTION.json
"""

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
OPERATIONS = FOLDER / "operations.txt"
SLICE = FOLDER / "github.json.gz"
# What says nothing about whether an answer is right.
PROSE = frozenset(
    {"description", "summary", "example", "examples", "externalDocs", "tags", "title", "default", "servers"}
)
# Below these, keys are names: a schema may well have a property called "description".
NAMED = frozenset({"properties", "schemas", "responses", "headers", "content", "paths"})


def operations() -> tuple[tuple[str, str], ...]:
    """The operations that are cut out: method and path."""
    return tuple((method, path) for method, path in _lines() if method != "WEBHOOK")


def webhooks() -> tuple[str, ...]:
    """The webhooks that are cut out, by the names that the description has for them."""
    return tuple(name for method, name in _lines() if method == "WEBHOOK")


def _lines() -> Iterator[tuple[str, str]]:
    for line in OPERATIONS.read_text("utf-8").splitlines():
        method, _, name = line.partition(" ")
        yield method, name


def cut(description: Mapping[str, Any]) -> dict[str, Any]:
    """The slice: the operations' bodies and answers, and every component that they refer to.

    Raises:
        KeyError: The description has no such operation.
    """
    paths: dict[str, dict[str, Any]] = {}
    for method, path in operations():
        whole = description["paths"][path][method.lower()]
        kept = {key: whole[key] for key in ("operationId", "requestBody", "responses") if key in whole}
        paths.setdefault(path, {})[method.lower()] = _bare(kept)
    payloads = {name: _bare(_payload(description["x-webhooks"][name])) for name in webhooks()}
    return {
        "openapi": description["openapi"],
        "info": {"version": description["info"]["version"], "license": description["info"]["license"]},
        "paths": paths,
        "payloads": payloads,
        "components": _components(description["components"], {**paths, "payloads": payloads}),
    }


def _payload(webhook: Mapping[str, Any]) -> dict[str, Any]:
    """What a webhook sends as JSON."""
    return {"schema": webhook["post"]["requestBody"]["content"]["application/json"]["schema"]}


def _bare(node: Any, *, names: bool = False) -> Any:
    """Without prose, and without extensions of the format."""
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if names or not (key in PROSE or key.startswith("x-"))}
    return {key: _bare(value, names=not names and key in NAMED) for key, value in kept.items()}


def _components(everything: Mapping[str, Any], paths: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"schemas": {"basic-error": _bare(everything["schemas"]["basic-error"])}}
    waiting = list(_references(paths))
    while waiting:
        kind, name = waiting.pop().removeprefix("#/components/").split("/")
        if name not in found.setdefault(kind, {}):
            found[kind][name] = _bare(everything[kind][name])
            waiting += _references(found[kind][name])
    return {kind: dict(sorted(named.items())) for kind, named in sorted(found.items())}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def main(description: str) -> None:
    """Write the slice of the description in this file; the same file makes the same bytes."""
    text = json.dumps(cut(json.loads(Path(description).read_bytes())), separators=(",", ":"))
    SLICE.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
