"""The plan of a cascade, from the newest releases, the declared ranges and what it has released; and its admission."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from interlock.adapters.git import Checkout, Repository, Tag
from interlock.adapters.github.workflows import workflow_files
from interlock.cascades.context import CascadeContext
from interlock.cascades.request import CascadeRequest
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError
from interlock.model.bump import PATCH, Bump
from interlock.model.bump_rule import parse_rule
from interlock.model.calver import CalVerOn
from interlock.model.cascade import Action, Cascade, CascadePlan, Outcome, begun, cascade_id, plan_cascade
from interlock.model.release import Release
from interlock.model.versions import VersionField, tag_name, tag_text, tag_version
from interlock.project import requirements
from interlock.project.directory import project_in
from interlock.releases import prepare
from interlock.releases.admission import ReleaseCandidate, look
from interlock.releases.bumps import expected_bump
from interlock.releases.checks.double_releases import doubled
from interlock.releases.context import open_release
from interlock.releases.requirements import DecisionError
from interlock.releases.tags import Manifest

CLONES_AT_ONCE = 4
# Where a distribution declares what it needs to run; other requirements don't bind its users.
BINDING = (
    "project.dependencies",
    "options.install_requires",
    "install_requires",
    "tool.poetry.dependencies",
    "tool.flit.metadata.requires",
)


class Member(FrozenModel):
    """What the index and the repository say about a package.

    Attributes:
        versions: Its releases that are neither yanked nor pre-releases of another branch.
        declared: By upstream, the versions that its files admit; None where they don't require it.
        made: By cascade, the version that the cascade released.
        bump: How its version moves; None where that is not known, or a person has to say it.
        doubled: Where its own workflows would release it as well.
    """

    versions: tuple[VersionField, ...] = ()
    declared: Mapping[str, str | None] = {}
    made: Mapping[str, VersionField] = {}
    bump: Bump | CalVerOn | None = None
    doubled: tuple[str, ...] = ()

    def before(self, version: Version | None) -> Version | None:
        """The newest release before a version; the newest of all for None."""
        return max((each for each in self.versions if version is None or each < version), default=None)


async def plan(context: CascadeContext) -> Cascade:
    """Find the cascade that the request means, or else plan a new one; this writes nothing.

    That is an unfinished or failed one; or, when nothing is new in the root since its newest release, that release's.

    Raises:
        UsageError: The root can't start a cascade.
        RepositoryError, IndexUnavailableError: A repository or the index can't be read.
    """
    known = await asyncio.to_thread(context.connections.ledger.cascades)
    if (joined := _joined(known, context.request)) is not None:
        return joined
    members = await _members(context)
    root = await _root_version(context, members[context.request.root])
    same = next((each for each in known if each.id == cascade_id(context.request.root, root.version)), None)
    return same or begun(_planned(context, members, root), now())


def _joined(known: tuple[Cascade, ...], request: CascadeRequest) -> Cascade | None:
    """The open cascade that the request would only repeat: of the same root, or one with the root as a downstream.

    Without a version, that cascade must still have to release the package: after that, a request means a newer version.
    A request that names another branch than the cascade's means another release.
    """
    root, version = request.root, request.version
    for cascade in known:
        progress = cascade.progress.get(root)
        is_over = cascade.ended_at is not None and cascade.outcome is not Outcome.FAILED
        if is_over or cascade.aborted or progress is None:
            continue
        made = cascade.version if cascade.root == root else progress.version
        yet_to_release = not progress.state.is_end and cascade.action(root) is not Action.TEST
        same_branch = request.ref == (cascade.plan.root_ref if cascade.root == root else None)
        repeated = same_branch and (cascade.root == root or yet_to_release)
        if made == Version(version) if version is not None else repeated:
            return cascade
    return None


async def _members(context: CascadeContext) -> Mapping[str, Member]:
    """Read the index and the repositories of the root and everything that depends on it, a few at a time."""
    names = [name for name in context.family.order() if name in _reached(context)]
    few = asyncio.Semaphore(CLONES_AT_ONCE)

    async def one(name: str) -> Member:
        async with few:
            return await _member(context, name)

    return dict(zip(names, await asyncio.gather(*map(one, names)), strict=True))


def _reached(context: CascadeContext) -> frozenset[str]:
    found, todo = {context.request.root}, [context.request.root]
    while todo:
        new = [name for name in context.family.downstreams(todo.pop()) if name not in found]
        found.update(new)
        todo += new
    return frozenset(found)


async def _member(context: CascadeContext, name: str) -> Member:
    package = context.family.package(name)
    if not package.publishes:
        return Member()
    served = await context.connections.index.served(name)
    cloned = await context.clone(name)
    tags, own = await cloned.tags(), await cloned.merged_tags(await cloned.head())
    elsewhere = {tag_version(package.tag, tag.name) for tag in tags if tag.name not in own}
    left_out = {version for version in served if version.is_prerelease and version in elsewhere}
    versions = tuple(sorted(each for each, release in served.items() if not release.yanked and each not in left_out))
    project = project_in(cloned.path, package.directory)
    declared = {upstream: _declared(project, upstream) for upstream in package.upstreams}
    made = dict(_made(package.tag, tags))
    texts = {upstream: None if each is None else str(each) for upstream, each in declared.items()}
    twice = doubled(context.family, name, await asyncio.to_thread(workflow_files, cloned.path))
    bump = None if name == context.request.root else await _bump(context, name, cloned)
    return Member(versions=versions, declared=texts, made=made, bump=bump, doubled=tuple(map(str, twice)))


async def _bump(context: CascadeContext, name: str, cloned: Checkout) -> Bump | CalVerOn | None:
    rule = parse_rule(context.family.package(name).bump or PATCH)
    if isinstance(rule, Bump):
        return rule
    async with open_release(context.request.release_of(name), context.connections) as release:
        try:
            return await expected_bump(release, cloned)
        except DecisionError:  # its release says so
            return None


def _declared(project: Path, upstream: str) -> SpecifierSet | None:
    found = [each for each in requirements.declared(project, upstream) if each.named.startswith(BINDING)]
    # A line that was left behind, for old Pythons, says nothing of the versions to come.
    ranges = [each.specifier for each in found if each.specifier is not None and not each.is_behind]
    if not ranges:
        return None
    joined = SpecifierSet()
    for each in ranges:
        joined &= each
    return joined


def _made(form: str, tags: Iterable[Tag]) -> Iterator[tuple[str, Version]]:
    for tag in tags:
        manifest, version = Manifest.read(tag.message), tag_version(form, tag.name)
        if manifest and manifest.cascade and version:
            yield manifest.cascade, version


class RootVersion(NamedTuple):
    """The version that the root has or will have, and its text in the tag; None where somebody else writes it.

    What is out already, and has nothing new since, is followed as a release of somebody else.
    """

    version: Version
    text: str | None = None
    follow: bool = True


async def _root_version(context: CascadeContext, root: Member) -> RootVersion:
    request = context.request
    if request.follow and request.version is not None:
        return RootVersion(Version(request.version))
    if request.follow and (newest := root.before(None)) is not None:
        return RootVersion(newest)
    if not context.family.package(request.root).publishes:
        raise UsageError(f"{request.root} publishes nothing: no cascade begins with it", hint="interlock family show")
    async with open_release(request.release(), context.connections) as release:
        found = await prepare.bump(release, await prepare.checkout(release))
    is_out = isinstance(found, Release) and found.cascade != cascade_id(request.root, found.version)
    text = tag_text(context.family.package(request.root).tag, found.tag)
    return RootVersion(found.version, text, follow=request.follow or is_out)


def _planned(context: CascadeContext, members: Mapping[str, Member], root: RootVersion) -> CascadePlan:
    version = root.version
    name = cascade_id(context.request.root, version)
    planned = plan_cascade(
        context.family,
        context.request.root,
        version,
        current={
            package: member.before(version if package == context.request.root else member.made.get(name))
            for package, member in members.items()
        },
        declared={
            (package, upstream): None if text is None else SpecifierSet(text)
            for package, member in members.items()
            for upstream, text in member.declared.items()
        },
        already={package: member.made[name] for package, member in members.items() if name in member.made},
        bumps={package: member.bump for package, member in members.items()},
        follow=root.follow,
    )
    remarks = tuple(_remarks(planned, members))
    return planned.model_copy(update={"root_ref": context.request.ref, "root_text": root.text, "remarks": remarks})


def _remarks(planned: CascadePlan, members: Mapping[str, Member]) -> Iterator[str]:
    for each in planned.packages:
        if each.action is Action.RELEASE:
            yield from (f"{each.package} may be released twice: {place}" for place in members[each.package].doubled)


async def admit(context: CascadeContext, planned: Cascade) -> None:
    """Refuse a cascade with a root that would break what works; its downstreams are proved on the way.

    This checks neither a resumed cascade, nor a root that somebody else releases or whose tag is pushed. Missing
    evidence is a remark of the root's release, which checks again, since its branch may have moved.

    Raises:
        RefusedError: The root may not be released; nothing was changed.
        RepositoryError, IndexUnavailableError, LedgerError: The repository, the index or the ledger can't be read.
    """
    if (
        await asyncio.to_thread(context.connections.ledger.cascade, planned.id)
        or planned.action(planned.root) is Action.DISPATCH
    ):
        return
    if not await _needs_admission(context, planned.root):
        return
    sha = await _head_of(context, planned)
    if sha is not None:
        wanted = ReleaseCandidate(package=planned.root, sha=sha, despite=context.request.despite)
        await look(context.family, context.connections.ledger, context.connections.index, wanted)


async def _needs_admission(context: CascadeContext, root: str) -> bool:
    """Whether the answer may be no: the ledger knows some commit of the root, or evidence is required."""
    known = await asyncio.to_thread(context.connections.ledger.versions_of, root)
    return any("+g" in version for version in known) or context.family.package(root).contract.evidence == "required"


async def _head_of(context: CascadeContext, planned: Cascade) -> str | None:
    """The head of the root's branch; None when the tag is pushed, and the release only needs to be finished."""
    package = context.family.package(planned.root)
    branch = f"refs/heads/{planned.plan.root_ref or package.branch}"
    tag = f"refs/tags/{tag_name(package.tag, planned.plan.root_text or planned.version)}"
    refs = await Repository(await context.connections.remote(planned.root), context.work).remote_refs(branch, tag)
    return None if tag in refs else refs.get(branch)
