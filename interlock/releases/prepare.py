"""The steps of a release that leave no trace outside: from the clone to the tagged commit in it.

**Which release it is.** `bump` decides between finishing a release, making the next version, and doing nothing, where
nothing is new since the newest release (`nothing_new`). It finishes, in this order: what this request has made; what
this cascade has made of the package; the version that is asked for, if it has a tag of ours; the branch's newest
release, if something of it is missing. The ledger knows what is missing; without a record there, the index, the GitHub
Release and the targets' workflow runs show it.

**Why it may be interrupted.** All of this happens in a temporary clone. A later run makes the same files from the same
commit, version and time, and `build` compares the files of a resumed release with the hashes in its tag.
"""

import asyncio
import logging
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from interlock.adapters.git import Checkout, Tag
from interlock.adapters.index import upload
from interlock.adapters.index.client import Release as OnIndex
from interlock.adapters.index.rules import MIB, rules_of
from interlock.common.clock import now
from interlock.common.digest import digest
from interlock.errors import ConflictError, RefusedError, UsageError
from interlock.model.calver import CalVer
from interlock.model.cascade import cascade_id
from interlock.model.release import Release, ReleasedFile
from interlock.model.versions import tag_name
from interlock.project import build as building
from interlock.project.build import BuiltFile
from interlock.project.build.completed_source import complete
from interlock.project.version import VersionPlace, find_version, project_name
from interlock.releases import dispatch, partial
from interlock.releases.admission import ReleaseCandidate, look, too_little
from interlock.releases.bumps import find_bump
from interlock.releases.context import ReleaseContext
from interlock.releases.edits import edit
from interlock.releases.leftovers import look_for_old_versions, still_named
from interlock.releases.next_version import choose
from interlock.releases.notes import without_tags
from interlock.releases.nothing_new import goes_on, nothing_new
from interlock.releases.past import Past, read_past
from interlock.releases.plan import Plan, newer, released, targets_of
from interlock.releases.tags import Manifest

# GitHub forgets runs after 90 days; an older release that no ledger has counts as finished.
FORGOTTEN = timedelta(days=30)


async def checkout(context: ReleaseContext) -> Checkout:
    """Clone the branch with its tags.

    Raises:
        RepositoryError: The repository or the branch can't be cloned.
        RefusedError: The fresh clone differs from its own commit, as when Git would change line endings.
    """
    folder = Path(tempfile.mkdtemp(prefix="checkout-", dir=context.work))
    cloned = await Checkout.clone(context.remote, context.request.ref or context.package.branch, folder)
    if changed := await cloned.changed():
        raise RefusedError(
            f"a fresh clone of {context.repository} is not clean: {', '.join(changed[:5])}",
            hint="commit what Git makes of these files (git add --renormalize .), or see .gitattributes",
        )
    return cloned


async def bump(context: ReleaseContext, cloned: Checkout) -> Plan | Release:
    """Find the release to finish, or else write the next version into the clone's files.

    Returns:
        The plan; or the newest release, when nothing is new since.

    Raises:
        RefusedError: The repository is another package's.
        DecisionError: A person has to decide which version is meant, or whether a requirement is moved.
        UsageError, ConflictError: The wanted version is impossible.
    """
    served = await context.connections.index.served(context.name)
    plan = await _begun(context, cloned, await read_past(context, cloned, served))
    if plan is not None:
        plan = await partial.with_decision(context, plan)
        await cloned.switch(plan.base)
        context.timer.resumes = True
    else:
        partial.refuse_to_finish(context)
        made = await _new(context, cloned, served)
        if isinstance(made, Release):
            context.log(logging.INFO, made.nothing_new_in_words)
            return made
        plan = made
    context.log(logging.INFO, f"{'resumes' if plan.resumed else 'makes'} {plan.package} {plan.version}")
    return plan


async def next_plan(context: ReleaseContext, cloned: Checkout) -> Plan:
    """Write the next version into the clone's files, even if an earlier release is unfinished, or nothing is new.

    Raises:
        RefusedError: The repository is another package's.
        UsageError, ConflictError: The wanted version is impossible.
        DecisionError: A requirement can't be moved without a person's decision.
    """
    plan = await _new(context, cloned, await context.connections.index.served(context.name), always=True)
    assert isinstance(plan, Plan)
    return plan


