import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import packaging
import pytest
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.index.client import Release, open_index
from interlock.adapters.index.settings import Index
from interlock.adapters.interpreter import Interpreter
from interlock.adapters.uv import Uv, site_packages
from interlock.errors import DistributionError, EnvironmentUnavailableError, IndexUnavailableError, UnbuildableError
from interlock.model.lockfile import File, Filtered, Lock, Pin, Resolution, Unresolvable
from tests.support.paths import ROOT
from tests.support.sandboxes import open_to
from tests.support.universe import Universe, open_universe

T = TypeVar("T")
PYTHON = "{}.{}".format(*sys.version_info)
# A build backend in the sdist itself: it needs no other package, and notes each build where it is told.
BACKEND = """
import pathlib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open({log!r}, "a") as log:
        print("built", file=log)
    {body}
    info = "{name}-1.0.dist-info"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, "{name}-1.0-py3-none-any.whl"), "w") as archive:
        archive.writestr("{name}.py", "x = 1")
        archive.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        archive.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "/RECORD", "")
    return "{name}-1.0-py3-none-any.whl"
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def add_sdist(universe: Universe, name: str, log: Path, body: str = "") -> Path:
    backend = BACKEND.format(name=name, log=str(log), body=body)
    return universe.sdist(name, "1.0", {"pyproject.toml": PYPROJECT, "backend.py": backend})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    """Packages that nobody changes: several versions of `core`, and `pipe` that wants an old one."""
    folder = tmp_path_factory.mktemp("world")
    with open_universe(folder / "files") as universe:
        for version in ("1.0", "1.5", "2.0", "3.0rc1"):
            universe.wheel("core", version, requires=["helper"])
        for version in ("1.0", "2.0"):
            universe.wheel("helper", version)
        universe.wheel("redis", "5.0")
        universe.wheel("pipe", "1.0", requires=["core<2", 'redis; extra == "bus"'], extras=["bus"])
        universe.wheel("picky", "1.0", requires=["helper==9.9"])
        universe.wheel("future", "1.0", requires_python=">=4")
        with open_to(folder / "shared") as shared:
            add_sdist(universe, "rough", shared / "builds")
            yield universe


@pytest.fixture(scope="module")
def python(world: Universe, tmp_path_factory: pytest.TempPathFactory) -> Interpreter:
    return ask(world, tmp_path_factory.mktemp("python"), lambda uv: uv.interpreter(PYTHON))


def ask(universe: Universe, folder: Path, question: Callable[[Uv], Awaitable[T]]) -> T:
    async def asking() -> T:
        async with universe.uv(folder) as uv:
            return await question(uv)

    return asyncio.run(asking())


def resolve(
    universe: Universe, folder: Path, python: Interpreter, *lines: str, forced: tuple[str, ...] = ()
) -> Resolution:
    return ask(universe, folder, lambda uv: uv.resolve(lines, forced=forced, interpreter=python))


def pins(resolution: Resolution) -> list[str]:
    assert isinstance(resolution, Lock), resolution
    return [str(pin) for pin in resolution.pins]


def output(python: Path, code: str) -> str:
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def described(python: Interpreter, code: str) -> object:
    """What an interpreter says, with our own `packaging` at hand."""
    code = f"import sys; sys.path.insert(0, {str(Path(packaging.__file__).parent.parent)!r}); import json; {code}"
    return json.loads(output(python.path, code))


def test_markers_are_those_of_packaging_on_the_same_python(python: Interpreter) -> None:
    code = "from packaging.markers import default_environment as d; print(json.dumps(d()))"
    assert dict(python.markers) == described(python, code)


def test_tags_are_those_of_packaging_on_the_same_python(python: Interpreter) -> None:
    code = "from packaging.tags import sys_tags; print(json.dumps([str(tag) for tag in sys_tags()]))"
    assert [str(tag) for tag in python.tags()] == described(python, code)


def test_an_interpreter_is_the_systems_and_says_what_it_is(python: Interpreter) -> None:
    assert output(python.path, "import sys; print(sys.prefix == sys.base_prefix)") == "True"
    assert python.version.startswith(f"{PYTHON}.")
    assert (python.wanted, python.implementation) == (PYTHON, sys.implementation.name)
    assert python.platform.startswith(sys.platform)


def test_an_interpreter_is_looked_for_once(world: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def found_and_gone(uv: Uv) -> tuple[Interpreter, Interpreter]:
        found = await uv.interpreter(PYTHON)
        monkeypatch.setattr(uv, "_environment", {})
        return found, await uv.interpreter(PYTHON)

    first, second = ask(world, tmp_path, found_and_gone)
    assert first is second


def test_a_python_that_is_not_here_is_an_error_with_its_cure(world: Universe, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentUnavailableError, match=r"no Python 3\.2 on this machine") as error:
        ask(world, tmp_path, lambda uv: uv.interpreter("3.2"))
    assert "uv python install 3.2" in str(error.value)


def shim(folder: Path, name: str, text: str) -> None:
    """A program that is found as a Python, as version managers have them."""
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_what_uv_says_of_a_python_that_does_not_run_is_told(
    world: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim(tmp_path, "python3.42", "echo 'python3.42 exists in version 3.42.18' >&2; exit 127")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(EnvironmentUnavailableError, match=r"no Python 3\.42 .*: .* exists in version 3\.42\.18"):
        ask(world, tmp_path, lambda uv: uv.interpreter("3.42"))


def test_a_python_without_audit_hooks_is_refused(
    world: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: Interpreter
) -> None:
    async def old(path: Path, wanted: str) -> Interpreter:
        return python.model_copy(update={"path": path, "wanted": wanted, "version": "3.7.17"})

    monkeypatch.setattr("interlock.adapters.uv.described", old)
    with pytest.raises(EnvironmentUnavailableError, match=r"Python 3\.7\.17 can't be tested: .* audit hooks"):
        ask(world, tmp_path, lambda uv: uv.interpreter(PYTHON))


def test_requirements_are_resolved_as_a_user_would_get_them(
    world: Universe, tmp_path: Path, python: Interpreter
) -> None:
    assert pins(resolve(world, tmp_path, python, "pipe")) == ["core==1.5", "helper==2.0", "pipe==1.0"]
    assert pins(resolve(world, tmp_path, python, "Core")) == ["core==2.0", "helper==2.0"]
    assert pins(resolve(world, tmp_path, python, "pipe[bus]")) == [
        "core==1.5",
        "helper==2.0",
        "pipe==1.0",
        "redis==5.0",
    ]
    assert pins(resolve(world, tmp_path, python)) == []


def test_a_forced_version_is_taken_even_beyond_the_declared_range(
    world: Universe, tmp_path: Path, python: Interpreter
) -> None:
    for version in ("2.0", "3.0rc1", "1.0"):
        found = resolve(world, tmp_path, python, "pipe", f"core=={version}", forced=(f"core=={version}",))
        assert pins(found) == [f"core=={version}", "helper==2.0", "pipe==1.0"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("picky", "helper==9.9"),
        ("core==7", "core==7"),
        ("future", "Python>=4"),
        ("nowhere", "nowhere was not found in the package registry"),
    ],
)
def test_what_nothing_satisfies_says_why_in_uvs_words(
    world: Universe, tmp_path: Path, python: Interpreter, line: str, words: str
) -> None:
    found = resolve(world, tmp_path, python, line)
    assert isinstance(found, Unresolvable)
    assert words in found.reason
    assert str(tmp_path) not in found.reason


@pytest.mark.parametrize("fault", ["down", "dropped", "503", "403", "401"])
def test_an_index_that_does_not_answer_makes_nothing_unresolvable(
    universe: Universe, tmp_path: Path, python: Interpreter, fault: str
) -> None:
    universe.wheel("core", "1.0")
    if fault == "down":
        universe.index.stop()
    elif fault == "401":
        universe.index.switches.password = ("me", "hush")
    elif fault == "dropped":
        universe.index.drop_next(99)
    else:
        universe.index.fail_next(99, int(fault))
    with pytest.raises(IndexUnavailableError, match="uv could not resolve an environment"):
        resolve(universe, tmp_path, python, "core")


def test_settings_of_the_directory_that_one_stands_in_change_nothing(
    world: Universe, tmp_path: Path, python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.uv]\noverride-dependencies = ["helper==1.0"]\n')
    (tmp_path / ".python-version").write_text("2.7\n")
    monkeypatch.chdir(tmp_path)
    assert pins(resolve(world, tmp_path, python, "core")) == ["core==2.0", "helper==2.0"]
    assert ask(world, tmp_path, lambda uv: uv.interpreter(PYTHON)) == python


def test_a_lock_names_its_files_with_their_hashes_and_survives_json(
    world: Universe, tmp_path: Path, python: Interpreter
) -> None:
    lock = resolve(world, tmp_path, python, "core", "rough")
    assert isinstance(lock, Lock)
    assert Lock.model_validate_json(lock.model_dump_json()) == lock
    for pin in lock.pins:
        for file in (*pin.wheels, *([pin.sdist] if pin.sdist else [])):
            assert file.sha256 == hashlib.sha256((world.folder / file.name).read_bytes()).hexdigest()
    assert [pin.name for pin in lock.without(frozenset({"core"})).pins] == ["helper", "rough"]
    assert world.index.address not in repr(lock)


def test_a_shared_environment_is_built_once_for_all_who_ask_at_the_same_time(
    universe: Universe, tmp_path: Path, python: Interpreter
) -> None:
    universe.wheel("core", "1.0")
    lock = resolve(universe, tmp_path, python, "core")
    assert isinstance(lock, Lock)
    before = len(universe.index.requests)

    async def several(uv: Uv) -> list[Path]:
        return await asyncio.gather(*(uv.shared(lock, python) for _ in range(4)))

    (one,) = set(ask(universe, tmp_path, several))
    assert ask(universe, tmp_path, lambda uv: uv.shared(lock, python)) == one
    assert len(universe.index.requests) == before + 1
    assert (one / "core" / "__init__.py").exists()
    assert list(one.parent.iterdir()) == [one]


def test_an_environment_that_another_process_built_meanwhile_serves(
    world: Universe, tmp_path: Path, python: Interpreter
) -> None:
    lock = resolve(world, tmp_path, python, "core")
    assert isinstance(lock, Lock)

    async def two_begin_before_one_ends() -> tuple[Path, Path]:
        async with world.uv(tmp_path) as one, world.uv(tmp_path) as other:
            return await asyncio.gather(one.shared(lock, python), other.shared(lock, python))

    one, other = asyncio.run(two_begin_before_one_ends())
    assert one == other
    assert list(one.parent.iterdir()) == [one]


BUILD = """
import asyncio, sys
from pathlib import Path
from interlock.adapters.interpreter import Interpreter
from interlock.model.lockfile import Lock
from tests.support.universe import TinyIndex, Universe

