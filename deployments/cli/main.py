"""The command `interlock`: finds the command's module, and turns foreseen errors into a message and an exit code.

Only the module of the command that is called is imported, so `interlock --help` answers at once.
"""

import gc
import importlib
import importlib.metadata
import signal
import sys
import traceback
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from interlock.common.atomic_files import write_whole
from interlock.common.clock import now
from interlock.common.credentials import prepare_process
from interlock.common.paths import home
from interlock.errors import InterlockError

INTERRUPTED = 130

COMMANDS: Mapping[str, tuple[str, str]] = {
    "matrix": (
        "matrix:matrix",
        "Test versions of an upstream with versions of its downstreams, and show which work together.",
    ),
    "release": (
        "release:release",
        "Release a package: bump, tag, build, publish, GitHub Release, dispatches, receipts.",
    ),
    "releases": ("release:releases", "Show past and unfinished releases, as the ledger knows them."),
    "cascades": (
        "cascade:cascades",
        "Show the cascades, or one with all of its packages; with --json its manifest. docs/cascades.md says more.",
    ),
    "follow": (
        "cascade:follow",
        "Wait until the index has a version of a package, and let everything follow that it makes necessary.",
    ),
    "check": (
        "check:check",
        "Say whether a version may be released, by what its downstreams' suites have shown; nothing is run.",
    ),
    "contracts": (
        "contracts:contracts",
        "Run the downstreams' suites with a ref of their upstream, and beside it with a baseline: what regresses?",
    ),
    "bisect": ("bisect:bisect", "Find the first version, or commit, of an upstream that breaks a downstream's suite."),
    "doctor": ("doctor:doctor", "Check everything that must be true before a release is, without changing anything."),
    "gateway": (
        "gateway:gateway",
        "Take webhooks of GitHub and of workflows, and start the deployments that follow, until SIGTERM.",
    ),
    "deliveries": (
        "gateway:deliveries",
        "Show the webhook deliveries that the gateway has taken, the newest first, and what became of them.",
    ),
    "webhook-secret": (
        "gateway:webhook_secret",
        "Print the secret of a repository's webhook, or of its workflow, as it follows from INTERLOCK_WEBHOOK_SECRET.",
    ),
    "listener": (
        "listener:listener",
        "Print the workflow file by which a repository listens to the family's dispatches.",
    ),
    "up": (
        "up:up",
        "Keep a whole stack running on this machine: Prefect's server, two workers, the gateway, every deployment.",
    ),
    "family": ("family:app", "The family file: show it, check it, print its schema."),
    "server": ("server:app", "The embedded Prefect server of this machine."),
    "blocks": ("blocks:app", "Interlock's credentials as Prefect blocks."),
    "rehearse": (
        "rehearse:app",
        "Rehearse on this machine: repositories, a package index and a GitHub, with faults at will.",
    ),
    "cascade": (
        "cascade:app",
        "Release a package and everything that its release makes necessary: interlock cascade PACKAGE.",
    ),
    "notify": ("notify:app", "Notify people of what needs them, by Prefect's own automations."),
}
"""Each command: its module in `deployments.cli.commands`, its function or group, and the first sentence of its help."""


def load(name: str) -> Any:  # noqa: ANN401  a command of a click that typer keeps to itself
    """A command, from its module, which is imported now."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(importlib.import_module(f"deployments.cli.commands.{module}"), attribute)
    group = typer.Typer()
    if isinstance(found, typer.Typer):
        group.add_typer(found, name=name)
    else:
        group.command(name)(found)
    return get_group(group).commands[name]


class LazyGroup(TyperGroup):
    """Knows its commands from the table, for help and completion, and imports the one that is called."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  typer's own
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=text) for name, (_, text) in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401  the same
        """Import the command that the first argument names."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else command, rest


app = typer.Typer(
    cls=LazyGroup,
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
    del version  # its callback has answered already


def main() -> None:
    """Run the command line; a foreseen error ends with its message on standard error and its own exit code."""
    gc.set_threshold(50_000)  # Prefect's import makes a million objects that stay: no need to look through them again
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        prepare_process()
        app()
    except InterlockError as error:
        _say_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(INTERRUPTED)
    except SystemExit as ended:
        # Typer turns an interruption of a command into this, without a message.
        if ended.code == INTERRUPTED:
            _say_interrupted()
        raise
    except Exception as defect:  # noqa: BLE001  a traceback is for the developers, not for a user
        sys.exit(_report_defect(defect))
    except BaseException as ended:
        # What a flow makes of SIGTERM; to import Prefect takes longer than most commands.
        if type(ended).__name__ != "TerminationSignal":
            raise
        _say_interrupted()
        sys.exit(INTERRUPTED)


def _say_error(error: InterlockError) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("[bold red]error:[/] ", end="")
    console.print(error.message, markup=False)
    if error.hint:
        console.print(f"  {error.hint}", markup=False)


def _say_interrupted() -> None:
    print("interrupted: what was finished is kept, and the same command goes on from there", file=sys.stderr)  # noqa: T201


def _report_defect(defect: Exception) -> int:
    """Write the traceback to a file, and name the file."""
    file = home() / "defects" / f"{now():%Y%m%dT%H%M%SZ}.txt"
    write_whole(file, "".join(traceback.format_exception(defect)).encode())
    print(f"error: a defect of Interlock, not of yours: {type(defect).__name__}", file=sys.stderr)  # noqa: T201
    print(f"  please report it with {file}", file=sys.stderr)  # noqa: T201
    return InterlockError.exit_code
