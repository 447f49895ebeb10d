"""`interlock check`: may a version be released? The ledger answers; nothing is run, and no server is started."""

import asyncio
from typing import Annotated

import typer
from packaging.utils import canonicalize_name
from rich.console import Console

from deployments.cli.options import DownstreamVersions, FamilyOption, JsonOption
from interlock.adapters.connections import access_from, open_connections
from interlock.contracts.admission import Admission
from interlock.contracts.admission.question import Question, answer
from interlock.contracts.candidates import parse_ref
from interlock.model.family import Family
from interlock.model.family_file import load
from interlock.reports.admission import print_admission

REF_HELP = "A released version, branch, tag, SHA, or pull request (#12)."

Package = Annotated[str, typer.Argument(help="The upstream, as the family file names it.")]
RefArgument = Annotated[str, typer.Argument(metavar="REF_OR_VERSION", help=REF_HELP)]
Downstream = Annotated[list[str] | None, typer.Option(help="Only this downstream; may be repeated. Default: all.")]


def check(
    package: Package,
    ref: RefArgument,
    *,
    downstream: Downstream = None,
    downstream_versions: DownstreamVersions = None,
    as_json: JsonOption = False,
    family: FamilyOption = None,
) -> None:
    """Say whether a version may be released, by what its downstreams' suites have shown; nothing is run.

    Exit code 0 for yes, 1 for no, 2 when it is not known; no evidence is never yes. docs/exit-codes.md has the others.
    """
    name, *others = map(canonicalize_name, (package, *(downstream or ())))
    question = Question(
        package=name, ref=parse_ref(ref), downstream=tuple(others), downstream_versions=downstream_versions
    )
    found = asyncio.run(_answer(question, load(family)))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        print_admission(found, Console(highlight=False))
    raise typer.Exit(found.answer.exit_code)


async def _answer(question: Question, family: Family) -> Admission:
    async with open_connections(family, access_from(family)) as connections:
        return await answer(connections, question)
