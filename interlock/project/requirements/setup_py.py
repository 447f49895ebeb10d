"""Requirements in a `setup.py`: texts in the lists that `setup(...)` is given, found without running anything."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from interlock.common import python_source
from interlock.project.requirements.location import File, Location
from interlock.project.requirements.pep508 import head_of, required_name, specifier_of

KEYWORDS = frozenset({"install_requires", "extras_require", "tests_require", "setup_requires"})
OPENING = re.compile(rb"[rRuU]?(\"\"\"|'''|\"|')")
COMPARED = re.compile("[<>=!~]")
IN_CODE = "it stands in code that setup() is not seen to take as a list: write it into pyproject.toml"
MOST_STEPS = 10_000


class Listed(NamedTuple):
    """A text in a list of requirements.

    Attributes:
        named: The keyword of `setup(...)`, and the extra.
        only_where: The marker in the name of an extra, as in `":python_version < '3.9'"`.
        hand: Why only a person can change it, if that is so.
    """

    node: ast.Constant
    named: str
    only_where: str
    hand: str | None = None


def setup_py_file(path: Path, content: bytes, upstream: str) -> File:
    """A `setup.py` with its requirements on the upstream; if it can't be read, the build will say so.

    Texts elsewhere in its code that are requirements on the upstream are for a person.
    """
    try:
        tree = python_source.parse(content)
    except SyntaxError:
        return File(path, "", ())
    listed = {id(each.node): each for each in _listed(tree)} if _is_utf_8(content) else {}
    lines = [0, *accumulate(map(len, content.splitlines(keepends=True)))]
    found = tuple(
        _location(path, content, lines, at, listed.get(id(node)) or Listed(node, path.name, "", IN_CODE))
        for at, node in enumerate(_texts(tree))
        if _requires(str(node.value), upstream, is_listed=id(node) in listed)
    )
    return File(path, content.decode(errors="replace"), found, _values)


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _requires(text: str, upstream: str, *, is_listed: bool) -> bool:
    """Whether a text, or a line of it, is a requirement on the upstream with a version; in a list, or begins one."""
    lines = [line for line in text.splitlines() if required_name(head_of(line)) == upstream]
    return any(specifier_of(line) or "@" in line or (is_listed and COMPARED.search(head_of(line))) for line in lines)


def _location(path: Path, content: bytes, lines: list[int], at: int, listed: Listed) -> Location:
    start = None if listed.hand else _start(content, lines, listed.node)
    return Location(
        path=path,
        line=listed.node.lineno,
        named=listed.named,
        text=str(listed.node.value),
        start=None if start is None else len(content[:start].decode()),
        keys=(at,),
        hand=listed.hand,
        only_where=listed.only_where,
    )


def _texts(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node


def _values(text: str) -> object:
    """All texts in a module, in the order of its tree."""
    return [node.value for node in _texts(python_source.parse(text.encode()))]


def _start(content: bytes, lines: list[int], node: ast.Constant) -> int | None:
    """The position of a text's first byte; None when it is written with escapes or in pieces."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    begin, end = lines[node.lineno - 1] + node.col_offset, lines[node.end_lineno - 1] + node.end_col_offset
    opening = OPENING.match(content, begin)
    if opening is None:
        return None
    value = str(node.value).encode()
    is_plain = content[opening.end() : end - len(opening[1])] == value
    return opening.end() if is_plain else None


def _listed(tree: ast.Module) -> Iterator[Listed]:
    """The texts in the lists that `setup(...)` is given, directly or by a name that is bound once to such a list."""
    bound = _bound_once(tree)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _name(call.func) == "setup":
            for keyword in call.keywords:
                if keyword.arg in KEYWORDS:
                    yield from _below(keyword.value, keyword.arg, bound)


def _name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _bound_once(tree: ast.Module) -> dict[str, ast.expr]:
    """The names that a module's top level assigns, and nothing else in the module does."""
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    stored = Counter(node.id for node in names if isinstance(node.ctx, ast.Store))
    bound = dict[str, ast.expr]()
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if stored[name] == 1:
                bound[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if stored[name] == 1:
                bound[name] = value
    return bound


def _below(value: ast.expr, keyword: str, bound: dict[str, ast.expr]) -> Iterator[Listed]:
    todo, steps = [(value, keyword, "")], 0
    while todo and steps < MOST_STEPS:
        steps += 1
        node, named, marker = todo.pop()
        match node:
            case ast.Constant(value=str()):
                yield Listed(node, named, marker)
            case ast.Dict():
                todo += [(each, *_extra(key, keyword)) for key, each in zip(node.keys, node.values, strict=True)]
            case ast.JoinedStr() | ast.BinOp(op=ast.Mod()) | ast.Call():  # a text that is made of several
                parts = (each for each in ast.walk(node) if isinstance(each, ast.Constant))
                yield from (Listed(each, named, marker, IN_CODE) for each in parts)
            case _:
                todo += [(each, named, marker) for each in _elements(node, bound)]


def _elements(node: ast.expr, bound: dict[str, ast.expr]) -> list[ast.expr]:
    """What a list holds, however it is written."""
    match node:
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return elements
        case ast.Starred(value=inner):
            return [inner]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return [left, right]
        case ast.Name(id=name) if name in bound:
            return [bound[name]]
        case _:
            return []


def _extra(key: ast.expr | None, keyword: str) -> tuple[str, str]:
    """The name of an extra, and the marker that setuptools lets stand behind a colon in it."""
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return keyword, ""
    extra, _, marker = key.value.partition(":")
    return f"{keyword}.{extra}" if extra else keyword, marker
