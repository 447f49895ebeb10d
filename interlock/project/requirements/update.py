"""Finds a repository's requirements on an upstream, and moves all of them or none to its new version."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypedDict

from packaging.utils import canonicalize_name
from packaging.version import Version

from interlock.common.sanitize import cut
from interlock.errors import BuildError
from interlock.model.requirements import written
from interlock.project.requirements.clauses import Edit, Moved, Outcome, Refused, apply
from interlock.project.requirements.location import File, Location
from interlock.project.requirements.mentions import NOT_EDITED
from interlock.project.requirements.models import Change, Declared, Refusal, Repin, Unchanged
from interlock.project.requirements.old_lines import Pythons, that_stay
from interlock.project.requirements.remarks import LONGEST_SHOWN, elsewhere, of_python
from interlock.project.requirements.requirements_files import rehashed
from interlock.project.requirements.sources import FLOATING
from interlock.project.requirements.tree import Tree

NO_HASHES = "it has hashes, and those of the new version's files are not known"
MIXED_HASHES = "something else stands between its hashes"


def declared(root: Path, upstream: str) -> tuple[Declared, ...]:
    """Every requirement on an upstream in a repository's files, in the order of the files.

    Raises:
        BuildError: A file is not valid.
    """
    locations = [each for file in Tree(root).requiring(canonicalize_name(upstream)) for each in file.locations]
    behind = that_stay(locations)
    return tuple(_declared(each, is_behind=each in behind) for each in locations if not each.wins)


def _declared(location: Location, *, is_behind: bool) -> Declared:
    known = None if location.range is None else written(location.range)
    return Declared(**_standing(location), named=location.named, range=known, is_behind=is_behind)


def repin(
    root: Path,
    upstream: str,
    version: Version,
    *,
    hashes: Mapping[str, Collection[str]] | None = None,
    python: str = "",
    top: Path | None = None,
) -> Repin:
    """Move a repository's requirements on an upstream to its new version; if one can't be moved, nothing is written.

    Args:
        root: The repository.
        upstream: Its name, in any form.
        version: The new version.
        hashes: SHA-256 of the new version's files by the upstream's canonical name, for files that list them.
        python: The Requires-Python of the new version, where it is known.
        top: The repository, where `root` is the folder of one of its projects. Nothing outside of `root` is written.

    Returns:
        What was done; with refusals, what would have been.

    Raises:
        BuildError: A file is not valid, or can't be written; nothing is changed then.
    """
    found, contents = _proposed(Tree(root, top), upstream, version, hashes or {}, python)
    if not found.refusals:
        _write(root, contents)
    return found


def proposed(
    root: Path,
    upstream: str,
    version: Version,
    *,
    hashes: Mapping[str, Collection[str]] | None = None,
    python: str = "",
    top: Path | None = None,
) -> Repin:
    """What `repin` would do; nothing is written.

    Raises:
        BuildError: A file is not valid.
    """
    return _proposed(Tree(root, top), upstream, version, hashes or {}, python)[0]


class _Judged(NamedTuple):
    """What becomes of a requirement, where it stands, and the edits of its file."""

    result: Change | Refusal | Unchanged
    location: Location
    edits: tuple[Edit, ...] = ()


def _proposed(
    tree: Tree, upstream: str, version: Version, hashes: Mapping[str, Collection[str]], python: str
) -> tuple[Repin, dict[Path, bytes]]:
    name = canonicalize_name(upstream)
    files, within = tuple(tree.requiring(name)), Pythons.of(tree.project, python)
    stay = that_stay([each for file in files for each in file.locations], version, within)
    digests = tuple(hashes.get(name, ()))
    by_file = [(f, [_judged(f, each, version, digests, stay) for each in f.locations]) for f in files]
    judged = [each for _, several in by_file for each in several]
    found = _summed(judged, version, stay)
    remarks = (
        *found.remarks,
        *(of_python(name, version, within) if found.changes else ()),
        *elsewhere(tree, files, name, version),
    )
    changed = [(file, several) for file, several in by_file if any(each.edits for each in several)]
    return found.model_copy(update={"remarks": remarks}), {f.path: _edited(several, f) for f, several in changed}


def _summed(judged: Iterable[_Judged], version: Version, stay: Collection[Location]) -> Repin:
    """What becomes of all requirements. What wins over them is in the way of one that moves, else worth a remark."""
    ours = [each for each in judged if not each.location.wins]
    changes = tuple(each.result for each in ours if isinstance(each.result, Change))
    wins = [each for each in judged if each.location.wins]
    in_the_way = [each for each in wins if changes and isinstance(each.result, Refusal)]
    return Repin(
        changes=changes,
        refusals=tuple(each.result for each in (*ours, *in_the_way) if isinstance(each.result, Refusal)),
        unchanged=tuple(each.result for each in ours if isinstance(each.result, Unchanged)),
        remarks=(
            *(str(each.result) for each in ours if each.location in stay and isinstance(each.result, Unchanged)),
            *(remark for each in wins if each not in in_the_way and (remark := _remark(each, version, changes))),
        ),
    )


def _remark(judged: _Judged, version: Version, changes: Collection[Change]) -> str | None:
    """What a person should know of what wins over requirements."""
    location, result = judged.location, judged.result
    has = f"{location.path.as_posix()}: {location.named} has {cut(location.text, LONGEST_SHOWN)}"
    if isinstance(result, Refusal):
        return f"{has}, {NOT_EDITED}"
    if changes and isinstance(result, Unchanged) and result.reason == FLOATING.reason:
        return f"{has}, which names no version: see whether it is {version}"
    return None


def _judged(
    file: File, location: Location, version: Version, digests: Collection[str], stay: Mapping[Location, Outcome]
) -> _Judged:
    outcome = stay.get(location) or location.move(version)
    if isinstance(outcome, Moved):
        return _moved(file, location, outcome.edits, digests)
    if isinstance(outcome, Refused):
        return _refused(location, outcome.reason)
    return _Judged(Unchanged(**_standing(location), reason=outcome.reason, admits=outcome.admits), location)


def _moved(file: File, location: Location, edits: tuple[Edit, ...], digests: Collection[str]) -> _Judged:
    assert location.start is not None  # else it is refused before
    hashed = rehashed(file.text, location.hashes, digests) if location.hashes and digests else None
    if location.hashes and hashed is None:
        return _refused(location, MIXED_HASHES if digests else NO_HASHES)
    shifted = tuple(edit.shifted(location.start) for edit in edits)
    change = Change(**_standing(location), after=apply(location.text, edits))
    return _Judged(change, location, (*shifted, hashed) if hashed else shifted)


def _refused(location: Location, reason: str) -> _Judged:
    return _Judged(Refusal(**_standing(location), reason=reason), location)


class _Standing(TypedDict):
    path: Path
    line: int
    requirement: str


def _standing(location: Location) -> _Standing:
    return {"path": location.path, "line": location.line, "requirement": location.text}


def _edited(judged: list[_Judged], file: File) -> bytes:
    moved = [(each.location, each.result.after) for each in judged if isinstance(each.result, Change)]
    return file.edited([edit for each in judged for edit in each.edits], moved).encode()


def _write(root: Path, contents: Mapping[Path, bytes]) -> None:
    """Write in place, so that files keep their modes and stay links; after a failure, all are as they were."""
    before = {path: (root / path).read_bytes() for path in contents}
    try:
        for path, content in contents.items():
            (root / path).write_bytes(content)
    except OSError as error:
        for each, content in before.items():
            if (root / each).read_bytes() != content:
                (root / each).write_bytes(content)
        raise BuildError(f"{path.as_posix()}: can't be written: {error.strerror}") from None
