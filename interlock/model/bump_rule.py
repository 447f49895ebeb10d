"""The rules by which a version moves on: a bump of a part, the calendar, the commits, or the contract."""

from enum import StrEnum

from packaging.version import InvalidVersion, Version

from interlock.model.bump import PHASES, Bump, Part
from interlock.model.calver import PREFIX, CalVer, looks_padded, release_text


class Evidence(StrEnum):
    """What shows which part has to move."""

    COMMITS = "commits"
    CONTRACT = "contract"


BumpRule = Bump | CalVer | Evidence
_PHASES = {phase: part for part, phase in PHASES.items()}


def parse_rule(text: str) -> BumpRule:
    """Parse `minor`, `minor,rc`, `calver:YYYY.0M.0D`, `commits` or `contract`.

    Raises:
        UsageError: It is none of them.
    """
    word = text.strip()
    if word.startswith(PREFIX):
        return CalVer.parse(word)
    return Evidence(word) if word in list(Evidence) else Bump.parse(word)


def spelled(version: Version, rule: BumpRule, given: str | None) -> str:
    """A version as files and tags have it: with the zeros of a calendar version, or of the text that a person gave.

    Args:
        version: The version; PEP 440 writes it without zeros.
        rule: The rule of its package.
        given: The version as a person gave it, if one did.
    """
    if given is not None and looks_padded(given) and _is(given, version):
        plain = ".".join(map(str, version.release))
        return str(version).replace(plain, release_text(given), 1)
    return rule.text(version) if isinstance(rule, CalVer) else str(version)


def _is(text: str, version: Version) -> bool:
    try:
        return Version(text) == version
    except InvalidVersion:
        return False


def development_version(version: Version, rule: BumpRule) -> Version | None:
    """The version of the work after a release: 1.2.5.dev0 after 1.2.4, 1.3.0rc2.dev0 after 1.3.0rc1.

    No day is invented: with calendar versions it is 2026.8.17.1.dev0 after 2026.8.17. The next bump leads from it to a
    release. None after a development version, which is one already.
    """
    if version.dev is not None:
        return None
    if version.pre is not None:
        next_one = Bump(parts=(_PHASES[version.pre[0]],)).next(version)
    elif isinstance(rule, CalVer):
        next_one = rule.counted(version)
    else:
        next_one = Bump(parts=(Part.PATCH,)).next(version)
    return Version(f"{next_one}.dev0")
