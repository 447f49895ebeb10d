"""What the cells are made of: the chosen versions' wheels and suites, each fetched once.

Theory of operation. A matrix of n upstream and m downstream versions has n x m cells, made of n + m wheels and m
suites. Many cells are planned at the same time and need the same things, so each wheel and each suite is a piece of
work that is done once: the first cell that needs it starts it, and the others wait. A failure is not stored: the next
request tries again.

There are two kinds of failure. What is wrong with the *world* for now (the index does not answer) is an
error, and ends the step, which is tried again. What is wrong with *one release* (no file that fits, a damaged file, or
one with another hash after further tries, a build that fails, no tag, no tests) is a value, the reason in words: it
leaves the cells of this release untested, and no others.

Why the cache is right: a wheel is stored under its file name, and its hash was checked when it was downloaded; a
suite's folder has the digest of its files as its name, and is moved into place whole. So an interruption leaves nothing
half-made, and several processes may share one cache. The tests of a candidate are those of its own commit.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from interlock.adapters.distributions import Wheel, installed_files, modules_importing, read_wheel, sdist_files
from interlock.adapters.git import Remote, files_at
from interlock.adapters.index.client import Release
from interlock.adapters.index.known_modules import known_modules
from interlock.adapters.interpreter import Interpreter
from interlock.cells import suite_files
from interlock.common.digest import digest, files_digest
from interlock.common.single_flight import SingleFlight
from interlock.errors import DistributionError, RepositoryError
from interlock.matrix import source_trees
from interlock.matrix.context import MatrixContext
from interlock.matrix.optional_modules import optional_names
from interlock.matrix.request import MatrixRequest, TestedEdge, edges
from interlock.model.family import Family
from interlock.model.lockfile import choose_wheel
from interlock.model.suites import ImportsSource, Suite
from interlock.model.versions import Selection


@dataclass(frozen=True, kw_only=True)
class ChosenEdge:
    """An edge with the versions of both ends, ascending."""

    edge: TestedEdge
    upstream_versions: tuple[Release, ...]
    downstream_versions: tuple[Release, ...]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The edges, versions and Pythons of a matrix, chosen by the index's pages alone."""

    chosen: tuple[ChosenEdge, ...]
    interpreters: tuple[Interpreter, ...]


@dataclass(frozen=True, kw_only=True)
class Tests:
    """A suite's tests for one downstream version.

    Attributes:
        digest: The digest of the files, or of the modules' names.
        folder: The directory of the files; None where all is installed.
        target: Which of them pytest runs: the path in this directory, or below `site-packages`.
        modules: The modules that an `imports` suite imports.
        optional: What they may miss, by importable name; see `optional_names`.
        missing: Why there is nothing to run, or None.
    """

    digest: str = ""
    folder: Path | None = None
    target: str = ""
    modules: tuple[str, ...] = ()
    optional: Mapping[str, str] = field(default_factory=dict)
    missing: str | None = None


async def choose(context: MatrixContext, request: MatrixRequest, *, unproven: bool = False) -> Choice:
    """Find the edges, the interpreters and, on the index, the versions of a request; `unproven` as for `edges`.

    Raises:
        UsageError: The request names something that does not exist.
        EnvironmentUnavailableError: There is no such Python here.
        IndexUnavailableError: The index did not answer.
    """
    covered = edges(request, context.family, unproven=unproven)
    pythons = dict.fromkeys(request.python or context.family.python)
    interpreters = await asyncio.gather(*(context.uv.interpreter(python) for python in pythons))
    upstream, downstream = Selection.parse(request.upstream_versions), Selection.parse(request.downstream_versions)
    names = dict.fromkeys(name for edge in covered for name in (edge.upstream, edge.downstream))
    pages = dict(zip(names, await asyncio.gather(*map(context.index.releases, names)), strict=True))
    left_out = {name: left_out_versions(context.family, name) for name in names}
    chosen = [
        ChosenEdge(
            edge=edge,
            upstream_versions=_select(upstream, edge.upstream, pages, left_out),
            downstream_versions=_select(downstream, edge.downstream, pages, left_out),
        )
        for edge in covered
    ]
    return Choice(chosen=tuple(chosen), interpreters=tuple(interpreters))


def left_out_versions(family: Family, package: str) -> dict[Version, str]:
    """The releases of a package that the family is judged without, and why."""
    return {Version(item.version): item.reason for item in family.packages[package].leave_out_versions}


