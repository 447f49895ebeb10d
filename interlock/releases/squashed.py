"""A release whose commit came to the branch as another one, as when the pull request with it was squashed."""

from typing import NamedTuple

from packaging.version import Version

from interlock.adapters.git import Checkout, Tag
from interlock.model.bump_rule import development_version
from interlock.project.version import VersionPlace
from interlock.releases.context import ReleaseContext
from interlock.releases.past import Past
from interlock.releases.tags import Manifest

# Further back than this, it is not looked for.
MOST_COMMITS = 200


class Newest(NamedTuple):
    """The newest release of a branch.

    Attributes:
        tag: Its tag.
        since: What the branch has since is not in this history.
    """

    version: Version
    tag: Tag
    since: str


async def newest_of(context: ReleaseContext, cloned: Checkout, past: Past, location: VersionPlace) -> Newest | None:
    """The newest release of a branch, also when its tag is not in the branch's history; None if nothing proves one.

    Raises:
        RepositoryError: The clone can't be read.
    """
    own = None
    if past.newest is not None:
        own = Newest(past.newest, past.own[past.newest], past.own[past.newest].name)
    here = location.version
    for version, tag in past.elsewhere.items():
        is_newer = version not in past.own and (own is None or version > own.version) and not past.is_yanked(version)
        is_here = here is not None and here in {version, development_version(version, context.rule)}
        if is_newer and is_here and (version in past.served or Manifest.read(tag.message)):
            begin = own.since if own else None
            return Newest(version, tag, await _since(context, cloned, tag, begin) or begin or tag.name)
    return own


async def _since(context: ReleaseContext, cloned: Checkout, tag: Tag, begin: str | None) -> str | None:
    """The branch's last commit with the very files of a tag; None where there is none, so that all commits count."""
    paths = context.family.pathspecs(context.name)
    for commit in (await cloned.log(begin, paths=paths))[:MOST_COMMITS]:
        if not await cloned.differ(commit.sha, tag.commit, paths):
            return commit.sha
    return None
