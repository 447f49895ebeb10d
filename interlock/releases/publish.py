"""The visible steps of a release, and its record: push, publish, GitHub Release, summary.

Each step looks at the world before it acts, and looks again when an answer was lost.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence

from packaging.version import Version

from interlock.adapters.git import Checkout, PushRaceError
from interlock.adapters.github import Asset, GitHubRelease
from interlock.adapters.index import upload
from interlock.adapters.index.client import Release as OnIndex
from interlock.common.clock import now
from interlock.errors import ConflictError, PublishError
from interlock.model.dispatches import DispatchRecord
from interlock.model.release import Release
from interlock.project.build import BuiltFile
from interlock.releases import partial
from interlock.releases.context import ReleaseContext
from interlock.releases.plan import Plan, released
from interlock.releases.release_notes import notes_of
from interlock.releases.step_timer import MOST_RACES

TYPES = {"wheel": "application/zip", "sdist": "application/gzip"}


async def push(context: ReleaseContext, cloned: Checkout, plan: Plan) -> bool:
    """Push commit and tag together, unless the remote has them.

    Returns:
        False when another push came first: the release must be planned again on the new head.

    Raises:
        ProtectedBranchError, TokenError: The remote refuses; nothing was pushed.
        ConflictError: The tag is there, on another commit.
        RemoteUnreachableError: The remote may have taken the push: try again.
    """
    assert plan.commit is not None
    assert plan.tag_object is not None
    tag, branch = f"refs/tags/{plan.tag}", f"refs/heads/{plan.branch}"
    refs = await cloned.remote_refs(tag, branch)
    if refs.get(tag) == plan.tag_object:
        return True
    if tag in refs:
        raise ConflictError(
            f"{plan.repository} has a tag {plan.tag} now, and it is not the one that was prepared",
            hint="run it again: it goes on from what is there",
        )
    context.timer.acts()
    if refs.get(branch) != plan.base:
        return _raced(context, plan)
    await asyncio.to_thread(context.connections.ledger.record_release, _record(context, plan))
    updates = {tag: plan.tag_object} | ({branch: plan.commit} if plan.commit != plan.base else {})
    try:
        await cloned.push(updates, {ref: refs.get(ref, "") for ref in updates})
    except PushRaceError:
        # Git also reports this for a push that arrived, when its answer was lost.
        arrived = (await cloned.remote_refs(tag)).get(tag) == plan.tag_object
        return arrived or _raced(context, plan)
    return True


def _raced(context: ReleaseContext, plan: Plan) -> bool:
    """Count a push that came first: False, or an error after too many of them."""
    context.timer.races += 1
    if context.timer.races > MOST_RACES:
        raise PushRaceError(
            f"{plan.repository} moves on faster than a release of it can be made: {MOST_RACES} pushes came in between",
            hint="run it again when nobody pushes to its branch; nothing was changed",
        )
    return False


def _record(context: ReleaseContext, plan: Plan) -> Release:
    """The record of a release that has started."""
    return Release(
        package=plan.package,
        version=plan.version,
        previous=plan.previous,
        cascade=plan.manifest.cascade if plan.manifest else None,
        run=context.run,
        request_id=context.request_id,
        repository=plan.repository,
        branch=plan.branch,
        tag=plan.tag,
        commit=plan.commit or "",
        files=plan.promised,
        resumed=plan.resumed,
        remarks=plan.remarks,
        began_at=now(),
    )


async def publish(context: ReleaseContext, plan: Plan, files: Collection[BuiltFile]) -> None:
    """Upload what the index does not serve yet.

    Raises:
        ConflictError: The index serves another file under one of the names.
        PublishError: The index refuses a file; says what is out, and the ways on.
    """
    missing = await upload.missing(plan.package, plan.version, released(files), context.connections.index)
    for file in files:
        if file.name in missing:
            context.timer.acts()
            try:
                await upload.upload(file.path, context.connections.upload)
            except PublishError as error:
                if error.transient:
                    raise
                raise await partial.refused(context, plan, files, error) from None
            context.log(logging.INFO, f"uploaded {file.name}")


async def confirm(context: ReleaseContext, plan: Plan, files: Collection[BuiltFile]) -> None:
    """Wait until the index serves all files with the right hashes.

    Raises:
        PublishError: The index did not serve them in time.
    """
    served_by = context.connections.index.index.name
    context.log(logging.INFO, f"waiting for {served_by} to serve {plan.package} {plan.version}")
    await upload.confirm(
        plan.package, plan.version, released(files), context.connections.index, seconds=context.request.patience.index
    )


async def create_github_release(
    context: ReleaseContext, cloned: Checkout, plan: Plan, files: Collection[BuiltFile]
) -> GitHubRelease:
    """Make the GitHub Release as a draft, attach the files, then publish it, so that it is never seen incomplete.

    Raises:
        GitHubError: GitHub refuses; transient when GitHub did not answer.
        ConflictError: The GitHub Release has another file under one of the names.
    """
    release = await context.connections.github.release(plan.repository, plan.tag)
    if release is None:
        context.timer.acts()
        release = await _draft(context, cloned, plan, files)
    for file in files:
        await _attach(context, plan, release, file)
    if release.draft:
        context.timer.acts()
        latest = is_latest(plan.version, await context.connections.index.served(plan.package))
        release = await context.connections.github.publish_release(plan.repository, release.id, latest=latest)
    return release


def is_latest(version: Version, served: Mapping[Version, OnIndex]) -> bool:
    """Whether a release is the latest one: it is final, and the index has no higher final one that is not yanked."""
    others = (other for other, there in served.items() if not (other.is_prerelease or there.yanked))
    return not version.is_prerelease and all(other <= version for other in others)


async def _draft(context: ReleaseContext, cloned: Checkout, plan: Plan, files: Collection[BuiltFile]) -> GitHubRelease:
    notes = await notes_of(context, cloned, plan, released(files)) + partial.note(plan)
    title = f"{plan.package} {plan.version}"
    return await context.connections.github.create_release(
        plan.repository, tag=plan.tag, name=title, body=notes, draft=True, prerelease=plan.version.is_prerelease
    )


async def _attach(context: ReleaseContext, plan: Plan, release: GitHubRelease, file: BuiltFile) -> None:
    """Upload a file, unless the GitHub Release has it; an incomplete upload is removed first."""
    there = next((asset for asset in release.assets if asset.name == file.name), None)
    if there is not None and there.state == "uploaded":
        _same(plan, there, file)
        return
    context.timer.acts()
    if there is not None:
        await context.connections.github.delete_asset(plan.repository, there.id)
    await context.connections.github.upload_asset(plan.repository, release, file.path, content_type=TYPES[file.kind])


def _same(plan: Plan, asset: Asset, file: BuiltFile) -> None:
    if asset.size != file.size or asset.digest not in {None, f"sha256:{file.sha256}"}:
        raise ConflictError(
            f"the GitHub Release {plan.tag} of {plan.repository} has another {asset.name}: {asset.digest}",
            hint="somebody has replaced it: delete it there, and run this again",
        )


async def summarize(
    context: ReleaseContext, plan: Plan, page: GitHubRelease, records: Sequence[DispatchRecord]
) -> Release:
    """Record the release: finished, unless a dispatch was not taken.

    Args:
        context: The context of the release.
        plan: The plan that was carried out.
        page: The GitHub Release.
        records: The dispatches.
    """
    ended = now() if all(record.receipt for record in records) else None
    earlier = await context.remembered(plan.version)
    release = _record(context, plan).model_copy(
        update={
            "began_at": earlier.began_at if earlier else context.timer.began_at,
            "ended_at": (earlier.ended_at if earlier else None) or ended,
            "page": page.html_url,
            "remarks": tuple(dict.fromkeys((*(earlier.remarks if earlier else ()), *plan.remarks))),
            "dispatches": tuple(records),
            "seconds": dict(context.timer.seconds),
            "done_before": tuple(context.timer.done_before),
        }
    )
    await asyncio.to_thread(context.connections.ledger.record_release, release)
    return release
