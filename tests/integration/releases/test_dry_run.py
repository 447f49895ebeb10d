"""A dry run says all at once what a release would do, and everything that would end it."""

import asyncio

import pytest
from rich.console import Console

from interlock.adapters.connections import access_from, open_connections
from interlock.errors import RefusedError
from interlock.model import family_file
from interlock.model.release import Step
from interlock.releases import workflow
from interlock.releases.context import open_release
from interlock.releases.plan import ReleaseRequest
from interlock.releases.preflight import Preview
from interlock.reports import preview_markdown, print_preview
from rehearsal.faults import Effect, InjectedFault
from tests.support.rehearsed_release import CORE, SHORT, RehearsedRelease

LISTENER = ".github/workflows/on_core_release.yml"


def preview(package: str = CORE, **request: object) -> Preview:
    fields = {"package": package, "patience": SHORT, "dry_run": True, **request}
    wanted = ReleaseRequest.model_validate(fields)

    async def looked() -> Preview:
        family = family_file.load()
        async with (
            open_connections(family, access_from(family)) as connections,
            open_release(wanted, connections) as context,
        ):
            return await workflow.preview(context)

    return asyncio.run(looked())


def test_a_dry_run_names_every_refusal_and_ends_with_the_first_ones_code(
    here: RehearsedRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = here.git("market-data-store", "show", f"main:{LISTENER}").replace("core_release", "core-release")
    here.commit("market-data-store", {LISTENER: listener.encode()})
    text = here.git(CORE, "show", "main:pyproject.toml").encode() + b"\n"
    here.commit(
        CORE,
        {
            "pyproject.toml": text.replace(b"[project]", b'[project]\nclassifiers = ["Private :: Ours"]', 1).replace(
                b"README.md", b"README.rst"
            ),
            "README.rst": b"Title\n==\n\n.. nowhere::\n",
        },
    )
    monkeypatch.delenv("TWINE_PASSWORD")

    found = preview(version="1.2.9")

    assert [(refusal.step, refusal.exit_code) for refusal in found.refusals] == [
        (Step.PREFLIGHT, 12),  # no password
        (Step.PREFLIGHT, 10),  # no listener
        (Step.BUMP, 13),
        (Step.CHECK, 14),
    ]
    assert found.exit_code == 12
    says = [refusal.message for refusal in found.refusals]
    for number, words in enumerate(
        ("TWINE_PASSWORD", "core_release", "1.2.9 is taken", "'Private :: Ours' is not a valid")
    ):
        assert words in says[number]
    assert found.plan is None
    with pytest.raises(
        RefusedError, match=r"(?s)TWINE_PASSWORD.*core_release.*1.2.9 is taken.*Private :: Ours"
    ) as caught:
        found.says()
    assert not caught.value.transient
    with (console := Console(width=300)).capture() as captured:
        print_preview(found, console)
    for shown in (captured.get(), preview_markdown(found), found.model_dump_json()):
        assert all(words in shown.replace("\\", "") for words in ("1.2.9 is taken", "Private :: Ours"))
    assert here.writes() == []


def test_a_dropped_connection_is_no_refusal(here: RehearsedRelease) -> None:
    for origin in ("index", "api", "git"):
        here.serving.faults.add(InjectedFault(effect=Effect.DROP, origin=origin, method="GET"))

    found = preview()

    assert found.refusals == ()
    assert found.says() == f"{CORE} 1.2.11 would be released"
    assert [order.payload["version"] for order in found.orders] == ["1.2.11"] * 4


def test_an_archived_project_is_refused_before_anything_is_written(here: RehearsedRelease) -> None:
    here.serving.index.set_status(CORE, "archived")
    with pytest.raises(RefusedError, match=f"{CORE}, project status: .*The project is archived"):
        here.release()
    assert here.writes() == []


def test_a_day_that_has_not_come_is_the_only_refusal_of_a_calendar_version(here: RehearsedRelease) -> None:
    path = here.world.directory.family_file
    head = f"[packages.{CORE}]\n"
    path.write_text(path.read_text("utf-8").replace(head, f'{head}bump = "calver:YYYY.0M.0D"\n'), "utf-8")
    text = here.git(CORE, "show", "main:pyproject.toml").replace('version = "1.2.10"', 'version = "2199.01.02"')
    here.commit(CORE, {"pyproject.toml": f"{text}\n".encode()})

    says = [refusal.message for refusal in preview().refusals]
    assert len(says) == 1
    assert "2199.1.2 is beyond" in says[0]
    counted = preview(bump="patch").refusals
    assert [refusal.hint for refusal in counted] == [
        "leave --bump out, so that it moves by calver:YYYY.0M.0D, or give --version"
    ]
