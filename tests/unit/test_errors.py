"""The tree of errors, as its docstring draws it."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from interlock import errors
from tests.support.paths import ROOT

PRODUCT = [path for path in sorted(ROOT.glob("[!.]*/**/*.py")) if not path.is_relative_to(ROOT / "tests")]


@cache
def classes() -> dict[str, tuple[str, int | None]]:
    """Every class with one base of the modules that define errors, as its base and the exit code that it sets."""
    contents = (path.read_bytes() for path in PRODUCT)
    trees = [ast.parse(content) for content in contents if re.search(rb"^class \w+Error\(", content, re.MULTILINE)]
    nodes = (node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    return {node.name: (ast.unparse(node.bases[0]), code(node)) for node in nodes if len(node.bases) == 1}


def code(node: ast.ClassDef) -> int | None:
    """The exit code that a class sets; None when it has its base's."""
    for line in node.body:
        if isinstance(line, ast.Assign | ast.AnnAssign) and "exit_code" in ast.unparse(line).partition("=")[0]:
            return ast.literal_eval(line.value) if line.value else None
    return None


def drawn(name: str, number: int | None, depth: int = 0) -> Iterator[str]:
    """A class and all that are derived from it, a line each."""
    yield f"{'    ' * depth}{name}{'' if number is None else f' ({number})'}"
    for other, (base, its_number) in sorted(classes().items(), key=lambda item: (item[1][1] or 0, item[0])):
        if base == name:
            yield from drawn(other, its_number, depth + 1)


def test_the_docstring_draws_every_error_of_the_product_with_its_exit_code() -> None:
    tree = [f"    {line}" for line in drawn("InterlockError", errors.InterlockError.exit_code)]
    assert [line for line in str(errors.__doc__).splitlines() if line.startswith("    ")] == tree


def test_every_exit_code_of_an_error_is_documented_and_means_one_thing() -> None:
    codes = [int(number) for number in re.findall(r"\((\d+)\)", "\n".join(drawn("InterlockError", 70)))]
    documented = re.findall(r"^\| (\d+) \|", (ROOT / "docs/exit-codes.md").read_text("utf-8"), re.MULTILINE)
    assert len(codes) == len(set(codes))
    assert set(map(str, codes)) < set(documented)
