"""Notices and healing on a real Prefect server, with an HTTP receiver and a mail server of these tests."""

import asyncio
import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from typing import Any, TypeVar
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from prefect import flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events import Event, Resource
from prefect.events.clients import get_events_client
from prefect.states import Crashed, Failed, Pending, Running
from typer.testing import CliRunner, Result

from deployments.automations.flow_filters import SENDER
from deployments.automations.healing import Healing, ensure_automations
from deployments.cli.main import app
from deployments.embedded_server import ServerDirectory
from deployments.embedded_server.supervisor import free_port
from tests.support.paths import ROOT
from tests.support.prefect_server import eventually

SECRET = "hunter2-of-the-webhook"
PASSWORD = "hunter2-of-the-mail"
SERVE = f'from flows.send_notice import send_notice; send_notice.serve(name="{SENDER}", limit=4)'
LOOKS, A_WHILE = 12, 5.0
FLOW = "check-tokens"
"""The flow whose runs these tests pretend."""

TELLING = """
import asyncio, os, time
from prefect import flow
from flows import notifications
from interlock.reports.notifications import Notification, NotificationKind

held = [
    Notification(kind=NotificationKind.HELD, of="core", same=(n,), subject=f"core is held: {n}", body="why")
    for n in "ab"
]

@flow(name="check-tokens")
async def notify(count: int):
    await notifications.notify(held[:count])

asyncio.run(notify(2))
os.environ[notifications.VARIABLE] = "0"
asyncio.run(notify(1))
while not asyncio.run(notifications._is_known(held[0])):
    time.sleep(0.2)
asyncio.run(notify(2))
"""

T = TypeVar("T")


# ---- the world outside ------------------------------------------------------------------------------------------


@dataclass
class Receiver:
    """An HTTP server that keeps what is posted to it; `/broken` takes nothing."""

    server: http.server.ThreadingHTTPServer
    posts: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{path}"

    def texts(self, path: str) -> list[str]:
        return [post["text"] for where, post, _ in list(self.posts) if where == f"/{path}"]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            found.posts.append((self.path, json.loads(text), self.headers["Authorization"]))
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(server)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


class MailServer:
    """Keeps what is handed to it, and as whom."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], Any, object]] = []

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  its name
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content), session.auth_data))
        return "250 OK"


@pytest.fixture
def mail() -> Iterator[tuple[MailServer, int]]:
    def check(_server: object, _session: object, _envelope: object, _how: object, who: object) -> AuthResult:
        fits = isinstance(who, LoginPassword) and who.password == PASSWORD.encode()
        return AuthResult(success=fits, auth_data=who)

    handler = MailServer()
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=free_port(0),
        authenticator=check,
        auth_require_tls=False,
        auth_required=True,
    )
    controller.start()
    try:
        yield handler, controller.port
    finally:
        controller.stop()


@pytest.fixture(autouse=True)
def _nobody_is_told_afterwards(api: str) -> Iterator[None]:
    yield
    for line in said("notify", "list").stdout.splitlines():
        if ": " in line and not line.startswith("nobody"):
            said("notify", "remove", line.partition(":")[0])


def said(*arguments: str, stdin: str = "", code: int = 0, **variables: str) -> Result:
    ended = CliRunner(env=variables).invoke(app, list(arguments), input=stdin)
    assert ended.exit_code == code, (ended.output, ended.exception)
    return ended


def with_client(work: Callable[[PrefectClient], Awaitable[T]]) -> T:
    async def run() -> T:
        async with get_client() as client:
            return await work(client)

    return asyncio.run(run())


# ---- runs that nothing runs -------------------------------------------------------------------------------------


async def a_run(client: PrefectClient, name: str, *, deployed: bool = True) -> UUID:
    """A run of a deployment of the flow, or one that was started by hand."""
    if not deployed:
        return (await client.create_flow_run(flow(name=FLOW)(print), name=name)).id
    of = await client.create_flow_from_name(FLOW)
    deployment = await client.create_deployment(of, FLOW, entrypoint="flows.check_tokens.check_tokens")
    return (await client.create_flow_run_from_deployment(deployment, name=name)).id


async def begin(client: PrefectClient, run: UUID) -> None:
    await client.set_flow_run_state(run, Pending(), force=True)
    await client.set_flow_run_state(run, Running(), force=True)


async def becomes(client: PrefectClient, run: UUID, name: str) -> bool:
    for _ in range(int(A_WHILE / 0.1)):
        found = await client.read_flow_run(run)
        if found.state and found.state.name == name:
            return True
        await asyncio.sleep(0.1)
    return False


async def crash_until_healed(client: PrefectClient, run: UUID) -> None:
    """Prefect's events are lossy where its database is busy, so a crash may have to be said again."""
    await begin(client, run)
    for _ in range(LOOKS):
        await client.set_flow_run_state(run, Crashed(), force=True)
        if await becomes(client, run, "AwaitingRetry"):
            return
    raise AssertionError(f"{run} was never healed")


