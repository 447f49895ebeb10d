"""`interlock gateway` and `interlock deliveries`, and what docs/gateway.md says of them."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import uvicorn
import yaml
from pydantic import SecretStr
from typer.testing import CliRunner

from deployments.cli.main import app
from deployments.gateway.app import Parts
from deployments.gateway.serve import bind, serve, server_of
from interlock.adapters.ledger import SqlLedger, open_ledger
from interlock.errors import InterlockError, ServerError, TokenError, UsageError
from interlock.webhooks import Delivery, DeliveryState, Reason, Source
from interlock.webhooks.routing import CONTINUE, FOLLOW, VERIFY
from interlock.webhooks.signature import SECRET
from tests.support.gateways import FakePrefect
from tests.support.hub_with_gateway import HubWithGateway
from tests.support.judged_hub import JudgedHub
from tests.support.ledger_writers import a_delivery
from tests.support.ledgers import readable_only, scratch_ledger
from tests.support.paths import ROOT
from tests.support.prefect_server import eventually
from tests.support.release_values import NOON
from tests.support.webhook_values import FAMILY, SECRETS, SHA, as_body, signed_headers

SIGNING = "INTERLOCK_SIGNING_SECRET"
DOCUMENT = (ROOT / "docs" / "gateway.md").read_text("utf-8")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlLedger]:
    monkeypatch.setenv("INTERLOCK_LEDGER_URL", f"sqlite:///{tmp_path}/ledger.db")
    with open_ledger() as ledger:
        yield ledger


def said(*arguments: str) -> str:
    ended = CliRunner().invoke(app, ["deliveries", *arguments])
    assert ended.exit_code == 0, ended
    return ended.stdout


def refused(kind: type[InterlockError], *arguments: str) -> InterlockError:
    ended = CliRunner().invoke(app, list(arguments))
    assert isinstance(ended.exception, kind), ended
    assert ended.exception.hint
    return ended.exception


def test_deliveries_are_listed_with_what_follows_or_why_nothing_does(ledger: SqlLedger) -> None:
    assert said() == "no delivery is in the ledger\n"
    started = a_delivery(1)
    waiting = a_delivery(2, at=NOON + timedelta(hours=1), action="opened")
    ignored = a_delivery(3, repository=None, start=None).ignored("of \x1b[31mnobody", NOON)
    ledger.accept_deliveries([started, waiting, ignored])
    ledger.record_delivery(started.started("the-run", NOON))
    ledger.record_delivery(waiting.put_off("Prefect does not answer", NOON))
    lines = said().splitlines()
    assert [line.split()[0][-1] for line in lines[1:]] == ["2", "3", "1"]
    assert "push opened" in lines[1]
    assert lines[1].rstrip().endswith("accepted  a/b of core: Prefect does not answer")
    assert lines[2].rstrip().endswith("–           ignored   of nobody")
    assert lines[3].rstrip().endswith("started   a/b of core")
    assert len(said("--state", "ignored").splitlines()) == 2
    assert len(said("--most", "1").splitlines()) == 2


def test_deliveries_of_a_ledger_that_cannot_be_written_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("INTERLOCK_LEDGER_URL", f"sqlite:///{folder}/ledger.db")
        with open_ledger() as ledger:
            ledger.accept_deliveries([a_delivery(1)])
        with readable_only(Path(folder)):
            assert "accepted" in said()


def test_one_delivery_is_shown_with_all_that_is_kept(ledger: SqlLedger) -> None:
    one = a_delivery(1, body='{"what": "was sent"}')
    ledger.accept_deliveries([one])
    shown = said(str(one.guid))
    for words in ("a/b:core", '{"upstream": "core", "pull": 3}', '{"what": "was sent"}', "attempts   0"):
        assert words in shown
    ledger.record_delivery(one.started("the-run", NOON))
    assert "flow run   the-run" in said(str(one.guid))
    ignored = a_delivery(2, start=None).ignored("of nobody", NOON)
    ledger.accept_deliveries([ignored])
    assert "why        of nobody" in said(str(ignored.guid))


def test_a_program_reads_them_as_json(ledger: SqlLedger) -> None:
    one = a_delivery(1)
    ledger.accept_deliveries([one])
    assert [Delivery.model_validate(each) for each in json.loads(said("--json"))] == [
        one.model_copy(update={"body": None})
    ]
    assert Delivery.model_validate_json(said(str(one.guid), "--json")) == one


def test_what_cannot_be_meant_is_refused_with_the_cure(ledger: SqlLedger) -> None:
    assert 'did you mean "accepted"?' in str(refused(UsageError, "deliveries", "--state", "acepted").hint)
    assert "is not the id" in refused(UsageError, "deliveries", "that one").message
    assert "there is no delivery" in refused(UsageError, "deliveries", str(UUID(int=7))).message


def test_without_a_secret_or_a_prefect_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (SECRET, "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    assert "openssl rand" in str(refused(TokenError, "gateway").hint)
    monkeypatch.setenv(SECRET, SECRETS.current.get_secret_value())
    # recorded first, so that what the command sets is undone with it
    monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "0")
    assert "interlock server start" in str(refused(ServerError, "gateway").hint)


def test_the_command_takes_deliveries_without_prefect_and_ends_well_when_it_is_told_to(
    tmp_path: Path, world: HubWithGateway
) -> None:
    repository = "mjdevaccount/market-data-core"
    body = as_body({"event": "push", "repository": repository, "sha": SHA})
    headers = signed_headers(body, repository=repository)
    environ = {
        **{name: text for name, text in os.environ.items() if not name.startswith("PREFECT_")},
        "INTERLOCK_LEDGER_URL": world.ledger.get_secret_value(),
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        SECRET: SECRETS.current.get_secret_value(),
    }
    url = f"http://127.0.0.1:{world.port}"
    program = [sys.executable, "-m", "deployments", "gateway", "--port", str(world.port)]
    log = tmp_path / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(program, env=environ, stderr=errors, cwd=ROOT)
    try:
        eventually(lambda: process.poll() is not None or "working" in log.read_text())
        answer = httpx.post(f"{url}/webhooks/signed", content=body, headers=headers, trust_env=False)
        assert answer.status_code == 202
        eventually(lambda: "does not answer" in log.read_text())
        with socket.create_connection(("127.0.0.1", world.port)) as connection:
            connection.sendall(b"this is no HTTP\r\n\r\n")
            eventually(lambda: "Invalid HTTP request" in log.read_text())
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["message"] for line in lines][:2] == ["listening", "working"]
    assert (lines[0]["url"], lines[-1]["message"]) == (url, "stopped")
    assert "Everybody" not in log.read_text()
    (kept,) = world.deliveries(DeliveryState.ACCEPTED)
    assert kept.why.startswith("Prefect does not answer")


def test_a_place_that_is_taken_is_refused_by_name() -> None:
    with bind("127.0.0.1", 0) as taken, pytest.raises(UsageError, match="Address already in use") as caught:
        bind("127.0.0.1", taken.getsockname()[1])
    assert "--port" in str(caught.value.hint)


def test_a_signal_that_comes_before_it_serves_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    servers: list[uvicorn.Server] = []

    def made(parts: Parts, place: socket.socket) -> uvicorn.Server:
        servers.append(server_of(parts, place))
        return servers[0]

    def run(work: Coroutine[None, None, None]) -> None:
        signal.raise_signal(signal.SIGTERM)
        assert servers[0].should_exit
        really(work)

    really, before = asyncio.run, signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("deployments.gateway.serve.server_of", made)
    monkeypatch.setattr("deployments.gateway.serve.asyncio.run", run)
    parts = Parts(secrets=SECRETS, family=FAMILY, ledger=scratch_ledger(), starter=FakePrefect())
    try:
        with bind("127.0.0.1", 0) as place:
            serve(parts, place)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_secret_of_each_sender_is_printed_for_whoever_sets_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def printed(*arguments: str) -> str:
        ended = CliRunner().invoke(app, ["webhook-secret", *arguments])
        assert ended.exit_code == 0, ended
        return ended.stdout

    monkeypatch.delenv(SECRET, raising=False)
    assert SECRET in refused(TokenError, "webhook-secret", "market-data-core").message
    monkeypatch.setenv(SECRET, SECRETS.current.get_secret_value())
    core = "mjdevaccount/market-data-core"
    for source, options in ((Source.GITHUB, ()), (Source.SIGNED, ("--signed",))):
        own = SECRETS.derived(source, core).get_secret_value()
        assert printed("market-data-core", *options) == printed(core, *options) == f"{own}\n"
    assert 'did you mean "market-data-core"?' in str(refused(UsageError, "webhook-secret", "market-data-cor").hint)


# ---- the documentation ------------------------------------------------------------------------------------------


def test_the_documentation_names_every_answer_and_state() -> None:
    cells = re.findall(r"^\| (\d{3}) \| (.*?) \|", DOCUMENT, re.MULTILINE)
    rows = {(int(status), word) for status, words in cells for word in words.split("`")[1::2]}
    assert {(reason.status, reason.value) for reason in Reason} == {row for row in rows if row[0] >= 400}
    assert rows >= {(202, "accepted"), (200, "ignored"), (200, "known")}
    assert all(f"| `{state}` |" in DOCUMENT for state in DeliveryState)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture
def world(tmp_path: Path) -> HubWithGateway:
    return HubWithGateway(JudgedHub(tmp_path / "github"), SecretStr(f"sqlite:///{tmp_path}/ledger.db"))


def in_shell(script: str, world: HubWithGateway, **environ: str) -> str:
    known = {
        "PATH": os.environ["PATH"],
        "INTERLOCK_GATEWAY_URL": f"http://127.0.0.1:{world.port}",
        SIGNING: SECRETS.derived(Source.SIGNED, "alice/core").get_secret_value(),
        "no_proxy": "127.0.0.1",
        **environ,
    }
    ended = subprocess.run(["bash", "-euo", "pipefail"], input=script, env=known, capture_output=True, text=True)  # noqa: PLW1510
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def has(*programs: str) -> bool:
    return all(map(shutil.which, programs))


@pytest.mark.skipif(not has("curl", "openssl"), reason="needs curl and openssl")
def test_the_recipes_with_curl_are_taken_by_a_real_gateway(world: HubWithGateway) -> None:
    recipe = next(block for block in blocks("sh") if block.startswith("body="))
    with_python = next(block for block in blocks("sh") if block.startswith("signature="))
    mine = recipe.replace("mjdevaccount/market-data-core", "alice/core")
    start, end = mine.index("signature="), mine.index("curl ")
    with world.gateway():
        first = json.loads(in_shell(mine, world))
        second = json.loads(in_shell(mine[:start] + with_python + mine[end:], world))
    assert (first["status"], second["status"]) == ("accepted", "known")
    assert first["deployment"] == "cascade-release/follow-upstream"


@pytest.mark.skipif(not has("jq"), reason="needs jq")
def test_the_recipe_for_a_webhook_gives_it_its_own_secret(world: HubWithGateway, tmp_path: Path) -> None:
    recipe = next(block for block in blocks("sh") if "webhook-secret" in block)
    (tmp_path / "gh").write_text('#!/bin/sh\necho "$@" >&2\ncat\n')
    (tmp_path / "gh").chmod(0o755)
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
    master = {SECRET: SECRETS.current.get_secret_value(), "INTERLOCK_HOME": str(tmp_path / "home"), "PATH": path}
    made = json.loads(in_shell(recipe, world, **master))
    assert made["config"] == {
        "url": world.url,
        "content_type": "json",
        "secret": SECRETS.derived(Source.GITHUB, "mjdevaccount/market-data-core").get_secret_value(),
    }
    assert all(f"`{event}`" in DOCUMENT for event in made["events"])


@pytest.mark.skipif(not has("curl", "openssl", "jq"), reason="needs curl, openssl and jq")
def test_the_workflow_of_the_documentation_is_taken_by_a_real_gateway(world: HubWithGateway) -> None:
    (workflow,) = blocks("yaml")
    read = yaml.safe_load(workflow)
    # YAML reads the key "on" so; "published" would tell of what is marked as a pre-release too
    assert read[True] == {"release": {"types": ["released"]}}
    (step,) = read["jobs"]["tell"]["steps"]
    assert set(step["env"]) == {"INTERLOCK_GATEWAY_URL", SIGNING, "REPOSITORY", "TAG"}
    with world.gateway():
        answer = json.loads(in_shell(step["run"], world, REPOSITORY="alice/core", TAG="v1.2.11"))
    assert answer["status"] == "accepted"
    (kept,) = world.deliveries()
    assert kept.start is not None
    assert kept.start.parameters == {"request": {"root": "core", "version": "1.2.11", "follow": True}}


def test_what_is_started_is_deployed() -> None:
    from importlib import import_module

    deployed = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
    names = set()
    for each in deployed:
        module, _, flow = each["entrypoint"].rpartition(".")
        names.add(f"{getattr(import_module(module), flow).name}/{each['name']}")
    assert names >= {VERIFY, FOLLOW, CONTINUE}
    assert "sweep-deliveries/sweep-deliveries" in names
    assert all(f"`{name}`" in DOCUMENT for name in (VERIFY, FOLLOW, CONTINUE))
