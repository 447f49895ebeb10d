"""What a verification is called, and the command that makes it again."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.commands import contracts
from deployments.cli.main import app
from interlock.contracts.verify import ContractsRequest
from interlock.contracts.verify.request import OPTIONS

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("ref", "pull", "title"),
    [
        ("topic", None, "core topic"),
        ("topic", 12, "core #12 (topic)"),
        ("#12", None, "core #12"),
        ("#12", 12, "core #12"),
        (SHA, None, "core 0123456789ab"),
        (SHA, 12, "core #12 (0123456789ab)"),
        (SHA[:-1], None, f"core {SHA[:-1]}"),
    ],
)
def test_it_is_called_by_its_pull_request_and_a_commit_by_few_digits(ref: str, pull: int | None, title: str) -> None:
    assert ContractsRequest(upstream="core", ref=ref, pull=pull).title == title


WHOLE = {
    "upstream": "core",
    "ref": SHA,
    "downstream": ("a", "b"),
    "downstream_versions": ">=0.15, <2",
    "pull": 12,
    "baseline": "v1.0",
    "python": ("3.11", "3.12"),
    "jobs": 3,
    "fresh": True,
    "released_only": True,
    "tell": False,
    "family": "/srv/a family.toml",
}


@pytest.mark.parametrize("fields", [WHOLE, {"upstream": "core", "ref": "main"}])
def test_the_command_makes_the_same_request(fields: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ContractsRequest] = []

    def run(request: ContractsRequest, *, as_json: bool) -> int:
        made.append(request)
        return int(as_json)

    monkeypatch.setattr(contracts, "_run_and_print", run)
    monkeypatch.setattr(Path, "resolve", lambda self: self)
    request = ContractsRequest.model_validate(fields)
    done = CliRunner().invoke(app, shlex.split(request.command)[1:])
    assert done.exit_code == 0, done.output
    assert made == [request]


def test_what_github_gets_names_no_folder_of_this_machine() -> None:
    told = ContractsRequest.model_validate({**WHOLE, "tell": True})
    cell = told.of_cell("a" * 40, None, "a", "3.11")
    assert all("--family 'a family.toml'" in each.command for each in (told, cell))


def test_every_parameter_is_an_option_but_those_that_no_person_sets() -> None:
    assert OPTIONS.keys() | {"ref", "authors", "group"} == ContractsRequest.model_fields.keys()
    assert WHOLE.keys() == ContractsRequest.model_fields.keys() - {"authors", "group"}
