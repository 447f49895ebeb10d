"""Where each build backend has a version: found and moved there, or refused with a hint that fits."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.version import Version

from interlock.errors import BuildError
from interlock.project.version import find_version, project_name
from tests.support.projects import contents, project

DYNAMIC = '[project]\nname = "acme-core"\ndynamic = ["version"]\n'
CODE = '__version__ = "1.2.3"  # kept\n'
SETUP = "from setuptools import setup\n"
INIT = "acme_core/__init__.py"
REGEX = 'provider = "scikit_build_core.metadata.regex"\ninput = "src/acme_core/about.py"\n'


def built_by(backend: str, *requires: str) -> str:
    return f'[build-system]\nrequires = {[*requires]}\nbuild-backend = "{backend}"\n'


HATCH, SETUPTOOLS = built_by("hatchling.build"), built_by("setuptools.build_meta")
ATTRIBUTE = SETUPTOOLS + DYNAMIC + '[tool.setuptools.dynamic]\nversion = {attr = "acme_core.__version__"}\n'

# By what it is: the files, and where the version is.
FOUND: dict[str, tuple[dict[str, str], str]] = {
    "hatch.toml": (
        {"pyproject.toml": HATCH + DYNAMIC, "hatch.toml": '[version]\npath = "about.py"\n', "about.py": CODE},
        "about.py:1",
    ),
    "hatch.toml stands instead of the table in pyproject.toml": (
        {
            "pyproject.toml": HATCH + DYNAMIC + '[tool.hatch.version]\npath = "old.py"\n',
            "hatch.toml": '[version]\npath = "about.py"\n',
            "about.py": CODE,
            "old.py": "",
        },
        "about.py:1",
    ),
    "hatch.toml of other tables": (
        {
            "pyproject.toml": HATCH + DYNAMIC + '[tool.hatch.version]\npath = "about.py"\n',
            "hatch.toml": "[envs.docs]\n",
            "about.py": CODE,
        },
        "about.py:1",
    ),
    "hatch, code that is imported": (
        {
            "pyproject.toml": HATCH + DYNAMIC + f'[tool.hatch.version]\nsource = "code"\npath = "{INIT}"\n',
            INIT: "from .about import NUMBER as __version__\n",
            "acme_core/about.py": "NUMBER = '1.2.3'\n",
        },
        "acme_core/about.py:1",
    ),
    "hatch, an npm package": (
        {
            "pyproject.toml": HATCH + DYNAMIC + '[tool.hatch.version]\nsource = "nodejs"\n',
            "package.json": '{\n  "name": "x",\n  "dependencies": {"a": "1.2.3"},\n  "version": "1.2.3"\n}\n',
        },
        "package.json:4",
    ),
    "old flit": (
        {"pyproject.toml": built_by("flit.buildapi") + '[tool.flit.metadata]\nmodule = "acme_core"\n', INIT: CODE},
        f"{INIT}:1",
    ),
    "old flit, with another name": (
        {
            "pyproject.toml": built_by("flit_core.buildapi")
            + '[tool.flit.metadata]\nmodule = "core"\ndist-name = "acme-core"\n',
            "core.py": CODE,
        },
        "core.py:1",
    ),
    "flit, imported": (
        {
            "pyproject.toml": built_by("flit_core.buildapi") + DYNAMIC,
            f"src/{INIT}": "'''Core.'''\nfrom acme_core._version import __version__\n",
            "src/acme_core/_version.py": CODE,
        },
        "src/acme_core/_version.py:1",
    ),
    "setuptools, an attribute that is imported": (
        {"pyproject.toml": ATTRIBUTE, INIT: "from ._version import __version__\n", "acme_core/_version.py": CODE},
        "acme_core/_version.py:1",
    ),
    "setuptools, an attribute of a module that is imported": (
        {
            "pyproject.toml": ATTRIBUTE,
            INIT: "from acme_core import about\n__version__ = about.VERSION\n",
            "acme_core/about.py": "VERSION = '1.2.3'\n",
        },
        "acme_core/about.py:1",
    ),
    "setuptools, an attribute that is another name": (
        {"pyproject.toml": ATTRIBUTE, INIT: "VERSION = '1.2.3'\n__version__ = VERSION\n"},
        f"{INIT}:1",
    ),
    "setuptools, an attribute that is joined": (
        {"pyproject.toml": ATTRIBUTE, INIT: "VERSION = (1, 2, 3)\n__version__ = '.'.join(map(str, VERSION))\n"},
        f"{INIT}:1",
    ),
    "setuptools, an attribute that is a tuple": (
        {"pyproject.toml": ATTRIBUTE, INIT: "\n__version__ = (1, 2, 3)\n"},
        f"{INIT}:2",
    ),
    "setuptools, inside of a backend of its own": (
        {
            "pyproject.toml": built_by("backend")
            + DYNAMIC
            + '[tool.setuptools.dynamic]\nversion = {file = ["VERSION"]}\n',
            "VERSION": "1.2.3\n",
        },
        "VERSION:1",
    ),
    "setup.py, a constant": (
        {"setup.py": SETUP + "NAME, OTHER = 'a', 'b'\nVERSION = '1.2.3'\nsetup(name='acme-core', version=VERSION)\n"},
        "setup.py:3",
    ),
    "setup.py, by keywords": (
        {"setup.py": SETUP + "facts = dict(\n  name='acme-core',\n  version='1.2.3')\nsetup(**facts)\n"},
        "setup.py:4",
    ),
    "setup.py, by a dict": (
        {"setup.py": SETUP + "facts = {'name': 'acme-core', 'version': '1.2.3'}\nsetup(url='x', **facts)\n"},
        "setup.py:2",
    ),
    "setup.py, imported": (
        {
            "setup.py": SETUP + "from acme_core import __version__ as v\nsetup(name='acme-core', version=v)\n",
            INIT: CODE,
        },
        f"{INIT}:1",
    ),
    "setup.py, of the module itself": (
        {
            "setup.py": SETUP + "import acme_core\nsetup(name='acme-core', version=acme_core.__version__)\n",
            "acme_core.py": CODE,
        },
        "acme_core.py:1",
    ),
    "setup.py, by a regular expression": (
        {
            "setup.py": "import re\n"
            + SETUP
            + f"v = re.search('\"(.*)\"', open('{INIT}').read())[1]\nsetup(name='acme-core', version=v)\n",
            INIT: CODE,
        },
        f"{INIT}:1",
    ),
    "setup.py, by exec": (
        {
            "setup.py": "import os\n"
            + SETUP
            + "about = {}\nexec(open(os.path.join('acme_core', '_version.py')).read(), about)\n"
            + "setup(name='acme-core', version=about['__version__'])\n",
            INIT: "from ._version import __version__\n",
            "acme_core/_version.py": CODE,
        },
        "acme_core/_version.py:1",
    ),
    "setup.py, by a path": (
        {
            "setup.py": "from pathlib import Path\n"
            + SETUP
            + "text = (Path(__file__).parent / 'lib' / 'core' / 'about.py').read_text()\n"
            + "setup(name='acme-core', version=text.split('=')[1])\n",
            "lib/core/about.py": CODE,
        },
        "lib/core/about.py:1",
    ),
    "setup.py, a file's text": (
        {
            "setup.py": SETUP
            + "setup(name='acme-core', version=open('VERSION.txt').read().strip(), readme=open('README').read())\n",
            "VERSION.txt": "1.2.3\n",
            "README": "Core 1.2.3\n",
        },
        "VERSION.txt:1",
    ),
    "maturin": (
        {
            "pyproject.toml": built_by("maturin") + DYNAMIC,
            "Cargo.toml": '[dependencies]\nx = "1.2.3"\n[package]\nname = "core-rs"\nversion = "1.2.3"\n',
        },
        "Cargo.toml:5",
    ),
    "maturin, elsewhere and of a workspace": (
        {
            "pyproject.toml": built_by("maturin") + DYNAMIC + '[tool.maturin]\nmanifest-path = "rust/py/Cargo.toml"\n',
            "rust/py/Cargo.toml": '[package]\nname = "core-py"\nversion.workspace = true\n',
            "rust/Cargo.toml": '[workspace]\nmembers = ["py"]\n[workspace.package]\nversion = "1.2.3"\n',
        },
        "rust/Cargo.toml:4",
    ),
    "meson-python": (
        {
            "pyproject.toml": built_by("mesonpy") + DYNAMIC,
            "meson.build": "# project('x', version: '9')\nproject('core', 'c',\n  default_options: ['version=1.2.3'],\n"
            "  meson_version: '>=1.2.3',\n  version : '1.2.3')\nexecutable('a', version: '1.2.3')\n",
        },
        "meson.build:5",
    ),
    "meson-python, a file": (
        {
            "pyproject.toml": built_by("mesonpy") + DYNAMIC,
            "meson.build": "project('core', version: files('VERSION'))\n",
            "VERSION": "1.2.3\n",
        },
        "VERSION:1",
    ),
    "scikit-build-core": (
        {
            "pyproject.toml": built_by("scikit_build_core.build")
            + DYNAMIC
            + "[tool.scikit-build.metadata.version]\n"
            + REGEX,
            "src/acme_core/about.py": "__version__: str = '1.2.3'\n",
        },
        "src/acme_core/about.py:1",
    ),
    "scikit-build-core, by another pattern": (
        {
            "pyproject.toml": built_by("scikit_build_core.build")
            + DYNAMIC
            + f"[[tool.dynamic-metadata]]\nfield = 'version'\n{REGEX}regex = '^NUMBER = (?P<q>.)(?P<value>.+)(?P=q)'\n",
            "src/acme_core/about.py": "NUMBER = '1.2.3'\n",
        },
        "src/acme_core/about.py:1",
    ),
}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("kind", FOUND)
def test_the_version_is_found_and_moved_and_not_a_byte_more(kind: str, ending: str, tmp_path: Path) -> None:
    files, at = FOUND[kind]
    root = project(tmp_path, {name: text.replace("\n", ending) for name, text in files.items()})
    before = contents(root)
    found = find_version(root)
    assert (str(found.version), found.literals[0].at, found.stale) == ("1.2.3", at, ())
    assert project_name(root) == "acme-core"
    found.write(Version("1.3.0"))
    path, _, line = at.partition(":")
    lines = before[path].splitlines(keepends=True)
    lines[int(line) - 1] = lines[int(line) - 1].replace(b"1.2.3", b"1.3.0").replace(b"(1, 2, 3)", b"(1, 3, 0)")
    assert contents(root) == {**before, path: b"".join(lines)}
    assert str(find_version(root).version) == "1.3.0"


@pytest.mark.parametrize(
    ("files", "tool", "variables"),
    [
        (
            {"setup.py": SETUP + "setup(setup_requires=['pbr'], pbr=True)\n", "setup.cfg": "[metadata]\nname = core\n"},
            "pbr",
            {"PBR_VERSION": "1.3.0"},
        ),
        (
            {
                "setup.py": SETUP + "setup(pbr=True)\n",
                "setup.cfg": "[metadata]\nname = core\nversion = 1.0\n",
            },
            "pbr",
            {"PBR_VERSION": "1.3.0"},
        ),
        ({"pyproject.toml": built_by("pbr.build", "pbr") + DYNAMIC}, "pbr", {"PBR_VERSION": "1.3.0"}),
        (
            {
                "pyproject.toml": built_by("scikit_build_core.build")
                + DYNAMIC
                + '[tool.scikit-build.metadata.version]\nprovider = "scikit_build_core.metadata.setuptools_scm"\n'
            },
            "setuptools-scm",
            {"SETUPTOOLS_SCM_PRETEND_VERSION": "1.3.0"},
        ),
    ],
)
def test_a_tool_that_reads_tags_gets_the_version_by_its_variable(
    files: Mapping[str, str], tool: str, variables: Mapping[str, str], tmp_path: Path
) -> None:
    found = find_version(project(tmp_path, files))
    assert (found.version, found.tool, found.build_environment(Version("1.3.0"))) == (None, tool, variables)


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        (
            {"setup.py": "import versioneer\n" + SETUP + "setup(name='a', version=versioneer.get_version())\n"},
            "setup.py:1: versioneer takes the version from a tag",
            "setuptools-scm",
        ),
        (
            {"pyproject.toml": SETUPTOOLS + DYNAMIC + "[tool.versioneer]\nVCS = 'git'\n"},
            "pyproject.toml:7: versioneer takes the version from a tag",
            "setuptools-scm",
        ),
        (
            {"pyproject.toml": built_by("setuptools.build_meta", "setuptools-git-versioning") + DYNAMIC},
            "pyproject.toml:2: setuptools-git-versioning takes the version from a tag",
            "setuptools-scm",
        ),
        (
            {"pyproject.toml": built_by("setuptools.build_meta", "incremental") + DYNAMIC},
            "pyproject.toml:2: incremental computes the version",
            "under [project]",
        ),
        (
            {"setup.py": SETUP + "setup(name='a', use_incremental=True)\n"},
            "setup.py:2: incremental computes the version",
            "the call of setup()",
        ),
        ({"setup.cfg": "[metadata]\nname = a\n"}, "setup.cfg:1: nothing says where", "[metadata] of setup.cfg"),
        ({"setup.py": SETUP + "setup(name='a')\n"}, "setup.py:2: nothing says where", "the call of setup()"),
        (
            {"setup.py": SETUP + "setup(name='a', version=f('a.py', 'b.py'))\n", "a.py": CODE, "b.py": CODE},
            "setup.py:2: version is not a plain text",
            "in quotes",
        ),
        (
            {"setup.py": SETUP + "VERSION = '1'\nVERSION += '.2'\nsetup(name='a', version=VERSION)\n"},
            "setup.py:4: version is not a plain text",
            "in quotes",
        ),
        (
            {"setup.py": SETUP + "VERSION = '1'\nif dev:\n  VERSION = '2'\nsetup(name='a', version=VERSION)\n"},
            "setup.py:5: version is not a plain text",
            "in quotes",
        ),
        (
            {"pyproject.toml": ATTRIBUTE, INIT: "from .b import __version__\n", "acme_core/b.py": "from . import *\n"},
            "acme_core/__init__.py:1: __version__ is not assigned",
            "__version__ =",
        ),
        (
            {"pyproject.toml": ATTRIBUTE, INIT: "from . import __version__\n"},
            "acme_core/__init__.py:1: __version__ is not assigned",
            "__version__ =",
        ),
        (
            {"pyproject.toml": ATTRIBUTE, INIT: "__version__ = (1, 2, 'beta')\n"},
            "acme_core/__init__.py:1: __version__ is not a plain text",
            "in quotes",
        ),
        (
            {"pyproject.toml": HATCH + DYNAMIC, "hatch.toml": "# x\n[version]\nsource = 'regex'\n"},
            "hatch.toml:2: [version] names no path",
            "",
        ),
        ({"pyproject.toml": HATCH + DYNAMIC, "hatch.toml": "[version\n"}, "hatch.toml:1: is no valid TOML", ""),
        (
            {
                "pyproject.toml": HATCH
                + DYNAMIC
                + '[tool.hatch.version]\nsource = "code"\npath = "a.py"\nexpression = "get()"\n'
            },
            'pyproject.toml:10: the version is what the expression "get()" gives',
            "name a variable",
        ),
        (
            {"pyproject.toml": HATCH + DYNAMIC + '[tool.hatch.version]\nsource = "env"\nvariable = "V"\n'},
            "pyproject.toml:7: hatch takes the version from an environment variable",
            "under [project]",
        ),
        ({"pyproject.toml": built_by("maturin") + DYNAMIC}, "Cargo.toml: can't be read", "committed"),
        (
            {
                "pyproject.toml": built_by("maturin") + DYNAMIC,
                "Cargo.toml": "[package]\nversion = { workspace = true }\n",
            },
            "Cargo.toml:2: its version is that of a workspace",
            "",
        ),
        ({"pyproject.toml": built_by("mesonpy") + DYNAMIC}, "the version is that of meson.build", "under [project]"),
        (
            {
                "pyproject.toml": built_by("mesonpy") + DYNAMIC,
                "meson.build": "project('a')\nlibrary('a', version: '1')\n",
            },
            "meson.build:1: its call of project() has no version",
            "under [project]",
        ),
        (
            {"pyproject.toml": built_by("mesonpy") + DYNAMIC, "meson.build": "project('a',\n version: run('v'))\n"},
            "meson.build:2: the version of project() is not a plain text",
            "under [project]",
        ),
        (
            {
                "pyproject.toml": built_by("scikit_build_core.build")
                + DYNAMIC
                + "[tool.scikit-build.metadata.version]\n"
                + REGEX
                + "result = '{value}.1'\n"
            },
            "pyproject.toml:8: where the provider",
            "under [project]",
        ),
        ({"pyproject.toml": built_by("uv_build") + DYNAMIC}, "uv_build takes no dynamic version", "under [project]"),
        ({"pyproject.toml": built_by("own") + DYNAMIC}, "where own takes a dynamic version", "under [project]"),
    ],
)
def test_a_version_that_can_not_be_known_is_refused_with_a_hint_that_fits(
    files: Mapping[str, str], message: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(BuildError) as caught:
        find_version(project(tmp_path, files))
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_setup_py_that_can_not_be_read_is_no_matter_where_the_version_is_elsewhere(tmp_path: Path) -> None:
    files = {"setup.py": "run()\n", "setup.cfg": "[metadata]\nname = core\nversion = 1.2.3\n"}
    assert find_version(project(tmp_path, files)).described == "setup.cfg: metadata.version"


@pytest.mark.parametrize(
    ("version", "written"),
    [
        ("1.3.0", "1.3.0"),
        ("1.3", "1.3.0"),
        ("2.0a1", "2.0.0-alpha.1"),
        ("2.0b2", "2.0.0-beta.2"),
        ("2.0.0rc1.dev3", "2.0.0-rc.1.dev.3"),
        ("2.0.dev4", "2.0.0-dev.4"),
        ("1.3.0+g1", "1.3.0+g1"),
    ],
)
def test_cargo_gets_versions_in_its_own_form(version: str, written: str, tmp_path: Path) -> None:
    files = {
        "pyproject.toml": built_by("maturin") + DYNAMIC,
        "Cargo.toml": '[package]\nname = "c"\nversion = "1.2.3"\n',
    }
    find_version(project(tmp_path, files)).write(Version(version))
    assert (tmp_path / "Cargo.toml").read_text() == f'[package]\nname = "c"\nversion = "{written}"\n'
    assert find_version(tmp_path).version == Version(version)


@pytest.mark.parametrize("version", ["1!1.3.0", "1.3.0.post1", "1.3.0.1"])
def test_a_version_that_its_place_can_not_hold_is_refused_before_anything_is_written(
    version: str, tmp_path: Path
) -> None:
    files = {
        "pyproject.toml": built_by("maturin") + DYNAMIC,
        "Cargo.toml": '[package]\nname = "c"\nversion = "1.2.3"\n',
        "acme_core.py": CODE,
    }
    root = project(tmp_path, files)
    with pytest.raises(BuildError, match=r"Cargo\.toml:3: .* can't be written there"):
        find_version(root).write(Version(version))
    assert contents(root) == {name: text.encode() for name, text in files.items()}
