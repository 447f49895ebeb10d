"""The candidate of a cascade: a branch's head with new requirements, built as the release will build it."""

import contextlib
from collections.abc import AsyncIterator

from interlock.adapters.git import Repository
from interlock.cascades.context import CascadeContext
from interlock.contracts.candidates import Candidate, offer, withdraw
from interlock.project.build import BuiltFile
from interlock.releases import prepare
from interlock.releases.context import open_release
from interlock.releases.plan import Plan, ReleaseRequest


@contextlib.asynccontextmanager
async def offered(context: CascadeContext, request: ReleaseRequest) -> AsyncIterator[Plan]:
    """Build a release and offer it to this process under its future version, without releasing it.

    The release itself then finds the same files in the cache of builds, by equal trees, times and versions.

    Raises:
        BuildError: The build fails.
        DecisionError: A requirement can't be moved without a person's decision.
        RepositoryError, IndexUnavailableError: The repository or the index can't be read.
    """
    async with open_release(request, context.connections) as release:
        cloned = await prepare.checkout(release)
        plan = await prepare.next_plan(release, cloned)
        files = await prepare.build(release, cloned, plan)
        plan, _published = await prepare.check(release, plan, files)
        candidate = Candidate(
            package=plan.package,
            version=plan.version,
            described=f"branch {plan.branch} ({plan.base[:12]})",
            sha=plan.base,
            wheel=_the("wheel", files).path,
            sdist=_the("sdist", files).path,
            tree=cloned.path,
        )
        await offer(context.connections, candidate)
        try:
            yield plan
        finally:
            withdraw(context.connections, candidate)


def _the(kind: str, files: tuple[BuiltFile, ...]) -> BuiltFile:
    return next(file for file in files if file.kind == kind)


async def head(context: CascadeContext, package: str) -> str | None:
    """The present head of a package's branch."""
    ref = f"refs/heads/{context.family.package(package).branch}"
    return (await Repository(await context.connections.remote(package), context.work).remote_refs(ref)).get(ref)
