"""The change of a downstream's requirements by pull request: one for a package and the root's version."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from packaging.version import Version

from interlock import pins as requirements
from interlock.cascade_plan import Cascade
from interlock.cascades.yard import Yard
from interlock.releases.change import Proposal, propose
from interlock.releases.change_branch import Change, Edge
from interlock.releases.prepare import DecisionError

LABELS = ("interlock",)
Hashes = Mapping[str, tuple[str, ...]]


async def proposed(yard: Yard, cascade: Cascade, package: str, pins: Mapping[str, Version]) -> Proposal | None:
    """The pull request that moves a package's requirements, made if it is not there; None when nothing is to move.

    Raises:
        DecisionError: A requirement is a decision for a person.
        GitHubError, RepositoryError: GitHub refuses, or does not answer.
    """
    edge = Edge(
        repository=yard.family.repository(package),
        base=yard.family.package(package).branch,
        upstream=cascade.root,
        version=cascade.version,
    )
    hashes = await _hashes(yard, pins)
    moved = ", ".join(f"{name} {version}" for name, version in pins.items())
    change = Change(
        edge=edge,
        title=f"build(deps): require {moved}",
        body=_body(cascade, package, moved),
        edit=lambda root: _edited(root, package, pins, hashes),
        labels=LABELS,
        trailers={"Interlock-Cascade": cascade.id},
        auto_merge=True,
    )
    return await propose(yard.github, change, remote=await yard.remote(package), author=yard.author, work=yard.work)


def _body(cascade: Cascade, package: str, moved: str) -> str:
    why = cascade.plan.package(package).why
    return f"Moves the requirements of {package} to {moved}: {why}.\n\nIts suites were run so, and nothing regressed."


def _edited(root: Path, package: str, pins: Mapping[str, Version], hashes: Hashes) -> Mapping[str, bytes]:
    """What shall stand in the files: tried in a copy, since the work tree is to be left as it is."""
    with tempfile.TemporaryDirectory(prefix="repinned-") as name:
        copy = Path(shutil.copytree(root, Path(name, "tree"), symlinks=True, ignore=shutil.ignore_patterns(".git")))
        files = {file for upstream in pins for file in _repinned(copy, package, upstream, pins[upstream], hashes)}
        return {file.as_posix(): (copy / file).read_bytes() for file in sorted(files)}


def _repinned(root: Path, package: str, upstream: str, version: Version, hashes: Hashes) -> tuple[Path, ...]:
    done = requirements.repin(root, upstream, version, hashes=hashes)
    if done.refusals:
        raise DecisionError(f"{package} can't be moved to {upstream} {version}: {'; '.join(map(str, done.refusals))}")
    return done.files


async def _hashes(yard: Yard, pins: Mapping[str, Version]) -> Hashes:
    """By upstream, the hashes of its new version's files, for requirements that list them."""
    found: dict[str, tuple[str, ...]] = {}
    for upstream, version in pins.items():
        release = (await yard.index.served(upstream)).get(version)
        files = (*release.wheels, *([release.sdist] if release.sdist else [])) if release else ()
        found[upstream] = tuple(sorted(file.sha256 for file in files))
    return found
