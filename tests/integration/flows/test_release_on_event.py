"""How a run of `release-on-event` ends, and that a release is made in the run itself."""

import asyncio

import pytest

import flows.release_on_event as module
from interlock.adapters.connections import NO_ACCESS, Access
from interlock.cascades import on_event_workflow
from interlock.cascades.on_event import EventRequest
from interlock.cascades.on_event_workflow import Ended, EventHost
from interlock.cascades.request import CascadeRequest
from interlock.errors import RefusedError
from interlock.releases.plan import ReleaseRequest

CORE = "market-data-core"


def run_of(patch: pytest.MonkeyPatch, ends: Ended | Exception, *, dry_run: bool = False) -> tuple[str, str, str]:
    """How the flow's body ends."""

    async def does(_request: EventRequest, _connections: object, _host: EventHost) -> Ended:
        if isinstance(ends, Exception):
            raise ends
        return ends

    async def no_access(_family: object) -> Access:
        return NO_ACCESS

    patch.setattr(on_event_workflow, "release_on_event", does)
    patch.setattr(module, "find_access", no_access)
    state = asyncio.run(module.release_on_event.fn(EventRequest(package=CORE, dry_run=dry_run)))
    return state.type.value, str(state.name), str(state.message)


def test_a_run_is_as_its_release_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_of(monkeypatch, Ended(said="core 1.3.0 is out"))[::2] == ("COMPLETED", "core 1.3.0 is out")
    assert run_of(monkeypatch, Ended(said="held", is_good=False))[::2] == ("FAILED", "held")
    with pytest.raises(RefusedError):
        run_of(monkeypatch, RefusedError("no"))
    assert run_of(monkeypatch, RefusedError("no"), dry_run=True) == ("COMPLETED", "Refused", "no")
    assert run_of(monkeypatch, Ended(said="yes"), dry_run=True) == ("COMPLETED", "Planned", "yes")


def test_a_dry_run_only_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def stands_for(name: str) -> None:
        async def does(_request: object) -> str:
            seen.append(name)
            return name

        monkeypatch.setattr(module, name, does)

    for name in ("preview_release", "perform_release", "preview_cascade", "perform_cascade"):
        stands_for(name)
    for dry_run in (True, False):
        asyncio.run(module._release(ReleaseRequest(package=CORE, dry_run=dry_run)))
        asyncio.run(module._cascade(CascadeRequest(root=CORE, dry_run=dry_run)))
    assert seen == ["preview_release", "preview_cascade", "perform_release", "perform_cascade"]
