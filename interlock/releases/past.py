"""The releases in a branch's past: the newest of them, and what stands in the way of the next one.

**What it promises.** The base of a bump is the newest release in the branch's own history. Another branch's release, a
pre-release that nobody asked for, or a tag that is no version (`v20230101`) is never it; where one of them may be meant
all the same, a person decides. A yanked release is no base: it was withdrawn.

**How it decides.** Certain are the version in the branch's files and its newest proven tag. A tag is *proven* when the
index has its version, Interlock made it, or the files have its version too; the newest is the last one in the history,
so a branch may go on below a version that it has left. What the index has without any tag counts too, within the same
major number. Later tags that nothing proves are followed upwards, as long as each moves one part by one: from 1.2.3 to
1.2.4, 1.3.0 or 2.0.0.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from packaging.version import Version

from interlock.adapters.git import Checkout, Tag
from interlock.adapters.index.client import Release as OnIndex
from interlock.errors import RepositoryError
from interlock.model.versions import tag_version
from interlock.project.version import VersionPlace
from interlock.releases.context import ReleaseContext
from interlock.releases.requirements import DecisionError
from interlock.releases.tags import Manifest

MOST_NAMED = 3


class Known(NamedTuple):
    """A version, and where it is known from, in words."""

    version: Version
    source: str


@dataclass(frozen=True, kw_only=True)
class Past:
    """What is known of a package's versions, seen from one branch.

    Attributes:
        package: Its name.
        index: The index's name.
        own: By version, the tags in the branch's history.
        elsewhere: By version, the other tags.
        served: By version on the index, whether it is yanked.
        written: The version in the branch's files, and its place there; None where it is taken from tags.
        newest: The newest proven tag of `own`.
        behind: The versions of `own` that are not after `newest` in the history.
        alone: Whether the branch goes on below others: then only its tags and files count.
    """

    package: str
    index: str
    own: Mapping[Version, Tag]
    elsewhere: Mapping[Version, Tag]
    served: Mapping[Version, bool]
    written: Known | None = None
    newest: Version | None = None
    behind: frozenset[Version] = frozenset()
    alone: bool = False

    def is_yanked(self, version: Version) -> bool:
        """Whether the index has withdrawn it."""
        return self.served.get(version, False)

    @property
    def releases(self) -> Mapping[Version, Tag]:
        """The tags of the branch's releases, as far as that is certain."""
        known = ((version, tag) for version, tag in self.own.items() if not self.is_yanked(version))
        return {version: tag for version, tag in known if self.newest is None or version <= self.newest}

    def base(self) -> Known | None:
        """The version that a bump starts from; None where there is none yet.

        Raises:
            DecisionError: A version is higher than all that is certain, and may be no release of this branch.
        """
        base = max(self._certain(), default=None)
        final = [version for version in self._untagged() if not version.is_prerelease]
        if final and (base is None or max(final) > base.version):
            untagged = Known(max(final), self.index)
            if base is not None and not _same_major(base.version, untagged.version):
                raise self._undecided(untagged, base)
            base = untagged
        for version in sorted(version for version in self.own if version not in self.behind):
            if self.is_yanked(version) or (base is not None and version <= base.version):
                continue
            if base is not None and not is_next(base.version, version):
                raise self._undecided(self._tagged(version), base)
            base = self._tagged(version)
        return base

    def _certain(self) -> Iterator[Known]:
        if self.newest is not None:
            yield self._tagged(self.newest)
        if self.written is not None and not self.is_yanked(self.written.version):
            yield self.written

    def _untagged(self) -> list[Version]:
        """What the index has without any tag; nothing shows that it is another branch's."""
        tagged = self.own.keys() | self.elsewhere.keys()
        found = (version for version, yanked in self.served.items() if not yanked and version not in tagged)
        return [] if self.alone else list(found)

    def without_tag(self, newest: Version | None) -> Version | None:
        """The highest final release that the index has beyond the newest one with a tag, and that has none itself."""
        found = [each for each in self._untagged() if not each.is_prerelease and (newest is None or each > newest)]
        return max(found, default=None)

    def all_known(self) -> Iterator[Known]:
        """What a release of this branch is compared with: what is certain of it, and what users have."""
        yield from self._certain()
        if not self.alone:
            yield from (Known(version, self.index) for version, yanked in self.served.items() if not yanked)

    def _tagged(self, version: Version) -> Known:
        return Known(version, f"the tag {self.own[version].name}")

    def _undecided(self, known: Known, base: Known) -> DecisionError:
        return DecisionError(
            f"{known.source} has {known.version}, and the newest release of this branch is {base.version} "
            f"({base.source}): whether {known.version} is one of its releases can't be seen",
            hint=f"say which version comes next: interlock release {self.package} --version …; "
            "or remove what is no release",
        )

    def refuse_below(self, version: Version) -> None:
        """Refuse a version below a final release that users have, unless the branch goes on below others.

        Raises:
            DecisionError: Names the highest of them.
        """
        above = [each for each in self._others() if each >= version and not each.is_prerelease]
        final = [each for each in above if each in self.served and not self.is_yanked(each)]
        if not final or self.alone:
            return
        highest = max(final)
        raise DecisionError(
            f"{version} would be released below {highest}, which {self.index} has: {self._where(highest)}",
            hint=f"merge it; or say that this branch goes on below it: interlock release {self.package} --ref BRANCH; "
            f"or give the version itself: --version …; or yank {highest} if it was a mistake",
        )

    def remarks(self, version: Version) -> Iterator[str]:
        """What is higher than a version that is released now, and was not counted."""
        if self.alone:
            return
        for each in sorted((each for each in self._others() if each > version), reverse=True)[:MOST_NAMED]:
            yield f"{each} was not counted: {self._where(each)}"
        yanked = [each for each, is_yanked in self.served.items() if is_yanked and each > version]
        if yanked:
            yield f"{max(yanked)} is yanked on {self.index}, and was left behind"

    def _others(self) -> list[Version]:
        """The versions with a tag that is no release of the branch, or is left behind in its history."""
        left = [each for each in self.behind if self.newest is not None and each > self.newest]
        untagged = [each for each in self._untagged() if each.is_prerelease]
        found = {*self.elsewhere.keys() - self.own.keys(), *left, *untagged}
        return [each for each in found if not self.is_yanked(each)]

    def _where(self, version: Version) -> str:
        if version in self.own:
            return f"its tag {self.own[version].name} is older than the newest release in this branch's history"
        if version in self.elsewhere:
            return f"its tag {self.elsewhere[version].name} is not in this branch's history"
        return f"{self.index} has it, and there is no tag of it"

    def taken(self, version: Version) -> tuple[str, ...]:
        """Where a version is taken already, in words."""
        tag = self.own.get(version) or self.elsewhere.get(version)
        on_index = f"{self.index} has it{', yanked' if self.is_yanked(version) else ''}"
        return (*([f"there is a tag {tag.name}"] if tag else []), *([on_index] if version in self.served else []))

    def before(self, version: Version) -> tuple[Version | None, Tag | None]:
        """The release before a version, and the newest tag before it, from which its notes begin."""
        tags = {each: tag for each, tag in self.own.items() if not self.is_yanked(each) and each < version}
        here = self.written.version if self.written else version
        if here < version and here in self.elsewhere and not self.is_yanked(here):
            tags[here] = self.elsewhere[here]  # its commit came as another one, as by a squashed merge
        untagged = [each for each in self._untagged() if each < version]
        tag = tags[max(tags)] if tags else None
        return max((*tags, *untagged), default=None), tag

    def untagged(self, version: Version) -> tuple[Version, ...]:
        """The releases on the index between the tag from which a version's notes begin, and the version."""
        _, tag = self.before(version)
        begin = max((each for each, known in {**self.elsewhere, **self.own}.items() if known == tag), default=None)
        between = (each for each in self._untagged() if each < version and (begin is None or each > begin))
        return tuple(sorted(between))


