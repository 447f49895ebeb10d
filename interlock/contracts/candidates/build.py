"""Building a candidate: the files of a commit or of a folder, at a version that identifies them."""

import asyncio

from packaging.version import Version

from interlock.adapters.index.client import Release
from interlock.common.atomic_files import write_whole
from interlock.common.digest import digest
from interlock.contracts.candidates.context import CandidateBuilder
from interlock.contracts.candidates.overlay import Candidate, offer
from interlock.contracts.candidates.resolve_ref import ResolvedRef
from interlock.contracts.candidates.source_tree import Source, of_commit, of_folder, tree_digest
from interlock.errors import InterlockError, RefusedError, UsageError
from interlock.project import build
from interlock.project.build import BuiltFile, FailedBuildError
from interlock.project.directory import project_in
from interlock.project.tree_reader import read_project
from interlock.project.version import VersionPlace

NO_VERSION = Version("0")


async def build_candidate(builder: CandidateBuilder, package: str, found: ResolvedRef) -> Candidate:
    """Build a ref, once: a commit that was built before is taken from the cache.

    Neither the repository's clone nor a folder is changed. The build sees no token.

    Raises:
        UsageError: It is a released version.
        BuildError: It can't be built; the log is stored.
        RefusedError: It is another package.
    """
    if found.version is not None:
        raise UsageError(f"{package} {found.version} is released: there is nothing to build")
    sha = found.sha
    if found.folder is not None:  # its files may change between two calls, so it is built each time
        source = await of_folder(builder, package, found.folder, found.head, sha)
        return await _built(builder, package, found, source)
    assert sha is not None

    async def built() -> Candidate:
        return await _built(builder, package, found, await of_commit(builder, package, sha))

    candidate = await builder.built.get((package, sha), built)
    return candidate.model_copy(update={"described": found.described})


async def build_and_offer(builder: CandidateBuilder, package: str, found: ResolvedRef) -> Release:
    """Build a ref, and offer it to the builder's index and uv; the errors are those of `build_candidate`."""
    return await offer(builder.connections, await build_candidate(builder, package, found))


async def _built(builder: CandidateBuilder, package: str, found: ResolvedRef, source: Source) -> Candidate:
    facts = await read_project(project_in(source.path, source.directory))
    _check_name(builder, package, facts.name)
    version = _marked(facts.version, source)
    await asyncio.to_thread(facts.version.write, version)
    files = await _build(builder, package, found, source, version)
    by_kind = {file.kind: file.path for file in files}
    return Candidate(
        package=package,
        version=version,
        described=found.described,
        sha=found.sha,
        wheel=by_kind["wheel"],
        sdist=by_kind["sdist"],
        tree=source.tree,
    )


def _check_name(builder: CandidateBuilder, package: str, name: str) -> None:
    if name != package:
        where = builder.family.repository(package)
        raise RefusedError(
            f"this is {name}, and not {package} of {where}",
            hint=f"name {name} as the package, or the repository of {package} in the family file",
        )


def _marked(location: VersionPlace, source: Source) -> Version:
    """The files' version (for a version from tags, the newest tag's), marked with their identity."""
    version = location.version or source.tagged or NO_VERSION
    return Version(f"{version.public}+{source.mark}")


async def _build(
    builder: CandidateBuilder, package: str, found: ResolvedRef, source: Source, version: Version
) -> tuple[BuiltFile, ...]:
    try:
        files = await build.build(
            source.path,
            version=version,
            epoch=source.epoch,
            uv=builder.connections.uv,
            out=builder.connections.work_folder("dist"),
            directory=source.directory,
            cache=builder.connections.cache / "candidate-builds" / digest(package, await tree_digest(source.tree)),
            network=builder.family.package(package).build_network,
        )
    except FailedBuildError as error:
        raise await _with_stored_log(builder, package, found, version, error) from None
    await build.check(files, build.FOR_INSTALLERS, name=package, version=version)
    return files


async def _with_stored_log(
    builder: CandidateBuilder, package: str, found: ResolvedRef, version: Version, error: FailedBuildError
) -> InterlockError:
    """The error, with its log in a file that stays."""
    log = builder.connections.cache / "logs" / f"{package}-{version}.log"
    await asyncio.to_thread(write_whole, log, error.log.encode())
    hint = (error.hint or "").partition("; the whole log")[0]
    return FailedBuildError(
        f"{package}, {found.described}: {error.message}",
        hint=f"{hint}; the whole log: {log}",
        log=error.log,
    )