async def _begun(context: ReleaseContext, cloned: Checkout, past: Past) -> Plan | None:
    """The release to finish: the wanted one, or the newest of the branch if something of it is missing."""
    tags = {**past.elsewhere, **past.own}
    asked = await _of_this_request(context, tags)
    wanted = asked or _of_this_cascade(context, tags) or context.request.wanted
    if context.request.version is not None and wanted != context.request.wanted:
        raise UsageError(
            f"the request {context.request_id} has released {context.name} {wanted}, and asks for "
            f"{context.request.version} now",
            hint="another version is another request: give it another --request-id",
        )
    version = wanted if isinstance(wanted, Version) else past.newest
    if version is None or version not in tags or (manifest := Manifest.read(tags[version].message)) is None:
        return None
    plan = await _resumed(context, cloned, past, tags[version], version, manifest)
    return plan if version == wanted or await _is_outstanding(context, plan) else None


async def _is_outstanding(context: ReleaseContext, plan: Plan) -> bool:
    """Whether a tagged release is unfinished, by the ledger's record, or else by the world."""
    if (remembered := await context.remembered(plan.version)) is not None:
        return not remembered.is_finished
    if now() - datetime.fromtimestamp(plan.epoch, UTC) > FORGOTTEN:
        return False
    return await _lacks_files(context, plan) or not await dispatch.all_taken(context, plan)


async def _lacks_files(context: ReleaseContext, plan: Plan) -> bool:
    assert plan.manifest is not None
    index, github = context.connections.index, context.connections.github
    release = await github.release(plan.repository, plan.tag)
    if release is None or release.draft:
        return True
    missing = await upload.missing(plan.package, plan.version, plan.manifest.files, index)
    return bool(missing - partial.given_up(release, plan.manifest.files))


async def _of_this_request(context: ReleaseContext, tags: Mapping[Version, Tag]) -> Version | None:
    """What was released for the same request: asked again, as by a CI run that runs again, it makes no other version.

    The tag says it on every machine; the ledger also says it of a release that another request had begun.
    """
    if context.request_id is None:
        return None
    made = [version for version, each in _manifests(tags) if each.request_id == context.request_id]
    known = await asyncio.to_thread(context.connections.ledger.releases, context.name)
    mine = (each.version for each in known if context.request_id in {each.request_id, each.run})
    made += [version for version in mine if version in tags]
    return next(iter(made), None)


def _of_this_cascade(context: ReleaseContext, tags: Mapping[Version, Tag]) -> Version | None:
    """What the cascade has released of this package: it releases a package once."""
    made = (version for version, each in _manifests(tags) if each.cascade == context.request.cascade)
    return max(made, default=None) if context.request.cascade else None


def _manifests(tags: Mapping[Version, Tag]) -> Iterator[tuple[Version, Manifest]]:
    read = ((version, Manifest.read(tag.message)) for version, tag in tags.items())
    return ((version, manifest) for version, manifest in read if manifest is not None)


async def _resumed(
    context: ReleaseContext, cloned: Checkout, past: Past, tag: Tag, version: Version, manifest: Manifest
) -> Plan:
    previous, previous_tag = past.before(version)
    gone = [each for each in manifest.targets if each.target not in context.family.packages]
    return Plan(
        package=context.name,
        version=version,
        previous=previous,
        previous_tag=previous_tag.name if previous_tag else None,
        repository=context.repository,
        branch=cloned.branch,
        tag=tag.name,
        base=tag.commit,
        commit=tag.commit,
        tag_object=tag.sha,
        manifest=manifest,
        epoch=tag.when or await cloned.commit_time(tag.commit),
        source=f"the tag {tag.name}",
        targets=manifest.targets,
        resumed=True,
        remarks=tuple(f"{target} was to be told {event}, and is in the family no more" for event, target in gone),
    )


