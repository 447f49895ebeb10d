"""The command `interlock`: parses, calls one thing, and turns every foreseen error into a message and an exit code.

Nothing here may import Prefect, nor anything else that takes long, until a command needs it: `interlock --help`
answers at once.
"""

import sys

import typer
from rich.console import Console

from deployments.commands import family, matrix, server
from interlock.errors import InterlockError

INTERRUPTED = 130

app = typer.Typer(
    name="interlock",
    help="Releases a family of Python packages that live in separate repositories, and proves that they fit together.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(family.app, name="family")
app.add_typer(server.app, name="server")
app.command()(matrix.matrix)


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
        sys.exit(INTERRUPTED)