async def beat(run: UUID) -> None:
    """A heartbeat, as the flow's process sends it."""
    async with get_client() as client, get_events_client() as events:
        found = await client.read_flow_run(run)
        of = {"flow": found.flow_id, "deployment": found.deployment_id}
        related = [
            {
                "prefect.resource.id": f"prefect.{role}.{id_}",
                "prefect.resource.role": role,
                "prefect.resource.name": FLOW,
            }
            for role, id_ in of.items()
        ]
        resource = Resource({"prefect.resource.id": f"prefect.flow-run.{run}"})
        await events.emit(Event(event="prefect.flow-run.heartbeat", resource=resource, related=related))


# ---- notices ----------------------------------------------------------------------------------------------------


def test_a_webhook_is_set_up_by_one_command_and_the_same_command_changes_nothing(api: str, receiver: Receiver) -> None:
    url = receiver.url(SECRET)
    first = said("notify", "webhook", INTERLOCK_NOTIFY_URL=url)
    assert "made Interlock tells webhook (webhook) of news" in first.stdout
    assert "made Interlock tells webhook (webhook) of failed runs" in first.stdout
    again = said("notify", "webhook", stdin=f"{url}\n")
    assert not any(line.startswith(("made", "corrected")) for line in again.stdout.splitlines())
    assert SECRET not in first.output + again.output
    assert said("notify", "list").stdout == "webhook: everything by webhook\n"


def test_another_choice_corrects_what_is_there(api: str, receiver: Receiver) -> None:
    said("notify", "webhook", INTERLOCK_NOTIFY_URL=receiver.url("one"))
    changed = said("notify", "webhook", "--about", "held", INTERLOCK_NOTIFY_URL=receiver.url("two")).stdout
    assert "corrected Interlock tells webhook (webhook) of news" in changed
    assert said("notify", "list").stdout == "webhook: held by webhook\n"
    assert said("notify", "test").stdout == "webhook: delivered\n"
    assert (len(receiver.texts("one")), len(receiver.texts("two"))) == (0, 1)


def test_who_has_paused_an_automation_meant_it(api: str, receiver: Receiver) -> None:
    said("notify", "webhook", INTERLOCK_NOTIFY_URL=receiver.url("paused"))

    async def pause(client: PrefectClient) -> None:
        for each in await client.read_automations_by_name("Interlock tells webhook (webhook) of news"):
            await client.pause_automation(each.id)

    with_client(pause)
    said("notify", "webhook", "--about", "held", INTERLOCK_NOTIFY_URL=receiver.url("paused"))
    assert said("notify", "list").stdout == "webhook: held by webhook (paused)\n"


