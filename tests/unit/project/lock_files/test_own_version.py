"""The project's own version in uv's lock, and locks that only remarks are made of."""

from pathlib import Path, PurePosixPath

import pytest

from interlock.project.lock_files.static_version import with_static_version
from interlock.project.lock_files.uv_lock import merged, with_own_version
from tests.support.locked_projects import follow
from tests.support.projects import contents, project

NOWHERE = "http://127.0.0.1:9/simple/"
HEAD = 'version = 1\nrevision = 3\nrequires-python = ">=3.9"\n\n'
OTHER = '[[package]]\nname = "zed"\nversion = "0.5.0"\nsource = { registry = "https://example.org/simple" }\n'
OWN = """\
[[package]]
name = "acme-app"
version = "0.5.0"
source = { editable = "." }

[package.metadata]
requires-dist = [{ name = "zed", specifier = "==0.5.0" }]

"""


@pytest.mark.parametrize("source", ['editable = "."', 'virtual = "."', 'directory = "."', 'editable = "./"'])
def test_one_literal_moves(source: str) -> None:
    old = HEAD + OWN.replace('editable = "."', source) + OTHER
    place = PurePosixPath()
    assert with_own_version(old, "acme-app", place, "0.5.1") == old.replace('"0.5.0"', '"0.5.1"', 1)
    windows = old.replace("\n", "\r\n")
    assert with_own_version(windows, "acme-app", place, "1!2.0rc1") == windows.replace('"0.5.0"', '"1!2.0rc1"', 1)


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        HEAD + OTHER,
        HEAD + OWN.replace('version = "0.5.0"\n', ""),
        HEAD + OWN.replace('editable = "."', 'editable = "packages/app"'),
        HEAD + OWN.replace('editable = "."', 'registry = "https://example.org/simple"'),
        HEAD + OWN.replace("acme-app", "acme-app-extra"),
    ],
)
def test_what_is_not_the_version_of_the_project_stays(text: str) -> None:
    assert with_own_version(text, "acme-app", PurePosixPath(), "0.5.1") == text


@pytest.mark.parametrize(
    "text",
    ["[[package]]\nname = ", HEAD + OWN.replace("[[package]]", " [[package]]"), 'package = [{name = "acme-app"}]\n'],
)
def test_a_lock_that_no_tool_writes_so_is_left_with_a_remark(tmp_path: Path, text: str) -> None:
    root = project(tmp_path / "app", {"uv.lock": text})
    (remark,) = follow(root, NOWHERE, version="0.5.1").remarks
    assert remark.startswith("uv.lock: ")
    assert "was left as it is" in remark
    assert contents(root) == {"uv.lock": text.encode()}


def test_a_bump_alone_asks_nothing_and_leaves_what_does_not_have_it(tmp_path: Path) -> None:
    files = {"uv.lock": HEAD + OWN + OTHER, "poetry.lock": OTHER, "pdm.lock": OTHER, "pylock.toml": "nonsense"}
    root = project(tmp_path / "app", files)
    assert follow(root, NOWHERE, version="0.5.1") == ((root / "uv.lock",), ())
    assert contents(root).keys() == files.keys()
    assert (root / "poetry.lock").read_text() == OTHER


def test_a_lock_holds_a_package_by_its_very_name_alone(tmp_path: Path) -> None:
    pylock = '[[packages]]\nname = "{0}"\nversion = "{1}"\n'
    files = {
        "uv.lock": HEAD + OTHER.replace("zed", "acme-core-extra"),
        "poetry.lock": OTHER.replace("zed", "my-acme-core"),
        "pylock.toml": pylock.format("Acme_Core", "1.4.0"),
        "pylock.dev.toml": pylock.format("acme-core", "1.5.0"),
        "pylock.docs.toml": pylock.format("acme-core-extra", "1.4.0"),
        "Pipfile.lock": '{"default": {"acme-core": {"version": "==1.4.0"}, "acme-core-extra": {"version": "==1"}}}',
    }
    root = project(tmp_path / "app", files)
    done = follow(root, NOWHERE, version="0.5.1", moved={"acme-core": "1.5.0"})
    assert done.files == ()
    assert done.remarks == (
        "Pipfile.lock: holds acme-core 1.4.0, not 1.5.0, and is not edited: make it again",
        "pylock.toml: holds acme-core 1.4.0, not 1.5.0, and is not edited: make it again",
    )


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = project(tmp_path / "outside", {"uv.lock": HEAD + OWN})
    root = project(tmp_path / "app", {"pyproject.toml": ""})
    (root / "uv.lock").symlink_to(outside / "uv.lock")
    assert follow(root, NOWHERE, version="0.5.1") == ((), ())
    assert contents(outside) == {"uv.lock": (HEAD + OWN).encode()}


def test_lines_of_what_did_not_move_are_those_of_the_old_lock() -> None:
    old = HEAD + OWN + OTHER.replace('source = { registry = "https://example.org/simple" }\n', "")
    new = (HEAD + OWN + OTHER).replace("revision = 3", "revision = 9").replace(">=3.9", ">=3.10")
    assert merged(HEAD + OWN + OTHER, old.replace("revision = 3", "revision = 9")).startswith(HEAD + OWN)
    assert merged(old, new) == new


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[project]\ndynamic = ["version"]\n', '[project]\nversion = "0"\ndynamic = ["classifiers"]\n'),
        (
            '[tool.x]\nversion = "version"\n[project]\ndynamic = ["readme", \'version\']\n',
            '[tool.x]\nversion = "version"\n[project]\nversion = "0"\ndynamic = ["readme", "classifiers"]\n',
        ),
        ('[project]\nversion = "1"\n', None),
        ('[project]\ndynamic = ["dependencies"]\n', None),
        ('project.dynamic = ["version"]\n', None),
        ('[project]\ndynamic = ["vers\\u0069on"]\n', None),
        ('[project]\ndynamic = ["version"]\n' + '# "version"\n' * 99, None),
        ("[project]\ndynamic = 1\n", None),
    ],
)
def test_a_dynamic_version_is_plain_text_for_uv(before: str, after: str | None) -> None:
    assert with_static_version(before, "0") == (before if after is None else after)
