"""Whether there is anything to release: what a branch has since its newest release."""

from dataclasses import replace
from datetime import UTC, datetime

from packaging.version import Version

from interlock.adapters.git import Checkout
from interlock.model.bump_rule import Evidence
from interlock.model.conventional_commits import highest
from interlock.model.release import Release
from interlock.project.version import VersionPlace
from interlock.releases.context import ReleaseContext
from interlock.releases.edits import edit
from interlock.releases.past import Past
from interlock.releases.squashed import Newest, newest_of
from interlock.releases.tags import Manifest


async def nothing_new(context: ReleaseContext, cloned: Checkout, past: Past, location: VersionPlace) -> Release | None:
    """The newest release, if the branch has nothing new since; None if it has, or a person names the version.

    Where commits say how the version moves, new is what reaches users by them.

    Requirements that a release would move are not looked at here.

    Raises:
        RepositoryError: The clone can't be read.
        LedgerError: The ledger can't be read.
    """
    newest, request = await newest_of(context, cloned, past, location), context.request
    if newest is None or request.empty or request.version is not None:
        return None
    if not (newest.version in past.served or Manifest.read(newest.tag.message)):
        return None  # a tag alone: its release is not out
    paths = context.family.pathspecs(context.name)
    by_commits = context.rule is Evidence.COMMITS
    commits = await cloned.log(since=newest.since, paths=paths, messages=by_commits)
    if by_commits and highest(commit.message for commit in commits) is None:
        commits = ()  # nothing of them reaches users
    if commits and not await _has_its_files(context, cloned, location, newest):
        return None
    known = await context.remembered(newest.version) or await _as_tagged(context, cloned, past, newest)
    return known.model_copy(update={"nothing_new": True})


def goes_on(before: Version, version: Version) -> bool:
    """Whether a version is of a later phase: from a development version over pre-releases to a release."""
    return _phase(version) > _phase(before)


def _phase(version: Version) -> str:
    if version.pre is not None:
        return version.pre[0]
    return "" if version.is_devrelease else "~"


async def _has_its_files(context: ReleaseContext, cloned: Checkout, location: VersionPlace, newest: Newest) -> bool:
    """Whether the branch has the files of its newest release, but for a development version."""
    here = location.version
    paths, changed = context.family.pathspecs(context.name), tuple[str, ...]()
    if here is not None and here != newest.version:
        if not here.is_devrelease:
            return False
        alone = replace(context, request=context.request.model_copy(update={"pins": {}}))
        changed = (await edit(alone, cloned, location, newest.version)).changed
    same = not await cloned.differ(await cloned.tree_with(changed), newest.tag.commit, paths)
    await cloned.discard(changed)
    return same


async def _as_tagged(context: ReleaseContext, cloned: Checkout, past: Past, newest: Newest) -> Release:
    """A release that the ledger here does not know, as its tag says it."""
    version, tag, _ = newest
    manifest = Manifest.read(tag.message)
    at = datetime.fromtimestamp(tag.when or await cloned.commit_time(tag.commit), UTC)
    return Release(
        package=context.name,
        version=version,
        previous=past.before(version)[0],
        repository=context.repository,
        branch=cloned.branch,
        tag=tag.name,
        commit=tag.commit,
        files=manifest.files if manifest else (),
        cascade=manifest.cascade if manifest else None,
        request_id=manifest.request_id if manifest else None,
        began_at=at,
        ended_at=at,
    )
