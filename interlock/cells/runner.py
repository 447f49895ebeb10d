"""Runs one cell: an environment of its own, in a sandbox of its own, with nothing of this machine's secrets.

Theory of operation. A verdict must be what a user would see who installs the pair and runs the suite; and cells must be
cheap, since there are thousands. Two kinds of attempt reconcile these:

1. The *cheap* attempt. The third-party packages of the lock are installed once, and shared by all cells with this lock;
   the family's wheels are in a virtual environment of the cell's own, which sees the shared ones. Green here is final:
   nothing is shared that could make a red suite green. The shared packages are read-only in the sandbox; where there
   is none, a suite may write into them, so they are checked afterwards; if they have changed, they are discarded, and a
   fresh attempt replaces this one.
2. The *fresh* attempt, for what is red: the environment is made from nothing, as a user makes it. If both agree, that
   is the verdict. If not, one more attempt of each kind distinguishes an environment that matters (each kind repeats
   what it showed: the fresh one is right) from a flaky suite (two runs are returned, which disagree).

What can interrupt it: a time limit, a crash, a suite that ends its own process. The probe writes each fact as a line of
JSON when it happens, and `outcome.judge` reads what is there, so no fact is lost. `sandbox.run` ends everything that
was started however this function is left, and the temporary directory is removed. Only the caller records a run: an
interrupted one is simply made again.

The file of facts is Interlock's own: it is mounted into the sandbox by itself, so nothing else can be put in its place,
and what it holds is read with limits. The process under test writes it, so it can lie about itself; what is guaranteed
is that the facts are complete and fit each other and the exit code. Complete means that every test that was collected
came to its end: evidence that stopped early is none, whatever the exit code says.

That the suite tested what is installed needs proof of its own, since a suite's directory may hold a package of the same
name. So the audit hook records where each module of the family came from, and which metadata was read: a module from
elsewhere makes the run untested, and metadata that was read makes versions part of the fingerprint.

Everything that decides what a run shows is digested into `RUNNER`, which is part of every fingerprint.
"""

import inspect
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from packaging.utils import canonicalize_name

from interlock.adapters import distributions, interpreter, layers
from interlock.adapters import uv as environments
from interlock.adapters.distributions import EFFECTIVE_METADATA
from interlock.adapters.uv import Uv, site_packages
from interlock.cells import audit_hook, left_out, outcome, probe, recipe, stable_text, suite_files
from interlock.cells.outcome import judge, read_facts
from interlock.cells.recipe import Recipe
from interlock.cells.stable_text import stable, stable_test, without_cell
from interlock.cells.suite_files import CONFIGURATIONS
from interlock.common import process, sandbox
from interlock.common.digest import files_digest
from interlock.common.process import Limits
from interlock.common.sandbox import SYSTEM_PATH, Box, isolation
from interlock.common.work_folders import work_folder
from interlock.errors import DistributionError, UnbuildableError
from interlock.model import verdicts
from interlock.model.verdicts import Run, RunStatus

PYTEST_SETTINGS = "pytest.ini"
# The modules that decide what a run shows, beside this one: a change of them makes every verdict unknown again.
DECIDING = (
    *(audit_hook, left_out, outcome, probe, recipe, stable_text, suite_files, verdicts),
    *(distributions, environments, interpreter, layers, process, sandbox),
)
RUNNER = files_digest(
    (module.__name__.rpartition(".")[2], inspect.getsource(module).encode())
    for module in (*DECIDING, sys.modules[__name__])
)
LIMITS = Limits()
INSIDE = (Path(probe.__file__), Path(audit_hook.__file__))  # what of our own a cell's Python reads
TO_CONFIRM = (RunStatus.FAILED, RunStatus.TIMED_OUT)

MakeEnvironment = Callable[[Path], Awaitable[Path]]


async def run_cell(recipe: Recipe, uv: Uv) -> tuple[Run, ...]:
    """Run a cell; a red run is confirmed in a fresh environment before it counts.

    Returns:
        One run; or two that disagree: the suite is flaky.

    Raises:
        IndexUnavailableError: An environment could not be made.
    """
    try:
        first = await _cheap_attempt(recipe, uv)
        return (first,) if first.status not in TO_CONFIRM else await _confirm(first, recipe, uv)
    except DistributionError as error:
        return (_without_environment(recipe, error),)


async def _confirm(first: Run, recipe: Recipe, uv: Uv) -> tuple[Run, ...]:
    fresh = await _attempt(recipe, _fresh(recipe, uv))
    if fresh.agrees_with(first):
        return (fresh,)
    again = await _cheap_attempt(recipe, uv)
    if again.agrees_with(first) and (await _attempt(recipe, _fresh(recipe, uv))).agrees_with(fresh):
        return (fresh,)
    return (first.model_copy(update={"confirmed": False}), fresh)


def _without_environment(recipe: Recipe, error: DistributionError) -> Run:
    """A package of the environment has no file that fits; or a file is damaged, which says nothing of the pair."""
    return Run(
        fingerprint=recipe.fingerprint,
        status=RunStatus.UNRESOLVABLE if isinstance(error, UnbuildableError) else RunStatus.UNTESTED,
        reason=error.message,
        lock=recipe.environment_lines,
        started_at=datetime.now(UTC),
    )


async def _cheap_attempt(recipe: Recipe, uv: Uv) -> Run:
    """Try with shared third-party packages; once something has written into them, what they show is not evidence."""
    base = await uv.shared(recipe.lock, recipe.interpreter)
    wheels = [wheel.path for wheel in recipe.wheels]
    run = await _attempt(recipe, lambda folder: uv.layered(folder, base, wheels, recipe.interpreter), base)
    if isolation().is_isolated or await uv.is_intact(base):
        return run
    await uv.discard(base)
    return await _attempt(recipe, _fresh(recipe, uv))