async def main():
    universe = Universe(folder=Path(), index=type("Running", (), {"url": sys.argv[1]}))
    python, lock = Interpreter.model_validate_json(sys.argv[3]), Lock.model_validate_json(sys.argv[4])
    async with universe.uv(Path(sys.argv[2])) as uv:
        print(await uv.shared(lock, python))

asyncio.run(main())
"""


def test_two_processes_that_build_the_same_environment_share_one(
    world: Universe, tmp_path: Path, python: Interpreter
) -> None:
    lock = resolve(world, tmp_path, python, "core", "redis")
    assert isinstance(lock, Lock)
    arguments = [world.url, str(tmp_path), python.model_dump_json(), lock.model_dump_json()]
    command = [sys.executable, "-c", BUILD, *arguments]
    root = ROOT
    begun = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]
    (said,) = {process.communicate()[0].strip() for process in begun}
    assert [process.returncode for process in begun] == [0] * 2
    assert list((tmp_path / "environments").iterdir()) == [Path(said)]
    assert (Path(said) / "redis" / "__init__.py").exists()


def test_an_environment_is_another_ones_for_another_lock_or_python(
    world: Universe, tmp_path: Path, python: Interpreter
) -> None:
    one, other = (resolve(world, tmp_path, python, line) for line in ("helper==1.0", "helper==2.0"))
    assert isinstance(one, Lock)
    assert isinstance(other, Lock)
    moved = python.model_copy(update={"version": f"{PYTHON}.999"})

    async def three(uv: Uv) -> list[Path]:
        return [await uv.shared(one, python), await uv.shared(other, python), await uv.shared(one, moved)]

    assert len(set(ask(world, tmp_path, three))) == 3


LIST = (
    "import importlib.metadata as m, json; import core, pipe, helper, sibling;"
    "print(json.dumps(sorted(f'{d.name}=={d.version}' for d in m.distributions())))"
)


def test_layered_and_fresh_environments_hold_the_same_with_every_wheel_of_the_family(
    world: Universe, tmp_path: Path, python: Interpreter
) -> None:
    sibling = world.wheel("sibling", "1.0")
    wheels = [sibling, *(world.folder / f"{name}-py3-none-any.whl" for name in ("core-2.0", "pipe-1.0"))]
    found = resolve(world, tmp_path, python, "pipe", "core==2.0", forced=("core==2.0",))
    assert isinstance(found, Lock)
    lock = found.without(frozenset({"core", "pipe", "sibling"}))

    async def both(uv: Uv) -> tuple[Path, Path]:
        base = await uv.shared(lock, python)
        layered = await uv.layered(tmp_path / "layered", base, wheels, python)
        return layered, await uv.fresh(tmp_path / "fresh", lock, wheels, python)

    layered, fresh = ask(world, tmp_path, both)
    expected = ["core==2.0", "helper==2.0", "pipe==1.0", "sibling==1.0"]
    assert json.loads(output(layered, LIST)) == json.loads(output(fresh, LIST)) == expected
    assert (site_packages(tmp_path / "fresh") / "helper").exists()
    assert not (site_packages(tmp_path / "layered") / "helper").exists()
    assert output(layered, "import core; print(core.__file__)").startswith(str(tmp_path / "layered"))


def test_a_package_without_a_wheel_is_built_once(world: Universe, tmp_path: Path, python: Interpreter) -> None:
    builds = world.folder.parent / "shared/builds"
    before = builds.read_text().count("built") if builds.exists() else 0
    lock = resolve(world, tmp_path, python, "rough")
    assert isinstance(lock, Lock)
    shared = ask(world, tmp_path, lambda uv: uv.shared(lock, python))
    assert (shared / "rough.py").read_text() == "x = 1"
    wheel = world.folder / "core-1.0-py3-none-any.whl"
    made = ask(world, tmp_path, lambda uv: uv.fresh(tmp_path / "fresh", lock, [wheel], python))
    assert output(made, "import rough; print(rough.x)") == "1"
    assert builds.read_text().count("built") == before + 1


def test_an_sdist_that_can_not_be_built_says_why_every_time(
    universe: Universe, tmp_path: Path, python: Interpreter
) -> None:
    sdist = add_sdist(universe, "broken", tmp_path / "shared/builds", body="raise SystemExit('no compiler here')")
    for _ in range(2):
        with open_to(tmp_path / "shared"):
            built = ask(universe, tmp_path, lambda uv: uv.build_wheel(sdist, python))
        assert isinstance(built, str)
        assert built.startswith("broken-1.0.tar.gz can't be built: ")
        assert "no compiler here" in built


@pytest.mark.parametrize("age", [None, timedelta(days=1)])
def test_no_older_version_is_taken_for_want_of_a_newer_one_that_is_only_an_sdist(
    universe: Universe, tmp_path: Path, python: Interpreter, age: timedelta | None
) -> None:
    """Neither where the older one could not be built, nor where a limit of age hides what has no upload time."""
    universe.wheel("app", "2.0", requires=["tool>=1.0"])
    universe.sdist("app", "1.0", {"setup.py": "raise SystemExit('too old')"})
    with open_to(tmp_path / "shared") as shared:
        add_sdist(universe, "tool", shared / "builds")
        limit = datetime.now(UTC) + age if age else None
        question = partial(Uv.resolve, requirements=["app"], forced=(), interpreter=python, as_of=limit)
        found = ask(universe, tmp_path / "cache", question)
    assert pins(found) == ["app==2.0", "tool==1.0"]


def test_a_build_sees_no_token(
    universe: Universe, tmp_path: Path, python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PUBLISH_TOKEN", "hush")
    monkeypatch.setenv("GITHUB_TOKEN", "hush")
    body = f"import os; pathlib.Path({str(tmp_path / 'shared/environ')!r}).write_text(repr(dict(os.environ)))"
    sdist = add_sdist(universe, "curious", tmp_path / "shared/builds", body=body)
    with open_to(tmp_path / "shared") as shared:
        built = ask(universe, tmp_path, lambda uv: uv.build_wheel(sdist, python))
    assert isinstance(built, Path)
    assert "hush" not in (shared / "environ").read_text()


def test_a_pin_without_a_fitting_file_is_unbuildable(universe: Universe, tmp_path: Path, python: Interpreter) -> None:
    universe.wheel("core", "1.0", tag="cp27-cp27m-win32")
    universe.wheel("core", "1.0")
    lock = resolve(universe, tmp_path, python, "core")
    assert isinstance(lock, Lock)
    (pin,) = lock.pins
    alien = tuple(file for file in pin.wheels if "win32" in file.name)
    lock = Lock(pins=(pin.model_copy(update={"wheels": alien}),))
    with pytest.raises(UnbuildableError, match=r"core==1\.0 has no file that fits"):
        ask(universe, tmp_path, lambda uv: uv.shared(lock, python))


def test_a_file_that_can_not_be_had_makes_no_environment(
    universe: Universe, tmp_path: Path, python: Interpreter
) -> None:
    universe.wheel("core", "1.0")
    lock = resolve(universe, tmp_path, python, "core")
    assert isinstance(lock, Lock)
    universe.index.fail_next(9)
    with pytest.raises(IndexUnavailableError, match=r"tiny did not give core-1\.0"):
        ask(universe, tmp_path, lambda uv: uv.shared(lock, python))
    assert not (tmp_path / "environments").exists()


def test_a_damaged_wheel_of_an_environment_is_named(universe: Universe, tmp_path: Path, python: Interpreter) -> None:
    universe.wheel("core", "1.0").write_bytes(b"no wheel")

    async def environment(uv: Uv) -> Path:
        (release,) = (await uv._files.releases("core")).values()
        return await uv.shared(Lock(pins=(Pin(name="core", version="1.0", wheels=release.wheels),)), python)

    with pytest.raises(DistributionError, match=r"core-1\.0.* can't be read as a wheel"):
        ask(universe, tmp_path, environment)


OLD = {"UV_EXCLUDE_NEWER": "2020-01-01"}  # before everything; and the tiny index says no upload times


def filtered(world: Universe, folder: Path, *requirements: str, family: Sequence[str]) -> Resolution:
    async def resolving() -> Resolution:
        index = Index(name="tiny", url=SecretStr(world.url), configured=True)
        async with open_index(index, folder) as opened:
            uv = Uv({**world.environment(), **OLD}, folder / "environments", opened, family)
            return await uv.resolve(requirements, forced=(), interpreter=await uv.own_interpreter())

    return asyncio.run(resolving())


def test_a_cooldown_of_the_machine_leaves_out_nothing_of_the_family(universe: Universe, tmp_path: Path) -> None:
    universe.wheel("core", "1.0")
    universe.wheel("pipeline", "1.0", requires=["core"])
    found = filtered(universe, tmp_path, "pipeline==1.0", family=("core", "pipeline"))
    assert isinstance(found, Lock)
    assert [str(pin) for pin in found.pins] == ["core==1.0", "pipeline==1.0"]


def test_what_a_cooldown_alone_makes_unresolvable_is_no_verdict(universe: Universe, tmp_path: Path) -> None:
    universe.wheel("other", "1.0")
    universe.wheel("core", "1.0", requires=["other"])
    universe.wheel("core", "1.1", requires=["other<1"])
    found = filtered(universe, tmp_path, "core==1.0", family=("core",))
    assert isinstance(found, Filtered)
    assert found.reason.startswith("filtered by exclude-newer: ")
    impossible = filtered(universe, tmp_path, "core==1.1", family=("core",))
    assert isinstance(impossible, Unresolvable)
    assert not isinstance(impossible, Filtered)


def test_a_version_that_a_copy_of_the_index_lacks_is_asked_for_again(universe: Universe, tmp_path: Path) -> None:
    universe.wheel("core", "1.0")

    class Newer:
        """The page as another copy of the index has it."""

        async def releases(self, package: str) -> Mapping[Version, Release]:
            return {Version("1.1"): Release(package=package, version=Version("1.1"))}

        async def download(self, file: File) -> Path:
            raise AssertionError(file)

    async def resolving(version: str) -> Resolution:
        uv = Uv(universe.environment(), tmp_path / "environments", Newer(), ("core",))
        return await uv.resolve([f"core=={version}"], forced=(), interpreter=await uv.own_interpreter())

    with pytest.raises(IndexUnavailableError, match=r"core 1\.1 on its page"):
        asyncio.run(resolving("1.1"))
    assert isinstance(asyncio.run(resolving("1.2")), Unresolvable)
