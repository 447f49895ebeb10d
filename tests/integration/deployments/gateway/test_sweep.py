"""Webhooks of the rehearsal's GitHub that reach a real gateway, or don't, and are swept up by the flow's own body."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.tasks import Task
from pydantic import SecretStr

import flows.sweep_deliveries as module
from interlock.adapters.github import AppInstallation, Credentials, StaticToken, github_server
from interlock.webhooks import DeliveryState
from rehearsal.faults import Effect, InjectedFault
from rehearsal.github.app import api_app
from rehearsal.github.deliveries import Delivery as SentDelivery
from rehearsal.github.deliveries import hooks_of
from rehearsal.github.state import Addresses
from tests.support.hub_with_gateway import SECRET, HubWithGateway
from tests.support.judged_hub import CORE, PRIVATE, JudgedHub
from tests.support.prefect_server import eventually
from tests.support.universe.served import Served
from tests.support.webhook_values import SECRETS

FAMILY_FILE = """
[family]
name = "trains"
owner = "alice"
[packages.core]
[packages.store]
upstreams = ["core"]
branch = "base"
suites = [{name = "contracts", imports = true}]
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubWithGateway]:
    hub = JudgedHub(tmp_path / "github")
    hub.clock.time = datetime.now(UTC).replace(microsecond=0)
    hub.add("alice/store")
    hub.state.add_token("hooks", "alice", scopes=["repo", "admin:repo_hook"])
    (tmp_path / "family.toml").write_text(FAMILY_FILE)
    with Served(hub.front(api_app(hub.state), "api")) as served:
        url = served.url
        hub.state.addresses = Addresses(api=url, uploads=url, server=url)
        found = HubWithGateway(hub, SecretStr(f"sqlite:///{tmp_path}/ledger.db"))
        monkeypatch.setenv("GITHUB_API_URL", url)
        monkeypatch.setenv("INTERLOCK_FAMILY", str(tmp_path / "family.toml"))
        monkeypatch.setenv("INTERLOCK_LEDGER_URL", found.ledger.get_secret_value())
        without_prefect(monkeypatch, StaticToken(SecretStr("hooks"), "REPO_TOKEN"))
        yield found


def without_prefect(patch: pytest.MonkeyPatch, credentials: Credentials) -> list[dict[str, Any]]:
    """The flow's tasks replaced by what they do; what it would show is kept."""
    shown: list[dict[str, Any]] = []

    async def show(**fields: object) -> None:
        shown.append(fields)

    async def found(*_: object) -> Credentials:
        return credentials

    for name, value in list(vars(module).items()):
        if isinstance(value, Task):
            patch.setattr(module, name, value.fn)
    patch.setattr(module, "acreate_table_artifact", show)
    patch.setattr(module, "load_github_credentials", found)
    patch.setattr(module, "get_run_logger", lambda: logging.getLogger("tests.sweep"))
    return shown


def test_what_was_sent_while_the_gateway_was_away_is_swept_up(world: HubWithGateway) -> None:
    with world.gateway():
        world.hook()
        assert [each.event for each in world.deliveries()] == ["ping"]
    first = world.hub.branch("main", {"a.txt": b"1"})
    world.hub.post(f"{CORE}/releases", {"tag_name": "v1.2.11", "target_commitish": first})
    world.delivered()
    assert len(world.deliveries()) == 1

    with world.gateway():
        kind, said = world.sweep()
        # A push of the branch; of the release created, published and released, and the push of its tag.
        assert (kind, said) == ("COMPLETED", "5 sent again, of 1 webhooks")
        # Published and released mean one thing: two deliveries, one run.
        eventually(lambda: len(world.deliveries(DeliveryState.STARTED)) == 3)
        assert set(world.prefect.runs) == {
            f"verify-contracts/verify-contracts:alice/core:{first}",
            "cascade-release/follow-upstream:core==1.2.11",
        }
        assert world.sweep() == ("COMPLETED", "0 sent again, of 1 webhooks")
    assert world.attempts() == 5


def test_what_the_ledger_has_is_not_sent_again_though_its_answer_was_lost(world: HubWithGateway) -> None:
    with world.gateway():
        world.hook()
        world.hub.branch("main", {"a.txt": b"1"})
        world.delivered()
        with world.hub.state.changing():
            for each in world.hub.state.table("deliveries", SentDelivery).values():
                each.code, each.status = 0, "timed out"
        assert world.sweep() == ("COMPLETED", "0 sent again, of 1 webhooks")
    assert len(world.prefect.asked) == 1


def test_a_webhook_with_another_secret_is_refused_and_delivered_once_that_is_mended(world: HubWithGateway) -> None:
    with world.gateway():
        world.hook(secret="another secret altogether")
        world.hub.branch("main", {"a.txt": b"1"})
        world.delivered()
        assert world.deliveries() == ()
        (hook,) = hooks_of(world.hub.state).values()
        assert "403" in hook.last[1]
        with world.hub.state.changing():
            hook.secret = SECRET
        assert world.sweep() == ("COMPLETED", "1 sent again, of 1 webhooks")
        eventually(lambda: world.prefect.runs)


