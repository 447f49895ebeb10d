"""The command `interlock`: parses, calls one thing, and turns every foreseen error into a message and an exit code.

Nothing here may import Prefect, nor anything else that takes long, until a command needs it: `interlock --help`
answers at once.
"""

import importlib.metadata
import sys
import traceback
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from deployments.commands import (
    bisect,
    blocks,
    cascade,
    check,
    contracts,
    doctor,
    family,
    gateway,
    listener,
    matrix,
    notify,
    rehearse,
    release,
    server,
    up,
)
from interlock.errors import InterlockError
from interlock.files import write_whole
from interlock.home import home

INTERRUPTED = 130

app = typer.Typer(
    name="interlock",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(*, asked: bool) -> None:
    if asked:
        print(f"interlock {importlib.metadata.version('interlock')}")  # noqa: T201
        raise typer.Exit


@app.callback()
def interlock(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=lambda asked: _version(asked=asked), help="Show it.")
    ] = False,
) -> None:
    """Releases a family of Python packages in separate repositories, and proves that they fit together."""
    del version  # what it asks for was answered before any command is looked for


app.add_typer(family.app, name="family")
app.add_typer(server.app, name="server")
app.add_typer(blocks.app, name="blocks")
app.add_typer(rehearse.app, name="rehearse")
app.command()(matrix.matrix)
app.command()(release.release)
app.command()(release.releases)
app.add_typer(cascade.app, name="cascade")
app.command()(cascade.cascades)
app.command()(cascade.follow)
app.command()(check.check)
app.command()(contracts.contracts)
app.command()(bisect.bisect)
app.command()(doctor.doctor)
app.command()(gateway.gateway)
app.command()(gateway.deliveries)
app.add_typer(notify.app, name="notify")
app.command()(listener.listener)
app.command()(up.up)


def main() -> None:
    """Run the command line; a foreseen error ends with its message on standard error and its own exit code."""
    try:
        app()
    except InterlockError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print("[bold red]error:[/] ", end="")
        console.print(error.message, markup=False)
        if error.hint:
            console.print(f"  {error.hint}", markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(INTERRUPTED)
    except SystemExit as ended:
        # Typer makes this of an interruption while a command runs, and says nothing.
        if ended.code == INTERRUPTED:
            _say_interrupted()
        raise
    except Exception as defect:  # noqa: BLE001  whatever it is, a traceback is for us and not for a user
        sys.exit(_report_defect(defect))


def _say_interrupted() -> None:
    print("interrupted: what was finished is kept, and the same command goes on from there", file=sys.stderr)  # noqa: T201


def _report_defect(defect: Exception) -> int:
    """Keep the traceback where it can be found, and say so."""
    file = home() / "defects" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.txt"
    write_whole(file, "".join(traceback.format_exception(defect)).encode())
    print(f"error: a defect of Interlock, not of yours: {type(defect).__name__}", file=sys.stderr)  # noqa: T201
    print(f"  please report it with {file}", file=sys.stderr)  # noqa: T201
    return InterlockError.exit_code
