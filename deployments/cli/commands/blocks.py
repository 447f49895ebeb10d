"""`interlock blocks`: Interlock's block types and their documents on the Prefect server."""

import os
from typing import Annotated

import typer

from deployments.cli import run_flow
from deployments.cli.options import FamilyOption
from interlock.adapters.index.settings import find_upload
from interlock.common import tokens
from interlock.model import family_file
from interlock.model.family import Family

app = typer.Typer(help="Interlock's credentials as Prefect blocks.", no_args_is_help=True)

FromEnv = Annotated[
    bool, typer.Option("--from-env", help='Save what the environment holds as the documents "interlock".')
]


@app.callback()
def blocks() -> None:
    """Interlock's credentials as Prefect blocks."""


@app.command()
def register(*, from_env: FromEnv = False, family: FamilyOption = None) -> None:
    """Register the types of blocks on the Prefect server that is configured, else on this machine's own.

    With --from-env the tokens of the environment are saved there as documents, which every flow finds.
    """
    found = family_file.load(family)
    for line in run_flow.run(lambda: _register(found, from_env=from_env)):
        typer.echo(line)


async def _register(family: Family, *, from_env: bool) -> list[str]:
    """A line for each change."""
    ours = run_flow.load("blocks")
    done = []
    for name in ours.__all__:
        kind = getattr(ours, name)
        await kind.aregister_type_and_schema()
        done.append(f"registered {kind.get_block_type_slug()}")
    return done + (await _save(family) if from_env else [])


async def _save(family: Family) -> list[str]:
    ours, document = run_flow.load("blocks"), run_flow.load("blocks.find").DOCUMENT
    github, index = ours.GitHubCredentials, ours.PackageIndexCredentials

    done = []
    if found := tokens.find(tokens.DISPATCH, family.token_aliases, os.environ):
        await github(token=found.token).asave(document, overwrite=True)
        done.append(f"saved {github.get_block_type_slug()}/{document} from {found.name}")
    else:
        done.append(f"saved no token for GitHub: there is no {tokens.DISPATCH}")
    for role in (tokens.Role.READ, tokens.Role.TELL):
        if own := tokens.find(role.variable, (), os.environ):
            name = run_flow.load("blocks.find").document(role)
            await github(token=own.token).asave(name, overwrite=True)
            done.append(f"saved {github.get_block_type_slug()}/{name} from {own.name}")
    if upload := find_upload():
        await index.of(upload).asave(document, overwrite=True)
        done.append(f"saved {index.get_block_type_slug()}/{document} from {upload.source}")
    else:
        done.append(f"saved no password for an index: there is no {tokens.INDEX}")
    return done
