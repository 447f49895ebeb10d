"""A cascade's dry run says each follower's version, and what would hold it."""

import asyncio

import pytest
from rich.console import Console

from interlock.adapters.connections import access_from, open_connections
from interlock.cascades.context import open_cascade
from interlock.cascades.dry_run import CascadePreview, preview
from interlock.cascades.request import CascadeRequest
from interlock.model import family_file
from interlock.model.release import Step
from interlock.project import build
from interlock.reports import preview_of_cascade_markdown, print_cascade_preview
from tests.support.rehearsed_cascade import ORCHESTRATOR, PIPELINE, STORE, RehearsedCascade, built
from tests.support.rehearsed_release import CORE


def previewed(**request: object) -> CascadePreview:
    async def looked() -> CascadePreview:
        family = family_file.load()
        wanted = CascadeRequest.model_validate({"root": CORE, "dry_run": True, **request})
        async with open_connections(family, access_from(family)) as connections:
            return await preview(await open_cascade(wanted, connections))

    return asyncio.run(looked())


def shown(found: CascadePreview) -> tuple[str, str]:
    with (console := Console(width=300)).capture() as captured:
        print_cascade_preview(found, console)
    return captured.get(), preview_of_cascade_markdown(found)


def test_each_follower_has_its_version_and_what_would_hold_it_is_said(
    here: RehearsedCascade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "build", built)
    # A version that no tag has yet; a file that the index refuses; a requirement that a person decides.
    here.replace(STORE, "src/market_data_store/__init__.py", ('"0.6.3"', '"0.7.0.dev1"'))
    direct = '"market-data-core>=1.2.0,<2.0.0", "x @ https://example.org/x.whl"'
    here.replace("market_data_pipeline", "pyproject.toml", ('"market-data-core>=1.2.0,<2.0.0"', direct))
    cap = ("market-data-core==1.2.10", "market-data-core>=1.2,<1.2.11")
    here.replace("market_data_orchestrator", "pyproject.toml", cap)
    workflow = b"on: {push: {branches: [main, master, base]}}\njobs: {out: {steps: [{run: uv publish}]}}\n"
    here.commit(STORE, {".github/workflows/out.yml": workflow})
    before = here.refs()

    found = previewed()

    versions = {each.package: str(each.next) for each in found.packages if each.next}
    assert (versions[CORE], versions[STORE]) == ("1.2.11", "0.7.0")
    assert found.package(STORE).pins == {CORE: found.root_version}
    refused = {name: [refusal.step for refusal in each.refusals] for name, each in found.previews.items()}
    assert {name: steps for name, steps in refused.items() if steps} == {
        PIPELINE: [Step.CHECK],
        ORCHESTRATOR: [Step.BUMP],
    }
    assert found.held == tuple(name for name in refused if name in {PIPELINE, ORCHESTRATOR})
    assert (found.exit_code, found.says()) == (1, f"; would be held: {', '.join(found.held)}")
    for text in shown(found):
        assert "Can't have direct dependency" in text
        assert "0.7.0" in text
        assert "may be released twice" in text
    assert (here.writes(), here.refs()) == ([], before)