def _same_major(one: Version, two: Version) -> bool:
    return (one.epoch, one.major) == (two.epoch, two.major)


def is_next(before: Version, version: Version) -> bool:
    """Whether a higher version follows by one part that moves by one, to a final release or within the same one.

    The parts behind the one that moves are 0 or 1, since a series may begin with either.
    """
    if before.epoch != version.epoch or (version.is_prerelease and version.base_version != before.base_version):
        return False
    width = max(len(before.release), len(version.release))
    one, two = ((*each.release, *[0] * (width - len(each.release))) for each in (before, version))
    at = next((at for at in range(width) if one[at] != two[at]), None)
    return at is None or (two[at] == one[at] + 1 and all(number <= 1 for number in two[at + 1 :]))


def _without_leaps(versions: Iterable[Version]) -> list[Version]:
    """Versions in ascending order, without those that leave out a major number, as a date does."""
    kept: list[Version] = []
    for version in sorted(versions):
        if not kept or version.major - kept[-1].major <= 1:
            kept.append(version)
    return kept


async def read_past(
    context: ReleaseContext,
    cloned: Checkout,
    served: Mapping[Version, OnIndex],
    location: VersionPlace | None = None,
) -> Past:
    """Read what is known of a package's versions, seen from a clone's branch.

    Args:
        context: The context of the release.
        cloned: The clone, on its branch.
        served: What the index has.
        location: The version in the clone's files, where it matters.

    Raises:
        RepositoryError: The repository can't be read.
    """
    merged = await cloned.merged_tags(await cloned.head())
    tags = [(version, tag) for tag in await cloned.tags() if (version := tag_version(context.package.tag, tag.name))]
    own = {version: tag for version, tag in tags if tag.name in merged}
    elsewhere = {version: tag for version, tag in tags if tag.name not in merged}
    yanked = {version: release.yanked for version, release in served.items()}
    written = Known(location.version, location.described) if location and location.version else None
    there = {version: tag for version, tag in own.items() if not yanked.get(version, False)}
    sure = {*served, *([written.version] if written else [])}
    proven = {version: tag for version, tag in there.items() if version in sure or Manifest.read(tag.message)}
    if not (proven or sure):  # as before the first upload of a project with tags alone
        proven = {version: there[version] for version in _without_leaps(there)}
    last = await cloned.latest(tag.commit for tag in proven.values())
    newest = max((version for version, tag in proven.items() if tag.commit in last), default=None)
    behind = await cloned.merged_tags(own[newest].commit) if newest is not None else frozenset()
    return Past(
        package=context.name,
        index=context.connections.index.index.name,
        own=own,
        elsewhere=elsewhere,
        served=yanked,
        written=written,
        newest=newest,
        behind=frozenset(version for version, tag in own.items() if tag.name in behind),
        alone=await _goes_on_below(context, cloned, {*elsewhere, *served}, newest),
    )


async def _goes_on_below(
    context: ReleaseContext, cloned: Checkout, others: set[Version], newest: Version | None
) -> bool:
    """Whether it is a maintenance branch: the request names it, or it is not the repository's default one."""
    if context.request.ref is not None:
        return True
    if all(newest is not None and other <= newest for other in others):
        return False  # nothing is higher: it makes no difference
    try:
        return await Checkout.default_branch(context.remote) != cloned.branch
    except RepositoryError as error:
        if error.transient:
            raise
        return False
