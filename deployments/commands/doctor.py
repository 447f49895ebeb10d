"""`interlock doctor`: everything that must be true before a release is, each with its cause and its cure."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.family import FamilyOption

if TYPE_CHECKING:
    from interlock.checks import Check
    from interlock.family import Family

FAILED = 1

PackageArgument = Annotated[
    str | None, typer.Argument(help="Only what a release of this package needs. Default: all of the family.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]


def doctor(package: PackageArgument = None, *, family: FamilyOption = None, as_json: AsJson = False) -> None:
    """Check everything that must be true before a release is, without changing anything.

    Exit code 0 when nothing failed, though there may be warnings; 1 when something did. See docs/doctor.md.
    """
    from rich.console import Console  # noqa: PLC0415  --help stays fast

    from deployments import doctor_display  # noqa: PLC0415
    from interlock import family_file  # noqa: PLC0415
    from interlock.checks import all_good  # noqa: PLC0415

    found = family_file.load(family)
    checks = asyncio.run(_look(found, package))
    if as_json:
        typer.echo(doctor_display.as_json(checks))
    else:
        doctor_display.print_checks(checks, Console(highlight=False))
    if not all_good(checks):
        raise typer.Exit(FAILED)


async def _look(family: "Family", package: str | None) -> "tuple[Check, ...]":
    from deployments.access import find_access, use_running_server  # noqa: PLC0415
    from deployments.prefect_checks import check_prefect  # noqa: PLC0415
    from interlock.checks import check_family, check_package  # noqa: PLC0415
    from interlock.connections import open_connections  # noqa: PLC0415

    if package is not None:
        family.package(package)  # before anything is asked of anybody
    api = use_running_server()
    async with open_connections(family, await find_access(family, api)) as connections:
        looking = check_family(connections) if package is None else check_package(connections, package)
        world_checks, prefect_checks = await asyncio.gather(looking, check_prefect(api))
    return (*world_checks, *prefect_checks)
