"""Which version is released next: from the branch's past and what is asked for."""

from typing import NamedTuple

from packaging.version import Version

from interlock.errors import ConflictError, UsageError
from interlock.model.bump import EXPLICIT, PHASES, Bump, Part, parse_version
from interlock.model.calver import CalVerOn
from interlock.releases.past import Known, Past
from interlock.releases.requirements import DecisionError


class Choice(NamedTuple):
    """The next version, and what a person should know of it."""

    version: Version
    remarks: tuple[str, ...] = ()


def choose(wanted: Bump | CalVerOn | Version, past: Past, *, follows: bool = False) -> Choice:
    """The next version.

    Args:
        wanted: How the newest version moves on, or the version itself.
        past: What is known of the package's versions.
        follows: Whether it is released because its upstreams were, so that nobody has asked for it.

    Raises:
        UsageError: No version is known, or the newest can't be bumped in this way.
        ConflictError: The wanted version is taken.
        DecisionError: A person has to say which version is meant.
    """
    if isinstance(wanted, Version):
        return _asked_for(parse_version(str(wanted)), past)
    version = _next(wanted, past, follows=follows)
    while past.is_yanked(version):  # its number can't be used again
        version = wanted.next(version)
    if taken := past.taken(version):
        raise DecisionError(
            f"{version} comes next, and it is taken: {', '.join(taken)}",
            hint=f"give the version itself: interlock release {past.package} --version …",
        )
    past.refuse_below(version)
    return Choice(version, tuple(past.remarks(version)))


def _next(wanted: Bump | CalVerOn, past: Past, *, follows: bool) -> Version:
    base = past.base()
    if base is None:
        if isinstance(wanted, CalVerOn):
            return wanted.first()
        raise UsageError("there is no version yet that could be moved on", hint=f"give the first one: {EXPLICIT}")
    if follows and isinstance(wanted, Bump):
        wanted = _of_follower(wanted, base, past)
    try:
        return wanted.next(base.version)
    except UsageError as error:
        raise UsageError(f"{base.source}: {error.message}", hint=error.hint) from None


def _of_follower(wanted: Bump, base: Known, past: Past) -> Bump:
    """A follower's bump: where its newest release is a pre-release, the next one of its phase, and never the final."""
    version = base.version
    if version.pre is not None:
        phase = next(part for part, name in PHASES.items() if name == version.pre[0])
        return Bump(parts=(Part.DEV,) if version.dev is not None and version == past.newest else (phase,))
    return Bump(parts=(Part.DEV,)) if version.dev is not None and version == past.newest else wanted


def _asked_for(version: Version, past: Past) -> Choice:
    """A person's word: any version that is free."""
    if taken := past.taken(version):
        hint = "give a version that is free; or remove the tag, if nothing was released as it"
        raise ConflictError(f"{version} is taken: {', '.join(taken)}", hint=hint)
    higher = [known for known in past.all_known() if known.version > version]
    if not higher:
        return Choice(version)
    highest = max(higher)
    return Choice(version, (f"{version} is lower than {highest.version} ({highest.source}): it was asked for",))
