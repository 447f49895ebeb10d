"""`interlock listener`: the workflow file that a repository is missing, on standard output."""

import asyncio
from typing import Annotated

import typer

from deployments.cli.credentials import find_access, use_running_server
from deployments.cli.options import FamilyOption
from interlock.adapters.connections import open_connections
from interlock.adapters.github import workflows
from interlock.adapters.github.workflows import listens
from interlock.errors import InterlockError, UsageError
from interlock.model import family_file
from interlock.model.family import Dispatch, Family
from interlock.releases.checks.listeners import FOLDER

MemberArgument = Annotated[
    str, typer.Argument(metavar="MEMBER|REPOSITORY", help="A member of the family, or its repository.")
]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event", help="Listen to this event; may be repeated. Default: all that the family sends and it lacks."
    ),
]
RunCommand = Annotated[str | None, typer.Option("--command", help="What is run. Default: make on-release.")]


def listener(
    member: MemberArgument, *, event: Events = None, command: RunCommand = None, family: FamilyOption = None
) -> None:
    """Print the workflow file by which a repository listens to the family's dispatches.

    Without --event, events are left out that the repository listens to already; GitHub is asked for them.
    """
    found = family_file.load(family)
    name = _member(found, member)
    sent = _sent(found, name)
    events = tuple(event or ()) or asyncio.run(_missing(found, name, tuple(sent)))
    if not events:
        typer.echo(f"{found.repository(name)} hears all that the family sends to it", err=True)
        return
    payload = dict.fromkeys(key for event in events if event in sent for key in sent[event].payload)
    text = workflows.listener(events, payload=tuple(payload) or ("version", "origin"), command=command)
    typer.echo(text, nl=False)
    path = f".github/workflows/on_{events[0]}.yml"
    branch = found.package(name).branch
    typer.echo(f'commit it as {path} to the branch "{branch}" of {found.repository(name)}', err=True)


def _member(family: Family, wanted: str) -> str:
    """The member with this name or repository."""
    for name in family.packages:
        repository = family.repository(name)
        if wanted in {name, repository, repository.rpartition("/")[2]}:
            return name
    family.package(wanted)
    raise AssertionError(wanted)  # the loop would have found it


def _sent(family: Family, name: str) -> dict[str, Dispatch]:
    """The events that the family sends to a member, each with one of the dispatches that send it."""
    return {
        dispatch.event: dispatch
        for package in family.packages.values()
        for dispatch in package.dispatches
        if name in dispatch.targets
    }


async def _missing(family: Family, name: str, sent: tuple[str, ...]) -> tuple[str, ...]:
    """The events that it does not listen to, or not so that a receipt is exact; without a token, all of them."""
    if not sent:
        raise UsageError(f"the family sends nothing to {name}", hint="name the event: --event core_release")
    access = await find_access(family, use_running_server())
    if access.credentials is None:
        typer.echo("without a token it is not known what is heard already: for all events", err=True)
        return sent
    try:
        async with open_connections(family, access) as connections:
            files = await connections.github.files(family.repository(name), FOLDER)
    except InterlockError as error:
        typer.echo(f"it is not known what is heard already: {error.message}: for all events", err=True)
        return sent
    return tuple(event for event in sent if not listens(files, event).exact)
