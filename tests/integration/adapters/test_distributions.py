import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import Tag, compatible_tags, cpython_tags, parse_tag

from interlock.adapters.distributions import Wheel, modules_importing, read_wheel, sdist_files
from interlock.errors import DistributionError
from interlock.model.lockfile import choose_wheel
from tests.support.universe import make_sdist, make_wheel

FILES = {"core/__init__.py": "x = 1", "core/data.json": "{}"}
ENTRY = "[console_scripts]\ncore = core:main\n"


def wheel(folder: Path, version: str = "1.0", files: Mapping[str, str] = FILES, **settings: object) -> Wheel:
    return read_wheel(make_wheel(folder, "Core.Lib", version, files=files, **settings))  # type: ignore[arg-type]


def test_a_wheels_facts_are_read(tmp_path: Path) -> None:
    found = wheel(tmp_path, requires=["Click>=8", 'x; extra == "y"'], requires_python=">=3.9")
    assert (found.name, str(found.version), found.requires_python) == ("core-lib", "1.0", ">=3.9")
    assert found.requires == ("Click>=8", 'x; extra == "y"')
    assert found.path.name == "core_lib-1.0-py3-none-any.whl"


def test_what_only_names_the_version_is_not_content(tmp_path: Path) -> None:
    plain = wheel(tmp_path / "a")
    other = wheel(tmp_path / "b", "2.0rc1", requires=["click"], requires_python=">=3.9", tag="py2.py3-none-any")
    assert other.content == plain.content
    licensed = wheel(tmp_path / "c", files={**FILES, "core_lib-1.0.dist-info/licenses/LICENSE": "free"})
    assert licensed.content == plain.content


def test_the_order_of_files_is_not_content(tmp_path: Path) -> None:
    other = wheel(tmp_path / "b", files=dict(reversed(FILES.items())))
    assert other.content == wheel(tmp_path / "a").content


@pytest.mark.parametrize(
    "files",
    [
        {**FILES, "core/__init__.py": "x = 2"},
        {**FILES, "core/data.json": "[]"},
        {**FILES, "core/more.py": ""},
        {"core/__init__.py": "x = 1"},
        {"core/__init__.py": "x = 1", "core/moved.json": "{}"},
        {**FILES, "core_lib-1.0.data/scripts/tool": "#!python"},
        {**FILES, "core_lib-1.0.dist-info/entry_points.txt": ENTRY},
        {**FILES, "core_lib-1.0.dist-info/top_level.txt": "core"},
        {**FILES, "hook.pth": "import core"},
    ],
)
def test_everything_else_is_content(tmp_path: Path, files: Mapping[str, str]) -> None:
    assert wheel(tmp_path / "b", files=files).content != wheel(tmp_path / "a").content


def test_files_beside_the_modules_keep_their_digest_from_version_to_version(tmp_path: Path) -> None:
    one, two = (
        wheel(tmp_path, version, {f"core_lib-{version}.data/scripts/t": "x"}, entry_points=ENTRY)
        for version in ("1.0", "2.0")
    )
    assert one.content == two.content


def test_modules_are_the_names_that_can_be_imported_and_belong_to_this_wheel(tmp_path: Path) -> None:
    files = {
        "core/__init__.py": "",
        "space/inner/x.py": "",
        "single.py": "",
        "fast.cpython-311-x86_64-linux-gnu.so": "",
        "slow.abi3.so": "",
        "win.cp311-win_amd64.pyd": "",
        "README.md": "",
        "hook.pth": "",
        "not-a-name/x.py": "",
        "core_lib-1.0.data/data/share/x.py": "",
    }
    assert wheel(tmp_path, files=files).modules == ("core", "fast", "single", "slow", "space.inner.x", "win")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def scramble(path: Path) -> None:
    """Damage the compressed bytes of the first file, and nothing of the archive's own."""
    data = bytearray(path.read_bytes())
    start = data.index(b"core/__init__.py") + len("core/__init__.py")
    data[start : start + 40] = b"\xff" * 40
    path.write_bytes(data)