def _fresh(recipe: Recipe, uv: Uv) -> MakeEnvironment:
    wheels = [wheel.path for wheel in recipe.wheels]
    return lambda folder: uv.fresh(folder, recipe.lock, wheels, recipe.interpreter)


async def _attempt(recipe: Recipe, make_environment: MakeEnvironment, layer: Path | None = None) -> Run:
    with work_folder("interlock-cell-") as top:
        folder, facts, specification = top / "cell", top / "facts.jsonl", top / "specification.json"
        folder.mkdir()
        environment = folder / "environment"
        python = await make_environment(environment)
        packages = site_packages(environment)
        _install_hook(packages, recipe, facts)
        facts.touch()
        specification.write_text(json.dumps(recipe.specification(facts, packages)))
        specification.chmod(0o644)
        work = _work_folder(folder, recipe, packages)
        started = datetime.now(UTC)
        completed = await sandbox.run(
            [python, probe.__file__, specification],
            box=Box(
                read=(*recipe.interpreter.folders, *INSIDE, specification, *([layer] if layer else [])),
                write=(folder, facts),
                network=recipe.suite.network,
                limits=LIMITS,
            ),
            env=_variables(recipe, environment, folder),
            cwd=work,
            timeout=recipe.suite.timeout,
            merge=True,
        )
        found = read_facts(facts)
        outcome = judge(
            found,
            completed,
            upstream=recipe.upstream,
            environment=environment,
            limit=recipe.suite.timeout,
            inside=None if recipe.suite.package else recipe.inside,
        )
        return Run(
            fingerprint=recipe.fingerprint,
            status=outcome.status,
            reason=stable(outcome.reason, folder),
            tests=tuple(stable_test(test, folder) for test in outcome.tests),
            seconds=round(completed.seconds, 3),
            lock=recipe.environment_lines,
            reads=found.reads,
            log=without_cell(completed.output, folder),
            started_at=started,
        )


def _variables(recipe: Recipe, environment: Path, folder: Path) -> dict[str, str]:
    """The variables of a run; where shared packages are writable, nothing honest may be cached among them."""
    uncached = {} if isolation().is_isolated else {"PYTHONDONTWRITEBYTECODE": "1"}
    return {**clean_environment(environment, folder), **uncached, **recipe.suite.environment(recipe.point)}


def _work_folder(folder: Path, recipe: Recipe, packages: Path) -> Path:
    """Where the suite runs: on a copy of its files, since it may write beside them, or on those that are installed."""
    work = folder / "suite"
    if recipe.suite.package is not None:
        work.mkdir()
        _lay_over(recipe.tests, packages)
        _end_search(packages)
    elif recipe.tests is None:
        work.mkdir()
    else:
        shutil.copytree(recipe.tests, work)
        _end_search(work)
    return work


def _lay_over(tests: Path | None, packages: Path) -> None:
    """Add tests that a wheel lacks. What is installed stays: its files are linked to those of uv's cache."""
    for path in sorted(tests.rglob("*")) if tests else ():
        place = packages / path.relative_to(tests or path)
        if path.is_file() and not place.exists() and place.resolve().is_relative_to(packages.resolve()):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def _end_search(folder: Path) -> None:
    """Give pytest a configuration, or it would search the directories above.

    Beside the suite's own one, ours would take precedence over it.
    """
    if not any((folder / name).exists() for name in CONFIGURATIONS):
        (folder / PYTEST_SETTINGS).write_text("[pytest]\n")


def clean_environment(environment: Path, folder: Path) -> dict[str, str]:
    """The variables of code under test: no token, no proxy, and directories of its own.

    Args:
        environment: The virtual environment that it runs in.
        folder: Where its directories are made.
    """
    own = {name: folder / name for name in ("home", "tmp")}
    for path in own.values():
        path.mkdir()
    return {
        "PATH": f"{environment / 'bin'}{os.pathsep}{SYSTEM_PATH}",
        "HOME": str(own["home"]),
        "TMPDIR": str(own["tmp"]),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "VIRTUAL_ENV": str(environment),
    }


def _install_hook(packages: Path, recipe: Recipe, out: Path) -> None:
    # A wheel may ship its tests under the name of the suite's directory; these modules are the suite's.
    own = recipe.target.partition("/")[0] if recipe.suite.package is None else ""
    settings = {
        "out": str(out),
        "folders": {name: wheel.name for wheel in recipe.wheels for name in _metadata_folders(packages, wheel.name)},
        "modules": {name: wheel.name for wheel in recipe.wheels for name in wheel.modules if name != own},
        "silent": EFFECTIVE_METADATA,
    }
    (packages / f"{probe.HOOK}.json").write_text(json.dumps(settings))
    shutil.copyfile(audit_hook.__file__, packages / f"{probe.HOOK}.py")
    (packages / f"{probe.HOOK}.pth").write_text(f"import {probe.HOOK}\n")
    shutil.copyfile(left_out.__file__, packages / f"{left_out.NAME}.py")


def _metadata_folders(packages: Path, name: str) -> list[str]:
    """The `*.dist-info` of a distribution: before the first hyphen is its escaped name, which has none."""
    folders = (path.name for path in packages.glob("*.dist-info"))
    return [folder for folder in folders if canonicalize_name(folder.partition("-")[0]) == name]