def test_only_webhooks_that_lead_to_the_gateway_are_swept(
    world: HubWithGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hook()
    world.hub.branch("main", {"a.txt": b"1"})
    world.delivered()
    assert world.sweep("https://elsewhere.example.org") == ("COMPLETED", "no webhook leads to the gateway")
    monkeypatch.setenv("INTERLOCK_GATEWAY_URL", f"http://127.0.0.1:{world.port}")
    assert world.sweep() == ("COMPLETED", "1 sent again, of 1 webhooks")


def test_what_is_older_than_three_days_is_left(world: HubWithGateway) -> None:
    world.hook()
    world.hub.branch("main", {"a.txt": b"1"})
    world.delivered()
    with world.hub.state.changing():
        for each in world.hub.state.table("deliveries", SentDelivery).values():
            each.delivered_at = each.delivered_at.replace(year=each.delivered_at.year - 1)
    assert world.sweep() == ("COMPLETED", "0 sent again, of 1 webhooks")


def test_a_token_that_may_not_see_webhooks_fails_the_run_with_the_cure(
    world: HubWithGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_prefect(monkeypatch, StaticToken(SecretStr("alice-classic"), "REPO_TOKEN"))
    kind, said = world.sweep()
    assert kind == "FAILED"
    assert "alice/core" in said
    assert "alice/store" in said


def test_what_github_does_not_take_is_told_and_the_others_are_sent(world: HubWithGateway) -> None:
    world.hook()
    for number in range(2):
        world.hub.branch("main", {f"{number}.txt": b"1"})
    world.delivered()
    fault = {"effect": Effect.REFUSE, "status": 404, "method": "POST", "path": "/attempts$"}
    world.hub.faults.add(InjectedFault.model_validate(fault))
    kind, said = world.sweep()
    assert kind == "FAILED"
    assert said.startswith("1 sent again, of 1 webhooks; alice/core: GitHub did not deliver it again: 404")


def test_what_cannot_be_looked_at_is_told_and_the_others_are(
    world: HubWithGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hook()
    world.hub.branch("main", {"a.txt": b"1"})
    world.delivered()
    file = Path(os.environ["INTERLOCK_FAMILY"])
    file.write_text(FAMILY_FILE + "[packages.gone]\n")
    kind, said = world.sweep()
    assert (kind, said.startswith("1 sent again, of 1 webhooks; alice/gone: the token of REPO_TOKEN cannot")) == (
        "FAILED",
        True,
    )
    file.write_text(FAMILY_FILE)
    world.hub.faults.add(InjectedFault(effect=Effect.REFUSE, status=404, path="/deliveries$"))
    kind, said = world.sweep()
    assert kind == "FAILED"
    assert said.startswith("0 sent again, of 1 webhooks; alice/core: GitHub did not list the deliveries: 404")


def test_an_app_without_a_webhook_is_told(world: HubWithGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    app, installation = world.hub.app(permissions={"repository_hooks": "write", "metadata": "read"})
    credentials = AppInstallation(
        app_id=str(app.id), private_key=SecretStr(PRIVATE), installation_id=str(installation.id), server=github_server()
    )
    without_prefect(monkeypatch, credentials)
    kind, said = world.sweep()
    assert kind == "FAILED"
    assert "the App's webhook: GitHub did not show the App's webhook: 404" in said


def test_an_apps_own_webhook_is_swept_as_the_app_itself(world: HubWithGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    permissions = {"contents": "write", "repository_hooks": "write", "metadata": "read"}
    app, installation = world.hub.app(permissions=permissions, events=["push"])
    world.hub.app_hook(app, world.url, SECRETS.current.get_secret_value())
    credentials = AppInstallation(
        app_id=str(app.id), private_key=SecretStr(PRIVATE), installation_id=str(installation.id), server=github_server()
    )
    shown = without_prefect(monkeypatch, credentials)
    world.hub.branch("main", {"a.txt": b"1"})
    world.delivered()
    with world.gateway():
        assert world.sweep() == ("COMPLETED", "1 sent again, of 1 webhooks")
        eventually(lambda: world.prefect.runs)
    assert [row["repository"] for row in shown[-1]["table"]] == ["the App's webhook"]


def test_a_gateway_that_stops_answers_what_it_has_begun_to_take(world: HubWithGateway) -> None:
    """With a real server: a sender is half through when the gateway is told to stop."""
    from tests.support.webhook_values import a_push, as_body, github_headers

    body = as_body(a_push())
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(contextlib.ExitStack())
        gateway.enter_context(world.gateway())
        sender = stack.enter_context(socket.create_connection(("127.0.0.1", world.port)))
        head = {"host": "x", "content-length": str(len(body)), **github_headers("push", body)}
        lines = ["POST /webhooks/github HTTP/1.1", *(f"{name}: {text}" for name, text in head.items()), "", ""]
        sender.sendall("\r\n".join(lines).encode() + body[:10])
        eventually(lambda: httpx.get(f"http://127.0.0.1:{world.port}/healthz", trust_env=False).is_success)
        ending = threading.Thread(target=gateway.close)
        ending.start()
        sender.sendall(body[10:])
        sender.settimeout(30)
        assert sender.recv(100).startswith(b"HTTP/1.1 202")
        ending.join()
    assert len(world.deliveries(DeliveryState.ACCEPTED)) + len(world.deliveries(DeliveryState.STARTED)) == 1