def test_a_test_goes_the_whole_way_with_the_token_and_says_what_became_of_it(api: str, receiver: Receiver) -> None:
    said("notify", "webhook", INTERLOCK_NOTIFY_URL=receiver.url("good"), INTERLOCK_NOTIFY_TOKEN=SECRET)
    said("notify", "webhook", "--name", "broken", INTERLOCK_NOTIFY_URL=receiver.url("broken"))
    ended = said("notify", "test", "--patience", "3", code=1)
    assert ended.stdout.splitlines() == [
        "broken: nothing says that it was delivered: the Prefect server's log has why",
        "webhook: delivered",
    ]
    ((_, post, token),) = [each for each in receiver.posts if each[0] == "/good"]
    assert post == {
        "subject": "Interlock: a test",
        "body": "Whoever reads this will be told what Interlock has to tell.",
        "text": "Interlock: a test\nWhoever reads this will be told what Interlock has to tell.",
    }
    assert token == f"Bearer {SECRET}"


def test_what_is_removed_is_gone_with_its_secret(api: str, receiver: Receiver) -> None:
    said("notify", "webhook", INTERLOCK_NOTIFY_URL=receiver.url("gone"))
    assert said("notify", "remove", "webhook").stdout == "removed webhook\n"
    assert said("notify", "remove", "webhook").stdout == "there is no webhook\n"

    async def documents(client: PrefectClient) -> list[str | None]:
        return [each.name for each in await client.read_block_documents()]

    assert "interlock-notify-webhook" not in with_client(documents)
    assert said("notify", "list").stdout.startswith("nobody is told")


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # Apprise's, on Python 3.11
def test_slack_is_told_by_its_own_block(api: str) -> None:
    url = f"https://hooks.slack.com/services/T000/B000/{SECRET.replace('-', '')}"
    made = said("notify", "slack", "--name", "slack-on-call", INTERLOCK_NOTIFY_URL=url).stdout
    assert "saved the block slack-webhook/interlock-notify-slack-on-call" in made
    assert said("notify", "list").stdout == "slack-on-call: everything by slack\n"


def test_failed_runs_of_deployments_are_told_as_words_and_those_by_hand_are_not(api: str, receiver: Receiver) -> None:
    said("notify", "webhook", INTERLOCK_NOTIFY_URL=receiver.url("failures"))
    said("notify", "webhook", "--name", "others", "--about", "held", INTERLOCK_NOTIFY_URL=receiver.url("others"))

    async def fail(client: PrefectClient) -> UUID:
        by_hand, deployed = await a_run(client, "by-hand", deployed=False), await a_run(client, "<!channel>")
        for _ in range(LOOKS):
            for run in (by_hand, deployed):
                await client.set_flow_run_state(run, Failed(message="{{ url }}\n<http://a.example|b>"), force=True)
            await asyncio.sleep(A_WHILE)
            if receiver.texts("failures"):
                break
        return deployed

    run = with_client(fail)
    ui = api.removesuffix("/api")
    told = f"‹!channel›: failed\n{{{{ url }}}} ‹http://a.example|b›\n{ui}/runs/flow-run/{run}"
    assert set(receiver.texts("failures")) == {told}
    assert receiver.texts("others") == []


