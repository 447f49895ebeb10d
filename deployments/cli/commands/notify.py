"""`interlock notify`: where people are notified of failures, held packages, expiring tokens and incompatibilities."""

import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from pydantic import SecretStr

from deployments.automations.channel import About, Channel
from deployments.cli import run_flow
from interlock.errors import UsageError

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

app = typer.Typer(help="Notify people of what needs them, by Prefect's own automations.", no_args_is_help=True)

NOT_DELIVERED = 1
URL = "INTERLOCK_NOTIFY_URL"
TOKEN = "INTERLOCK_NOTIFY_TOKEN"  # noqa: S105  the name of a variable
PASSWORD = "INTERLOCK_NOTIFY_PASSWORD"  # noqa: S105  the name of a variable

SLACK = re.compile(r"https://hooks\.slack(?:-gov)?\.com/services/\w+/\w+/\w+/?")

T = TypeVar("T")


class Security(StrEnum):
    """The security of the connection to a mail server."""

    SSL = "ssl"
    STARTTLS = "starttls"
    INSECURE = "insecure"


Name = Annotated[str | None, typer.Option(help="Its name, if there are several of a kind.")]
Abouts = Annotated[list[About] | None, typer.Option("--about", help="Only this; may be repeated. Default: all.")]
Mailboxes = Annotated[list[str], typer.Option("--to", help="A recipient; may be repeated.")]
Host = Annotated[str, typer.Option("--server", help="The mail server.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Default: that of the security.")]
Secure = Annotated[Security, typer.Option(help="The security of the connection.")]
User = Annotated[str | None, typer.Option(help=f"The user; the password is read from {PASSWORD}, or asked for.")]
Sender = Annotated[
    str | None, typer.Option("--from", help="The sender's address. Default: the user's, else the first.")
]
Patience = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for each.")]
Which = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one.")]


@app.command()
def slack(*, name: Name = None, about: Abouts = None) -> None:
    """Notify a Slack channel; reads the address of its incoming webhook, which is a secret."""
    channel = Channel(name=name or "slack", kind="slack", about=frozenset(about or About))
    _make(channel, {"url": slack_address(_secret(URL, "the webhook's address"))})


@app.command()
def webhook(*, name: Name = None, about: Abouts = None) -> None:
    """Post JSON with subject, body and text to an address; the address is read, since it may be a secret.

    A token in INTERLOCK_NOTIFY_TOKEN is sent as a bearer's.
    """
    channel = Channel(name=name or "webhook", kind="webhook", about=frozenset(about or About))
    # When posting fails, Prefect's server writes the address to its log, but not the token.
    secrets = {"url": webhook_address(_secret(URL, "the webhook's address")).get_secret_value()}
    if token := os.environ.get(TOKEN, "").strip():
        secrets["token"] = token
    fields = {
        "name": "interlock",
        "url": "{{url}}",  # the field is not a secret one
        "secrets": secrets,
        "headers": {"Authorization": "Bearer {{token}}"} if token else None,
        "json_data": {"subject": "{{subject}}", "body": "{{body}}", "text": "{{subject}}\n{{body}}"},
    }
    _make(channel, fields)


@app.command()
def email(
    *,
    to: Mailboxes,
    server: Host,
    port: Port = None,
    security: Secure = Security.STARTTLS,
    user: User = None,
    sender: Sender = None,
    name: Name = None,
    about: Abouts = None,
) -> None:
    """Send e-mails through a mail server of yours; a worker sends them."""
    comes_from = sender or (user if user and "@" in user else to[0])
    channel = Channel(
        name=name or "email", kind="email", about=frozenset(about or About), to=tuple(to), sender=comes_from
    )
    password = _secret(PASSWORD, f"the password of {user}") if user else SecretStr("")
    names = ("smtp_server", "smtp_port", "smtp_type", "username", "password")
    _make(channel, dict(zip(names, (server, port, security.value, user, password), strict=True)))


