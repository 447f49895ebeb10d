"""`interlock doctor`: checks everything that must be true before a release, with causes and hints."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from deployments.cli import run_flow
from deployments.cli.credentials import find_access, use_running_server, with_roles
from deployments.cli.displays import doctor as doctor_display
from deployments.cli.options import FamilyOption, JsonOption
from interlock.adapters.connections import open_connections
from interlock.model import family_file
from interlock.model.family import Family
from interlock.releases.checks import Check, all_good, check_family, check_package, check_roles, unknown, why_exposed

FAILED = 1

PackageArgument = Annotated[
    str | None, typer.Argument(help="Only what a release of this package needs. Default: all of the family.")
]


def doctor(package: PackageArgument = None, *, family: FamilyOption = None, as_json: JsonOption = False) -> None:
    """Check everything that must be true before a release is, without changing anything.

    Exit code 0 when nothing failed, though there may be warnings; 1 when something did. See docs/doctor.md.
    """
    found = family_file.load(family)
    checks = asyncio.run(_look(found, package))
    if as_json:
        typer.echo(doctor_display.as_json(checks))
    else:
        doctor_display.print_checks(checks, Console(highlight=False))
    if not all_good(checks):
        raise typer.Exit(FAILED)


async def _look(family: Family, package: str | None) -> tuple[Check, ...]:
    if package is not None:
        family.package(package)  # before any request is sent
    api = use_running_server()
    access = await with_roles(await find_access(family, api), api)
    async with open_connections(family, access) as connections:
        looking = check_family(connections) if package is None else check_package(connections, package)
        world_checks, roles, prefect_checks = await asyncio.gather(
            looking, check_roles(connections), _check_prefect(api, await why_exposed(family))
        )
    return (*world_checks, *roles, *prefect_checks)


async def _check_prefect(api: str | None, exposed: str | None) -> tuple[Check, ...]:
    if api is None:
        cause = "no API is configured, and this machine's own server does not run: a command starts it when it needs it"
        return (unknown("Prefect", "server", cause, "interlock server start, or set PREFECT_API_URL"),)
    found: tuple[Check, ...] = await run_flow.load("deployments.cli.prefect_checks").check_prefect(api, exposed=exposed)
    return found
