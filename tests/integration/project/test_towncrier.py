"""Fragments are moved by towncrier itself, in the sandbox; a towncrier of a few lines stands for it here."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr

from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import Index
from interlock.adapters.uv import Uv
from interlock.errors import RefusedError, UnbuildableError
from interlock.project.changelog import Release
from interlock.project.changelog.towncrier import build_changelog, uses_towncrier
from interlock.project.version.project import Project
from tests.support.universe import Universe, make_wheel, open_universe

RELEASE = Release("1.3.0", date(2026, 5, 7), "v1.3.0")
# What the project's own template would do, too.
TOWNCRIER = """\
import os, sys, tomllib
from pathlib import Path

assert sys.argv[1:3] == ["build", "--yes"], sys.argv
_, version, _, day = sys.argv[3:]
settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["towncrier"]
exec(settings.get("template", ""))
fragments = sorted(Path(settings["directory"]).glob("*.feature"))
news = Path("CHANGES.rst")
title = f"acme {version} ({day})"
lines = [title, "=" * len(title), *(f"- {each.read_text().strip()}" for each in fragments), "", news.read_text()]
news.write_text("\\n".join(lines))
for each in fragments:
    each.unlink()
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    with open_universe(tmp_path_factory.mktemp("towncrier")) as opened:
        make_wheel(opened.folder, "towncrier", "25.0", files={"towncrier/__main__.py": TOWNCRIER})
        yield opened


def project(root: Path, template: str = "") -> Path:
    files = {
        "pyproject.toml": f"[tool.towncrier]\ndirectory = 'changes'\ntemplate = '''{template}'''\n",
        "CHANGES.rst": "acme 1.2.3 (2024-01-01)\n=======================\n- old\n",
        "changes/12.feature": "new\n",
        "changes/README": "about\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def built(root: Path, url: str) -> list[str]:
    async def building() -> tuple[Path, ...]:
        async with open_index(Index(name="tiny", url=SecretStr(url), configured=True), root.parent / "uv") as opened:
            uv = Uv({"UV_DEFAULT_INDEX": url}, root.parent / "uv/environments", opened)
            return await build_changelog(root, RELEASE, environments=uv, interpreter=await uv.own_interpreter())

    return [path.relative_to(root).as_posix() for path in asyncio.run(building())]


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_fragments_become_the_section_of_the_version(index: Universe, tmp_path: Path) -> None:
    root = project(tmp_path / "root")

    assert uses_towncrier(Project(root))
    assert built(root, index.url) == ["CHANGES.rst", "changes/12.feature"]
    assert (root / "CHANGES.rst").read_text().startswith("acme 1.3.0 (2026-05-07)\n=======================\n- new\n")
    assert sorted(contents(root)) == ["CHANGES.rst", "changes/README", "pyproject.toml"]


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("raise SystemExit('no fragments')", "can't make the changelog: no fragments"),
        ("Path('src.py').write_text('x')", "changes one file, its changelog, and here: CHANGES.rst, src.py"),
        ("news = Path('CHANGES.rst'); news.unlink(); os.mkfifo('pipe')", "can't make the changelog|can't be read"),
        ("import socket; socket.create_connection(('127.0.0.1', PORT), 5)", "can't make the changelog"),
    ],
)
def test_what_else_a_template_does_is_refused_and_changes_nothing(
    template: str, why: str, index: Universe, tmp_path: Path
) -> None:
    root = project(tmp_path / "root", template.replace("PORT", index.url.rpartition(":")[2].partition("/")[0]))
    before = contents(root)

    with pytest.raises(RefusedError, match=why):
        built(root, index.url)
    assert contents(root) == before


def test_an_index_without_it_is_named(tmp_path: Path) -> None:
    root = project(tmp_path / "root")
    before = contents(root)

    with (
        open_universe(tmp_path / "index") as empty,
        pytest.raises(UnbuildableError, match="the index has no towncrier"),
    ):
        built(root, empty.url)
    assert contents(root) == before
