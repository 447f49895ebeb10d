"""Finds a repository's requirements on an upstream, and moves all of them or none to its new version."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypedDict

from packaging.utils import canonicalize_name
from packaging.version import Version

from interlock.errors import BuildError
from interlock.model.requirements import written
from interlock.project.requirements.clauses import Edit, Moved, Refused, apply
from interlock.project.requirements.location import File, Location
from interlock.project.requirements.models import Change, Declared, Refusal, Repin, Unchanged
from interlock.project.requirements.project_files import other_versions, project_files
from interlock.project.requirements.requirements_files import rehashed, requirements_file, requirements_files
from interlock.project.version.project import Project

NO_HASHES = "it has hashes, and those of the new version's files are not known"
MIXED_HASHES = "something else stands between its hashes"


def declared(root: Path, upstream: str) -> tuple[Declared, ...]:
    """Every requirement on an upstream in a repository's files, in the order of the files.

    Raises:
        BuildError: A file is not valid.
    """
    return tuple(_declared(location) for file in _files(root, upstream) for location in file.locations)


def _declared(location: Location) -> Declared:
    specifier = None if location.hand else location.dialect.range(location.text)
    known = None if specifier is None else written(specifier)
    return Declared(**_standing(location), named=location.named, range=known)


def repin(root: Path, upstream: str, version: Version, *, hashes: Mapping[str, Collection[str]] | None = None) -> Repin:
    """Move a repository's requirements on an upstream to its new version; if one can't be moved, nothing is written.

    Args:
        root: The repository.
        upstream: Its name, in any form.
        version: The new version.
        hashes: SHA-256 of the new version's files by the upstream's canonical name, for files that list them.

    Returns:
        What was done; with refusals, what would have been.

    Raises:
        BuildError: A file is not valid, or can't be written; nothing is changed then.
    """
    found, contents = _proposed(root, upstream, version, hashes or {})
    if not found.refusals:
        _write(root, contents)
    return found


def proposed(
    root: Path, upstream: str, version: Version, *, hashes: Mapping[str, Collection[str]] | None = None
) -> Repin:
    """What `repin` would do; nothing is written.

    Raises:
        BuildError: A file is not valid.
    """
    return _proposed(root, upstream, version, hashes or {})[0]


class _Judged(NamedTuple):
    """What becomes of a requirement, where it stands, and the edits of its file."""

    result: Change | Refusal | Unchanged
    location: Location
    edits: tuple[Edit, ...] = ()


def _proposed(
    root: Path, upstream: str, version: Version, hashes: Mapping[str, Collection[str]]
) -> tuple[Repin, dict[Path, bytes]]:
    name = canonicalize_name(upstream)
    digests = tuple(hashes.get(name, ()))
    by_file = [(f, [_judged(f, location, version, digests) for location in f.locations]) for f in _files(root, name)]
    results = [each.result for _, judged in by_file for each in judged]
    found = Repin(
        changes=tuple(each for each in results if isinstance(each, Change)),
        refusals=tuple(each for each in results if isinstance(each, Refusal)),
        unchanged=tuple(each for each in results if isinstance(each, Unchanged)),
        remarks=tuple(other_versions(Project(root), name)),
    )
    changed = [(file, judged) for file, judged in by_file if any(each.edits for each in judged)]
    return found, {file.path: _edited(judged, file) for file, judged in changed}


def _files(root: Path, upstream: str) -> Iterator[File]:
    name, project = canonicalize_name(upstream), Project(root)
    yield from project_files(project, name)
    for path in requirements_files(project):
        yield requirements_file(path, project.read(path, bytes), name)


def _judged(file: File, location: Location, version: Version, digests: Collection[str]) -> _Judged:
    outcome = location.move(version)
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
