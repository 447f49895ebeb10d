"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

FamilyOption = Annotated[
    Path | None,
    typer.Option(
        "--family",
        help="The family file. Default: $INTERLOCK_FAMILY, else family.toml here, else the one of the checkout.",
        show_default=False,
    ),
]
"""The option of every command that works on a family."""

BUMP_HELP = (
    "patch, minor, major, alpha, beta, rc, post, dev, final; or two of them, as minor,rc; or commits, contract, "
    "calver:YYYY.0M.0D. Default: as the family file says, else patch."
)

BumpOption = Annotated[str | None, typer.Option("--bump", metavar="PART", help=BUMP_HELP)]
RefOption = Annotated[str | None, typer.Option("--ref", metavar="BRANCH", help="Another branch to release from.")]
VersionOption = Annotated[str | None, typer.Option("--version", metavar="X", help="This version instead of a bump.")]
DespiteOption = Annotated[
    str | None,
    typer.Option("--despite", metavar="WHY", help="Release it though its contracts say no; the reason is kept."),
]
RequestIdOption = Annotated[
    str | None,
    typer.Option(
        "--request-id",
        metavar="ID",
        help="What asks for it: asked again under the same id, it is the same release. Default: the CI's run.",
    ),
]
EmptyOption = Annotated[
    bool, typer.Option("--empty", help="Release it though nothing is new since the newest release.")
]
DownstreamVersions = Annotated[
    str | None,
    typer.Option(
        "--downstream-versions",
        metavar="SPEC",
        help='Releases of the downstreams: ">=0.15", "0.15.3, 0.16.0", all, or latest:N. Default: the supported ones, '
        "else the newest.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For a program.")]
Python = Annotated[list[str] | None, typer.Option(metavar="3.x", help="Default: those of the family file.")]
Jobs = Annotated[int | None, typer.Option(min=1, max=64, help="Cells side by side. Default: twice the cores.")]
