"""Locks that follow a release, made by uv in the sandbox with an index of this machine."""

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from interlock.common.sandbox import isolation
from interlock.project.lock_files.lock_text import packages_of
from tests.support.locked_projects import follow, locked, packages, uv
from tests.support.projects import project
from tests.support.universe.world import Universe

__all__ = ["locked", "packages"]
NEW = {"acme-core": "1.5.0"}
PREFIX = "https://files.example.org/packages/"


def released(root: Path, files: Mapping[str, bytes]) -> Path:
    """The project with its new version and its moved requirement."""
    text = files["pyproject.toml"].decode().replace('"0.5.0"', '"0.5.1"').replace(">=1.4,", ">=1.5.0,")
    return project(root, {**files, "pyproject.toml": text})


def versions(root: Path, lock: str = "uv.lock") -> dict[str, str]:
    return {each.name: each.version for each in packages_of((root / lock).read_text())}


def test_uv_finds_nothing_to_update_and_only_what_had_to_move_has_moved(
    packages: Universe, locked: Mapping[str, bytes], tmp_path: Path
) -> None:
    root = released(tmp_path / "app", locked)
    assert uv(root, packages, "lock", "--check").returncode != 0

    done = follow(root, packages.url, version="0.5.1", moved=NEW)

    assert done == ((root / "uv.lock",), ())
    assert uv(root, packages, "lock", "--check").returncode == 0
    expected = {"acme-core": "1.5.0", "acme-core-extra": "1.4.0", "acme-new": "0.2", "acme-third": "1.0"}
    assert versions(root) == {"acme-app": "0.5.1", **expected}
    again = released(tmp_path / "again" / "app", locked)
    follow(again, packages.url, version="0.5.1", moved=NEW)
    assert (again / "uv.lock").read_bytes() == (root / "uv.lock").read_bytes()


def test_the_lock_keeps_its_registry_where_another_index_stands_in_for_it(
    packages: Universe, locked: Mapping[str, bytes], tmp_path: Path
) -> None:
    old = locked["uv.lock"].decode().replace(packages.url.rstrip("/"), "https://registry.example.org/simple")
    path = f"{PREFIX}aa/bb/{'c' * 60}/"
    old = re.sub(r'"http://[^"]+/', f'"{path}', old).replace("revision = ", "revision = 1 # ")
    root = released(tmp_path / "app", {**locked, "uv.lock": old.replace("\n", "\r\n").encode()})

    assert follow(root, packages.url, version="0.5.1", moved=NEW).remarks == ()

    new = (root / "uv.lock").read_bytes().decode()
    assert "127.0.0.1" not in new
    assert new.count("\n") == new.count("\r\n")
    assert versions(root)["acme-core"] == "1.5.0"
    files = [address for address in re.findall(rf'"{PREFIX}([^"]+)"', new) if not address.startswith("aa/bb/")]
    assert [address.rpartition("/")[2] for address in files] == [
        "acme_core-1.5.0-py3-none-any.whl",
        "acme_new-0.2-py3-none-any.whl",
    ]
    kept = set(old.splitlines()) - set(new.splitlines())
    assert all("acme-core" in line or "acme_core" in line or "version = " in line for line in kept)


def test_the_members_of_a_workspace_have_their_lock_above_them(packages: Universe, tmp_path: Path) -> None:
    member = '[project]\nname = "acme-{0}"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
    top = project(
        tmp_path / "top",
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
            "packages/one/pyproject.toml": member.format("one"),
            "packages/two/pyproject.toml": member.format("two") + 'dependencies = ["acme-core"]\n',
        },
    )
    uv(top, packages, "lock", "--upgrade-package", "acme-core==1.4.0")
    for name in ("one", "two"):
        path = top / "packages" / name / "pyproject.toml"
        path.write_text(path.read_text().replace('"1.0"', '"1.1"'))

    follow(top, packages.url, version="1.1", project="packages/one", name="acme-one")
    assert versions(top) == {"acme-one": "1.1", "acme-two": "1.0", "acme-core": "1.4.0"}
    follow(top, packages.url, version="1.1", project="packages/two", name="acme-two", moved={"acme-core": "1.5.0"})

    assert uv(top, packages, "lock", "--check").returncode == 0


@pytest.mark.parametrize(
    ("moved", "settings", "why"),
    [
        ({"acme-core": "1.6.0"}, "", r"tiny does not serve acme-core 1\.6\.0 yet"),
        (NEW, '[tool.uv]\nconstraint-dependencies = ["acme-core<1.5"]\n', "No solution found"),
        (NEW, '[tool.uv]\nrequired-version = "<0.1"\n', "Required uv version"),
    ],
)
def test_what_can_not_move_is_said_and_stays_but_for_the_own_version(
    packages: Universe,
    locked: Mapping[str, bytes],
    tmp_path: Path,
    moved: Mapping[str, str],
    settings: str,
    why: str,
) -> None:
    root = released(tmp_path / "app", locked)
    with (root / "pyproject.toml").open("a") as file:
        file.write(settings)

    (remark,) = follow(root, packages.url, version="0.5.1", moved=moved).remarks

    assert re.search(why, remark)
    assert remark.startswith("uv.lock: holds acme-core 1.4.0 and was not moved, since ")
    assert remark.endswith("; by hand: uv lock --upgrade-package acme-core")
    wanted = locked["uv.lock"].replace(b'name = "acme-app"\nversion = "0.5.0"', b'name = "acme-app"\nversion = "0.5.1"')
    assert (root / "uv.lock").read_bytes() == wanted


