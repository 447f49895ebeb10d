"""The ports of the code host: the adapter for GitHub has each of them, and nothing is in them that nobody asks for."""

import ast
import inspect
import re

import pytest

from interlock.adapters.code_host import (
    CodeHost,
    CommitChecks,
    Downstreams,
    Inspection,
    PullRequests,
    Releases,
    Repositories,
    Webhooks,
)
from interlock.adapters.connections import Connections
from interlock.adapters.github import GitHub
from tests.support.paths import ROOT

OF_GITHUB = (Releases, PullRequests, CommitChecks, Downstreams, Inspection, Webhooks)
ADAPTERS = {Repositories: Connections, **dict.fromkeys(OF_GITHUB, GitHub)}
NO_FEATURES = {"github", "connections.py", "code_host.py"}
GITHUB = GitHub.__module__.rpartition(".")[0]


def mypy_judges(connections: Connections, github: GitHub) -> tuple[Repositories, CodeHost]:
    return connections, github


def calls(port: type) -> list[str]:
    return [name for name in vars(port) if not name.startswith("_")]


@pytest.mark.parametrize(("port", "adapter"), ADAPTERS.items())
def test_the_adapter_takes_and_gives_what_the_port_says(port: type, adapter: type) -> None:
    for name in calls(port):
        assert inspect.signature(getattr(adapter, name)) == inspect.signature(getattr(port, name)), name


def features() -> dict[str, str]:
    """The text of every module that asks the code host, by its path."""
    files = (path.relative_to(ROOT) for folder in ("interlock", "flows") for path in (ROOT / folder).rglob("*.py"))
    ours = (path for path in files if not NO_FEATURES.intersection(path.parts))
    return {str(path): (ROOT / path).read_text("utf-8") for path in ours}


def test_features_ask_for_everything_that_is_in_a_port() -> None:
    text = "\n".join(features().values())
    assert [name for port in ADAPTERS for name in calls(port) if not re.search(rf"\.{name}\(", text)] == []


def test_features_name_ports_and_never_the_client_of_github() -> None:
    named = {
        path
        for path, text in features().items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(GITHUB)
        if "GitHub" in {alias.name for alias in node.names}
    }
    assert named == set()
