"""The layout of the code, as docs/architecture.md and pyproject.toml describe it."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGES = ("interlock", "rehearsal", "blocks", "flows", "deployments")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
# Names that the code had for its roles before; each has a word of the field now.
OLD_NAMES = re.compile(
    r"\b(Desk|Yard|Stand|Bench|Workshop|Doors|Course|Follower|Broom|Shelf|Journal|Moment|Untold|Unheard|Hearing|Arrival"
    r"|Reception|Bodies|Knocker|Errand|Hunt|Tally|Occasion|MemoryLedger)\b"
)


def modules(*roots: str) -> Iterator[Path]:
    for root in roots:
        yield from (path for path in (ROOT / root).rglob("*.py") if not {"families", "__pycache__"} & set(path.parts))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def wing(module: str) -> str:
    return ".".join(module.split(".")[:2]) if module.startswith("interlock.") else module.split(".", maxsplit=1)[0]


def edges() -> set[tuple[str, str]]:
    """Each wing with each other wing that it imports."""
    known = {name_of(path) for path in modules(*PACKAGES)}
    found: set[tuple[str, str]] = set()
    for path in modules(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            targets: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.module:
                targets = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            for target in targets:
                module = target if target in known else target.rpartition(".")[0]
                if module in known:
                    found.add((wing(name_of(path)), wing(module)))
    return {(one, other) for one, other in found if other not in {one, "interlock"}}


def test_the_domain_has_at_most_fourteen_entries() -> None:
    entries = {path.name for path in (ROOT / "interlock").iterdir() if path.name != "__pycache__"}
    assert len(entries) <= 14, sorted(entries)


def test_fewer_than_a_hundred_edges_lead_from_wing_to_wing() -> None:
    assert len(edges()) < 100, sorted(edges())


def test_the_documents_list_the_wings_in_the_order_of_their_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract.get("containers") == ["interlock"])
    listed = re.findall(r"^\| `interlock/(\w+)(?:\.py|/)` \|", ARCHITECTURE, re.MULTILINE)
    ranks = {name: rank for rank, layer in enumerate(layers) for name in re.findall(r"\w+", layer)}
    assert sorted(listed) == sorted(ranks)
    assert listed == sorted(listed, key=ranks.__getitem__)


def folders() -> list[str]:
    found = {path.parent for path in modules(*PACKAGES)}
    return sorted(f"{path.relative_to(ROOT).as_posix()}/" for path in found if "migrations" not in path.parts)


@pytest.mark.parametrize("folder", folders())
def test_the_map_has_every_folder(folder: str) -> None:
    assert re.search(rf"^\| `{folder}` \|", ARCHITECTURE, re.MULTILINE), (
        f"docs/architecture.md has no line for {folder}"
    )


def test_the_map_names_only_what_is_there() -> None:
    for folder, start in re.findall(r"^\| `([\w/.]+)` \| (?:`([\w./]+)`)?", ARCHITECTURE, re.MULTILINE):
        assert (ROOT / folder).exists(), folder
        assert not start or (ROOT / folder / start).exists(), f"{folder}{start}"


def test_no_role_has_a_name_of_before() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in modules(*PACKAGES, "tests", "benchmarks")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if OLD_NAMES.search(line)
    ]
    assert found == []


def test_no_test_module_imports_another() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {node.module}"
        for path in modules("tests")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and re.search(r"(^|\.)test_", node.module or "")
    ]
    assert found == []


def test_files_and_functions_stay_small() -> None:
    long_files = [path for path in modules(*PACKAGES) if len(path.read_text("utf-8").splitlines()) > 500]
    lengths = sorted(
        (node.end_lineno or 0) - node.lineno + 1
        for path in modules(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert long_files == []
    assert lengths[len(lengths) // 2] < 10
    assert lengths[len(lengths) * 9 // 10] < 30
