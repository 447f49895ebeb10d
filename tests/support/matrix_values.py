"""Makes the values that the matrix works with, each with everything that a test does not speak of."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from interlock.adapters.distributions import Wheel
from interlock.adapters.interpreter import Interpreter
from interlock.cells.recipe import Recipe
from interlock.common.digest import digest
from interlock.matrix.pair import Pair
from interlock.matrix.plan import PlannedCell
from interlock.matrix.request import TestedEdge
from interlock.model.lockfile import Lock, Pin
from interlock.model.suites import Suite
from interlock.model.verdicts import CellKey, Run, RunStatus, TestOutcome, TestResult

START = datetime(2026, 11, 1, tzinfo=UTC)

INTERPRETER = Interpreter(
    wanted="3.11",
    path=Path("/python/3.11/bin/python"),
    version="3.11.7",
    implementation="cpython",
    platform="linux x86_64 glibc 2.36",
    markers={"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux"},
)


def a_test(name: str, outcome: TestOutcome = TestOutcome.PASSED) -> TestResult:
    return TestResult(id=name, outcome=outcome, error=f"AssertionError: {name}" if outcome.is_red else None)


def a_run(
    status: RunStatus = RunStatus.PASSED,
    *,
    red: Iterable[str] = (),
    green: Iterable[str] = (),
    skipped: Iterable[str] = (),
    reason: str | None = None,
    reads: Iterable[str] = (),
    fingerprint: str = "f",
    minute: int = 0,
) -> Run:
    tests = (
        *(a_test(name, TestOutcome.FAILED) for name in red),
        *(a_test(name) for name in green),
        *(a_test(name, TestOutcome.SKIPPED) for name in skipped),
    )
    started = START + timedelta(minutes=minute)
    return Run(
        fingerprint=fingerprint, status=status, reason=reason, tests=tests, reads=frozenset(reads), started_at=started
    )


def passed(*green: str) -> Run:
    return a_run(green=green)


def failed(*red: str, green: Iterable[str] = (), skipped: Iterable[str] = ()) -> Run:
    return a_run(RunStatus.FAILED, red=red, green=green, skipped=skipped)


def a_wheel(name: str, version: str = "1.0", content: str = "", **facts: object) -> Wheel:
    facts = {"requires": (), "requires_python": None, "modules": (name,), "content": content or digest(name), **facts}
    path = Path(f"/wheels/{name}-{version}-py3-none-any.whl")
    return Wheel.model_validate({"path": path, "name": name, "version": version, **facts})


def a_suite(**settings: object) -> Suite:
    return Suite.model_validate({"name": "contracts", "sdist": "tests", **settings})


def an_edge(suite: Suite | None = None) -> TestedEdge:
    return TestedEdge(upstream="core", downstream="pipeline", suite=suite or a_suite())


def a_pair(
    *,
    upstream: Mapping[str, Any] | None = None,
    downstream: Mapping[str, Any] | None = None,
    suite: Mapping[str, Any] | None = None,
    interpreter: Mapping[str, Any] | None = None,
) -> Pair:
    return Pair(
        edge=an_edge(a_suite(**(suite or {}))),
        upstream=a_wheel("core", **(upstream or {})),
        downstream=a_wheel("pipeline", **(downstream or {})),
        interpreter=INTERPRETER.model_copy(update=dict(interpreter or {})),
    )


def a_lock(*pins: str) -> Lock:
    split = (pin.split("==") for pin in pins)
    return Lock(pins=tuple(Pin(name=name, version=version) for name, version in split))


def a_key(upstream_version: str, downstream_version: str = "1.0") -> CellKey:
    return CellKey(
        upstream="core",
        upstream_version=upstream_version,
        downstream="pipeline",
        downstream_version=downstream_version,
        suite="contracts",
        python="3.11",
    )


def a_recipe(fingerprint: str, title: str) -> Recipe:
    return Recipe(
        fingerprint=fingerprint,
        title=title,
        upstream="core",
        downstream="pipeline",
        suite=a_suite(),
        point={},
        wheels=(),
        lock=Lock(pins=()),
        interpreter=INTERPRETER,
    )


def a_cell(base: str, upstream_version: str, downstream_version: str = "1.0") -> PlannedCell:
    """A cell that can be run; its recipe's title is its two versions."""
    return PlannedCell(
        key=a_key(upstream_version, downstream_version),
        declared=True,
        recipe=a_recipe(base, f"{upstream_version} × {downstream_version}"),
        versions={"core": upstream_version, "pipeline": downstream_version},
    )


def an_unrun_cell(upstream_version: str, status: RunStatus = RunStatus.UNTESTED) -> PlannedCell:
    run = a_run(status, reason="there is nothing", fingerprint=digest(status))
    return PlannedCell(key=a_key(upstream_version), declared=False, unrun=run)
