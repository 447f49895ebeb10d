"""The ports of the code host: the adapter for GitHub has each of them, and nothing is in them that nobody asks for."""

import inspect
import re
from pathlib import Path

import pytest

from interlock import code_host
from interlock.code_host import (
    CodeHost,
    CommitChecks,
    Downstreams,
    Inspection,
    PullRequests,
    Releases,
    Repositories,
    Webhooks,
)
from interlock.connections import Connections
from interlock.github import GitHub

ROOT = Path(__file__).parents[1]
OF_GITHUB = (Releases, PullRequests, CommitChecks, Downstreams, Inspection, Webhooks)
ADAPTERS = {Repositories: Connections, **dict.fromkeys(OF_GITHUB, GitHub)}
ADAPTER_FOLDERS = {"github", "rehearsal"}


def mypy_judges(connections: Connections, github: GitHub) -> tuple[Repositories, CodeHost]:
    return connections, github


def calls(port: type) -> list[str]:
    return [name for name in vars(port) if not name.startswith("_")]


@pytest.mark.parametrize(("port", "adapter"), ADAPTERS.items())
def test_the_adapter_takes_and_gives_what_the_port_says(port: type, adapter: type) -> None:
    assert issubclass(adapter, port)
    for name in calls(port):
        assert inspect.signature(getattr(adapter, name)) == inspect.signature(getattr(port, name)), name


def test_features_ask_for_everything_that_is_in_a_port() -> None:
    files = [path for path in (ROOT / "interlock").rglob("*.py") if not ADAPTER_FOLDERS.intersection(path.parts)]
    text = "\n".join(path.read_text("utf-8") for path in files if path.name != Path(code_host.__file__).name)
    idle = [name for port in ADAPTERS for name in calls(port) if not re.search(rf"\.{name}\(", text)]
    assert idle == []