@app.command("list")
def list_all() -> None:
    """Show the channels, and what is sent to each."""
    channels = _on_server(lambda client: _channels().list_channels(client))
    for channel in channels:
        typer.echo(_line(channel))
    if not channels:
        typer.echo("nobody is told of anything: interlock notify slack, email or webhook")


@app.command("test")
def try_it(name: Which = None, *, patience: Patience = 60) -> None:
    """Send a test through each channel and say whether it was delivered; exit code 1 if one was not."""

    async def try_all(client: "PrefectClient") -> list[bool]:
        try_channel = run_flow.load("deployments.automations.probe").try_channel
        results = []
        for channel in await _chosen(client, name):
            trial = await try_channel(client, channel, patience)
            typer.echo(f"{channel.name}: {trial.said}")
            results.append(trial.delivered)
        return results

    if not all(_on_server(try_all)):
        raise typer.Exit(NOT_DELIVERED)


@app.command()
def remove(name: Annotated[str, typer.Argument(help="As interlock notify list shows it.")]) -> None:
    """Remove a channel, with its secret."""
    there = _on_server(lambda client: _channels().remove_channel(client, name))
    typer.echo(f"removed {name}" if there else f"there is no {name}")


def _make(channel: Channel, fields: Mapping[str, object]) -> None:
    for line in _on_server(lambda client: _channels().set_channel(client, channel, fields)):
        typer.echo(line)
    typer.echo(f"try it: interlock notify test {channel.name}")


def _channels() -> ModuleType:
    return run_flow.load("deployments.automations.channels")


async def _chosen(client: "PrefectClient", name: str | None) -> list[Channel]:
    channels = [each for each in await _channels().list_channels(client) if name in {None, each.name}]
    if not channels:
        raise UsageError(
            f"there is no channel {name}" if name else "there is no channel to try",
            hint="interlock notify list; interlock notify slack, email and webhook make one",
        )
    return channels


def _line(channel: Channel) -> str:
    about = "everything" if channel.about == frozenset(About) else ", ".join(sorted(channel.about))
    to = f" to {', '.join(channel.to)}" if channel.to else ""
    return f"{channel.name}: {about} by {channel.kind}{to}{' (paused)' if channel.paused else ''}"


def _secret(variable: str, what: str) -> SecretStr:
    """A secret from its variable, a prompt or standard input; never from an argument, which everybody can list."""
    if (given := os.environ.get(variable, "").strip()) or not sys.stdin.isatty():
        found = given or sys.stdin.readline().strip()
    else:
        found = typer.prompt(what[0].upper() + what[1:], hide_input=True).strip()
    if not found:
        raise UsageError(f"{what} is missing", hint=f"set {variable}, or give it on standard input")
    return SecretStr(found)


def slack_address(url: SecretStr) -> SecretStr:
    """The address of an incoming webhook of Slack; Prefect's block takes no other host.

    Raises:
        UsageError: It is not one.
    """
    if not SLACK.fullmatch(url.get_secret_value()):
        raise UsageError(
            "this is no address of an incoming webhook of Slack's",
            hint="it begins with https://hooks.slack.com/services/; for other places: interlock notify webhook",
        )
    return url


def webhook_address(url: SecretStr) -> SecretStr:
    """An address that JSON can be posted to.

    Raises:
        UsageError: It is not one.
    """
    if not re.fullmatch(r"https?://[^\s{}]+", url.get_secret_value()):
        raise UsageError("the address of a webhook begins with https:// or http://, and has no blanks or braces")
    return url


def _on_server(work: Callable[["PrefectClient"], Awaitable[T]]) -> T:
    """Do something with the client of the configured server, or of this machine's own."""

    async def with_client() -> T:
        async with run_flow.load("prefect.client.orchestration").get_client() as client:
            return await work(client)

    return run_flow.run(with_client)
