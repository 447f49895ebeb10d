"""The version and the name in a `setup.py`, as far as they can be known without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from interlock.errors import BuildError
from interlock.project.version.forms import read_as
from interlock.project.version.own_packages import version_modules
from interlock.project.version.project import SETUP_PY, Project
from interlock.project.version.python_names import followed, value_in
from interlock.project.version.readers import assignments, parse_python, setup_keyword, setup_keywords, whole_text
from interlock.project.version.source import InFile

LONGEST_PATH = 200
NAMES = ("__version__", "VERSION", "version")


def setup_py_value(project: Project, keyword: str) -> InFile | None:
    """Where a keyword of `setup()` has its text; None when it is not given.

    A name is followed to its literal. A version that is read by code, as by a regular expression, is the literal in the
    one file that `setup.py` names and that has one. The build shows whether this is right: it must give the version
    that was written there.

    Raises:
        BuildError: `setup.py` can't be read.
    """
    keywords = project.read(SETUP_PY, setup_keywords) if project.has(SETUP_PY) else {}
    if keyword not in keywords:
        return None
    plain, value = InFile(SETUP_PY, keyword, setup_keyword(keyword)), keywords[keyword]
    if isinstance(value, ast.Constant):
        return plain
    tree = project.read(SETUP_PY, parse_python)
    found = value_in(project, SETUP_PY, tree, value)
    if found is None and keyword == "version":
        found = _read_by_code(project, tree)
    return found or plain


def _read_by_code(project: Project, tree: ast.Module) -> InFile | None:
    found = list(dict.fromkeys(path for path in _named_files(project, tree) if _literal_in(project, path)))
    return _literal_in(project, found[0]) if len(found) == 1 else None


def _named_files(project: Project, tree: ast.Module) -> Iterator[Path]:
    """The files that texts in `setup.py` name: by their path, or, of the project's modules, by their name alone."""
    texts = {"/".join(parts) for node in ast.walk(tree) if (parts := _parts(node))}
    names = {text.removeprefix("./") for text in texts if 0 < len(text) <= LONGEST_PATH and "\0" not in text}
    for path in version_modules(project):
        if path.name in names:
            yield path
    for path in sorted(map(Path, names)):
        if not path.is_absolute() and path != SETUP_PY and project.has(path) and project.holds(path):
            yield path


def _parts(node: ast.AST) -> list[str]:
    """A text, or the texts that a call joins, or that stand between `/`: the parts of a path, or of nothing."""
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.Call(args=args):
            return [each.value for each in args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=str() as text)):
            return [*(_parts(left) if isinstance(left, ast.BinOp) else []), text]
    return []


def _literal_in(project: Project, path: Path) -> InFile | None:
    if path.suffix != ".py":
        return _whole(project, path)
    try:
        tree = project.read(path, parse_python)
    except BuildError:
        return None
    name = next((name for name in NAMES if list(assignments(tree, name))), None)
    found = followed(project, path, name) if name else None
    return found if found and _is_readable(project, found) else None


def _whole(project: Project, path: Path) -> InFile | None:
    found = InFile(path, "its text", whole_text)
    return found if _is_readable(project, found) else None


def _is_readable(project: Project, source: InFile) -> bool:
    try:
        return read_as(source.form, project.read(source.path, source.reader)) is not None
    except BuildError:
        return False
