"""Copies of a version: which ones move with it, which are left alone, and which are named."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from interlock.errors import BuildError
from interlock.project.version import find_version, mentions
from interlock.project.version.forms import Form, read_as, written_as
from tests.support.projects import contents, project

STATIC = '[project]\nname = "acme-core"\nversion = "1.2.3"\n'
DYNAMIC = '[project]\nname = "acme-core"\ndynamic = ["version"]\n'
CODE = '__version__ = "1.2.3"\n'
OTHERS = {"tests/__init__.py": CODE, "docs/__init__.py": CODE, "setup.py": "from setuptools import setup\nsetup()\n"}


def built_by(backend: str) -> str:
    return f'[build-system]\nbuild-backend = "{backend}"\n'


HATCH, SETUPTOOLS = built_by("hatchling.build"), built_by("setuptools.build_meta")
MATURIN = built_by("maturin")


def moved(root: Path, files: Mapping[str, str], also: Iterable[str] = (), to: str = "1.3.0") -> set[str]:
    """The files in which the version was moved; nothing else in them has changed."""
    before = contents(project(root, files))
    find_version(root, also).write(Version(to))
    after = contents(root)
    changed = {name for name in after if after[name] != before[name]}
    for name in changed:
        lines = zip(before[name].splitlines(keepends=True), after[name].splitlines(keepends=True), strict=True)
        assert all(new in {old, old.replace(b"1.2.3", to.encode())} for old, new in lines), name
    return changed - {"pyproject.toml"}


# --- the distribution's own packages, as the build backend finds them ---

# By the shape: the files, and those that move beside pyproject.toml.
LAYOUTS: dict[str, tuple[dict[str, str], set[str]]] = {
    "flat, with another import name": (
        {"pyproject.toml": HATCH + STATIC, "acme/__init__.py": CODE, **OTHERS},
        {"acme/__init__.py"},
    ),
    "flat, a module of another name": (
        {"pyproject.toml": SETUPTOOLS + STATIC, "acme.py": CODE, **OTHERS},
        {"acme.py"},
    ),
    "flat, a module beside the package": (
        {"pyproject.toml": SETUPTOOLS + STATIC, "acme/__init__.py": CODE, "run.py": CODE},
        {"acme/__init__.py"},
    ),
    "flat, one of several by its name": (
        {"pyproject.toml": SETUPTOOLS + STATIC, "acmecore/__init__.py": CODE, "acme_tools/__init__.py": CODE},
        {"acmecore/__init__.py"},
    ),
    "flat, none of several by its name": (
        {"pyproject.toml": SETUPTOOLS + STATIC, "one/__init__.py": CODE, "two/__init__.py": CODE},
        set(),
    ),
    "src, with somebody else's beside it": (
        {"pyproject.toml": HATCH + STATIC, "src/acme_core/__init__.py": "", "src/borrowed/__init__.py": CODE},
        set(),
    ),
    "setuptools, packages that are named": (
        {
            "pyproject.toml": SETUPTOOLS + STATIC + '[tool.setuptools]\npackages = ["zed", "zed.inner"]\n',
            "zed/__init__.py": CODE,
            "zed/inner/__init__.py": CODE,
            "other/__init__.py": CODE,
        },
        {"zed/__init__.py"},
    ),
    "setuptools, modules that are named": (
        {
            "pyproject.toml": SETUPTOOLS + STATIC + '[tool.setuptools]\npy-modules = ["zed"]\n',
            "zed.py": CODE,
            "b.py": CODE,
        },
        {"zed.py"},
    ),
    "setup.cfg, packages that are named": (
        {
            "setup.cfg": "[metadata]\nname = acme-core\nversion = 1.2.3\n[options]\npackage_dir =\n  = lib\n"
            "packages =\n  zed\n  zed.inner\n",
            "lib/zed/__init__.py": CODE,
            "other/__init__.py": CODE,
        },
        {"setup.cfg", "lib/zed/__init__.py"},
    ),
    "setup.cfg, packages that are found": (
        {
            "setup.cfg": "[metadata]\nname = acme-core\nversion = 1.2.3\n[options]\npackages = find:\n"
            "[options.packages.find]\nwhere = code\n",
            "code/zed/__init__.py": CODE,
        },
        {"setup.cfg", "code/zed/__init__.py"},
    ),
    "setup.py, packages that are named": (
        {
            "setup.py": "setup(name='acme-core', version='1.2.3', packages=['zed', 'zed.inner'])\n",
            "zed/__init__.py": CODE,
            "b/__init__.py": "",
        },
        {"setup.py", "zed/__init__.py"},
    ),
    "a namespace in src": (
        {"pyproject.toml": HATCH + STATIC, "src/acme/core/__init__.py": CODE},
        {"src/acme/core/__init__.py"},
    ),
    "a namespace beside pyproject.toml": (
        {"pyproject.toml": HATCH + STATIC, "acme/core/__init__.py": CODE, "acme/other/__init__.py": CODE},
        {"acme/core/__init__.py"},
    ),
    "a deep namespace with several packages": (
        {
            "pyproject.toml": SETUPTOOLS + STATIC.replace("acme-core", "acme.data.core"),
            "src/acme/data/core/__init__.py": CODE,
            "src/acme/data/store/__init__.py": CODE,
        },
        {"src/acme/data/core/__init__.py"},
    ),
    "hatch, packages that are named": (
        {
            "pyproject.toml": HATCH + STATIC + '[tool.hatch.build.targets.wheel]\npackages = ["lib/zed"]\n',
            "lib/zed/__init__.py": CODE,
            "src/other/__init__.py": CODE,
        },
        {"lib/zed/__init__.py"},
    ),
    "hatch.toml, packages that are named": (
        {
            "pyproject.toml": HATCH + STATIC,
            "hatch.toml": '[build]\npackages = ["zed"]\n',
            "zed/__init__.py": CODE,
            "acme/__init__.py": CODE,
        },
        {"zed/__init__.py"},
    ),
    "poetry, packages that are named": (
        {
            "pyproject.toml": built_by("poetry.core.masonry.api")
            + '[tool.poetry]\nname = "acme-core"\nversion = "1.2.3"\n'
            + 'packages = [{ include = "zed", from = "lib" }, { include = "one.py" },\n'
            + '{ include = "two/**/*.py" }, 1]\n',
            "lib/zed/__init__.py": "",
            "two/__init__.py": "",
            "one.py": CODE,
            "acme_core/__init__.py": CODE,
        },
        set(),
    ),
    "poetry, a package that is named": (
        {
            "pyproject.toml": built_by("poetry.core.masonry.api")
            + '[tool.poetry]\nname = "acme-core"\nversion = "1.2.3"\npackages = [{ include = "zed", from = "lib" }]\n',
            "lib/zed/__init__.py": CODE,
        },
        {"lib/zed/__init__.py"},
    ),
    "flit, a module that is named": (
        {
            "pyproject.toml": built_by("flit_core.buildapi") + STATIC + '[tool.flit.module]\nname = "acme.zed"\n',
            "src/acme/zed/__init__.py": CODE,
            "src/acme/other/__init__.py": CODE,
        },
        {"src/acme/zed/__init__.py"},
    ),
    "uv, a module that is named": (
        {
            "pyproject.toml": built_by("uv_build")
            + STATIC
            + '[tool.uv.build-backend]\nmodule-name = "zed"\nmodule-root = ""\n',
            "zed/__init__.py": CODE,
            "acme/__init__.py": CODE,
        },
        {"zed/__init__.py"},
    ),
    "uv, a namespace that is named": (
        {
            "pyproject.toml": built_by("uv_build") + STATIC + '[tool.uv.build-backend]\nmodule-name = "acme.zed"\n',
            "src/acme/zed/__init__.py": CODE,
            "src/acme/core/__init__.py": CODE,
        },
        {"src/acme/zed/__init__.py"},
    ),
    "pdm, a folder that is named": (
        {
            "pyproject.toml": built_by("pdm.backend") + STATIC + '[tool.pdm.build]\npackage-dir = "code"\n',
            "code/zed/__init__.py": CODE,
        },
        {"code/zed/__init__.py"},
    ),
    "maturin, in its folder": (
        {"pyproject.toml": MATURIN + STATIC, "python/acme/__init__.py": CODE, "src/lib.rs": ""},
        {"python/acme/__init__.py"},
    ),
    "maturin, a module that is named": (
        {
            "pyproject.toml": MATURIN
            + STATIC
            + '[tool.maturin]\npython-source = "py"\nmodule-name = "zed._native"\npython-packages = ["zed"]\n',
            "py/zed/__init__.py": CODE,
            "py/other/__init__.py": CODE,
        },
        {"py/zed/__init__.py"},
    ),
    "scikit-build-core, packages that are named": (
        {
            "pyproject.toml": built_by("scikit_build_core.build")
            + STATIC
            + '[tool.scikit-build]\nwheel.packages = ["python/zed"]\n',
            "python/zed/__init__.py": CODE,
            "python/other/__init__.py": CODE,
        },
        {"python/zed/__init__.py"},
    ),
    "whey, a package that is named": (
        {
            "pyproject.toml": built_by("whey") + STATIC + '[tool.whey]\npackage = "zed"\nsource-dir = "code"\n',
            "code/zed/__init__.py": CODE,
        },
        {"code/zed/__init__.py"},
    ),
    "names that are no paths": (
        {
            "pyproject.toml": HATCH
            + STATIC
            + '[tool.hatch.build]\npackages = ["../..", "/", "", "a\\u0000b"]\n[tool.whey]\npackage = ""\n',
            "src/acme_core/__init__.py": CODE,
        },
        {"src/acme_core/__init__.py"},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_packages_of_the_distribution_move_and_others_do_not(layout: str, tmp_path: Path) -> None:
    files, expected = LAYOUTS[layout]
    assert moved(tmp_path, files) == expected


@pytest.mark.parametrize("module", ["_version", "version", "__version__", "__about__", "_about", "__meta__"])
def test_a_module_for_the_version_moves(module: str, tmp_path: Path) -> None:
    files = {
        "pyproject.toml": HATCH + STATIC,
        "src/acme_core/__init__.py": f"from .{module} import __version__\n",
        f"src/acme_core/{module}.py": "# 1.2.3\n__version__ = version = '1.2.3'\n",
        "src/acme_core/protocol.py": "VERSION = '1.2.3'\n",
    }
    assert moved(tmp_path, {**files, f"src/acme_core/{module}.py": "version = __version__ = '1.2.3'\n"}) == {
        f"src/acme_core/{module}.py"
    }


def test_a_module_of_any_name_moves_when_the_package_takes_its_version_from_it(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": HATCH + STATIC,
        "src/acme_core/__init__.py": "from acme_core.constants import NUMBER as __version__\n",
        "src/acme_core/constants.py": "NUMBER = '1.2.3'\nPROTOCOL = '1.2.3'\n",
    }
    project(tmp_path, files)
    find_version(tmp_path).write(Version("1.3.0"))
    assert (tmp_path / "src/acme_core/constants.py").read_text() == "NUMBER = '1.3.0'\nPROTOCOL = '1.2.3'\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("VERSION = (1, 2, 3)\n", "VERSION = (1, 3, 0)\n"),
        ("x = 1; version_info = [1,2,3]  # 1, 2, 3\n", "x = 1; version_info = [1,3,0]  # 1, 2, 3\n"),
        ("__version_info__ = (1, 2, 3, 'final', 0)\n", "__version_info__ = (1, 3, 0, 'final', 0)\n"),
        ("é = 'é'; VERSION = 1, 2, 3\n", "é = 'é'; VERSION = 1, 3, 0\n"),
        ("VERSION = (1, 2, 3, 'beta', 1)\n", None),
        ("VERSION = (1, 2, 3, 'dev')\n", None),
        ("VERSION = (1, 2)\n", None),
        ("VERSION = (1, 2, 4)\n", None),
        ("VERSION = (1,\n 2, 3)\n", None),
        ("VERSION = (1, 2, 0x3)\n", None),
        ("VERSION = (1, 2, True)\n", None),
        ("VERSION = ()\n", None),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_tuple_of_numbers_moves_when_it_is_the_whole_version(
    before: str, after: str | None, mark: bytes, ending: bytes, tmp_path: Path
) -> None:
    root = project(tmp_path, {"pyproject.toml": HATCH + STATIC})
    init = root / "src/acme_core/__init__.py"
    init.parent.mkdir(parents=True)
    init.write_bytes(mark + before.encode().replace(b"\n", ending))
    find_version(root).write(Version("1.3.0"))
    assert init.read_bytes() == mark + (after or before).encode().replace(b"\n", ending)


@pytest.mark.parametrize("version", ["1.3.0rc1", "1.3.0.post1", "1.3.0+g12", "1!1.3.0", "1.3.0.1"])
def test_a_tuple_that_can_not_hold_the_version_stays_and_is_named(version: str, tmp_path: Path) -> None:
    files = {"pyproject.toml": HATCH + STATIC, "acme_core.py": "VERSION = (1, 2, 3)\n"}
    found = find_version(project(tmp_path, files))
    assert [each.at for each in found.unwritable(Version(version))] == ["acme_core.py:1"]
    assert found.write(Version(version)) == (tmp_path / "pyproject.toml",)


# --- the settings of other tools ---

SETTINGS: dict[str, str] = {
    ".bumpversion.cfg": '[bumpversion]\ncurrent_version = 1.2.3\n[bumpversion:file:a]\nsearch = "{current_version}"\n',
    ".bumpversion.toml": '[tool.bumpversion]\ncurrent_version = "1.2.3"\n',
    "setup.cfg": "[flake8]\nx = 1.2.3\n[bumpversion]\ncurrent_version = 1.2.3\n",
    "tbump.toml": '[version]\ncurrent = "1.2.3"\nregex = "."\n',
    ".cz.toml": '[tool.commitizen]\nversion = "1.2.3"\n',
    "cz.json": '{"commitizen": {"tag": "1.2.3", "version": "1.2.3"}}\n'.replace(', "v', ',\n"v'),
    ".cz.yaml": "commitizen:\n  name: x\n  version: 1.2.3\n",
    "codemeta.json": '{\n "schemaVersion": "1.2.3",\n "version": "1.2.3"\n}\n',
    ".zenodo.json": '{"version": "1.2.3"}',
    "CITATION.cff": 'cff-version: 1.2.0\nversion: "1.2.3" # x\nreferences:\n  - version: 1.2.3\n',
    "docs/conf.py": "needs_sphinx = '1.2.3'\nversion = release = '1.2.3'\n",
    "package.json": '{\n "name": "@acme/core",\n "version": "1.2.3",\n "dependencies": {"a": "1.2.3"}\n}\n',
    "package-lock.json": '{\n "version": "1.2.3",\n "packages": {"": {\n "version": "1.2.3"}, "a": {"v": "1.2.3"}}}',
    "Cargo.toml": '[package]\nname = "acme-core"\nversion = "1.2.3"\n[dependencies]\na = "1.2.3"\n',
    "Cargo.lock": '[[package]]\nname = "acme-core"\nversion = "1.2.3"\n\n[[package]]\nname = "a"\nversion = "1.2.3"\n'
    'source = "registry"\n',
}
KEPT = (
    *("x = 1.2.3", "1.2.0", "needs_sphinx = '1.2.3'", '"a": "1.2.3"', 'a = "1.2.3"', "schemaVersion", "  - version"),
    *('"tag": "1.2.3"', '"1.2.3"}}}', 'name = "a"\nversion = "1.2.3"'),
)


def test_the_settings_of_other_tools_move_and_what_has_the_same_number_by_chance_does_not(tmp_path: Path) -> None:
    own = '[tool.commitizen]\nversion = "1.2.3"\n[tool.bumpversion]\ncurrent_version = "1.2.3"\nregex = "1.2.3"\n'
    root = project(tmp_path, {"pyproject.toml": STATIC + own, **SETTINGS})
    found = find_version(root)
    found.write(Version("1.3.0"))
    before = {name: text.encode() for name, text in SETTINGS.items()} | {"pyproject.toml": (STATIC + own).encode()}
    after = contents(root)
    assert {name for name in after if after[name] != before[name]} == set(before)
    whole = b"".join(after.values()).decode()
    assert (whole.count("1.3.0"), whole.count("1.2.3")) == (
        19,
        "".join(map(bytes.decode, before.values())).count("1.2.3") - 19,
    )
    assert all(kept in whole for kept in KEPT)


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": '{"name": "website", "version": "1.2.3"}'},
        {"package.json": '{"version": "1.2.3"}'},
        {"package.json": "[" * 100_000},
        {"Cargo.toml": '[package]\nname = "other"\nversion = "1.2.3"\n'},
        {"Cargo.toml": '[package]\nversion = "1.2.3"\n'},
        {"Cargo.toml": "[package\n"},
        {"meson.build": "project('x', version: '1.2.3')\n"},
        {"CITATION.cff": "version: 1.2.3\nversion: 1.2.3\n"},
        {"docs/conf.py": "import acme\nrelease = acme.__version__\nversion = '1.1'\n"},
        {"codemeta.json": '{"version": 1.2}'},
        {".bumpversion.cfg": "[bumpversion]\nx = 1\n"},
        {".bumpversion.cfg": "current_version = 1.2.3\n"},
    ],
)
def test_what_is_not_surely_a_copy_does_not_move(files: Mapping[str, str], tmp_path: Path) -> None:
    assert moved(tmp_path, {"pyproject.toml": STATIC, **files}) == set()
    assert find_version(tmp_path).stale == ()


def test_a_crate_of_another_name_moves_when_maturin_builds_it(tmp_path: Path) -> None:
    files = {"pyproject.toml": MATURIN + STATIC, "Cargo.toml": '[package]\nname = "core-rs"\nversion = "1.2.3"\n'}
    assert moved(tmp_path, files) == {"Cargo.toml"}


def test_of_a_lock_the_entry_of_the_crate_itself_moves(tmp_path: Path) -> None:
    own, other = '[[package]]\nname = "c"\nversion = "1.2.3"\n', '[[package]]\nname = "d"\nversion = "1.2.3"\n'
    manifest = '[package]\nname = "c"\nversion = "1.2.3"\n'
    files = {
        "pyproject.toml": MATURIN + STATIC,
        "Cargo.toml": manifest,
        "Cargo.lock": f'{own}source = "r"\n{other}{own}',
    }
    root = project(tmp_path, files)
    find_version(root).write(Version("1.3.0"))
    moved_entry = own.replace("1.2.3", "1.3.0")
    assert (root / "Cargo.lock").read_text() == f'{own}source = "r"\n{other}{moved_entry}'


def test_a_setting_with_another_number_is_named_and_a_placeholder_is_not(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": STATIC + '[tool.commitizen]\nversion = "1.2.2"\n[tool.poetry]\nversion = "0.0.0"\n',
        "src/acme_core/__init__.py": "__version__ = '0.9'\nVERSION = '2'\n",
    }
    found = find_version(project(tmp_path, files))
    assert [str(each) for each in found.stale] == ["src/acme_core/__init__.py:1 (0.9)", "pyproject.toml:5 (1.2.2)"]


@pytest.mark.parametrize(
    ("version", "short", "after"),
    [("1.2.3", "1.2", "1.3"), ("1.2.3", "1", "1"), ("1.2.3", "1.1", "1.1"), ("1.2", "1.2", "1.3.0")],
)
def test_the_short_version_of_sphinx_stays_short(version: str, short: str, after: str, tmp_path: Path) -> None:
    root = project(
        tmp_path, {"pyproject.toml": STATIC.replace("1.2.3", version), "docs/conf.py": f"version = '{short}'"}
    )
    find_version(root).write(Version("1.3.0"))
    assert (root / "docs/conf.py").read_text() == f"version = '{after}'"


def test_a_v_before_a_copy_stays(tmp_path: Path) -> None:
    assert moved(tmp_path, {"pyproject.toml": STATIC, "acme_core.py": "__version__ = 'v1.2.3'\n"}) == {"acme_core.py"}


# --- the lists of files that other tools have ---

COMMITIZEN = '[tool.commitizen]\nversion_files = ["a.txt", "b.txt:rev", "c.txt:rev", "gone.txt", "../x"]\n'
BUMPVERSION = """
[[tool.bumpversion.files]]
filename = "d.txt"
[[tool.bumpversion.files]]
filename = "e.txt"
search = "core=={current_version}"
replace = "core=={new_version}"
[[tool.bumpversion.files]]
filename = "f.txt"
search = "{current_version}...HEAD"
replace = "{current_version}...{new_version}"
[[tool.bumpversion.files]]
filename = "f.txt"
search = "Unreleased"
[[tool.bumpversion.files]]
filename = "f.txt"
regex = true
"""
SEMANTIC = (
    '[tool.semantic_release]\nversion_toml = ["g.toml:a.b"]\nversion_variables = ["h.txt:core@:tf", "h.txt:x:nf"]\n'
)


def test_what_other_tools_list_moves_as_far_as_it_is_certain(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": STATIC + COMMITIZEN + BUMPVERSION + SEMANTIC,
        ".bumpversion.cfg": "[bumpversion:file:i.txt]\n[bumpversion:file:j.txt]\nsearch = v{current_version}!\n",
        "a.txt": "1.2.3 and v1.2.3, 11.2.3, 1.2.3.4, 1.2.3rc1\n",
        "b.txt": "rev: 1.2.3\n",
        "c.txt": "rev: 1.2.3\nrev: 1.2.3\n",
        "d.txt": "1.2.3\n" * 3,
        "e.txt": "core==1.2.3\nother==1.2.3\n",
        "f.txt": "1.2.3...HEAD\n",
        "g.toml": "[a]\nb = '1.2.3'\n",
        "h.txt": "uses core@v1.2.3\nx 1\n",
        "i.txt": "is 1.2.3\n",
        "j.txt": "v1.2.3!\n1.2.3\n",
    }
    root = project(tmp_path, files)
    find_version(root).write(Version("1.3.0"))
    assert {name: (root / name).read_text() for name in files if ".t" in name and name != "pyproject.toml"} == {
        **{name: text for name, text in files.items() if name in {"c.txt", "f.txt"}},
        "a.txt": "1.3.0 and v1.3.0, 11.2.3, 1.2.3.4, 1.2.3rc1\n",
        "b.txt": "rev: 1.3.0\n",
        "d.txt": "1.3.0\n" * 3,
        "e.txt": "core==1.3.0\nother==1.2.3\n",
        "g.toml": "[a]\nb = '1.3.0'\n",
        "h.txt": "uses core@v1.3.0\nx 1\n",
        "i.txt": "is 1.3.0\n",
        "j.txt": "v1.3.0!\n1.2.3\n",
    }


# --- what the family file names ---

CHOSEN: dict[str, tuple[str, str]] = {
    "docs/settings.py:release": ("# release = '1.2.3'\nrelease = '1.2.3'\n", "release = '1.3.0'"),
    "a.py:VERSION": ("VERSION = (1, 2, 3)\n", "(1, 3, 0)"),
    "pixi.toml:package.version": ('version = "1.2.3"\n[package]\nversion = "1.2.3"\n', '[package]\nversion = "1.3.0"'),
    "x/Cargo.toml:package.version": ('[package]\nversion = "1.2.3"\n', 'version = "1.3.0"'),
    "a.json:a.b": ('{"b": "1.2.3", "a": {"b": "1.2.3"}}', '{"b": "1.2.3", "a": {"b": "1.3.0"}}'),
    "a.ini:a.b": ("[b]\nb = 1.2.3\n[a]\nb = 1.2.3\n", "[a]\nb = 1.3.0"),
    "x/Chart.yaml:appVersion": ('version: 1.2.3\nappVersion: "1.2.3" # x\n', 'version: 1.2.3\nappVersion: "1.3.0" # x'),
    "Dockerfile:ARG VERSION": ("ENV VERSION=1.2.3\nARG VERSION=v1.2.3\n", "VERSION=1.2.3\nARG VERSION=v1.3.0"),
    "README.md:acme-core": ("my-acme-core==1.2.3\npip install acme-core==1.2.3\n", "install acme-core==1.3.0"),
    "x.cmake:VERSION": ("project(x VERSION 1.2.3)", "VERSION 1.3.0)"),
    "VERSION": ("\n1.2.3\n", "\n1.3.0\n"),
    "other.txt": ("0.9\n", "1.3.0\n"),
    "docs/part.py:version": ("version = '1.2'", "version = '1.3'"),
}  # fmt: skip


@pytest.mark.parametrize("place", CHOSEN)
def test_a_copy_that_the_family_file_names_moves(place: str, tmp_path: Path) -> None:
    content, expected = CHOSEN[place]
    file = place.partition(":")[0]
    root = project(tmp_path, {"pyproject.toml": STATIC, file: content})
    find_version(root, [place, place]).write(Version("1.3.0"))
    after = (root / file).read_text()
    assert expected in after
    assert after.count("1.3") + after.count("1, 3") == 1


@pytest.mark.parametrize(
    ("place", "message", "hint"),
    [
        ("gone.py:x", "gone.py: can't be read", "committed"),
        ("a.py:y", "a.py:1: y is not assigned", ""),
        ("a.yaml:y", 'a.yaml:1: has "y" before a version nowhere', "nowhere else"),
        ("a.yaml:z", 'a.yaml:2: has "z" before a version more than once', "nowhere else"),
        ("a.json:a", "a.json:1: a must be a text", ""),
        ("a.json", 'a.json:1: "{"a": 1}" is not a version', "PEP 440"),
        ("a.ini:version", "a.ini:1: [] has no version", ""),
        ("../a.py:x", "leads out of the project", ""),
    ],
)
def test_a_place_without_a_version_is_refused(place: str, message: str, hint: str, tmp_path: Path) -> None:
    files = {"pyproject.toml": STATIC, "a.py": "x = 1\n", "a.yaml": "z: 1.2.3\nz: 1.2.3\n", "a.json": '{"a": 1}'}
    with pytest.raises(BuildError) as caught:
        find_version(project(tmp_path, {**files, "a.ini": "[version]\n"}), [place])
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_named_copy_moves_also_when_the_version_comes_from_tags(tmp_path: Path) -> None:
    files = {"pyproject.toml": HATCH + DYNAMIC + '[tool.hatch.version]\nsource = "vcs"\n', "acme_core.py": CODE}
    found = find_version(project(tmp_path, files), ["acme_core.py:__version__"])
    assert (found.version, found.stale, found.write(Version("1.3.0"))) == (None, (), (tmp_path / "acme_core.py",))


# --- what still names the version ---


def test_places_that_still_name_the_version_are_named(tmp_path: Path) -> None:
    files = {
        "README.md": "# Core\n\npip install Acme_Core==1.2.3\nother 1.2.3\nversion 1.2.30, 11.2.3, 1.2.3.4, 1.2.3rc1\n",
        "deploy/chart.yaml": 'version: 0.1\nappVersion: "v1.2.3"\n',
        "acme/protocol.py": "VERSION = (1, 2, 3)\n",
        "VERSION": "1.2.3\n",
        "docs/version.txt": "since 1.2.3\n",
        ".github/x.yml": "- uses: acme/core@v1.2.3 # release\n",
        "pyproject.toml": 'dependencies = ["other>=1.2.3"]  # version\n',
        "CHANGELOG.md": "## Version 1.2.3\n",
        "docs/release_notes/a.md": "## Version 1.2.3\n",
        "uv.lock": 'version = "1.2.3"\n',
        "requirements.txt": "acme-core==1.2.3\n",
        "tests/test_x.py": "version = '1.2.3'\n",
        "src/vendored/__init__.py": CODE,
        "a.xml": "<?xml version='1.2.3'?>\n",
        "long.txt": "version " + " " * 2_000 + "1.2.3\n",
        "binary": "version 1.2.3\0",
    }
    root = project(tmp_path, files)
    (root / "link").symlink_to("/etc/passwd")
    (root / "folder").symlink_to("acme")
    assert mentions(root, "acme-core", Version("1.2.3")) == (
        "README.md:3",
        "VERSION:1",
        ".github/x.yml:1",
        "acme/protocol.py:1",
        "deploy/chart.yaml:2",
    )
    assert mentions(root, "acme-core", Version("9.9")) == ()


def test_many_places_are_counted(tmp_path: Path) -> None:
    root = project(tmp_path, {f"{number}.txt": "version 1.2.3\n" for number in range(8)})
    assert mentions(root, "core", Version("1.2.3")) == (*(f"{number}.txt:1" for number in range(5)), "3 more places")


@pytest.mark.parametrize(
    ("version", "text"),
    [("2026.8.7", "2026.08.07"), ("1.0rc1", "1.0rc1"), ("1!2.0", "2.0"), ("1.0.post1", "1.0.post1")],
)
def test_padding_and_suffixes_are_no_other_version(version: str, text: str, tmp_path: Path) -> None:
    root = project(tmp_path, {"a.txt": f"release {text}\n", "b.txt": f"release {text}9\n"})
    assert mentions(root, "core", Version(version)) == ("a.txt:1",)


# --- the forms ---

parts = st.lists(st.integers(0, 3000), min_size=1, max_size=4)
pre = st.sampled_from(["", "a1", "b0", "rc12"])
dev = st.sampled_from(["", ".dev0", ".dev7"])


@given(parts, pre, dev, st.sampled_from(["", "+abc.1"]))
def test_what_is_written_for_cargo_is_read_as_the_same_version(
    numbers: list[int], before: str, after: str, local: str
) -> None:
    version = Version(".".join(map(str, numbers)) + before + after + local)
    written = written_as(Form.SEMVER, str(version), "1.2.3")
    assert (written is None) == (len(numbers) > 3)
    assert written is None or read_as(Form.SEMVER, written) == version


@given(st.lists(st.integers(0, 3000), min_size=2, max_size=5), parts)
def test_numbers_keep_what_is_between_them(old: list[int], new: list[int]) -> None:
    text, version = ",  ".join(map(str, old)), Version(".".join(map(str, new)))
    written = written_as(Form.NUMBERS, str(version), text)
    assert (written is None) == (len(new) > len(old))
    if written is not None:
        assert read_as(Form.NUMBERS, written) == version
        assert written.count(",  ") == text.count(",  ")
