"""Writes the workflow file of a listener."""

import re
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError

# The script's checks, as extended regular expressions of bash; versions are those of PEP 440.
VERSION = r"^v?([0-9]+!)?[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?(\+[A-Za-z0-9.]+)?$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._/-]*$"
ANYTHING_PLAIN = r"^[A-Za-z0-9._+!/:=@%-]*$"
DISPATCH_ID = "dispatch_id"
PATTERNS = {
    "version": ("VERSION", VERSION),
    "origin": ("ORIGIN", NAME),
    DISPATCH_ID: ("DISPATCH_ID", ANYTHING_PLAIN),
}
# What may stand in the file without quotes; `null` would not be read as a name.
EVENT = r"(?!(?i:null)$)[A-Za-z][\w.-]{0,99}"
KEY = r"[A-Za-z_][\w-]{0,99}"


class _Field(FrozenModel):
    """A field of the payload, the variable that it becomes, and what it must look like."""

    key: str
    variable: str
    pattern: str


class _Step(FrozenModel):
    """A step of the workflow, for some of the events."""

    name: str
    events: tuple[str, ...]
    command: str
    about: str


def listener(
    events: str | Sequence[str], *, payload: Sequence[str] = ("version", "origin"), command: str | None = None
) -> str:
    """A workflow file that listens to these events, and is safe whatever a sender writes into the payload.

    Args:
        events: Types of `repository_dispatch`, as `core_release`; one with `contract` in its name runs the contracts.
        payload: The fields of the payload that the command gets, as variables.
        command: The command. Default: `make on-release`, or `make contracts` for a contract run.

    Raises:
        UsageError: The name of an event or a field can't stand in such a file.
    """
    events = (events,) if isinstance(events, str) else tuple(dict.fromkeys(events))
    if not events:
        raise UsageError("a listener needs an event to listen to", hint="for example: core_release")
    for name in events:
        _check(name, EVENT)
    for name in payload:
        _check(name, KEY)
    fields = [_field(key) for key in dict.fromkeys((*payload, DISPATCH_ID))]
    return _template().render(events=events, fields=fields, steps=_steps(events, command))


def is_contract_run(event: str) -> bool:
    """Whether an event asks for the contracts to be run, by its name."""
    return "contract" in event.lower()


def _check(name: str, pattern: str) -> None:
    if not re.fullmatch(pattern, name, re.ASCII):
        raise UsageError(
            f'"{name}" can\'t be put into a workflow file',
            hint="write letters, digits, underscores and hyphens, and a letter first",
        )


def _field(key: str) -> _Field:
    own = f"PAYLOAD_{key.replace('-', '_').upper()}"
    variable, pattern = PATTERNS.get(key, (own, ANYTHING_PLAIN))
    return _Field(key=key, variable=variable, pattern=pattern)


def _steps(events: tuple[str, ...], command: str | None) -> list[_Step]:
    """One step for each kind of event; a single one when there is only one kind, or the command is given."""
    contracts = tuple(event for event in events if is_contract_run(event))
    releases = tuple(event for event in events if event not in contracts)
    steps = []
    if releases or (command and contracts):
        chosen = events if command else releases
        steps.append(_Step(name="React", events=chosen, command=command or "make on-release", about="a release"))
    if contracts and not command:
        about = "a contract run"
        steps.append(_Step(name="Run the contracts", events=contracts, command="make contracts", about=about))
    return steps


@cache
def _template() -> Template:
    # Angle brackets, since curly ones are GitHub's own. Nothing needs escaping: the names are checked before.
    return Environment(
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        loader=PackageLoader("interlock.adapters.github.workflows", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  YAML, not HTML
    ).get_template("listener.yml.jinja")