def test_no_tool_gets_the_password_of_an_index(packages: Universe, locked: Mapping[str, bytes], tmp_path: Path) -> None:
    root = released(tmp_path / "app", locked)

    (remark,) = follow(root, packages.index.url_with("me", "s3cret"), version="0.5.1", moved=NEW).remarks

    assert "tiny needs a password" in remark
    assert "s3cret" not in remark


POETRY = """\
[[package]]
name = "acme-core"
version = "1.4.0"
files = [{file = "acme_core-1.4.0-py3-none-any.whl", hash = "sha256:%s"}]

[[package]]
name = "acme-third"
version = "1.0"
files = [{file = "acme_third-1.0-py3-none-any.whl", hash = "sha256:%s"}]

[metadata]
content-hash = "old"
"""
# Stands in for Poetry, as far as its command line goes; what the real one does is in docs/pins.md.
FAKE = """\
#!{python} -I
import pathlib, re, socket, sys, urllib.request
lock = pathlib.Path("poetry.lock")
text = lock.read_text()
assert sys.argv[1:] == ["update", "--lock", "acme-core"], sys.argv
page = urllib.request.urlopen("{url}acme-core/").read().decode()
found = re.search("acme_core-1.5.0[^#]*#sha256=([0-9a-f]*)", page)[1]
text = text.replace("1.4.0", "1.5.0").replace("{old}", found).replace('"old"', '"new"')
{more}
lock.write_text(text)
"""
NOWHERE = """\
for address in ("{other}", "http://192.0.2.1/"):
    try:
        urllib.request.urlopen(address, timeout=5)
    except OSError as error:
        assert "403" in str(error), error
    else:
        raise SystemExit("reached " + address)
try:
    socket.create_connection(("{host}", {port}), timeout=5)
except OSError:
    pass
else:
    raise SystemExit("reached the host")
"""


@pytest.fixture
def with_poetry(packages: Universe, locked: Mapping[str, bytes], tmp_path: Path) -> Path:
    hashes = {each.name: next(iter(each.hashes), "") for each in packages_of(locked["uv.lock"].decode())}
    settings = f'[[tool.poetry.source]]\nname = "tiny"\nurl = "{packages.url}"\n'
    files = {name: content for name, content in locked.items() if name != "uv.lock"}
    files["pyproject.toml"] += settings.encode()
    lock = POETRY % (hashes["acme-core"], hashes["acme-third"])
    return project(tmp_path / "app", {**files, "poetry.lock": lock})


def fake(folder: Path, packages: Universe, root: Path, more: str, patch: pytest.MonkeyPatch) -> None:
    core, third = (each for each in packages_of((root / "poetry.lock").read_text()))
    host, _, port = packages.index.address.partition(":")
    more = more.format(third=min(third.hashes), host=host, port=port, other=packages.url.replace(port, "1"))
    base = getattr(sys, "_base_executable", sys.executable)
    script = FAKE.format(python=base, url=packages.url, old=min(core.hashes), more=more)
    (project(folder, {"bin/poetry": script}) / "bin" / "poetry").chmod(0o755)
    patch.setenv("PATH", f"{folder}/bin:/usr/bin:/bin")


def test_another_tool_moves_its_lock_and_reaches_the_index_alone(
    packages: Universe, with_poetry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "tool", packages, with_poetry, NOWHERE if isolation().is_isolated else "", monkeypatch)

    done = follow(with_poetry, packages.url, version="0.5.1", moved=NEW)

    assert done.remarks == ()
    assert versions(with_poetry, "poetry.lock") == {"acme-core": "1.5.0", "acme-third": "1.0"}
    assert '"new"' in (with_poetry / "poetry.lock").read_text()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('text = text.replace("{third}", "0" * 64)', "files of acme-third 1.0 that are not on tiny"),
        ('text = text.replace("1.5.0", "1.4.9")', "it would hold acme-core 1.4.9, not 1.5.0"),
        ('text += "["', "what poetry made"),
        ('text = re.sub("files = .*", "files = []", text)', "files of acme-core 1.5.0 that are not on tiny"),
        ('raise SystemExit("no, and here is why")', "no, and here is why"),
        ('lock.unlink(); lock.symlink_to("/etc/passwd"); sys.exit()', "can't be read"),
    ],
)
def test_a_lock_that_is_not_what_was_asked_for_is_not_taken(
    packages: Universe, with_poetry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, why: str
) -> None:
    fake(tmp_path / "tool", packages, with_poetry, more, monkeypatch)
    before = (with_poetry / "poetry.lock").read_bytes()

    (remark,) = follow(with_poetry, packages.url, moved=NEW).remarks

    assert why in remark
    assert (with_poetry / "poetry.lock").read_bytes() == before


def test_a_tool_that_is_not_there_is_named(
    packages: Universe, with_poetry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)

    (remark,) = follow(with_poetry, packages.url, moved=NEW).remarks

    assert remark == (
        "poetry.lock: holds acme-core 1.4.0 and was not moved, since poetry is not on this machine; "
        "by hand: poetry update --lock acme-core"
    )


def test_uv_builds_no_sdist_of_strangers(packages: Universe, locked: Mapping[str, bytes], tmp_path: Path) -> None:
    backend = "raise SystemExit('it ran')\n"
    settings = '[build-system]\nrequires = []\nbuild-backend = "ran"\nbackend-path = ["."]\n'
    packages.sdist("acme-stranger", "1.0", {"pyproject.toml": settings, "ran.py": backend})
    packages.wheel("acme-core", "1.9.0", requires=["acme-stranger"])
    root = released(tmp_path / "app", locked)

    (remark,) = follow(root, packages.url, version="0.5.1", moved={"acme-core": "1.9.0"}).remarks

    assert "acme-stranger" in remark
    assert "build" in remark
    assert "it ran" not in remark
