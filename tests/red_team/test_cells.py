"""What suites, packages and their wheels try: to lie for others, to stop Interlock, to reach what is outside."""

import asyncio
import json
import os
import tempfile
import textwrap
import uuid
from pathlib import Path

import pytest

from interlock.adapters.uv import Uv, site_packages
from interlock.cells import runner
from interlock.common import work_folders
from interlock.model.verdicts import Run, RunStatus
from tests.support.cells import World, a_world, outcomes
from tests.support.sandboxes import open_to, without_isolation
from tests.support.universe import Universe, make_wheel

RECORD = """
import json, os, sys, pathlib
def record():
    for line in open("/proc/mounts"):
        if line.split()[1].endswith("facts.jsonl"):
            return pathlib.Path(line.split()[1])
"""


@pytest.fixture(scope="module")
def world(shared_universe: Universe, tmp_path_factory: pytest.TempPathFactory) -> World:
    return a_world(shared_universe, tmp_path_factory.mktemp("world"))


def attacked(world: World, folder: Path, code: str, **suite: object) -> Run:
    """A suite of one green test, after whose import the code runs; its last run."""
    text = RECORD + "import core\n\ndef test_green():\n    assert core.add(1, 1) == 2\n\n" + textwrap.dedent(code)
    return world.tests(folder, {"test_x.py": text}, **suite)[-1]


@pytest.mark.parametrize(
    "line",
    [
        {"test": "x", "outcome": "bogus", "error": None, "seconds": 0},
        [],
    ],
)
def test_a_record_that_is_not_the_runners_is_red(world: World, tmp_path: Path, line: object) -> None:
    run = attacked(world, tmp_path, f"with record().open('a') as file: file.write({json.dumps(line)!r} + '\\n')")
    assert run.status is RunStatus.FAILED
    assert "the record of the run can't be read" in str(outcomes(run))


@pytest.mark.parametrize(
    "code",
    [
        "record().open('a').write('[' * 100_000 + '\\n')",
        "record().open('a').write('9' * 5_000 + '\\n')",
        "os.truncate(record(), 3 << 30)",
        "record().open('a').write('{\"exit\": 0}\\n')",
    ],
    ids=["deep", "digits", "3 GiB", "two ends"],
)
def test_a_record_without_measure_is_red_and_not_waited_for(world: World, tmp_path: Path, code: str) -> None:
    run = attacked(world, tmp_path, code, timeout=60)
    assert run.status is RunStatus.FAILED


@pytest.mark.parametrize("other", ["os.mkfifo(path)", "os.mkdir(path)", "os.symlink('/etc/passwd', path)"])
def test_nothing_can_be_put_in_the_place_of_the_record(world: World, tmp_path: Path, other: str) -> None:
    run = attacked(world, tmp_path, f"path = record()\ntry:\n    path.unlink(); {other}\nexcept OSError: pass")
    assert (run.status, outcomes(run)) == (RunStatus.PASSED, {"test_green": ("passed", None)})


@pytest.mark.parametrize("other", ["os.mkfifo(path)", "os.mkdir(path)", "os.symlink('/dev/zero', path)"])
def test_without_isolation_what_is_put_there_is_red(world: World, tmp_path: Path, other: str) -> None:
    code = f"""
    path = json.load(open(next(pathlib.Path(sys.prefix).glob("lib/*/site-packages/*.json"))))["out"]
    os.unlink(path); {other}
    """
    with without_isolation():
        run = attacked(world, tmp_path, code, timeout=5)
    assert run.status.value in {"failed", "timed-out"}  # the runner itself waits for a reader of a pipe


def test_an_end_that_was_written_by_hand_is_red_while_tests_are_missing(world: World, tmp_path: Path) -> None:
    code = """
    class Ends:
        def pytest_runtest_protocol(self, item):
            record().open("a").write('{"exit": 0}\\n'); os._exit(0)
    def pytest_configure(config): config.pluginmanager.register(Ends())
    """
    files = {
        "conftest.py": RECORD + textwrap.dedent(code),
        "test_x.py": "import core\ndef test_a(): pass\ndef test_b(): assert False\n",
    }
    run = world.tests(tmp_path, files)[-1]
    assert run.status is RunStatus.FAILED


