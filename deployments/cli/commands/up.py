"""`interlock up`: Prefect's server, workers and the gateway on this machine, kept running by one command."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from deployments.embedded_server import configured_api
from deployments.stack.display import shown
from deployments.stack.shell_secrets import withdraw_secrets
from deployments.stack.stack import Stack, StackOptions, opened, stopped_by_signals
from interlock.common.sandbox import not_isolated
from interlock.errors import UsageError

PORT = 4270
GATEWAY_PORT = 4280


def up(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where Prefect's own server listens.")] = PORT,
    gateway_port: Annotated[int, typer.Option(min=1, max=65535, help="Where the gateway listens.")] = GATEWAY_PORT,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Workers of each kind; more than one need a shared server.")
    ] = 1,
    runs: Annotated[int, typer.Option(min=1, max=64, help="Flow runs that a worker has at once.")] = 2,
    untrusted: Annotated[
        bool, typer.Option(help="Also run code under test here, in a worker of its own; else start one elsewhere.")
    ] = True,
    once: Annotated[bool, typer.Option("--once", help="Stop as soon as everything is well: a trial.")] = False,
) -> None:
    """Keep a whole stack running on this machine: Prefect's server, two workers, the gateway, every deployment.

    Ctrl-C stops all of it, after the flow runs under way; a second Ctrl-C does not wait for them. If a Prefect API is
    configured, its server is used. docs/operations.md
    """
    if configured_api() is None and (workers > 1 or runs > 2):
        raise UsageError(
            "Prefect's own server keeps its runs in SQLite: one worker of each kind, with two runs at once.",
            hint="For more, share a server on PostgreSQL: docs/operations.md",
        )
    secrets = withdraw_secrets()
    options = StackOptions(
        port=port, gateway_port=gateway_port, workers=workers, runs=runs, untrusted=untrusted, once=once
    )
    asyncio.run(_run(options, secrets))


async def _run(wanted: StackOptions, secrets: Mapping[str, str]) -> None:
    stack: Stack
    with opened(wanted, secrets) as stack, stopped_by_signals(stack):
        console = Console(highlight=False)
        if (why := not_isolated()) is not None:
            console.print(f"[yellow]![/] {escape(why)}; pull requests are not run by themselves: docs/security.md")
        async with shown(stack, console):
            await stack.run()
