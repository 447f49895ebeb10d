"""Requirements in `requirements*.txt` and `constraints*.txt`, as pip reads them."""

import itertools
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from interlock.common.configuration_files import LARGEST
from interlock.common.locate import line_at
from interlock.project.requirements.clauses import Edit
from interlock.project.requirements.location import File, Location
from interlock.project.requirements.pep508 import head_of, is_valid, required_name
from interlock.project.version.project import Project

PATTERNS = ("requirements*.txt", "requirements*.in", "constraints*.txt", "requirements/*.txt", "requirements/*.in")
# Anywhere in a tree, where Python's usual tools write, or are told to look.
NAMED = re.compile(r"(?i)requirements|constraints")
FOREIGN = frozenset({"fixtures", "data", "testdata", "vendor", "_vendor", "vendored", "third_party", "templates"})
INCLUDED = re.compile(r"\s*(?:-[rc]\s*|--(?:requirement|constraint)(?:\s+|=))(?P<path>[^\s:]+)\s*$")
# What uv reads by `-r` beside requirements files.
NOT_LINES = frozenset({".toml", ".py", ".cfg", ".lock"})
MOST_FOLLOWED = 500
SETUP_CFG_SECTIONS = ("options", "options.extras_require")
COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
CONTINUED = re.compile(r"\\(?=\r?\n|\Z)|[\r\n\ufeff]")
# From the first blank on alone: else the time for a line of blanks grows with the square of its length.
OPTIONS = re.compile(r"(?<!\s)\s+--?[A-Za-z]")
HASH = re.compile(r"(?P<option>--hash(?:=|\s+))[A-Za-z0-9]+:[0-9A-Fa-f]+")
EGG = re.compile(r"#egg=([A-Za-z0-9._-]+)")
BETWEEN = "\\ \t\r\n"
NOT_TEXT = "the file is not in UTF-8: save it so"
URL = "it names a URL, which has to be changed by hand"


class RequirementLine(NamedTuple):
    """A logical line.

    Attributes:
        start: Its position in the file's text.
        text: Its text as it is.
        plain: The same, as long, with blanks for comments and for continuations.
    """

    start: int
    text: str
    plain: str


def requirements_files(project: Project, tree: Iterable[Path]) -> dict[Path, bool]:
    """A repository's requirements files, and whether tools are known to read each, by their order.

    Known are those with a usual name in a usual place, those that settings of a build back end name, and those that
    another one names by `-r` or `-c`. Others have such a name anywhere in the tree, as a text about requirements may.

    Args:
        project: The repository.
        tree: Its files, relative to it.
    """
    root = project.root
    usual = {path.relative_to(root) for pattern in PATTERNS for path in root.glob(pattern)}
    known = filter(project.has, usual | set(map(Path, _named_by_settings(project))))
    named_so = (path for path in tree if _is_named_so(path) and _is_small(project, path))
    found = dict.fromkeys(itertools.islice(named_so, MOST_FOLLOWED), False)
    found |= dict.fromkeys(known, True)
    todo = list(found)
    while todo and len(found) < MOST_FOLLOWED:
        for target in _led_to(project, todo.pop()):
            todo += [] if target in found else [target]
            found[target] = True
    return dict(sorted(found.items()))


def _named_by_settings(project: Project) -> Iterator[str]:
    """By those of setuptools, and of https://github.com/repo-helper/hatch-requirements-txt."""
    dynamic, hook = ("tool", "setuptools", "dynamic"), ("tool", "hatch", "metadata", "hooks", "requirements_txt")
    yield from (*project.names(*dynamic, "dependencies", "file"), *project.names(*hook, "files"))
    yield from project.names(*hook, "filename")
    for table, file in ((dynamic, ("file",)), (hook, ())):
        extras = project.get(*table, "optional-dependencies")
        for extra in extras if isinstance(extras, dict) else ():
            yield from project.names(*table, "optional-dependencies", extra, *file)
    sections = (project.setup_cfg[name] for name in project.setup_cfg if name in SETUP_CFG_SECTIONS)
    for value in (value for section in sections for value in section.values() if value.startswith("file:")):
        yield from re.split(r"[,\s]+", value.removeprefix("file:").strip())


def _is_named_so(path: Path) -> bool:
    if not FOREIGN.isdisjoint(path.parts[:-1]) or path.suffix not in {".txt", ".in"}:
        return False
    return bool(NAMED.search(path.name) or (path.parent.name and NAMED.search(path.parent.as_posix())))


