"""`interlock contracts`: what it asks for and prints; tests/verification has it as a real process in a world."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.commands import contracts as command
from deployments.cli.main import app
from interlock.contracts.verify import ContractsReport, ContractsRequest
from interlock.errors import FamilyError, UsageError
from tests.support.contracts_reports import a_report

FAMILY = """
[family]
name = "small"
[packages.core]
[packages.store]
upstreams = ["core"]
[[packages.store.suites]]
name = "imports"
imports = true
"""


class Verifies:
    """Stands for the flow: what it was asked for, and the report that it gives back."""

    def __init__(self) -> None:
        self.requests: list[ContractsRequest] = []
        self.report = a_report()

    async def run(self, request: ContractsRequest) -> tuple[ContractsReport, str | None]:
        self.requests.append(request)
        return self.report, "http://127.0.0.1:4200/runs/flow-run/1"


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verifies:
    (tmp_path / "family.toml").write_text(FAMILY)
    monkeypatch.setenv("INTERLOCK_FAMILY", str(tmp_path / "family.toml"))
    monkeypatch.chdir(tmp_path)
    verifies = Verifies()
    monkeypatch.setattr(command, "_run", verifies.run)
    return verifies


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["contracts", *map(str, arguments)], env={"COLUMNS": "200"})


def test_without_options_everything_is_asked_for_and_told(flow: Verifies) -> None:
    ended = invoke("topic", "--of", "core")
    assert flow.requests == [ContractsRequest(upstream="core", ref="topic")]
    assert flow.requests[0].tell
    assert ended.exit_code == flow.report.exit_code == 1


def test_every_option_is_passed_on(flow: Verifies) -> None:
    invoke(
        *("pull/12", "--of", "core", "--downstream", "store", "--pr", "12", "--against", "./base", "--python", "3.12"),
        *("--jobs", "3", "--fresh", "--released-only", "--no-tell"),
    )
    assert flow.requests == [
        ContractsRequest(
            upstream="core",
            ref="#12",
            downstream=("store",),
            pull=12,
            baseline=str(Path("base").absolute()),
            python=("3.12",),
            jobs=3,
            fresh=True,
            released_only=True,
            tell=False,
        )
    ]


def test_it_ends_with_the_table_and_where_the_run_is(flow: Verifies) -> None:
    shown = invoke("topic", "--of", "core").stdout
    assert "test_levels_are_three" in shown
    assert "the run, in Prefect's UI: http://127.0.0.1:4200/runs/flow-run/1" in shown


def test_its_json_stands_alone(flow: Verifies) -> None:
    found = json.loads(invoke("topic", "--of", "core", "--json").stdout)
    assert (found["upstream"], found["conclusion"]) == ("market-data-core", "failure")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"downstreams": ()}, 0),
        ({"skipped": "nothing has changed", "downstreams": ()}, 0),
        ({"downstreams": ({"downstream": "store", "trouble": "no branch"},)}, 2),
    ],
)
def test_the_exit_code_is_the_answer(flow: Verifies, facts: dict[str, object], code: int) -> None:
    flow.report = a_report(**facts)
    assert invoke("topic", "--of", "core").exit_code == code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("topic", "--of", "cor"), 'no package "cor"'),
        (("topic", "--of", "store"), "no suite tests store × its downstreams"),
        (("topic", "--of", "core", "--downstream", "stor"), 'no package "stor"'),
        (("to pic", "--of", "core"), '"to pic"'),
        (("topic", "--of", "core", "--against=--upload-pack=x"), '"--upload-pack=x"'),
        (("topic", "--of", "core", "--family", "none.toml"), "none.toml"),
    ],
)
def test_a_mistake_is_told_before_anything_is_started(flow: Verifies, arguments: tuple[str, ...], words: str) -> None:
    error = invoke(*arguments).exception
    assert isinstance(error, UsageError | FamilyError), error
    assert words in str(error)
    assert flow.requests == []
