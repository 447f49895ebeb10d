"""Poetry's own ways of writing a range: `^1.2`, `~1.2`, `1.2.3`, `1.2.*` and `*`, beside PEP 440's."""

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from interlock.project.requirements.clauses import Edit, KeptClause, Moved, Outcome, Refused, clauses_of, cut, move
from interlock.project.requirements.pep508 import LONGEST

# A version, or a prefix; anything else that is not PEP 440's is not guessed at.
SINGLE = re.compile(r"\s*(?P<sign>\^|~(?!=)|)\s*(?P<version>[0-9][0-9A-Za-z.!+-]*(?:\.\*)?)\s*")


def move_constraint(text: str, version: Version) -> Outcome:
    """What has to change in a constraint of Poetry so that it asks for at least a version."""
    specifier = constraint_specifier(text)
    if specifier is None:
        return Refused(f'"{text}" is not one of the forms that can be moved for certain')
    if text.strip() == "*":
        return KeptClause("no lower bound to move", admits=True)
    found = SINGLE.fullmatch(text)
    if found is None:
        return move(text, version)
    span = found.span("version")
    if found["sign"]:
        return _within(text.strip(), Version(found["version"]), specifier, Version(version.public), span)
    return _exact(found["version"], version, span)


def constraint_specifier(text: str) -> SpecifierSet | None:
    """A constraint of Poetry in PEP 440; None when it is not one of the forms that are known for certain."""
    if text.strip() == "*":
        return SpecifierSet()
    if len(text) > LONGEST:
        return None
    try:
        if found := SINGLE.fullmatch(text):
            sign, version = found["sign"], found["version"]
            return SpecifierSet(_range(sign, Version(version)) if sign else f"=={version}")
        # PEP 440's clauses, separated by commas; Poetry also takes spaces and `||`.
        return SpecifierSet(text) if all(len(clauses_of(part)) == 1 for part in text.split(",")) else None
    except (InvalidVersion, InvalidSpecifier):
        return None


def marker_text(value: object) -> str:
    """The environments that a dependency of Poetry is for, as a marker; empty for all."""
    table = value if isinstance(value, dict) else {}
    python, platform, markers = (table.get(key) for key in ("python", "platform", "markers"))
    parts = [_python_marker(python) if isinstance(python, str) else ""]
    parts += [f'sys_platform == "{platform}"' if isinstance(platform, str) and platform.isalnum() else ""]
    parts += [f"({markers})" if isinstance(markers, str) and markers.strip() else ""]
    return " and ".join(filter(None, parts))


def _python_marker(text: str) -> str:
    """A constraint on Python; `||` stands between ranges of which any may hold."""
    ranges = [constraint_specifier(each.strip()) for each in text.split("||")]
    parts = [[f'python_full_version {each.operator} "{each.version}"' for each in one or ()] for one in ranges]
    joined = [f"({' and '.join(part)})" for part in parts]
    return f"({' or '.join(joined)})" if all(parts) else ""


def _range(sign: str, version: Version) -> str:
    """Poetry's caret keeps the first component that is not 0, of the first three; its tilde keeps the minor one."""
    release = version.release[:3]
    kept = (
        min(2, len(release)) if sign == "~" else next((at for at, part in enumerate(release, 1) if part), len(release))
    )
    cap = Version(f"{version.epoch}!{'.'.join(map(str, (*release[: kept - 1], release[kept - 1] + 1)))}")
    return f">={version},<{cap}"


def _within(text: str, bound: Version, specifier: SpecifierSet, version: Version, span: tuple[int, int]) -> Outcome:
    """Move within what a caret or tilde allows; with as many components, it allows the same."""
    admitted = specifier.contains(version, prereleases=True)
    if bound >= version:
        return KeptClause(f"already at {text}" if admitted else f"already beyond {version}: {text}", admitted)
    if not admitted:
        return Refused(f'"{text}" excludes {version} (it means {specifier})')
    moved = cut(version, len(bound.release))
    if Version(moved) <= bound:
        return KeptClause(f"{text} says no more of it", admits=True)
    return Moved((Edit(*span, moved),))


def _exact(text: str, version: Version, span: tuple[int, int]) -> Outcome:
    """Move a version without a sign, which admits itself alone."""
    outcome = move(f"=={text}", version)
    if isinstance(outcome, Moved):
        return Moved((Edit(*span, outcome.edits[0].text),))
    return outcome
