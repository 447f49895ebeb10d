"""`interlock server`: the embedded Prefect server of this machine."""

import shlex
import time
from typing import Annotated

import typer

from deployments import embedded_server
from deployments.cli.options import JsonOption
from deployments.embedded_server import Record, Status
from interlock.errors import ServerError

app = typer.Typer(help="The embedded Prefect server of this machine.", no_args_is_help=True)

NOT_RUNNING = 1
COMMANDS_NEED = ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "no_proxy", "NO_PROXY")


@app.command()
def start() -> None:
    """Start the server, if there is none, and wait until it answers."""
    if (configured := embedded_server.configured_api()) is not None:
        typer.echo(f"Commands use {configured}, which is configured, not this server.", err=True)
    with embedded_server.start() as server:
        running = server.wait_until_ready()
    typer.echo(f"{running.ui}  (stops {_idle_limit(running)}; interlock server stop)")
    typer.echo(f"The UI asks once for the password in {running.password_file}")


@app.command()
def status(*, as_json: JsonOption = False) -> None:
    """Show the server; exit code 0 if it runs, 1 if not."""
    found = embedded_server.status()
    typer.echo(found.model_dump_json(indent=2) if as_json else _describe(found))
    if found.state != embedded_server.State.RUNNING:
        raise typer.Exit(NOT_RUNNING)


@app.command()
def env() -> None:
    """Print the variables that Prefect's own commands need, its password among them: eval "$(interlock server env)"."""
    running = embedded_server.status().server
    if running is None:
        raise ServerError("No Prefect server of this machine runs.", hint="Start it with: interlock server start")
    variables = embedded_server.environment(running)
    for name in COMMANDS_NEED:
        typer.echo(f"export {name}={shlex.quote(variables[name])}")


@app.command()
def stop(*, force: Annotated[bool, typer.Option("--force", help="Even while a command uses it.")] = False) -> None:
    """Stop the server; its history stays for the next one."""
    stopped = embedded_server.stop(force=force)
    typer.echo("stopped" if stopped else "was not running")


def _describe(found: Status) -> str:
    lines = [("state", found.state)]
    if (server := found.server) is not None:
        lines += [
            ("ui", server.ui),
            ("password", server.password_file or "none: an earlier Interlock started it; interlock server stop"),
            ("pid", str(server.server.pid if server.server else "–")),
            ("for", _duration(time.time() - server.since)),
            ("prefect", server.prefect),
            ("stops", _idle_limit(server)),
        ]
    lines += [("database", f"{found.database_bytes / 1e6:.1f} MB"), ("log", found.log)]
    return "\n".join(f"{name:<9} {text}" for name, text in lines)


def _idle_limit(server: Record) -> str:
    return f"after {_duration(server.idle_seconds)} without use" if server.idle_seconds else "only by a command"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
