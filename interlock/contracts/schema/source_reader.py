"""Reads what a Python file uses of other modules, without running it. Pure.

An approximation without scopes: a name means whatever is imported under it anywhere in the file.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from interlock.common import python_source


@dataclass(frozen=True, kw_only=True)
class FileUse:
    """What a file uses.

    Attributes:
        bound: What is imported, by its name in the file: `{"Level": "core.telemetry.Level"}`.
        imported: The dotted names in its import statements.
        used: These, and every chain of attributes that starts at an imported name: `core.telemetry.Level.soft`.
        stars: Modules from which everything is imported.
        names: Every name in the file, to match with `stars`.
        texts: Every text.
        compared: Texts that are compared with something, or that are keys.
    """

    bound: Mapping[str, str]
    imported: frozenset[str]
    used: frozenset[str]
    stars: frozenset[str]
    names: frozenset[str]
    texts: frozenset[str]
    compared: frozenset[str]


def read_file(source: bytes, module: str, *, is_package: bool = False) -> FileUse | None:
    """What a file uses; None when it can't be parsed.

    Args:
        source: Its content.
        module: Its dotted name, by which relative imports are resolved.
        is_package: Whether it is the `__init__.py` of that name.
    """
    try:
        nodes = tuple(ast.walk(python_source.parse(source)))
    except SyntaxError:
        return None
    package = module if is_package else module.rpartition(".")[0]
    statements = [each for node in nodes for each in _imports(node, package)]
    bound = {name: target for name, target in statements if name != "*"}
    stars = {target.removesuffix(".*") for name, target in statements if name == "*"}
    # `import a.b` binds `a`, and imports `a.b`.
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported = {target for name, target in statements if name != "*"} | whole
    return FileUse(
        bound=bound,
        imported=frozenset(imported),
        used=frozenset(imported | {chain for node in nodes if (chain := _chain(node, bound))}),
        stars=frozenset(stars),
        names=frozenset(node.id for node in nodes if isinstance(node, ast.Name)),
        texts=frozenset(_texts(nodes)),
        compared=frozenset(text for node in nodes for text in _texts(_compared(node))),
    )


def _imports(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """Pairs of a name and what it stands for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
    elif isinstance(node, ast.ImportFrom):
        module = _absolute(node, package)
        yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in node.names)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module of a `from` statement; each dot beyond the first goes one package up."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _chain(node: ast.AST, bound: Mapping[str, str]) -> str | None:
    """The dotted name of an attribute of an attribute … of something imported."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not names or not isinstance(node, ast.Name) or node.id not in bound:
        return None
    return ".".join([bound[node.id], *reversed(names)])


def _compared(node: ast.AST) -> tuple[ast.AST, ...]:
    """The operands of a comparison, or the keys of a look-up or dictionary."""
    match node:
        case ast.Compare(left=left, comparators=others):
            return tuple(each for one in (left, *others) for each in (one, *getattr(one, "elts", ())))
        case ast.MatchValue(value=value) | ast.Subscript(slice=value):
            return (value,)
        case ast.Dict(keys=keys):
            return tuple(key for key in keys if key is not None)
    return ()


def _texts(nodes: tuple[ast.AST, ...]) -> Iterator[str]:
    return (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
