"""Where a project keeps its version, and what is left of its files when it moves on."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from interlock.errors import BuildError
from interlock.project.version import find_version, project_name

HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools>=69"]\nbuild-backend = "setuptools.build_meta"\n'
FLIT = '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
PDM = '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
POETRY = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
DYNAMIC = '[project]\nname = "market-data-core"\ndynamic = ["version"]\n'
STATIC = '[project]\nname = "market-data-core"\nversion = "1.2.3"\n'
INIT = "src/market_data_core/__init__.py"
CODE = '"""Core."""\n\n__version__ = "1.2.3"  # moved by releases\n__all__ = ["__version__"]\n'
ATTRIBUTE = '[tool.setuptools.dynamic]\nversion = {attr = "market_data_core.__version__"}\n'
HATCH_VERSION = "[tool.hatch.version]\n"

# By what it is: the files of a project, where its version is, in words and as file and line.
LAYOUTS: dict[str, tuple[Mapping[str, str], str, str]] = {
    "static": ({"pyproject.toml": HATCH + STATIC}, "pyproject.toml: project.version", "pyproject.toml:6"),
    "static, with a backend of its own": (
        {"pyproject.toml": STATIC + '[build-system]\nbuild-backend = "own"\n'},
        "pyproject.toml: project.version",
        "pyproject.toml:3",
    ),
    "an inline table": (
        {"pyproject.toml": "project = { name = 'market-data-core', version = '1.2.3' } # x\n"},
        "pyproject.toml: project.version",
        "pyproject.toml:1",
    ),
    "dotted keys": (
        {"pyproject.toml": '# 1.2.3\nproject.name = "market-data-core"\nproject.version = """1.2.3"""\n'},
        "pyproject.toml: project.version",
        "pyproject.toml:3",
    ),
    "the same text elsewhere": (
        {"pyproject.toml": '[tool.x]\nversion = "1.2.3"\n[project]\nname = "x"\nreadme = "1.2.3"\nversion="1.2.3"'},
        "pyproject.toml: project.version",
        "pyproject.toml:6",
    ),
    "poetry": (
        {"pyproject.toml": POETRY + '[tool.poetry]\nname = "market-data-core"\nversion = "1.2.3"\n'},
        "pyproject.toml: tool.poetry.version",
        "pyproject.toml:6",
    ),
    "poetry, dynamic": (
        {"pyproject.toml": POETRY + DYNAMIC + '[tool.poetry]\nversion = "1.2.3"\n'},
        "pyproject.toml: tool.poetry.version",
        "pyproject.toml:8",
    ),
    "hatch, by its own pattern": (
        {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + f'path = "{INIT}"\n', INIT: CODE},
        f"{INIT}: version",
        f"{INIT}:3",
    ),
    "hatch, with a v before it": (
        {
            "pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + 'path = "about.py"\n',
            "about.py": "version_info = '1.2.3'\nversion = 'v1.2.3'\n",
        },
        "about.py: version",
        "about.py:2",
    ),
    "hatch, by another pattern": (
        {
            "pyproject.toml": HATCH
            + DYNAMIC
            + HATCH_VERSION
            + "path = \"NEWS\"\npattern = '^Release (?P<version>[\\d.]+)$'\n",
            "NEWS": "News\nRelease 1.2.3\nRelease 1.2.2\n",
        },
        "NEWS: version",
        "NEWS:2",
    ),
    "hatch, by code": (
        {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + f'source = "code"\npath = "{INIT}"\n', INIT: CODE},
        f"{INIT}: __version__",
        f"{INIT}:3",
    ),
    "setuptools, an attribute in src": (
        {"pyproject.toml": SETUPTOOLS + DYNAMIC + ATTRIBUTE, INIT: CODE},
        f"{INIT}: __version__",
        f"{INIT}:3",
    ),
    "setuptools, an attribute beside pyproject.toml": (
        {"pyproject.toml": SETUPTOOLS + DYNAMIC + ATTRIBUTE, "market_data_core.py": "__version__: str = '1.2.3'"},
        "market_data_core.py: __version__",
        "market_data_core.py:1",
    ),
    "setuptools, an attribute in a folder that is named": (
        {
            "pyproject.toml": SETUPTOOLS
            + DYNAMIC
            + '[tool.setuptools.dynamic]\nversion = {attr = "core.about.VERSION"}\n[tool.setuptools.package-dir]\n'
            + 'core = "lib/core"\nodd = 1\n',
            "lib/core/about.py": "import os\nVERSION = NAME = '1.2.3'\nos.NAME = '1.2.3'\n",
        },
        "lib/core/about.py: VERSION",
        "lib/core/about.py:2",
    ),
    "setuptools, packages found in a folder": (
        {
            "pyproject.toml": SETUPTOOLS
            + DYNAMIC
            + ATTRIBUTE
            + '[tool.setuptools.packages.find]\nwhere = ["lib"]\n[tool.setuptools.package-dir]\n"" = "lib"\n',
            "lib/market_data_core/__init__.py": CODE,
        },
        "lib/market_data_core/__init__.py: __version__",
        "lib/market_data_core/__init__.py:3",
    ),
    "setuptools, a file": (
        {
            "pyproject.toml": SETUPTOOLS + DYNAMIC + '[tool.setuptools.dynamic]\nversion = {file = ["VERSION"]}\n',
            "VERSION": "\n1.2.3\n",
        },
        "VERSION: its text",
        "VERSION:2",
    ),
    "setup.cfg": (
        {"setup.cfg": "[metadata]\nname = market-data-core\n# 1.2.3\nversion = 1.2.3\n[options]\n"},
        "setup.cfg: metadata.version",
        "setup.cfg:4",
    ),
    "setup.cfg, an attribute": (
        {
            "setup.cfg": "[metadata]\nname = market-data-core\nversion = attr: market_data_core.__version__\n"
            "[options]\npackage_dir =\n    = lib\n[options.packages.find]\nwhere = lib\n",
            "setup.py": "from setuptools import setup\nsetup()\n",
            "lib/market_data_core/__init__.py": CODE,
        },
        "lib/market_data_core/__init__.py: __version__",
        "lib/market_data_core/__init__.py:3",
    ),
    "setup.cfg, a file": (
        {"setup.cfg": "[metadata]\nname = market-data-core\nversion = file: VERSION\n", "VERSION": "1.2.3"},
        "VERSION: its text",
        "VERSION:1",
    ),
    "setup.py": (
        {"setup.py": "import setuptools\nif True:\n    setuptools.setup(name='market-data-core', version='1.2.3')\n"},
        "setup.py: version",
        "setup.py:3",
    ),
    "setup.py, below pyproject.toml": (
        {"pyproject.toml": SETUPTOOLS + DYNAMIC, "setup.py": "from setuptools import setup\nsetup(version='1.2.3')\n"},
        "setup.py: version",
        "setup.py:2",
    ),
    "flit": ({"pyproject.toml": FLIT + DYNAMIC, INIT: CODE}, f"{INIT}: __version__", f"{INIT}:3"),
    "flit, a module of another name": (
        {"pyproject.toml": FLIT + DYNAMIC + '[tool.flit.module]\nname = "core"\n', "core.py": CODE},
        "core.py: __version__",
        "core.py:3",
    ),
    "pdm": (
        {"pyproject.toml": PDM + DYNAMIC + f'[tool.pdm.version]\nsource = "file"\npath = "{INIT}"\n', INIT: CODE},
        f"{INIT}: version",
        f"{INIT}:3",
    ),
}


def project(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("files", "described", "line"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_version_is_found_where_it_is_kept(
    files: Mapping[str, str], described: str, line: str, tmp_path: Path
) -> None:
    found = find_version(project(tmp_path, files))
    assert (str(found.version), found.described, found.literals[0].at) == ("1.2.3", described, line)
    assert found.stale == ()


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(("files", "described", "line"), LAYOUTS.values(), ids=LAYOUTS)
def test_another_version_is_written_and_not_a_byte_more(
    files: Mapping[str, str], described: str, line: str, ending: str, tmp_path: Path
) -> None:
    files = {name: text.replace("\n", ending) for name, text in files.items()}
    found = find_version(project(tmp_path, files))
    changed = found.write(Version("1.10.0"))
    path, _, number = line.partition(":")
    lines = files[path].split(ending)
    head, _, tail = lines[int(number) - 1].rpartition("1.2.3") if path != "NEWS" else ("Release ", "", "")
    lines[int(number) - 1] = f"{head}1.10.0{tail}"
    assert changed == (tmp_path / path,)
    assert contents(tmp_path) == {name: text.encode() for name, text in {**files, path: ending.join(lines)}.items()}
    moved = find_version(tmp_path)
    assert (str(moved.version), moved.described) == ("1.10.0", described)


@pytest.mark.parametrize(
    ("files", "tool", "variable"),
    [
        (
            {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + 'source = "vcs"\n'},
            "hatch-vcs",
            "SETUPTOOLS_SCM_PRETEND_VERSION",
        ),
        (
            {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + 'source = "uv-dynamic-versioning"\n'},
            "uv-dynamic-versioning",
            "UV_DYNAMIC_VERSIONING_BYPASS",
        ),
        (
            {"pyproject.toml": SETUPTOOLS + DYNAMIC + "[tool.setuptools_scm]\n"},
            "setuptools-scm",
            "SETUPTOOLS_SCM_PRETEND_VERSION",
        ),
        (
            {"pyproject.toml": SETUPTOOLS.replace("setuptools>=69", "Setuptools_SCM[toml]>=8") + DYNAMIC},
            "setuptools-scm",
            "SETUPTOOLS_SCM_PRETEND_VERSION",
        ),
        (
            {"setup.py": "import setuptools\nsetuptools.setup(name='market-data-core', use_scm_version=True)\n"},
            "setuptools-scm",
            "SETUPTOOLS_SCM_PRETEND_VERSION",
        ),
        (
            {"pyproject.toml": PDM + DYNAMIC + '[tool.pdm.version]\nsource = "scm"\n'},
            "pdm-backend",
            "PDM_BUILD_SCM_VERSION",
        ),
        (
            {
                "pyproject.toml": POETRY
                + '[tool.poetry]\nname = "market-data-core"\nversion = "0.0.0"\n'
                + "[tool.poetry-dynamic-versioning]\nenable = true\n"
            },
            "poetry-dynamic-versioning",
            "POETRY_DYNAMIC_VERSIONING_BYPASS",
        ),
    ],
)
def test_a_version_from_tags_changes_no_file_and_is_told_to_the_build(
    files: Mapping[str, str], tool: str, variable: str, tmp_path: Path
) -> None:
    found = find_version(project(tmp_path, {**files, INIT: CODE}))
    assert (found.version, found.described, found.literals, found.tool) == (
        None,
        f"tags, by {tool}",
        (),
        tool,
    )
    assert [each.at for each in found.stale] == [f"{INIT}:3"]
    before = contents(tmp_path)
    assert found.write(Version("2.0")) == ()
    assert contents(tmp_path) == before
    assert found.build_environment(Version("2.0rc1")) == {variable: "2.0rc1"}


def test_a_version_in_a_file_needs_no_telling(tmp_path: Path) -> None:
    found = find_version(project(tmp_path, {"pyproject.toml": HATCH + STATIC}))
    assert found.build_environment(Version("2.0")) == {}


def test_copies_of_the_version_move_with_it_and_others_are_reported(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        {
            "pyproject.toml": POETRY + STATIC + '[tool.poetry]\nversion = "1.2.3.0"\n',
            INIT: CODE,
            "src/core_tools/__init__.py": "__version__ = '0.9'\n",
            "src/broken/__init__.py": "__version__ = (\n",
            "src/computed/__init__.py": "__version__ = version('x')\n",
            "src/worded/__init__.py": "__version__ = 'unknown'\n",
            "tests/__init__.py": "__version__ = '1.2.3'\n",
        },
    )
    found = find_version(root)
    assert [each.at for each in found.literals] == ["pyproject.toml:6", f"{INIT}:3", "pyproject.toml:8"]
    assert [str(each) for each in found.stale] == ["src/core_tools/__init__.py:1 (0.9)"]
    assert found.write(Version("1.3")) == (root / "pyproject.toml", root / INIT)
    assert (root / INIT).read_text() == CODE.replace("1.2.3", "1.3")
    assert (root / "pyproject.toml").read_text().count('version = "1.3"\n') == 2
    assert find_version(root).version == Version("1.3")


def test_a_package_beside_pyproject_is_its_own_when_it_has_its_name(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": HATCH + STATIC,
        "market_data_core/__init__.py": CODE,
        "examples/__init__.py": "__version__ = '1.2.3'\n",
    }
    found = find_version(project(tmp_path, files))
    assert [each.at for each in found.literals] == ["pyproject.toml:6", "market_data_core/__init__.py:3"]


def test_a_byte_order_mark_of_a_module_stays(tmp_path: Path) -> None:
    code = b"\xef\xbb\xbf" + CODE.replace("\n", "\r\n").encode()
    root = project(tmp_path, {"pyproject.toml": FLIT + DYNAMIC, INIT: code})
    assert find_version(root).write(Version("1.2.4rc1")) == (root / INIT,)
    assert (root / INIT).read_bytes() == code.replace(b"1.2.3", b"1.2.4rc1")


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    root = project(tmp_path, {"setup.py": "#!/usr/bin/env python\nfrom setuptools import setup\nsetup(version='1')\n"})
    (root / "setup.py").rename(root / "real.py")
    (root / "setup.py").symlink_to("real.py")
    (root / "real.py").chmod(0o755)
    (root / "setup.cfg").write_text("[metadata]\nname = core\n")
    find_version(root).write(Version("2"))
    assert (root / "setup.py").is_symlink()
    assert (root / "real.py").stat().st_mode & 0o777 == 0o755
    assert "version='2'" in (root / "real.py").read_text()


def test_a_version_is_written_in_normal_form_whatever_stood_there(tmp_path: Path) -> None:
    root = project(tmp_path, {"pyproject.toml": STATIC.replace("1.2.3", " v1.2-RC1 ")})
    found = find_version(root)
    assert found.version == Version("1.2rc1")
    found.write(Version("1.2"))
    assert 'version = "1.2"\n' in (root / "pyproject.toml").read_text()


def test_writing_the_version_that_is_there_changes_nothing(tmp_path: Path) -> None:
    assert find_version(project(tmp_path, {"pyproject.toml": STATIC})).write(Version("1.2.3")) == ()


def test_a_file_that_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    root = project(tmp_path, {"pyproject.toml": STATIC, "market_data_core.py": CODE})
    found = find_version(root)
    (root / "pyproject.toml").write_text("# first\n" + STATIC)
    with pytest.raises(BuildError, match=r"pyproject\.toml:3: was changed"):
        found.write(Version("2"))
    assert (root / "market_data_core.py").read_text() == CODE


@pytest.mark.parametrize("older", ["", "Release 1.2.2\n"])
def test_a_pattern_that_would_not_find_the_new_version_is_said_before_anything_is_written(
    older: str, tmp_path: Path
) -> None:
    files, _, _ = LAYOUTS["hatch, by another pattern"]
    root = project(tmp_path, {**files, "NEWS": f"News\nRelease 1.2.3\n{older}"})
    before = contents(root)
    with pytest.raises(BuildError, match=r"NEWS:2: the build would not find the version 1\.3rc1") as caught:
        find_version(root).write(Version("1.3rc1"))
    assert "widen the pattern" in str(caught.value.hint)
    assert contents(root) == before


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({}, "has no metadata of a Python package", ""),
        ({"pyproject.toml": "[tool.x]\n"}, "has no metadata of a Python package", ""),
        ({"pyproject.toml": "[project]\nname = core\n"}, "pyproject.toml:2: is no valid TOML", ""),
        (
            {"pyproject.toml": b"\xef\xbb\xbf" + STATIC.encode()},
            "pyproject.toml:1: is no valid TOML",
            "byte order mark",
        ),
        ({"pyproject.toml": b"# \xff\n"}, "pyproject.toml:1: is not in UTF-8", "UTF-8"),
        ({"pyproject.toml": '\n[project]\nname = "x"\n'}, "pyproject.toml:2: [project] has no version", "1.2.3"),
        ({"pyproject.toml": "[project]\nname = 'x'\nversion = 1.2\n"}, "pyproject.toml:3: project.version must", ""),
        ({"pyproject.toml": STATIC.replace("1.2.3", "one")}, 'pyproject.toml:3: "one" is not a version', "PEP 440"),
        ({"pyproject.toml": STATIC.replace("2", "\\u0032")}, 'pyproject.toml:1: the version "1.2.3" does not', "plain"),
        (
            {"pyproject.toml": STATIC + 'dynamic = ["version"]\n'},
            "pyproject.toml:4: [project] has a version, and",
            "out",
        ),
        ({"pyproject.toml": DYNAMIC}, "pyproject.toml:3: nothing says where setuptools", "under [project]"),
        (
            {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION},
            "pyproject.toml:7: [tool.hatch.version] names no path",
            "",
        ),
        (
            {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + 'source = "own"\n'},
            'pyproject.toml:7: where the version source "own" of hatch',
            "under [project]",
        ),
        (
            {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + 'path = "a.py"\n'},
            "a.py: can't be read: No such file",
            "committed",
        ),
        (
            {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + 'path = "../a.py"\n'},
            "../a.py: leads out of the project",
            "inside",
        ),
        (
            {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + 'path = "a.py"\n', "a.py": "x = 1\n"},
            "a.py:1: nothing in it matches the pattern",
            "",
        ),
        (
            {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + 'path = "a.py"\npattern = "("\n'},
            "pyproject.toml:9: the pattern '(' is no regular expression",
            "",
        ),
        (
            {"pyproject.toml": HATCH + DYNAMIC + HATCH_VERSION + 'path = "a.py"\npattern = "(.*)"\n'},
            "pyproject.toml:9: the pattern '(.*)' has no group named version",
            "(?P<version>...)",
        ),
        (
            {"pyproject.toml": PDM + DYNAMIC + '[tool.pdm.version]\nsource = "call"\n'},
            'pyproject.toml:7: where the version source "call" of pdm',
            "under [project]",
        ),
        (
            {"pyproject.toml": SETUPTOOLS + DYNAMIC + ATTRIBUTE},
            'pyproject.toml:8: the version is that of "market_data_core.__version__", and there is no module',
            "name a module",
        ),
        (
            {"pyproject.toml": SETUPTOOLS + DYNAMIC + ATTRIBUTE, INIT: "\n\n__version__ = (\n"},
            f"{INIT}:3: is no valid Python",
            "",
        ),
        (
            {"pyproject.toml": SETUPTOOLS + DYNAMIC + ATTRIBUTE, INIT: "def f():\n    __version__ = '1'\n"},
            f"{INIT}:1: __version__ is not assigned at the top level",
            "__version__ =",
        ),
        (
            {"pyproject.toml": SETUPTOOLS + DYNAMIC + ATTRIBUTE, INIT: "__version__ = '1'\n__version__ = '2'\n"},
            f"{INIT}:2: __version__ is assigned more than once",
            "keep one",
        ),
        (
            {"pyproject.toml": SETUPTOOLS + DYNAMIC + ATTRIBUTE, INIT: "\n__version__ = '.'.join('123')\n"},
            f"{INIT}:2: __version__ is not a plain text",
            "in quotes",
        ),
        (
            {"pyproject.toml": SETUPTOOLS + DYNAMIC + ATTRIBUTE, INIT: "\n__version__ = '1.' '2.3'\n"},
            f'{INIT}:1: the version "1.2.3" does not stand there as it is',
            "one plain text",
        ),
        (
            {"pyproject.toml": SETUPTOOLS + DYNAMIC + ATTRIBUTE.replace('"market_data_core.__version__"', "1")},
            "pyproject.toml:8: tool.setuptools.dynamic.version.attr must be a text",
            "",
        ),
        (
            {
                "pyproject.toml": SETUPTOOLS
                + DYNAMIC
                + '[tool.setuptools.dynamic]\nversion = {file = ["VERSION", "BUILD"]}\n'
            },
            "the version must be in exactly one file",
            "name one",
        ),
        (
            {"pyproject.toml": SETUPTOOLS + DYNAMIC + ATTRIBUTE + "[tool.setuptools_scm]\n", INIT: CODE},
            f"pyproject.toml:9: the version is both in {INIT} and taken from tags",
            "take one",
        ),
        (
            {"pyproject.toml": SETUPTOOLS.replace("setuptools>=69", "no requirement") + DYNAMIC},
            "pyproject.toml:6: nothing says where",
            "",
        ),
        (
            {"pyproject.toml": SETUPTOOLS.replace("setuptools>=69", "versioningit") + DYNAMIC},
            "pyproject.toml:2: versioningit takes the version from a tag",
            "hatch-vcs",
        ),
        ({"setup.cfg": "[metadata]\nname = core\nversion\n"}, "setup.cfg:3: can't be read", ""),
        (
            {"setup.cfg": "[metadata]\nname = core\nversion = 1.2 # x\n"},
            'setup.cfg:3: "1.2 # x" is not a version',
            "PEP",
        ),
        ({"setup.cfg": "[metadata]\nname = core\n"}, "nothing says where setuptools takes", "under [metadata]"),
        ({"setup.py": "x = 1\n"}, "setup.py:1: calls setup() 0 times", "pyproject.toml"),
        ({"setup.py": "setup()\nsetup()\n"}, "setup.py:2: calls setup() 2 times", "pyproject.toml"),
        ({"setup.py": "setup(\nversion=read())\n"}, "setup.py:2: version is not a plain text", "in quotes"),
    ],
)
def test_what_can_not_be_understood_is_said_with_its_place_and_cure(
    files: Mapping[str, str | bytes], message: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(BuildError) as caught:
        find_version(project(tmp_path, files))
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"pyproject.toml": STATIC.replace("market-data-core", "Market_Data.Core")}, "market-data-core"),
        ({"pyproject.toml": '[tool.poetry]\nname = "core_"\n'.replace("core_", "core")}, "core"),
        ({"setup.cfg": "[metadata]\nname = Core\n"}, "core"),
        ({"setup.py": "setup(name='Core')\n"}, "core"),
    ],
)
def test_the_distributions_name_is_read_in_its_canonical_form(
    files: Mapping[str, str], name: str, tmp_path: Path
) -> None:
    assert project_name(project(tmp_path, files)) == name


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"pyproject.toml": "[project]\nversion = '1'\n"}, "project.name must be a text"),
        ({"pyproject.toml": "[project]\nname = 'a b'\n"}, 'pyproject.toml: "a b" is not a name'),
        ({"setup.cfg": "[options]\n"}, "nothing names the distribution"),
        ({"setup.py": "setup()\n"}, "nothing names the distribution"),
    ],
)
def test_a_project_without_a_name_is_said(files: Mapping[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        project_name(project(tmp_path, files))
    assert message in caught.value.message


def test_a_version_is_told_from_equal_texts_that_mean_something_else(tmp_path: Path) -> None:
    before = 'a1 = 0\na2 = 0\n[project]\nname = "x1"\n'
    root = project(tmp_path, {"pyproject.toml": before + 'version = "1"\n'})
    assert find_version(root).write(Version("2")) == (root / "pyproject.toml",)
    assert (root / "pyproject.toml").read_text() == before + 'version = "2"\n'


quotes = st.sampled_from(['"', "'", '"""', "'''"])
spaces = st.text(" \t", max_size=3)
comments = st.sampled_from(["", "  # 1.2.3", "# version = '1.2.3'", " #"])
texts = st.sampled_from(["1.2.3", "0.1", "1!2.0rc1", "2026.11.20", "1.0.post1", "9.9.9", "1.1.1"])


endings = st.tuples(comments, st.sampled_from(["\n", "\r\n"]), st.booleans())


@given(texts, texts, quotes, st.tuples(spaces, spaces), endings)
def test_a_static_version_moves_and_nothing_else_however_it_is_written(
    tmp_path_factory: pytest.TempPathFactory,
    old: str,
    new: str,
    quote: str,
    around: tuple[str, str],
    endings: tuple[str, str, bool],
) -> None:
    comment, ending, last = endings
    before = f'[tool.a]{ending}version = "{old}"{ending}# {old}{ending}[project]{ending}name = "a-{old}b"{ending}'
    line = f"version{around[0]}={around[1]}{quote}"
    after = f'{quote}{comment}{ending}description = "{old}"' + (ending if last else "")
    root = project(tmp_path_factory.mktemp("p"), {"pyproject.toml": before + line + old + after})
    find_version(root).write(Version(new))
    assert (root / "pyproject.toml").read_bytes() == (before + line + new + after).encode()
    assert find_version(root).version == Version(new)
