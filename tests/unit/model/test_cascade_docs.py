"""The documentation of cascades says what the code does."""

import pytest
import yaml

from deployments.cli.main import load
from interlock.model.cascade import State, states_mermaid
from interlock.model.family import Reaction
from tests.support.paths import ROOT

DOCUMENT = (ROOT / "docs" / "cascades.md").read_text("utf-8")


def test_it_shows_the_states_as_the_code_has_them() -> None:
    assert f"```mermaid\n{states_mermaid()}```\n" in DOCUMENT


def test_it_explains_every_state_and_every_reaction() -> None:
    rows = [line.split("|")[1].strip() for line in DOCUMENT.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row in set(State)] == [state.value for state in State]
    assert {f"`{reaction}`" for reaction in Reaction} <= set(rows)


@pytest.mark.parametrize("command", ["start", "resume", "hold", "unhold", "abort"])
def test_it_names_every_command_and_no_other(command: str) -> None:
    assert set(load("cascade").commands) == {"start", "resume", "hold", "unhold", "abort"}
    assert f"interlock cascade {'market-data-core' if command == 'start' else command}" in DOCUMENT


def test_it_names_the_deployments_of_cascades() -> None:
    deployed = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
    names = [each["name"] for each in deployed if "cascade" in each["tags"]]
    assert names == ["cascade-release", "follow-upstream", "continue-cascades"]
    assert all(f"`{name}`" in DOCUMENT or f"cascade-release/{name} " in DOCUMENT for name in names)


def test_every_file_that_the_documentation_links_to_is_there() -> None:
    import re

    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