def _select(
    selection: Selection,
    package: str,
    pages: Mapping[str, Mapping[Version, Release]],
    left_out: Mapping[str, Collection[Version]],
) -> tuple[Release, ...]:
    # A candidate, like a yanked release and one that is left out, is chosen only by its exact version.
    releases = pages[package]
    yanked = {
        version: release.yanked or release.tree is not None or version in left_out[package]
        for version, release in releases.items()
    }
    return tuple(releases[version] for version in selection.select(package, yanked))


class NoFileHere(str):
    """Why a release is not for one Python, which is no fault of the release: another Python may have it."""

    __slots__ = ()


class Sources:
    """The wheels and tests that a matrix needs; each is fetched and read once."""

    def __init__(self, context: MatrixContext, choice: Choice | None = None) -> None:
        self._context = context
        self._choice = choice or Choice(chosen=(), interpreters=())
        self._names: SingleFlight[str, frozenset[str]] = SingleFlight()
        self._wheels: SingleFlight[tuple[str, Version, str], Wheel | str] = SingleFlight()
        self._tests: SingleFlight[tuple[str, Version, str, str], Tests] = SingleFlight()

    async def wheel(self, release: Release, interpreter: Interpreter) -> Wheel | str:
        """The wheel that an installer would take, or why there is none."""
        key = (release.package, release.version, interpreter.version)
        return await self._wheels.get(key, lambda: self._wheel_or_why(release, interpreter))

    async def family_wheel(self, package: str, version: str, interpreter: Interpreter) -> Wheel | str:
        """The wheel of another member of the family that is in an environment."""
        try:
            release = (await self._context.index.releases(package)).get(Version(version))
        except DistributionError as error:
            return error.message
        return await self.wheel(release, interpreter) if release else f"{package} {version} is not on the index"

    async def tests(self, edge: TestedEdge, release: Release, downstream: Wheel) -> Tests:
        """The tests of a downstream version, which are the same for every version of the upstream."""
        key = (edge.downstream, release.version, edge.suite.name, digest(edge.upstream, downstream.content))
        return await self._tests.get(key, lambda: self._find_tests(edge, release, downstream))

    async def _wheel_or_why(self, release: Release, interpreter: Interpreter) -> Wheel | str:
        """A wheel, or why there is none: one damaged release must not keep the others from being tested."""
        try:
            path = await self._fetched(release, interpreter)
            if isinstance(path, str):
                return path
            wheel = await asyncio.to_thread(read_wheel, path)
            return _not_for(release, wheel.requires_python, interpreter) or wheel
        except DistributionError as error:
            return error.message

    async def _fetched(self, release: Release, interpreter: Interpreter) -> Path | str:
        name = choose_wheel([file.name for file in release.wheels], interpreter.tags())
        if name is not None:
            return await self._context.index.download(next(file for file in release.wheels if file.name == name))
        if release.sdist is None:
            return NoFileHere(f"{release.package} {release.version} has no file that fits Python {interpreter.version}")
        if refusal := _not_for(release, release.requires_python, interpreter):
            return refusal
        sdist = await self._context.index.download(release.sdist)
        return await self._context.uv.build_wheel(sdist, interpreter)

    async def _find_tests(self, edge: TestedEdge, release: Release, downstream: Wheel) -> Tests:
        if edge.suite.imports is not None:
            return await self._tests_that_import(edge, edge.suite.imports, release, downstream)
        try:
            if edge.suite.package is not None:
                return await self._tests_inside(edge.suite.package, release, downstream)
            return await self._tests_from_files(edge.suite, release, downstream)
        except (DistributionError, RepositoryError) as error:
            return Tests(missing=error.message)

    async def _tests_that_import(
        self, edge: TestedEdge, source: ImportsSource, release: Release, downstream: Wheel
    ) -> Tests:
        modules, optional = source.modules, dict[str, str]()
        if not modules:
            names = await self._names.get(edge.upstream, lambda: self._module_names(edge.upstream))
            modules = await asyncio.to_thread(modules_importing, downstream.path, names)
            optional = await optional_names(self._context.index, downstream, edge.suite.extras, names)
        left_out = {item.test for item in edge.suite.leave_out}
        kept = tuple(module for module in modules if module not in left_out)
        who, upstream = f"module of {release.package} {release.version}", edge.upstream
        missing = (
            f"every {who} that imports {upstream} is left out"
            if modules
            else f"no {who} imports a module of any release of {upstream}"
        )
        return Tests(digest=digest(kept, optional), modules=kept, optional=optional, missing=None if kept else missing)

    async def _module_names(self, upstream: str) -> frozenset[str]:
        """The names of the upstream's modules, in its known releases and in those that are tested."""
        tested = [release for release in releases_of(self._choice) if release.package == upstream]
        wheels = [await self.wheel(each, python) for each in tested for python in self._choice.interpreters]
        known = await known_modules(self._context.index, upstream)
        return known.union(*(wheel.modules for wheel in wheels if isinstance(wheel, Wheel)))

    async def _tests_inside(self, package: str, release: Release, downstream: Wheel) -> Tests:
        """The tests inside the installed package: those of the wheel, or else of the sdist."""
        installed = await asyncio.to_thread(installed_files, downstream.path)
        places = (package.replace(".", "/"), f"{package.replace('.', '/')}.py")
        for place in places:
            if source_trees.has_tests(installed, place):
                return Tests(digest=digest(place), target=place)
        for place in places if release.sdist else ():
            tree = await self._sdist_files(release, source_trees.needed_inside(place))
            files = await asyncio.to_thread(source_trees.laid_over, tree, place, installed)
            if source_trees.has_tests(files, place):
                return await self._kept(files, place)
        described = f"{release.package} {release.version}"
        return Tests(missing=f"neither the wheel nor the sdist of {described} has tests in {package}")

    async def _tests_from_files(self, suite: Suite, release: Release, downstream: Wheel) -> Tests:
        tree, target = await self._source_tree(suite, release)
        installed = await asyncio.to_thread(installed_files, downstream.path)
        files = await asyncio.to_thread(source_trees.select, tree, target, suite.include, installed)
        if not files:
            return Tests(missing=f"{release.package} {release.version} has no {target}")
        return await self._kept(files, target)

    async def _kept(self, files: Mapping[str, bytes], target: str) -> Tests:
        key = files_digest(files.items())
        folder = self._context.cache / "suites" / key
        await asyncio.to_thread(suite_files.write_files, files, folder)
        return Tests(digest=key, folder=folder, target=target)

    async def _source_tree(self, suite: Suite, release: Release) -> tuple[Mapping[str, bytes], str]:
        """The files that contain the tests, and the path of the tests among them."""
        if suite.path is not None:
            folder = Path(suite.path)
            return await asyncio.to_thread(suite_files.read_folder, folder), folder.name
        if suite.git is not None:
            package = self._context.family.packages[release.package]
            form, needed = suite.git.ref or package.tag, source_trees.needed(suite.git.path, suite.include)
            if release.tree is not None and suite.git.url is None and "{version}" in form:
                return await asyncio.to_thread(source_trees.folder_files, release.tree, needed), suite.git.path
            ref = form.format(version=release.version.public)
            # The token is for the server of the members' repositories: another address is fetched without it.
            remote = Remote(url=suite.git.url) if suite.git.url else await self._context.remote(release.package)
            return await files_at(remote, ref, self._context.cache, needed), suite.git.path
        tests = suite.sdist or ""
        return await self._sdist_files(release, source_trees.needed(tests, suite.include)), tests

    async def _sdist_files(self, release: Release, wanted: Callable[[str], bool]) -> dict[str, bytes]:
        if release.sdist is None:
            raise DistributionError(f"{release.package} {release.version} has no sdist")
        path = await self._context.index.download(release.sdist)
        return await asyncio.to_thread(sdist_files, path, wanted)


