"""`interlock family`: show the family file's graph, check the file, print its schema."""

import json
import shlex
from collections.abc import Iterator, Sequence

import typer
from rich.console import Console
from rich.markup import escape

from deployments.cli.options import FamilyOption
from interlock.model import family_file
from interlock.model.family import Family, Package
from interlock.model.suites import Suite

app = typer.Typer(help="The family file: show it, check it, print its schema.", no_args_is_help=True)


@app.command()
def show(family: FamilyOption = None) -> None:
    """Show every member in dependency order: what it requires, how it reacts, its suites, and its dispatches."""
    file = family_file.find(family)
    found = family_file.load(file)
    index = "PyPI" if found.index == "pypi" else found.index
    settings = escape(f"Python {', '.join(found.python)} · {index}")
    console = _console()
    console.print(f"[bold]{escape(found.name)}[/]  {settings}  [dim]{escape(str(file))}[/]")
    for number, name in enumerate(found.order(), 1):
        console.print(
            f"\n[bold]{number}  {escape(found.written.get(name, name))}[/]  [dim]{_repository(found, name)}[/]"
        )
        for what, text in _lines(found, name):
            console.print(f"   [cyan]{what:<10}[/] {text}")


@app.command()
def check(family: FamilyOption = None) -> None:
    """Check the file and say what was verified, or name every fault with its line; then the exit code is 3."""
    file = family_file.find(family)
    found = family_file.check(file)
    console = _console()
    console.print(escape(f"{file}: {found.name}"))
    for verified in _verified(found):
        console.print(f"  [green]✓[/] {verified}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the family file, with which editors complete and check it."""
    typer.echo(json.dumps(family_file.schema(), indent=2, ensure_ascii=False))


def _console() -> Console:
    """A console that doesn't wrap lines: paths and names stay in one piece, on a terminal and in a pipe."""
    return Console(soft_wrap=True, highlight=False)


def _repository(family: Family, name: str) -> str:
    package = family.packages[name]
    directory = f"/{package.directory}" if package.directory else ""
    repository = f"{family.repository(name)}{directory}, branch {package.branch}"
    return escape(repository if package.publishes else f"{repository}, publishes nothing")


def _lines(family: Family, name: str) -> Iterator[tuple[str, str]]:
    """The lines about a member: a title, and its text as markup."""
    package = family.packages[name]
    yield "requires", ", ".join(package.upstreams) or "no other member"
    if package.upstreams:
        yield "reacts by", escape(f"command: {shlex.join(package.command)}" if package.command else package.reaction)
    for suite in package.suites:
        yield "suite", escape(_suite(suite, package))
    for dispatch in package.dispatches:
        payload, targets = ", ".join(dispatch.payload), ", ".join(dispatch.targets)
        yield "dispatches", escape(f"{dispatch.event}({payload}) → {targets}")


def _suite(suite: Suite, package: Package) -> str:
    text = f"{suite.name}: {_source(suite)}"
    if suite.upstreams and set(suite.upstreams) != set(package.upstreams):
        text += f", against {', '.join(suite.upstreams)}"
    if axes := suite.values():
        text += f", along {' × '.join(f'{axis} ({len(values)})' for axis, values in axes.items())}"
    return text


def _source(suite: Suite) -> str:
    if suite.git is not None:
        return f"{suite.git.path} in Git"
    if suite.package is not None:
        return f"{suite.package} of the installed package"
    if suite.imports is not None:
        modules = ", ".join(suite.imports.modules) or "every module that imports the upstream"
        return f"{modules}, imported"
    return f"{suite.sdist} of the sdist" if suite.sdist is not None else str(suite.path)


def _verified(family: Family) -> Iterator[str]:
    packages = family.packages.values()
    suites = [suite for package in packages for suite in package.suites]
    dispatches = [dispatch for package in packages for dispatch in package.dispatches]
    points = sum(len(suite.points()) for suite in suites)
    yield "every key is known, and every value is what its key wants"
    yield f"every name means a member: {_count(family.edges(), 'edge')} and {_count(dispatches, 'dispatch', 'es')}"
    yield f"upstreams form no cycle: {', '.join(family.order())}"
    yield f"{_count(suites, 'suite')}, run at {_count(range(points), 'point')}: each says where its tests are"
    yield "no credentials in an address; directories on this machine are there"


def _count(things: Sequence[object], noun: str, plural: str = "s") -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else plural}"
