"""`interlock notify`: who is told of failures, held packages, expiring tokens and new incompatibilities, and where."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from deployments.automations.kinds import About, Kind, Security
from interlock.errors import UsageError

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from pydantic import SecretStr

    from deployments.automations.values import Channel

app = typer.Typer(help="Tell people what they must know, by Prefect's own automations.", no_args_is_help=True)

NOT_DELIVERED = 1
URL = "INTERLOCK_NOTIFY_URL"
TOKEN = "INTERLOCK_NOTIFY_TOKEN"  # noqa: S105  the name of a variable
PASSWORD = "INTERLOCK_NOTIFY_PASSWORD"  # noqa: S105  the name of a variable

T = TypeVar("T")


Name = Annotated[str | None, typer.Option(help="What to call it, if there are several of a kind.")]
Abouts = Annotated[list[About] | None, typer.Option("--about", help="Only this; may be repeated. Default: all.")]
Mailboxes = Annotated[list[str], typer.Option("--to", help="To whom; may be repeated.")]
Host = Annotated[str, typer.Option("--server", help="The mail server.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Default: that of the security.")]
Secure = Annotated[Security, typer.Option(help="How the mail server is spoken to.")]
User = Annotated[str | None, typer.Option(help=f"As whom; its password is read, or is {PASSWORD}.")]
Sender = Annotated[
    str | None, typer.Option("--from", help="The sender's address. Default: the user's, else the first.")
]
Patience = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for each.")]
Which = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one.")]


@app.command()
def slack(*, name: Name = None, about: Abouts = None) -> None:
    """Tell a channel of Slack; reads the address of its incoming webhook, which is a secret."""
    from deployments.automations.values import Channel, slack_address  # noqa: PLC0415  --help stays fast

    channel = Channel(name=name or "slack", kind=Kind.SLACK, about=frozenset(about or About))
    address = slack_address(_secret(URL, "the webhook's address"))

    async def make(client: "PrefectClient") -> tuple[str, ...]:
        from deployments.automations import channels  # noqa: PLC0415  only after Prefect's settings are known

        return await channels.set_channel(client, channel, channels.slack_block(address))

    _make(make, channel)


@app.command()
def webhook(*, name: Name = None, about: Abouts = None) -> None:
    """Post JSON with subject, body and text to an address, which is read, since it may be a secret.

    A token in INTERLOCK_NOTIFY_TOKEN is sent as a bearer's.
    """
    from pydantic import SecretStr  # noqa: PLC0415

    from deployments.automations.values import Channel, webhook_address  # noqa: PLC0415

    channel = Channel(name=name or "webhook", kind=Kind.WEBHOOK, about=frozenset(about or About))
    address = webhook_address(_secret(URL, "the webhook's address"))
    token = SecretStr(given) if (given := os.environ.get(TOKEN, "").strip()) else None

    async def make(client: "PrefectClient") -> tuple[str, ...]:
        from deployments.automations import channels  # noqa: PLC0415

        return await channels.set_channel(client, channel, channels.webhook_block(address, token))

    _make(make, channel)


@app.command()
def email(  # noqa: PLR0913  one for each option
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
    """Send e-mails, by a mail server of yours; a worker sends them."""
    from pydantic import SecretStr  # noqa: PLC0415

    from deployments.automations.values import Channel, MailServer  # noqa: PLC0415

    comes_from = sender or (user if user and "@" in user else to[0])
    channel = Channel(
        name=name or "email", kind=Kind.EMAIL, about=frozenset(about or About), to=tuple(to), sender=comes_from
    )
    password = _secret(PASSWORD, f"the password of {user}") if user else SecretStr("")
    mail = MailServer(host=server, port=port, security=security, user=user, password=password)

    async def make(client: "PrefectClient") -> tuple[str, ...]:
        from deployments.automations import channels  # noqa: PLC0415

        return await channels.set_channel(client, channel, channels.email_block(mail))

    _make(make, channel)


@app.command("list")
def list_all() -> None:
    """Show who is told of what."""
    channels = _on_server(_channels)
    for channel in channels:
        typer.echo(_line(channel))
    if not channels:
        typer.echo("nobody is told of anything: interlock notify slack, email or webhook")


@app.command("test")
def try_it(name: Which = None, *, patience: Patience = 60) -> None:
    """Send a test the whole way, and say what became of it; exit code 1 if one was not delivered."""

    async def try_all(client: "PrefectClient") -> list[bool]:
        from deployments.automations.trial import try_channel  # noqa: PLC0415

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
    """Tell nobody there any more, and forget the secret."""

    async def forget(client: "PrefectClient") -> bool:
        from deployments.automations.channels import remove_channel  # noqa: PLC0415

        return await remove_channel(client, name)

    there = _on_server(forget)
    typer.echo(f"removed {name}" if there else f"there is no {name}")


def _make(make: Callable[["PrefectClient"], Awaitable[tuple[str, ...]]], channel: "Channel") -> None:
    for line in _on_server(make):
        typer.echo(line)
    typer.echo(f"try it: interlock notify test {channel.name}")


async def _channels(client: "PrefectClient") -> "tuple[Channel, ...]":
    from deployments.automations.channels import list_channels  # noqa: PLC0415

    return await list_channels(client)


async def _chosen(client: "PrefectClient", name: str | None) -> "list[Channel]":
    channels = [each for each in await _channels(client) if name in {None, each.name}]
    if not channels:
        raise UsageError(
            f"there is no channel {name}" if name else "there is no channel to try",
            hint="interlock notify list; interlock notify slack, email and webhook make one",
        )
    return channels


def _line(channel: "Channel") -> str:
    about = "everything" if channel.about == frozenset(About) else ", ".join(sorted(channel.about))
    to = f" to {', '.join(channel.to)}" if channel.to else ""
    return f"{channel.name}: {about} by {channel.kind}{to}{' (paused)' if channel.paused else ''}"


def _secret(variable: str, what: str) -> "SecretStr":
    """A secret from its variable, from a prompt, or from standard input: never from an argument, which anybody sees."""
    from pydantic import SecretStr  # noqa: PLC0415

    if (given := os.environ.get(variable, "").strip()) or not sys.stdin.isatty():
        found = given or sys.stdin.readline().strip()
    else:
        found = typer.prompt(what[0].upper() + what[1:], hide_input=True).strip()
    if not found:
        raise UsageError(f"{what} is missing", hint=f"set {variable}, or give it on standard input")
    return SecretStr(found)


def _on_server(work: Callable[["PrefectClient"], Awaitable[T]]) -> T:
    """Do something with the client of the server that is configured, else of this machine's own."""
    from deployments import embedded_server  # noqa: PLC0415

    if (api := embedded_server.configured_api()) is not None:
        asyncio.run(embedded_server.check_answers(api))
        return asyncio.run(_with_client(work))
    with embedded_server.start() as server:
        os.environ.update(embedded_server.environment(server.wait_until_ready()))
        return asyncio.run(_with_client(work))


async def _with_client(work: Callable[["PrefectClient"], Awaitable[T]]) -> T:
    from prefect.client.orchestration import get_client  # noqa: PLC0415  two seconds, and only after its settings

    async with get_client() as client:
        return await work(client)