def _not_for(release: Release, requires_python: str | None, interpreter: Interpreter) -> NoFileHere | None:
    try:
        fits = SpecifierSet(requires_python or "").contains(interpreter.version, prereleases=True)
    except InvalidSpecifier:  # installers take it for none
        fits = True
    words = f"{release.package} {release.version} requires Python {requires_python}, and this is {interpreter.version}"
    return None if fits else NoFileHere(words)


def why_missing(wheels: Collection[Wheel | str]) -> str | None:
    """Why a release can't be had, from what came of it with each Python; None where all that is wrong is a Python."""
    reasons = [wheel for wheel in wheels if isinstance(wheel, str)]
    broken = [reason for reason in reasons if not isinstance(reason, NoFileHere)]
    return next(iter(broken or (reasons if len(reasons) == len(wheels) else ())), None)


def releases_of(choice: Choice) -> Iterable[Release]:
    """Every chosen release, once."""
    found = (release for each in choice.chosen for release in (*each.upstream_versions, *each.downstream_versions))
    return {(release.package, release.version): release for release in found}.values()


async def fetch(context: MatrixContext, choice: Choice) -> Sources:
    """Download and read every wheel that the choice needs.

    Raises:
        IndexUnavailableError: A file could not be downloaded.
    """
    sources = Sources(context, choice)
    releases = releases_of(choice)
    await asyncio.gather(*(sources.wheel(each, python) for each in releases for python in choice.interpreters))
    return sources
