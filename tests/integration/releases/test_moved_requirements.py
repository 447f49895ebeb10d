"""Requirements in a release's commit: by what the index says of the upstream, and in the files that are meant."""

import asyncio
from pathlib import Path

import pytest
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import Index
from interlock.releases.requirements import DecisionError, Published, changed_files, published, repinned
from tests.support.projects import contents, project
from tests.support.universe import TinyIndex, make_sdist, make_wheel

CORE, V = "acme-core", Version("1.5.0")
OLD, NEW = "acme-core>=1.4; python_version < '3.9'", "acme-core>=1.4; python_version >= '3.9'"


def known_of(folder: Path, cache: Path) -> dict[str, Published]:
    """What an index with these files says of the upstream, and of a package that it has not."""

    async def asked() -> dict[str, Published]:
        async with open_index(Index(name="tiny", url=SecretStr(index.url), configured=True), cache) as opened:
            return dict(await published(opened, {CORE: V, "lost": V}))

    with TinyIndex(folder) as index:
        return asyncio.run(asked())


def test_lines_for_pythons_that_the_upstream_has_left_stay(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "files", CORE, "1.5.0", files={}, requires_python=">=3.9")
    known = known_of(wheel.parent, tmp_path / "cache")
    assert (known[CORE].python, len(known[CORE].hashes), known["lost"]) == (">=3.9", 1, Published())
    root = project(tmp_path / "app", {"pyproject.toml": f'[project]\ndependencies = ["{OLD}", "{NEW}"]\n'})
    (moved,) = repinned(root, "app", {CORE: V}, known)
    assert [change.before for change in moved.changes] == [NEW]
    assert "it is for Pythons that 1.5.0 is not for (it requires >=3.9)" in moved.remarks[0]


def test_a_version_of_which_the_index_says_nothing_moves_all(tmp_path: Path) -> None:
    sdist = make_sdist(tmp_path / "files", CORE, "1.5.0", {})
    known = known_of(sdist.parent, tmp_path / "cache")
    assert known[CORE].python == ""
    root = project(tmp_path / "app", {"requirements.txt": f"{OLD}\n{NEW}\nacme-core==1.4 --hash=sha256:{'a' * 64}\n"})
    (moved,) = repinned(root, "app", {CORE: V}, known)
    assert len(moved.changes) == 3
    assert known[CORE].hashes[0] in (root / "requirements.txt").read_text()


def test_of_a_link_the_file_that_it_leads_to_is_in_the_commit(tmp_path: Path) -> None:
    root = project(
        tmp_path / "app", {"config/pins.txt": "acme-core==1.4\n", "dev-requirements.txt": "acme-core==1.4\n"}
    )
    (root / "requirements.txt").symlink_to("config/pins.txt")
    (tmp_path / "link").symlink_to(root)
    moved = repinned(tmp_path / "link", "app", {CORE: V}, {})
    assert changed_files(tmp_path / "link", moved) == (Path("config/pins.txt"), Path("dev-requirements.txt"))
    assert set(contents(root).values()) == {b"acme-core==1.5.0\n"}


def test_a_source_that_contradicts_is_a_decision_and_nothing_is_written(tmp_path: Path) -> None:
    text = f'[project]\ndependencies = ["{NEW}"]\n[tool.uv.sources]\nacme-core = {{git = "x", tag = "v1.4.0"}}\n'
    root = project(tmp_path, {"pyproject.toml": text})
    with pytest.raises(
        DecisionError, match=r"app can't be moved to acme-core 1\.5\.0: pyproject\.toml:4: .*'v1\.4\.0'"
    ):
        repinned(root, "app", {CORE: V}, {})
    assert contents(root) == {"pyproject.toml": text.encode()}