async def _new(
    context: ReleaseContext, cloned: Checkout, served: Mapping[Version, OnIndex], *, always: bool = False
) -> Plan | Release:
    """A new release; the newest one, if it would only repeat that, and need not be made always."""
    base = await cloned.head()
    location = _of_this_package(context, context.project(cloned))
    past = await read_past(context, cloned, served, location)
    repeats = None if always else await nothing_new(context, cloned, past, location)
    if repeats is not None and not (context.request.pins or repeats.version.is_prerelease):
        return repeats
    wanted = await find_bump(context, cloned, location, past)
    version, remarks = choose(wanted, past, follows=context.request.cascade is not None)
    epoch = max(context.time, await cloned.commit_time(base))
    edited = await edit(context, cloned, location, version, epoch)
    if repeats is not None and not (edited.moves or goes_on(repeats.version, version)):
        return repeats
    previous, previous_tag = past.before(version)
    named = await asyncio.to_thread(
        still_named, context, context.project(cloned), location.version or previous, version
    )
    missing = past.untagged(version)
    return Plan(
        package=context.name,
        version=version,
        previous=previous,
        previous_tag=previous_tag.name if previous_tag else None,
        repository=context.repository,
        branch=cloned.branch,
        tag=tag_name(context.package.tag, context.spelled(version)),
        base=base,
        epoch=epoch,
        changed=edited.changed,
        source=location.described,
        targets=targets_of(context.family, context.name),
        remarks=(*remarks, *edited.remarks, *named, *([without_tags(missing)] if missing else [])),
        replaced=location.version,
    )


def _of_this_package(context: ReleaseContext, path: Path) -> VersionPlace:
    found = project_name(path)
    if found != context.name:
        place, key = context.repository, "repository"
        if directory := context.package.directory:
            place, key = f"{directory} of {place}", "directory"
        raise RefusedError(
            f"{place} is the {key} of {found}, not of {context.name}",
            hint=f'write the right {key} into [packages.{context.name}] of the family file: {key} = "…"',
        )
    return find_version(path, context.package.versions)


async def guard(context: ReleaseContext, cloned: Checkout, plan: Plan) -> None:
    """Refuse a version that is taken, before anything is visible.

    Raises:
        ConflictError: The tag is on another commit, or the index has the version without a tag.
    """
    there = (await cloned.remote_refs(f"refs/tags/{plan.tag}")).get(f"refs/tags/{plan.tag}")
    if there is not None and not plan.resumed:
        raise ConflictError(
            f"{plan.repository} has a tag {plan.tag} already, on {there[:10]}, and it is not of this release",
            hint=f"release another version, or remove the tag there: git push --delete origin {plan.tag}",
        )
    index = context.connections.index
    if plan.version in await index.served(plan.package) and not plan.resumed:
        raise ConflictError(
            f"{index.index.name} has {plan.package} {plan.version} already; {plan.repository} has no tag of it",
            hint=newer(plan),
        )


async def admit(context: ReleaseContext, plan: Plan) -> Plan:
    """Add to the plan the remarks about its contracts.

    A resumed release is out already, and a downstream in a cascade was proved there: neither is checked here.

    Raises:
        RefusedError: A downstream would break, or evidence is required and missing; nothing was changed.
    """
    cascade, ledger = context.request.cascade, context.connections.ledger
    if plan.resumed or cascade not in {None, cascade_id(plan.package, plan.version)}:
        remarks = plan.remarks
    else:
        wanted = ReleaseCandidate(package=plan.package, sha=plan.base, despite=context.request.despite)
        said = await look(context.family, ledger, context.connections.index, wanted)
        change = await asyncio.to_thread(ledger.contract, plan.package, plan.base)
        if isinstance(context.rule, CalVer):
            change = None  # a day says nothing of what changed
        less = too_little(change, plan.previous, plan.version) if change else None
        remarks = (*plan.remarks, *filter(None, (said, less)))
    for remark in remarks:
        context.log(logging.WARNING, f"{plan.package} {plan.version}: {remark}")
    return plan.model_copy(update={"remarks": remarks})


