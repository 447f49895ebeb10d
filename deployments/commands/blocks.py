"""`interlock blocks`: the types of Interlock's blocks, and their documents, on the Prefect server."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.family import FamilyOption

if TYPE_CHECKING:
    from interlock.family import Family

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
    from deployments import embedded_server  # noqa: PLC0415  --help stays fast
    from interlock import family_file  # noqa: PLC0415

    found = family_file.load(family)
    if (api := embedded_server.configured_api()) is not None:
        asyncio.run(embedded_server.check_answers(api))
        _report(asyncio.run(_register(found, from_env=from_env)))
        return
    with embedded_server.start() as server:
        os.environ.update(embedded_server.environment(server.wait_until_ready()))
        _report(asyncio.run(_register(found, from_env=from_env)))


def _report(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


async def _register(family: "Family", *, from_env: bool) -> list[str]:
    """What was done, a line for each."""
    import blocks as ours  # noqa: PLC0415  two seconds, and only after Prefect's settings are known

    done = []
    for name in ours.__all__:
        kind = getattr(ours, name)
        await kind.aregister_type_and_schema()
        done.append(f"registered {kind.get_block_type_slug()}")
    return done + (await _save(family) if from_env else [])


async def _save(family: "Family") -> list[str]:
    from blocks import GitHubCredentials, PackageIndexCredentials  # noqa: PLC0415
    from blocks.find import DOCUMENT  # noqa: PLC0415
    from interlock import tokens  # noqa: PLC0415
    from interlock.index_settings import find_upload  # noqa: PLC0415

    done = []
    if found := tokens.find(tokens.DISPATCH, family.token_aliases, os.environ):
        await GitHubCredentials(token=found.token).asave(DOCUMENT, overwrite=True)
        done.append(f"saved {GitHubCredentials.get_block_type_slug()}/{DOCUMENT} from {found.name}")
    else:
        done.append(f"saved no token for GitHub: there is no {tokens.DISPATCH}")
    if upload := find_upload():
        await PackageIndexCredentials.of(upload).asave(DOCUMENT, overwrite=True)
        done.append(f"saved {PackageIndexCredentials.get_block_type_slug()}/{DOCUMENT} from {upload.source}")
    else:
        done.append(f"saved no password for an index: there is no {tokens.INDEX}")
    return done
