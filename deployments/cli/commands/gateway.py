"""`interlock gateway`, `deliveries` and `webhook-secret`: receive webhooks, show what became of them, name secrets."""

import os
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from deployments.cli.credentials import use_running_server
from deployments.cli.options import FamilyOption, JsonOption
from deployments.gateway import logs
from deployments.gateway.app import Parts
from deployments.gateway.run_starter import PrefectStarter
from deployments.gateway.serve import bind, serve
from interlock.adapters.ledger import open_ledger
from interlock.common.validation import nearest
from interlock.errors import ServerError, TokenError, UsageError
from interlock.model import family_file
from interlock.reports.deliveries import print_deliveries, print_delivery
from interlock.webhooks import DeliveryState, Secrets, Source
from interlock.webhooks.signature import CURE, SECRET, find_secrets

HOST, PORT = "127.0.0.1", 4280
MOST = 50


def gateway(
    *,
    host: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for all.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any free one.")] = PORT,
    family: FamilyOption = None,
) -> None:
    """Take webhooks of GitHub and of workflows, and start the deployments that follow, until SIGTERM.

    The master secret is INTERLOCK_WEBHOOK_SECRET; docs/gateway.md says how to set it all up.
    """
    secrets, found = _secrets(), family_file.load(family)
    _use_prefect()
    with open_ledger() as ledger:
        # once the settings are known, and before clients can connect and would have to wait
        parts = Parts(secrets=secrets, family=found, ledger=ledger, starter=PrefectStarter())
        with bind(host, port) as sock:
            logs.set_up()
            serve(parts, sock)


def deliveries(
    guid: Annotated[str | None, typer.Argument(metavar="ID", help="Show this one, with all that is kept.")] = None,
    *,
    state: Annotated[str | None, typer.Option(help="Only these: accepted, started or ignored.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many at most.")] = MOST,
    as_json: JsonOption = False,
) -> None:
    """Show the webhook deliveries that the gateway has taken, the newest first, and what became of them."""
    wanted, one = _state(state), _guid(guid)
    console = Console(highlight=False)
    with open_ledger(to_read=True) as ledger:
        if one is None:
            found = ledger.deliveries(wanted, most)
            texts = [each.model_dump_json(indent=2) for each in found]
            typer.echo("[" + ",\n".join(texts) + "]") if as_json else print_deliveries(found, console)
            return
        delivery = ledger.delivery(one)
    if delivery is None:
        raise UsageError(f"there is no delivery {one}", hint="see: interlock deliveries")
    typer.echo(delivery.model_dump_json(indent=2)) if as_json else print_delivery(delivery, console)


def webhook_secret(
    member: Annotated[str, typer.Argument(metavar="MEMBER|REPOSITORY", help="A member, or its repository.")],
    *,
    signed: Annotated[bool, typer.Option("--signed", help="The secret of its workflow, for /webhooks/signed.")] = False,
    family: FamilyOption = None,
) -> None:
    """Print the secret of a repository's webhook, or of its workflow, as it follows from INTERLOCK_WEBHOOK_SECRET."""
    found = family_file.load(family)
    repository = found.repository(next(iter(found.in_repository(member)), member))
    source = Source.SIGNED if signed else Source.GITHUB
    typer.echo(_secrets().derived(source, repository).get_secret_value())


def _secrets() -> Secrets:
    found = find_secrets(os.environ)
    if found is None:
        raise TokenError(f"there is no master secret: without {SECRET} anybody could start releases", hint=CURE)
    return found


def _use_prefect() -> None:
    """Set this process up for the Prefect API; deliveries are received even while it does not answer."""
    # The worker's own pauses can be interrupted by a stop.
    os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", "0")
    if use_running_server() is None:
        raise ServerError(
            "the gateway knows of no Prefect server", hint="set PREFECT_API_URL, or start one: interlock server start"
        )


def _state(text: str | None) -> DeliveryState | None:
    if text is None:
        return None
    try:
        return DeliveryState(text)
    except ValueError:
        hint = nearest(text, [each.value for each in DeliveryState])
        raise UsageError(f'no delivery is "{text}"', hint=hint) from None


def _guid(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise UsageError(f'"{text}" is not the id of a delivery', hint="see: interlock deliveries") from None
