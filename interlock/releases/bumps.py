"""How the next version is found: the rule of the request or of the family file, and what shows which part moves."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from packaging.version import Version

from interlock.adapters.git import Checkout, Tag
from interlock.common.sanitize import cut
from interlock.model.bump import Bump, ReleasePart, enough
from interlock.model.bump_rule import Evidence
from interlock.model.calver import PREFIX, CalVer, CalVerOn, format_of, looks_padded, release_text
from interlock.model.conventional_commits import part_for
from interlock.model.versions import tag_name, tag_text
from interlock.project.version import VersionPlace
from interlock.project.version.forms import Form
from interlock.releases.context import ReleaseContext
from interlock.releases.past import Past, read_past
from interlock.releases.requirements import DecisionError
from interlock.releases.squashed import Newest, newest_of

# Numbers of years, where they are the first of a version.
YEARS = range(1990, 2200)
LONGEST_SHOWN = 60
Tags = Mapping[Version, Tag]


async def find_bump(
    context: ReleaseContext, cloned: Checkout, location: VersionPlace, past: Past
) -> Bump | CalVerOn | Version:
    """The version that is asked for, or how the newest one moves on.

    Raises:
        DecisionError: Nothing shows which part moves, or the versions are dates and nobody said how they move.
        LedgerError: The ledger can't be read.
    """
    rule = context.request.wanted or context.rule
    if isinstance(rule, Version):
        return rule
    if not isinstance(rule, Bump):
        newest = await newest_of(context, cloned, past, location)
        return await _by_rule(context, rule, cloned, past, newest)
    _check_no_date(context, rule, location, past.releases)
    return rule


async def expected_bump(context: ReleaseContext, cloned: Checkout) -> Bump | CalVerOn:
    """How the version of a package will move that nobody asks for by its number, before its files are looked at.

    Raises:
        DecisionError: Nothing shows which part moves.
        LedgerError: The ledger can't be read.
        IndexUnavailableError: The index did not answer.
    """
    if isinstance(rule := context.rule, Bump):
        return rule
    past = await read_past(context, cloned, await context.connections.index.served(context.name))
    return await _by_rule(context, rule, cloned, past)


async def _by_rule(
    context: ReleaseContext, rule: CalVer | Evidence, cloned: Checkout, past: Past, newest: Newest | None = None
) -> Bump | CalVerOn:
    if isinstance(rule, CalVer):
        return CalVerOn(form=rule, day=datetime.fromtimestamp(context.time, UTC).date())
    tags = past.releases
    if rule is Evidence.CONTRACT:
        return Bump(parts=(await _by_contract(context, cloned, tags),))
    highest = max(tags, default=None)
    if newest is None and highest is not None:
        newest = Newest(highest, tags[highest], tags[highest].name)
    return Bump(parts=(await _by_commits(context, cloned, past, newest),))


async def _by_commits(context: ReleaseContext, cloned: Checkout, past: Past, newest: Newest | None) -> ReleasePart:
    if (untagged := past.without_tag(newest.version if newest else None)) is not None:
        tag = tag_name(context.package.tag, context.spelled(untagged))
        raise DecisionError(
            f"{context.name} is bumped by its commits, and its newest release, {untagged} on {past.index}, has no tag: "
            "which commits came after it is not known",
            hint=f"tag its commit: git tag {tag} COMMIT && git push origin {tag}; "
            "or say how: --bump minor, --version …",
        )
    paths = context.family.pathspecs(context.name)
    commits = await cloned.log(since=newest.since if newest else None, paths=paths, messages=True)
    return part_for((commit.message for commit in commits), newest.version if newest else None)


async def _by_contract(context: ReleaseContext, cloned: Checkout, tags: Tags) -> ReleasePart:
    """The part that the change of the contract since the newest release asks for; nothing known is no answer."""
    sha = await cloned.head()
    known = await asyncio.to_thread(context.connections.ledger.contract, context.name, sha)
    newest = max((version for version in tags if not version.is_prerelease), default=None)
    if known is not None and newest is not None and known.is_since(newest):
        return enough(known.part, newest)
    since = f"since {newest}" if newest else "since a release: there is no tag of one"
    raise DecisionError(
        f"{context.name} is bumped by what changed in its contract, and what commit {sha[:12]} changed {since} is not "
        "known",
        hint=f"find it out: interlock contracts {sha} --of {context.name}; or say how: --bump minor, --version …",
    )


def _check_no_date(context: ReleaseContext, bump: Bump, location: VersionPlace, tags: Tags) -> None:
    """Refuse to count on from a date: the next number would be a day that is not today."""
    newest = max(tags, default=None)
    texts = [literal.text if literal.form is Form.TEXT else str(literal.version) for literal in location.literals[:1]]
    texts += [tag_text(context.package.tag, tags[newest].name)] if newest else []
    for text in map(release_text, texts):
        padded = looks_padded(text)
        if padded or (Version(text).major in YEARS and not context.is_said):
            zeros = ", and its zeros would be lost" if padded else ""
            shown = cut(text, LONGEST_SHOWN)
            known = context.package.bump or ""
            hint = (
                f"leave --bump out, so that it moves by {known}"
                if known.startswith(PREFIX)
                else f'write bump = "{format_of(shown)}" into [packages.{context.name}] of the family file'
            )
            raise DecisionError(
                f"{context.name} {shown} looks like a date: {bump} would count on from it{zeros}",
                hint=f"{hint}, or give --version",
            )
