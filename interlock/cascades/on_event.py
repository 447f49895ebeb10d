"""A release that a push or a merge starts: whether anything is to be released for it, and as what.

**What it promises.** A commit on the branch is released once. Whatever brought it, one run is enough: a commit that is
in the history of a version's tag went out with it, and so is the release's own commit. The run's id is in the tag of
the release that it made, so that the same run, started again, finishes that one.

**What two merges in short order do.** The package's lease lets one of their runs release; the other one waits, looks
again, and finds its commit in the new tag. So the run that releases takes the highest bump that any merge since the
last release asks for, as far as the gateway knows them. If a merge asked for more than what it went out as, its run
fails and says so.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version
from pydantic import Field

from interlock.adapters.connections import Connections
from interlock.adapters.git import Checkout, Tag
from interlock.adapters.github.workflows.patterns import selects
from interlock.cascades.request import CascadeRequest
from interlock.common.frozen_model import FrozenModel
from interlock.contracts.admission.evidence import AdmissionRequest, admission, what_tests
from interlock.contracts.admission.models import Answer
from interlock.errors import BusyError, RefusedError, RepositoryError, UsageError
from interlock.model.bump import Bump
from interlock.model.bump_rule import parse_rule
from interlock.model.cascade import Cascade, Progress, State
from interlock.model.delivery import DeliveryState
from interlock.model.family import Package
from interlock.model.release_on import ReleaseOn
from interlock.model.requirements import MemberName
from interlock.model.shared_repositories import owner
from interlock.model.versions import tag_version
from interlock.releases.development import SUBJECT
from interlock.releases.plan import ReleaseRequest
from interlock.releases.tags import Manifest
from interlock.webhooks.routing import RELEASE

# GitHub lists so many files of a pull request at most.
MOST_FILES = 3000
NO_COMMIT = "0" * 40
# How many of the newest deliveries are searched for other merges.
MOST_DELIVERIES = 2000


class EventRequest(FrozenModel):
    """What happened, as the gateway says it."""

    package: MemberName = Field(description="The package, as the family file names it.")
    branch: str | None = Field(default=None, max_length=250, description="The branch. Default: the family file's.")
    sha: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{40,64}$", description="The commit that it got. Default: its newest."
    )
    before: str | None = Field(default=None, pattern=r"^[0-9a-f]{40,64}$", description="Its commit before a push.")
    pull: int | None = Field(default=None, ge=1, description="The number of the merged pull request.")
    bump: str | None = Field(default=None, max_length=40, description="What its labels ask for.")
    family: str | None = Field(default=None, description="The family file. Default: the one in use on this machine.")
    dry_run: bool = Field(default=False, description="Only say what would be released, and write nothing anywhere.")

    @property
    def title(self) -> str:
        """The package, and what happened: `market-data-core at 0123456789ab`."""
        return f"{self.package} at {(self.sha or self.branch or 'its head')[:12]}"


class Nothing(NamedTuple):
    """That nothing is to be released, and why not."""

    why: str


Wanted = ReleaseRequest | CascadeRequest


async def decide(request: EventRequest, connections: Connections, work: Path) -> Wanted | Nothing:
    """What is to be released for an event; this writes nothing outside of the folder.

    Args:
        request: The event.
        connections: The connections of its family.
        work: A folder for the clone, which is not there yet.

    Raises:
        UsageError: The family file names nothing that starts a release of the package.
        RefusedError: The commit went out as less than its labels ask for.
        BusyError: Something else has to end first: another look may help.
        RepositoryError, GitHubError, LedgerError: The repository, GitHub or the ledger can't be read.
    """
    package = connections.family.package(request.package)
    if package.release_on is None:
        hint = "write [packages.….release_on] in the family file: docs/family-file.md"
        raise UsageError(f"nothing starts a release of {request.package} by itself", hint=hint)
    branch = request.branch or package.branch
    cloned = await Checkout.clone(await connections.remote(request.package), branch, work)
    return await _Event(request, connections, cloned, package, package.release_on).decide()


class _Event(NamedTuple):
    """An event, with a clone of its branch."""

    request: EventRequest
    connections: Connections
    cloned: Checkout
    package: Package
    on: ReleaseOn

    @property
    def repository(self) -> str:
        return self.connections.family.repository(self.request.package)

    async def decide(self) -> Wanted | Nothing:
        head = await self.cloned.head()
        sha = self.request.sha or head
        if not await self._is_on(sha, head):
            return Nothing(f"{sha[:12]} is not on {self.cloned.branch} any more")
        request_id = f"{self.repository.lower()}@{sha}"
        tags = await self._version_tags()
        taken = await self._taken(sha, tags)
        if taken is not None and (said := self._went_out(sha, taken, tags, request_id)):
            return said
        if taken is None and (why := await self._why_not(sha)):
            return Nothing(why)
        if taken is None:
            await self._must_not_wait(head)
        return self._wanted(self.request.bump if taken else await self._bump(tags), request_id)

    async def _is_on(self, sha: str, head: str) -> bool:
        try:
            return await self.cloned.is_ancestor(sha, head)
        except RepositoryError:  # a forced push has removed it
            return False

    async def _version_tags(self) -> dict[Version, Tag]:
        """The branch's own tags of versions, the newest first."""
        merged = await self.cloned.merged_tags(await self.cloned.head())
        found = (tag for tag in await self.cloned.tags() if tag.name in merged)
        known = {version: tag for tag in found if (version := tag_version(self.package.tag, tag.name))}
        return dict(sorted(known.items(), reverse=True))

    async def _taken(self, sha: str, tags: Mapping[Version, Tag]) -> Version | None:
        """The first version with a commit in its history; None when it is in none."""
        having = [version for version, tag in tags.items() if await self.cloned.is_ancestor(sha, tag.commit)]
        return min(having, default=None)

    def _went_out(self, sha: str, version: Version, tags: Mapping[Version, Tag], request_id: str) -> Nothing | None:
        """That the commit is out already; None when this very event has begun that release.

        Raises:
            RefusedError: It is out as less than was asked for.
        """
        tag = tags[version]
        manifest = Manifest.read(tag.message)
        if manifest is not None and manifest.request_id == request_id:
            return None
        if tag.commit == sha:
            return Nothing(f"{sha[:12]} is the commit of {tag.name}, a release")
        before = max((other for other in tags if other < version), default=None)
        asked = parse_rule(self.request.bump) if self.request.bump else None
        if before and isinstance(asked, Bump) and asked.next(before) > version:
            raise RefusedError(
                f"{sha[:12]} went out with {version} after {before}, and its labels ask for {self.request.bump}",
                hint=f"interlock release {self.request.package} --bump {self.request.bump} --empty",
            )
        return Nothing(f"{sha[:12]} went out with {tag.name}")

    async def _why_not(self, sha: str) -> str | None:
        """Why the family file wants no release for it."""
        message = await self.cloned.message(sha)
        if word := self.on.skips(message):
            return f'the message of {sha[:12]} has "{word}"'
        if message.startswith(SUBJECT):  # after a pre-release, it would lead to the final one
            return f"{sha[:12]} begins a development version after a release"
        if self.on.event == "push" and not self.on.is_titled(message.partition("\n")[0]):
            return f"the title of {sha[:12]} is none that starts a release"
        family, name = self.connections.family, self.request.package
        members = {each: family.package(each) for each in family.in_repository(self.repository)}
        needs_files = len(members) > 1 or self.on.paths or self.on.ignore
        if needs_files and (files := await self._changed(sha)) is not None:
            own = [path for path in files if owner(path, members) == name or len(members) == 1]
            if not self._counts(own):
                return f"it changes no file of {name} that starts a release"
        return await self._cascade_of(sha)

    async def _changed(self, sha: str) -> tuple[str, ...] | None:
        """The files that the event changed; None when that is not known."""
        if self.request.pull is not None:
            files = await self.connections.github.changed_files(self.repository, self.request.pull)
            return files if len(files) < MOST_FILES else None
        before = self.request.before
        return None if before in {None, NO_COMMIT} else await self.cloned.changed_between(str(before), sha)

    def _counts(self, files: Sequence[str]) -> bool:
        ignored = {path for path in files if selects(self.on.ignore, path)}
        return any(not self.on.paths or selects(self.on.paths, path) for path in files if path not in ignored)

    async def _cascade_of(self, sha: str) -> str | None:
        """The cascade that waits for this very merge, and then releases the package itself."""
        for cascade, link in await asyncio.to_thread(self._waiting):
            number = (link or "").rpartition("/")[2]
            if number.isdecimal():
                pull = await self.connections.github.pull(self.repository, int(number))
                if pull.merge_commit_sha == sha:
                    return f"the cascade {cascade} releases it: it waits for this merge"
        return None

    def _waiting(self) -> list[tuple[str, str | None]]:
        return [(cascade.id, each.link) for cascade, each in self._cascades() if each.state is State.AWAITING_MERGE]

    def _cascades(self) -> Iterator[tuple[Cascade, Progress]]:
        """The unfinished cascades with this package as a follower, and its progress in them."""
        for cascade in self.connections.ledger.cascades():
            progress = cascade.progress.get(self.request.package)
            is_open = cascade.ended_at is None and not cascade.aborted
            if progress is not None and is_open and cascade.root != self.request.package:
                yield cascade, progress

    async def _must_not_wait(self, head: str) -> None:
        """Look for what has to end before.

        Raises:
            BusyError: A cascade releases the package, or evidence is required and its verification has not ended.
        """
        busy = await asyncio.to_thread(lambda: [of for of, each in self._cascades() if each.state is State.RELEASING])
        if busy:
            hint = f"interlock cascade resume {busy[0].id}"
            raise BusyError(f"the cascade {busy[0].id} is releasing {self.request.package}", hint=hint)
        name, family = self.request.package, self.connections.family
        if self.package.contract.evidence != "required" or not what_tests(family, name):
            return
        asked = AdmissionRequest(package=name, described=f"commit {head[:12]}", sha=head)
        found = await admission(family, self.connections.ledger, self.connections.index, asked)
        if found.answer is Answer.UNKNOWN:
            hint = f"interlock contracts {head} --of {name}"
            raise BusyError(f"evidence is required, and the verification of {head[:12]} has not ended", hint=hint)

    async def _bump(self, tags: Mapping[Version, Tag]) -> str | None:
        """The highest bump that this event or another one since the last release asks for; None when none does."""
        newest = next(iter(tags.values()), None)
        own = self.connections.family.pathspecs(self.request.package)
        commits = await self.cloned.log(newest.name if newest else None, paths=own)
        asked = await asyncio.to_thread(lambda: list(self._asked({commit.sha for commit in commits})))
        return self.on.highest(asked) or self.request.bump

    def _asked(self, shas: Collection[str]) -> Iterator[str]:
        if self.request.bump:
            yield self.request.bump
        for delivery in self.connections.ledger.deliveries(most=MOST_DELIVERIES):
            if delivery.state is DeliveryState.IGNORED or delivery.start is None:
                continue
            for start in delivery.start.every:
                asked = start.parameters.get("request") if start.deployment == RELEASE else None
                is_ours = start.package == self.request.package and isinstance(asked, dict) and asked.get("sha") in shas
                if is_ours and isinstance(asked, dict) and asked.get("bump"):
                    yield str(asked["bump"])

    def _wanted(self, bump: str | None, request_id: str) -> Wanted:
        fields = {"family": self.request.family, "request_id": request_id, "dry_run": self.request.dry_run}
        fields |= {"bump": bump} if bump else {}
        fields |= {"ref": self.cloned.branch} if self.cloned.branch != self.package.branch else {}
        if self.on.start == "cascade":
            return CascadeRequest.model_validate({"root": self.request.package, **fields})
        return ReleaseRequest.model_validate({"package": self.request.package, **fields})
