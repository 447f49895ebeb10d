"""The pull request that moves a downstream's requirements: one for each package and version of the root."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from packaging.version import Version

from interlock.cascades.context import CascadeContext
from interlock.model.cascade import Cascade
from interlock.project.directory import project_in
from interlock.project.lock_files import Locks
from interlock.releases.pull_request import Proposal, propose
from interlock.releases.pull_request_branch import Change, Edge
from interlock.releases.requirements import Published, changed_files, published, repinned

LABELS = ("interlock",)


async def proposed(
    context: CascadeContext, cascade: Cascade, package: str, pins: Mapping[str, Version]
) -> Proposal | None:
    """Find or make the pull request that moves a package's requirements; None when there is nothing to move.

    Raises:
        DecisionError: A requirement can't be moved without a person's decision.
        GitHubError, RepositoryError: GitHub refuses, or does not answer.
    """
    edge = Edge(
        repository=context.family.repository(package),
        base=context.family.package(package).branch,
        upstream=cascade.root,
        version=cascade.version,
        package=package if context.family.shares(package) else None,
    )
    known = await published(context.connections.index, pins)
    moved = ", ".join(f"{name} {version}" for name, version in pins.items())
    change = Change(
        edge=edge,
        title=f"build(deps): require {moved}",
        body=_body(cascade, package, moved),
        edit=lambda root: _edited(context, cascade, root, package, pins, known),
        labels=LABELS,
        trailers={"Interlock-Cascade": cascade.id},
        auto_merge=True,
    )
    remote = await context.connections.remote(package)
    return await propose(context.connections.github, change, remote=remote, author=context.author, work=context.work)


def _body(cascade: Cascade, package: str, moved: str) -> str:
    why = cascade.plan.package(package).why
    return f"Moves the requirements of {package} to {moved}: {why}.\n\nIts suites were run so, and nothing regressed."


async def _edited(
    context: CascadeContext,
    cascade: Cascade,
    root: Path,
    package: str,
    pins: Mapping[str, Version],
    known: Mapping[str, Published],
) -> Mapping[str, bytes]:
    """The new contents by file, made in a copy, since the work tree must not change."""
    with tempfile.TemporaryDirectory(prefix="repinned-") as name:
        copy = Path(shutil.copytree(root, Path(name, "tree"), symlinks=True, ignore=shutil.ignore_patterns(".git")))
        project = project_in(copy, context.family.package(package).directory)
        files = {project / file for file in changed_files(project, repinned(project, package, pins, known, copy))}
        index, when = context.connections.index, int(cascade.began_at.timestamp())
        locked = await Locks(top=copy, project=project, name=package, index=index, when=when).follow(None, pins)
        return {file.relative_to(copy).as_posix(): file.read_bytes() for file in sorted(files | {*locked.files})}