def without_metadata(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("core/inner.dist-info/METADATA", "Name: core")


@pytest.mark.parametrize("damage", [cut, scramble, without_metadata, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_damaged_wheel_is_named(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    path = make_wheel(tmp_path, "core", "1.0", files={"core/__init__.py": "x = 'some words'\n" * 50})
    damage(path)
    with pytest.raises(DistributionError, match=r"core-1\.0-py3-none-any\.whl can't be read as a wheel"):
        read_wheel(path)


@pytest.mark.parametrize("name", ["core.whl", "core-1.0.zip", "core-1.0-py3-none.whl", "core-x!-py3-none-any.whl"])
def test_what_is_not_named_as_a_wheel_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DistributionError, match="can't be read as a wheel"):
        read_wheel(make_wheel(tmp_path, "core", "1.0", files={}).rename(tmp_path / name))


SUPPORTED = (
    *cpython_tags((3, 11), platforms=["manylinux_2_17_x86_64", "linux_x86_64"]),
    *compatible_tags((3, 11), platforms=["linux_x86_64"]),
)
BEST_FIRST = (
    "core-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
    "core-1.0-cp311-cp311-linux_x86_64.whl",
    "core-1.0-cp39-abi3-manylinux_2_17_x86_64.whl",
    "core-1.0-py311-none-any.whl",
    "core-1.0-py2.py3-none-any.whl",
)
USELESS = ("core-1.0-cp312-cp312-linux_x86_64.whl", "core-1.0-py3-none-win_amd64.whl", "core.whl", "core-1.0.tar.gz")


@given(st.sets(st.sampled_from(BEST_FIRST), min_size=1), st.sets(st.sampled_from(USELESS)), st.randoms())
def test_the_wheel_of_the_best_tag_is_chosen(useful: set[str], useless: set[str], order: object) -> None:
    names = [*useful, *useless]
    order.shuffle(names)  # type: ignore[attr-defined]
    assert choose_wheel(names, SUPPORTED) == min(useful, key=BEST_FIRST.index)


def test_no_wheel_is_chosen_where_none_fits() -> None:
    assert choose_wheel(USELESS, SUPPORTED) is None
    assert choose_wheel([], SUPPORTED) is None
    assert choose_wheel(BEST_FIRST, list[Tag]()) is None
    assert choose_wheel(BEST_FIRST, list(parse_tag("py3-none-any"))) == BEST_FIRST[-1]


def test_modules_that_import_a_name_are_found_wherever_they_import_it(tmp_path: Path) -> None:
    files = {
        "pipe/__init__.py": "import core",
        "pipe/__main__.py": "import core",
        "pipe/dotted.py": "import core.models as m",
        "pipe/frm.py": "from core.models import X",
        "pipe/inside.py": "def f():\n    if 1:\n        from core import y",
        "pipe/second.py": "import os, core",
        "pipe/relative.py": "from . import core\nfrom .core import x\nfrom .. import core",
        "pipe/core.py": "import coreutils",
        "pipe/text.py": "'import core'",
        "pipe/wrong.py": "import core\ndef (",
        "pipe/nul.py": "import core\n\0",
        "pipe/latin.py": "# -*- coding: latin-1 -*-\n# \u00e9\nimport core",
        "pipe/sub/__init__.py": "from core import *",
        "pipe/not-a-name.py": "import core",
        "pipe/stub.pyi": "import core",
        "top.py": "import core",
    }
    path = make_wheel(tmp_path, "pipe", "1.0", files=files)
    expected = ("pipe", "pipe.dotted", "pipe.frm", "pipe.inside", "pipe.latin", "pipe.second", "pipe.sub", "top")
    assert modules_importing(path, ["core"]) == expected
    assert modules_importing(path, ["coreutils", "os"]) == ("pipe.core", "pipe.second")
    assert modules_importing(path, []) == ()


def test_an_sdists_files_are_found_inside_its_top_directory(tmp_path: Path) -> None:
    path = make_sdist(tmp_path, "core", "1.0", {"tests/test_x.py": "x", "./src/core.py": "y"})
    assert set(sdist_files(path)) == {"PKG-INFO", "tests/test_x.py", "src/core.py"}
    assert sdist_files(path)["tests/test_x.py"] == b"x"


def test_a_zip_is_an_sdist_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "core-1.0.zip", "w") as archive:
        archive.mkdir("core-1.0/tests")
        archive.writestr("core-1.0/tests/test_x.py", "x")
        archive.writestr("core-1.0/../../up.py", "x")
    assert sdist_files(tmp_path / "core-1.0.zip") == {"tests/test_x.py": b"x"}


def test_an_sdists_links_and_ways_out_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "core-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in (
            "core-1.0/ok.py",
            "core-1.0/../../up.py",
            "core-1.0/a/../../up.py",
            "core-1.0//etc/passwd",
            "bare",
        ):
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
            member = tarfile.TarInfo(f"core-1.0/special-{kind.decode()}")
            member.type, member.linkname = kind, "core-1.0/ok.py"
            archive.addfile(member)
    assert sdist_files(path) == {"ok.py": b"x"}


def test_a_member_that_is_too_large_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.common.archives.LARGEST_MEMBER", 100)
    path = make_sdist(tmp_path, "core", "1.0", {"small": "x" * 100, "large": "x" * 101})
    assert set(sdist_files(path)) == {"PKG-INFO", "small"}


@pytest.mark.parametrize("name", ["core-1.0.tar.gz", "core-1.0.zip"])
@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_damaged_sdist_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DistributionError, match=f"{name} can't be read as an sdist"):
        sdist_files(tmp_path / name)


def test_an_sdist_that_was_cut_off_or_scrambled_is_named(tmp_path: Path) -> None:
    path = make_sdist(tmp_path, "core", "1.0", {str(n): f"{n * n}" * 50 for n in range(300)})
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:40] + b"\xff" * 100 + whole[140:]):
        path.write_bytes(damaged)
        with pytest.raises(DistributionError, match="can't be read as an sdist"):
            sdist_files(path)


def test_packages_of_one_namespace_know_their_own_parts(tmp_path: Path) -> None:
    files = {"acme/core/__init__.py": "", "acme/core/deep/x.py": "", "acme/lone.py": ""}
    assert wheel(tmp_path, files=files).modules == ("acme.core", "acme.lone")


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("from acme import core", True),
        ("import acme.core.deep", True),
        ("from acme.core.deep import x", True),
        ("from acme import other", False),
        ("import acme.corelike", False),
    ],
)
def test_importing_from_a_namespace_means_the_part_that_is_named(tmp_path: Path, source: str, *, imports: bool) -> None:
    path = make_wheel(tmp_path, "user", "1.0", files={"user.py": source})
    assert modules_importing(path, ["acme.core"]) == (("user",) if imports else ())


def test_a_wheel_without_a_record_is_damaged(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "bare", "1.0", files={"bare.py": ""})
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if not name.endswith("RECORD")}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in kept.items():
            archive.writestr(name, data)
    with pytest.raises(DistributionError, match="RECORD"):
        read_wheel(path)