def test_news_of_flows_are_told_once_and_none_of_a_flow_that_somebody_watches(
    api: str, place: ServerDirectory, receiver: Receiver
) -> None:
    said("notify", "webhook", INTERLOCK_NOTIFY_URL=receiver.url("news"))
    environ = {**os.environ, "PREFECT_HOME": str(place.path)}
    done = subprocess.run(
        [sys.executable, "-c", TELLING], env=environ, cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    eventually(lambda: len(receiver.texts("news")) > 1)
    first, second = receiver.texts("news")
    assert first.startswith("core is held: a\nwhy\nhttp://127.0.0.1")
    assert second.startswith("core is held: b\n")
    assert done.stderr.count("notifies: core is held: a") == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # in the clear, on this machine alone
@pytest.mark.long
def test_an_e_mail_is_sent_by_a_deployment(api: str, place: ServerDirectory, mail: tuple[MailServer, int]) -> None:
    handler, port = mail
    settings = ("--server", "127.0.0.1", "--port", str(port), "--security", "insecure", "--user", "interlock")
    to = ("--to", "one@example.org", "--to", "two@example.org", "--from", "interlock@example.org")
    refused = CliRunner(env={"INTERLOCK_NOTIFY_PASSWORD": PASSWORD}).invoke(app, ["notify", "email", *to, *settings])
    assert "which sends e-mails, is not on the server" in str(refused.exception)
    with serving(place):
        made = said("notify", "email", *to, *settings, INTERLOCK_NOTIFY_PASSWORD=PASSWORD)
        assert PASSWORD not in made.output
        assert said("notify", "list").stdout == "email: everything by email to one@example.org, two@example.org\n"
        assert said("notify", "test").stdout == "email: handed to the mail server\n"
    ((to_whom, message, who),) = handler.mails
    assert to_whom == ["one@example.org", "two@example.org"]
    assert (message["Subject"], message["From"]) == ("Interlock: a test", "interlock@example.org")
    (text,) = message.get_payload()
    assert text.get_payload() == "Whoever reads this will be told what Interlock has to tell."
    assert isinstance(who, LoginPassword)

    async def parameters(client: PrefectClient) -> list[dict[str, Any]]:
        return [run.parameters for run in await client.read_flow_runs()]

    assert PASSWORD not in str(with_client(parameters))


@contextlib.contextmanager
def serving(place: ServerDirectory) -> Iterator[None]:
    """The deployment that sends, with a runner."""
    environ = {**os.environ, "PREFECT_HOME": str(place.path), "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    quiet = subprocess.DEVNULL
    with subprocess.Popen([sys.executable, "-c", SERVE], env=environ, cwd=ROOT, stdout=quiet) as runner:
        try:
            eventually(lambda: with_client(_sender_is_there))
            yield
        finally:
            runner.kill()


async def _sender_is_there(client: PrefectClient) -> bool:
    return any(each.name == SENDER for each in await client.read_deployments())


# ---- healing ----------------------------------------------------------------------------------------------------


def test_healing_is_set_up_once(api: str) -> None:
    assert len(with_client(ensure_automations)) == 3
    assert with_client(ensure_automations) == ()
    changed = with_client(lambda client: ensure_automations(client, Healing(attempts=9)))
    assert changed == ("corrected Interlock: a crashed run is started again",)


@pytest.mark.long
def test_a_crashed_run_is_started_again_a_few_times_and_never_one_by_hand(api: str) -> None:
    async def crash(client: PrefectClient) -> tuple[int, set[StateType]]:
        await ensure_automations(client, Healing(attempts=3))
        by_hand, run = await a_run(client, "by-hand", deployed=False), await a_run(client, "again")
        for _ in range(2):
            await crash_until_healed(client, run)
        for each in (by_hand, run):
            await begin(client, each)
            await client.set_flow_run_state(each, Crashed(), force=True)
        # Events are looked at in their order: when this one is healed, those before it have been looked at.
        await crash_until_healed(client, await a_run(client, "last"))
        found = [await client.read_flow_run(each) for each in (run, by_hand)]
        return found[0].run_count, {each.state.type for each in found if each.state}

    assert with_client(crash) == (3, {StateType.CRASHED})


@pytest.mark.long
def test_a_run_that_is_silent_or_never_begins_is_found(api: str) -> None:
    quick = Healing(silence=timedelta(seconds=10), claimed=timedelta(seconds=10))  # as quick as Prefect allows

    async def die(client: PrefectClient) -> list[str | None]:
        await ensure_automations(client, quick)
        silent, claimed, ended = [await a_run(client, name) for name in ("silent", "claimed", "ended")]
        for run in (silent, ended):
            await begin(client, run)
        await beat(silent)
        await client.set_flow_run_state(ended, Failed(message="by itself"), force=True)
        await client.set_flow_run_state(claimed, Pending(), force=True)
        for _ in range(LOOKS):
            if await becomes(client, silent, "AwaitingRetry") and await becomes(client, claimed, "AwaitingRetry"):
                break
        states = [(await client.read_flow_run(run)).state for run in (silent, claimed, ended)]
        return [state.message for state in states if state]

    assert with_client(die) == [
        "its process died, and it goes on",
        "the worker that claimed it is gone",
        "by itself",
    ]