def _is_small(project: Project, path: Path) -> bool:
    try:
        return project.has(path) and project.holds(path) and (project.root / path).stat().st_size <= LARGEST
    except OSError:
        return False


def _led_to(project: Project, path: Path) -> Iterator[Path]:
    """The files in the repository that a requirements file names by `-r` and `-c`, relative to it as pip has them."""
    text = project.read(path, bytes).decode("utf-8", "replace")
    named = (found["path"] for line in _lines(text) if (found := INCLUDED.match(line.plain)))
    for name in itertools.islice(named, MOST_FOLLOWED):
        target = Path(os.path.normpath(path.parent / name.strip("\"'")))
        if target.suffix not in NOT_LINES and _is_small(project, target):
            yield target


def requirements_file(path: Path, content: bytes, upstream: str, *, known: bool = True) -> File:
    """A file with its requirements on the upstream; if it is not known to be read by tools, its valid ones."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return File(path, "", tuple(_unreadable(path, content, upstream)))
    found = filter(None, (_location(path, text, line, upstream) for line in _lines(text)))
    return File(path, text, tuple(each for each in found if known or each.hand or is_valid(each.text)))


def _unreadable(path: Path, content: bytes, upstream: str) -> Iterator[Location]:
    """The requirements in a file that is not UTF-8, which matters only if it names the upstream."""
    text = content.decode("utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "latin-1", "replace")
    for line in _lines(text):
        if required_name(head_of(_required(line.plain))) == upstream:
            yield Location(path, line_at(text, line.start), path.name, line.text.strip(), None, hand=NOT_TEXT)


def _lines(text: str) -> Iterator[RequirementLine]:
    """Logical lines: a backslash at the end of one joins the next, unless it is a comment."""
    start, pieces = 0, list[str]()
    for physical in text.splitlines(keepends=True):
        pieces.append(physical)
        comment = physical.lstrip("\ufeff \t").startswith("#")
        if comment or not physical.rstrip("\r\n").endswith("\\"):
            yield _line(start, pieces)
            start, pieces = start + sum(map(len, pieces)), []
    if pieces:
        yield _line(start, pieces)


def _line(start: int, pieces: list[str]) -> RequirementLine:
    text = "".join(pieces)
    # As in pip, a comment ends where the joined line ends.
    return RequirementLine(start, text, COMMENT.sub(lambda found: " " * len(found[0]), CONTINUED.sub(" ", text)))


def _required(plain: str) -> str:
    """A line's requirement, without the options that follow it; as long as what stands there."""
    options = OPTIONS.search(plain)
    return (plain[: options.start()] if options else plain).rstrip()


def _location(path: Path, text: str, line: RequirementLine, upstream: str) -> Location | None:
    egg = EGG.search(line.text)
    if egg and canonicalize_name(egg[1]) == upstream and not line.text.lstrip().startswith("#"):
        return Location(path, line_at(text, line.start), path.name, line.text.strip(), None, hand=URL)
    requirement = _required(line.plain)
    if required_name(head_of(requirement)) != upstream:
        return None
    indent = len(requirement) - len(requirement.lstrip())
    start = line.start + indent
    hashes = tuple(
        Edit(line.start + found.start(), line.start + found.end(), found["option"])
        for found in HASH.finditer(line.plain)
    )
    return Location(path, line_at(text, start), path.name, requirement[indent:], start, hashes=hashes)


def rehashed(text: str, hashes: tuple[Edit, ...], digests: Collection[str]) -> Edit | None:
    """The hashes of a requirement's files, replaced in the file's own form.

    Args:
        text: The file's text.
        hashes: Where they stand now, with the option that each is written with.
        digests: SHA-256 of the new files, in hexadecimal.

    Returns:
        The one edit; None when something else stands between the hashes.
    """
    gaps = [text[before.end : after.start] for before, after in itertools.pairwise(hashes)]
    if any(gap.strip(BETWEEN) for gap in gaps):
        return None
    first = hashes[0]
    before_it = text[: first.start]
    gap = gaps[0] if gaps else before_it[len(before_it.rstrip(BETWEEN)) :]
    written = gap.join(f"{first.text}sha256:{digest}" for digest in sorted(set(digests)))
    return Edit(first.start, hashes[-1].end, written)
