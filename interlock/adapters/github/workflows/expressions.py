"""Expressions in a workflow file: where a payload would be run as a script, and whether a title has a dispatch's id."""

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from interlock.adapters.github.workflows.yaml_nodes import entries, everything, line_of, text_of

PAYLOAD = "github.event.client_payload"
# Expressions that pass the whole event on, with the payload in it.
WHOLE = re.compile(r"tojson\(github(\.event(\.client_payload)?)?\)")
# The keys of scripts: of a step, and of the action that runs JavaScript.
SCRIPTS = frozenset({"run", "script"})
# How many are reported of one file; more would not help.
MOST = 20
SAFE = 'hand it over by env:, and use it as "$NAME"'


class Unsafe(NamedTuple):
    """A place where a sender's text becomes a part of a script."""

    line: int
    message: str
    hint: str


def carries_dispatch_id(run_name: str) -> bool:
    """Whether the id of the dispatch is in a run's title."""
    found = (_normal(expression) for expression in expressions(run_name))
    return any(re.search(rf"{re.escape(PAYLOAD)}\.dispatch_id\b", text) or WHOLE.search(text) for text in found)


def unsafe_places(text: str, top: yaml.MappingNode) -> Iterator[Unsafe]:
    """The first expressions in scripts that insert something of the payload, directly or through `env`."""
    values = tuple(everything(top))
    tainted = frozenset(_tainted(values))
    scripts = {id(node): node for key, node in values if key in SCRIPTS}
    found = ((node, written) for node in scripts.values() for written in expressions(text_of(node) or ""))
    unsafe = ((node, written) for node, written in found if _is_unsafe(_normal(written), tainted))
    for node, written in itertools.islice(unsafe, MOST):
        message = f"what the sender writes is run as a script: ${{{{ {' '.join(written.split())} }}}}"
        yield Unsafe(_line(text, node, written), message, SAFE)


def expressions(text: str) -> Iterator[str]:
    """The texts between `${{` and the next `}}`."""
    end = 0
    while (begin := text.find("${{", end)) >= 0 and (end := text.find("}}", begin)) >= 0:
        yield text[begin + 3 : end]


def _tainted(values: tuple[tuple[str, yaml.Node], ...]) -> Iterator[str]:
    """Names of `env` that hold something of the payload."""
    for key, node in values:
        if key == "env":
            for name, _, value in entries(node):
                if any(_is_payload(_normal(written)) for written in expressions(text_of(value) or "")):
                    yield name.lower()


def _is_unsafe(expression: str, tainted: frozenset[str]) -> bool:
    return _is_payload(expression) or bool(tainted.intersection(re.findall(r"\benv\.([\w-]+)", expression)))


def _normal(expression: str) -> str:
    """An expression in one form: lower case, as GitHub compares names; no spaces; `a.b` for `a['b']`."""
    return re.sub(r"\['([\w-]+)'\]", r".\1", re.sub(r"\s+", "", expression)).lower()


def _is_payload(expression: str) -> bool:
    return bool(re.search(rf"{re.escape(PAYLOAD)}\b", expression) or WHOLE.search(expression))


def _line(text: str, node: yaml.Node, found: str) -> int:
    """The line of a part of a scalar, or else of the scalar."""
    at = text.find(found, node.start_mark.index, node.end_mark.index)
    return line_of(node) if at < 0 else text.count("\n", 0, at) + 1