async def build(context: ReleaseContext, cloned: Checkout, plan: Plan) -> tuple[BuiltFile, ...]:
    """Build sdist and wheel; for a resumed release, the files that its tag promises.

    Raises:
        BuildError: The build fails.
        ConflictError: The build of the tagged commit differs from the tag's hashes.
    """
    completed = await complete(
        cloned,
        plan.package,
        context.connections.index,
        decided=context.family.package(plan.package).submodules,
        directory=context.package.directory,
        cache=context.work / "submodules",
    )
    for remark in completed.remarks:
        context.log(logging.WARNING, f"{plan.package} {plan.version}: {remark}")
    tree = await cloned.tree_with(plan.changed)  # equal before its commit and after it
    with completed.explains_failures():
        files = await building.build(
            cloned.path,
            version=plan.version,
            epoch=plan.epoch,
            uv=context.connections.uv,
            out=cloned.path.with_suffix(".dist"),
            directory=context.package.directory,
            cache=context.connections.cache / "release-builds" / digest(tree, *completed.added),
            network=context.family.package(plan.package).build_network,
        )
    if plan.manifest is None:
        return files
    built = {file.name: file for file in files}
    return tuple([await _promised(context, plan, file, built.get(file.name)) for file in plan.promised])


async def _promised(context: ReleaseContext, plan: Plan, file: ReleasedFile, built: BuiltFile | None) -> BuiltFile:
    """A file of the manifest: built now, or downloaded from the index where the build differs."""
    if built is not None and built.sha256 == file.sha256:
        return built
    release = (await context.connections.index.served(plan.package)).get(plan.version)
    for there in release.files if release else ():
        if there.name == file.name and there.sha256 == file.sha256:
            return BuiltFile.of(await context.connections.index.download(there))
    raise ConflictError(
        f"{file.name} can't be built again as it was: its SHA-256 was {file.sha256}, as the tag {plan.tag} says, "
        f"and is {built.sha256 if built else 'none, since the build no longer makes it'}",
        hint=f"pin the build backend in [build-system] requires; {newer(plan)}",
    )


class Checked(NamedTuple):
    """What came of a check.

    Attributes:
        plan: The plan, with what a person should know of the files.
        files: The files that are published.
    """

    plan: Plan
    files: tuple[BuiltFile, ...]


async def check(context: ReleaseContext, plan: Plan, files: tuple[BuiltFile, ...]) -> Checked:
    """Check the files as the index would, and their package and version, also where users would read it.

    Raises:
        BuildError: The files are not fit to be published.
        RefusedError: The index takes no more files of the release.
    """
    if plan.resumed:
        # Its files were checked before the push; what is missing may have come too late.
        await partial.make_sure_it_is_open(context, plan, files)
        return Checked(await look_for_old_versions(context, plan, files), files)
    wanted = demands(context)
    await building.check(files, wanted, name=plan.package, version=plan.version)
    return Checked(await look_for_old_versions(context, plan, files), wanted.published(files))


def demands(context: ReleaseContext) -> building.Demands:
    """What the package's files must be, by its family file and by where they are uploaded to."""
    family, package = context.family, context.package
    return building.Demands(
        rules=rules_of(family.index, family.index_rules, context.connections.access.upload),
        files=package.files,
        strict=package.readme == "strict",
        largest=package.largest_file * MIB,
    )


async def commit_and_tag(context: ReleaseContext, cloned: Checkout, plan: Plan, files: tuple[BuiltFile, ...]) -> Plan:
    """Commit the version and tag it in the clone; nothing is pushed yet.

    Raises:
        RefusedError: Git refuses the commit.
    """
    if plan.resumed:
        return plan
    names = {"package": plan.package, "version": context.spelled(plan.version), "tag": plan.tag}
    commit = plan.base
    if plan.changed:
        message = context.family.commit_message.format(**names)
        commit = await cloned.commit_all(message, author=context.author, when=plan.epoch, paths=plan.changed)
    manifest = Manifest(
        package=f"{plan.package}=={plan.version}",
        files=released(files),
        targets=plan.targets,
        cascade=context.request.cascade,
        request_id=context.request_id,
    )
    message = manifest.write(context.family.tag_message.format(**names))
    made = await cloned.tag(plan.tag, message, author=context.author, when=plan.epoch, at=commit)
    return plan.model_copy(update={"commit": commit, "tag_object": made, "manifest": manifest})