def test_endless_output_is_red(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LIMITS", runner.LIMITS.model_copy(update={"output": 1 << 20, "file_size": 8 << 20}))
    run = attacked(world, tmp_path, "while True: os.write(1, b'x' * 65536)", timeout=60)
    assert run.status is RunStatus.FAILED


SPOIL = """
    import iniconfig
    REFUSED = []
    def test_refused(): assert len(REFUSED) >= 2
    path = pathlib.Path(iniconfig.__file__)
    for file in (path, *path.parent.glob("__pycache__/*.pyc")):
        before = file.stat()
        try:
            content = file.read_bytes()
            file.write_bytes(content[:-8] + b"# spoilt")
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        except OSError as error:
            REFUSED.append(file)
    """


def layer_of(world: World) -> Path:
    async def shared(uv: Uv) -> Path:
        return await uv.shared(world.lock, world.interpreter)

    async def found() -> Path:
        async with world.universe.uv(world.folder) as uv:
            return await shared(uv)

    return asyncio.run(found())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_suite_changes_what_other_suites_share(world: World, tmp_path: Path) -> None:
    layer = layer_of(world)
    before = contents(layer)
    run = attacked(world, tmp_path, SPOIL)
    assert run.status is RunStatus.PASSED
    assert contents(layer) == before


def test_without_isolation_a_spoilt_layer_is_noticed_and_made_anew(world: World, tmp_path: Path) -> None:
    before = contents(layer_of(world))
    with without_isolation():
        attacked(world, tmp_path, SPOIL)
    after = contents(layer_of(world))
    assert {name for name in after if after[name] != before.get(name) and not name.endswith(".pyc")} <= {
        name for name in after if name.endswith(".interlock-seal")
    }


def test_without_isolation_an_honest_suite_leaves_its_layer_as_it_was(world: World, tmp_path: Path) -> None:
    layer = layer_of(world)
    before = contents(layer)
    with without_isolation():
        run = attacked(world, tmp_path, "import iniconfig")
    assert (run.status, contents(layer)) == (RunStatus.PASSED, before)


@pytest.mark.parametrize("kind", ["source", "compiled"])
def test_a_layer_that_was_changed_on_the_disk_is_not_taken(world: World, tmp_path: Path, kind: str) -> None:
    layer = layer_of(world)
    file = layer / "iniconfig/__init__.py"
    file = file if kind == "source" else next(file.parent.glob("__pycache__/__init__*.pyc"))
    before, stat = file.read_bytes(), file.stat()
    file.chmod(0o644)
    file.write_bytes(before[:-8] + b"# spoilt")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert b"# spoilt" not in (layer_of(world) / file.relative_to(layer)).read_bytes()


def test_a_pth_file_of_a_wheel_runs_in_the_sandbox_alone(world: World, tmp_path: Path) -> None:
    mark = Path(f"/tmp/pth-{uuid.uuid4().hex}")
    evil = {
        "evil.py": "",
        "evil.pth": f"import os; os.system('touch {mark}')\n",
        "sitecustomize.py": f"open({str(mark)!r},'w')",
    }
    wheel = make_wheel(tmp_path, "evil", "1.0", files=evil)

    async def made() -> None:
        async with world.universe.uv(tmp_path / "uv") as uv:
            base = await uv.shared(world.lock, world.interpreter)
            for number in range(2):
                await uv.layered(tmp_path / f"layered{number}", base, [wheel], world.interpreter)
                await uv.fresh(tmp_path / f"fresh{number}", world.lock, [wheel], world.interpreter)
            assert (site_packages(tmp_path / "fresh1") / "evil.pth").exists()

    asyncio.run(made())
    assert not mark.exists()


def test_a_module_that_is_imported_for_its_contract_reaches_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_DISPATCH_TOKEN", "hunter2")
    code = """
        import os, pathlib
        seen = [path.read_bytes() for path in pathlib.Path("/proc").glob("[0-9]*/environ")]
        pathlib.Path(os.environ["TMPDIR"])  # it runs
        LOOT: str = str(b"hunter2" in b"".join(seen)) + str(os.path.exists("/root/.ssh")) + str(len(seen))
        open(SHARED, "w").write(LOOT)
        """
    with open_to(tmp_path / "shared") as shared:
        text = textwrap.dedent(code).replace("SHARED", repr(str(shared / "loot")))
        wheel = make_wheel(tmp_path, "curious", "1.0", files={"curious/__init__.py": text})
        asyncio.run(_exported(world, wheel, tmp_path))
        assert (shared / "loot").read_text().startswith("FalseFalse")


async def _exported(world: World, wheel: Path, folder: Path) -> None:
    from interlock.adapters.distributions import read_wheel
    from interlock.contracts.schema.export import export

    async with world.universe.uv(folder / "uv") as uv:
        await export(read_wheel(wheel), uv=uv, interpreter=world.interpreter, cache=folder / "cache")


def test_folders_of_cells_that_were_killed_are_swept(world: World, tmp_path: Path) -> None:
    old = Path(tempfile.gettempdir(), f"interlock-cell-{uuid.uuid4().hex}")
    (old / "cell").mkdir(parents=True)
    os.utime(old, (0, 0))
    work_folders._sweep.cache_clear()
    attacked(world, tmp_path, "")
    assert not old.exists()
