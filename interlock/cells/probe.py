"""Run by a cell's own Python: runs a suite and writes one JSON line for each fact.

`python probe.py SPEC.json`, where the specification has `out` (where to write), and either `modules` (to import, each
by itself; with the names that are `optional` where the downstream's `own` modules import them) or `arguments` (for
pytest). It uses the standard library, and pytest where the suite requires it.
"""

import importlib
import json
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

LONGEST = 400
REPORTED = 77  # the exit code of a Python that imported its one module and recorded the outcome


class Facts:
    """Writes each fact at once, so that the last one shows where a run ended half-way."""

    def __init__(self, out: str) -> None:
        self._file = Path(out).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115  open as long as the process

    def add(self, **fact: object) -> None:
        self._file.write(json.dumps(fact) + "\n")


class Recorder:
    """A pytest plugin that records each test once: the worst outcome of its set-up, call and tear-down."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._seconds: dict[str, float] = {}
        self._worst: dict[str, tuple[str, str | None]] = {}

    def pytest_collection_finish(self, session: Any) -> None:
        self._facts.add(collected=len({item.nodeid for item in getattr(session, "items", [])}))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._facts.add(running=nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        outcome, error = _outcome(report)
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration
        before = self._worst.get(report.nodeid, ("passed", None))
        if before[0] in ("passed", "xpassed") and outcome:
            self._worst[report.nodeid] = (outcome, error)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        outcome, error = self._worst.get(nodeid, ("passed", None))
        self._facts.add(test=nodeid, outcome=outcome, error=error, seconds=round(self._seconds.get(nodeid, 0.0), 4))

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._facts.add(test=report.nodeid, outcome="error", error=first_error(str(report.longrepr)), seconds=0.0)
        elif report.skipped:
            self._facts.add(test=report.nodeid, outcome="skipped", error=_skip_reason(report), seconds=0.0)


def _outcome(report: Any) -> "tuple[str, str | None]":
    """One phase's outcome in one word; empty for a set-up or tear-down that adds nothing."""
    if hasattr(report, "wasxfail"):
        return ("xfailed" if report.skipped else "xpassed"), report.wasxfail or None
    if report.failed:
        return ("failed" if report.when == "call" else "error"), first_error(str(report.longrepr))
    if report.skipped:
        return "skipped", _skip_reason(report)
    return ("passed" if report.when == "call" else ""), None


def _skip_reason(report: Any) -> str:
    longrepr = report.longrepr
    return str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)[:LONGEST]


def first_error(text: str) -> str:
    """The first line that pytest marks as the error, or else the last line."""
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if line.startswith("E  ")]
    return (marked or [line.strip() for line in lines[-1:]] or ["no message"])[0][:LONGEST]


def import_all(specification: str, modules: "list[str]", facts: Facts) -> None:
    """Import each module in a Python of its own: a failed import leaves parts behind that let the next one pass."""
    for module in modules:
        facts.add(running=module)
        code = subprocess.call([sys.executable, __file__, specification, module])
        if code != REPORTED:
            names = {number.value: number.name for number in signal.Signals}
            error = f"ended by {names.get(-code, -code)}" if code < 0 else f"ended with exit code {code}"
            facts.add(test=module, outcome="error", error=error, seconds=0.0)


def import_one(module: str, spec: "dict[str, Any]", facts: Facts) -> None:
    """Import a module, and record it like a test."""
    began = time.perf_counter()
    outcome, error = _import(module, spec.get("optional", {}), spec.get("own", []))
    seconds = round(time.perf_counter() - began, 4)
    facts.add(test=module, outcome=outcome, error=error, seconds=seconds)


def _import(module: str, optional: "dict[str, str]", own: "list[str]") -> "tuple[str, str | None]":
    try:
        importlib.import_module(module)
    except BaseException as error:
        traceback.print_exc()
        missing = _missing(error, own)
        if missing in optional:
            return "needs-extra", f"No module named '{missing}': {optional[missing]}"[:LONGEST]
        lines = "".join(traceback.format_exception_only(type(error), error)).splitlines()
        # A syntax error starts with its location; a message may have many lines, and notes below.
        return "failed", next((line for line in lines if line[:1].strip()), "no message")[:LONGEST]
    print(f"import {module}: ok")
    return "passed", None


def _missing(error: "BaseException | None", own: "list[str]") -> str:
    """The name that one of the downstream's own modules imports in vain; empty for any other failure."""
    # An ImportError without a name was raised by hand, as "install it with this extra".
    while isinstance(error, ImportError) and not isinstance(error, ModuleNotFoundError) and error.name is None:
        error = error.__cause__ or error.__context__
    if not isinstance(error, ModuleNotFoundError):
        return ""
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    code = [name for name in frames if name.partition(".")[0] != "importlib"]
    return str(error.name) if any(f"{code[-1]}.".startswith(f"{name}.") for name in own) else ""


def main(specification: str, module: "str | None" = None) -> int:
    """Do what the specification says, or import one module of it; the exit code is pytest's, REPORTED, or 0."""
    spec = json.loads(Path(specification).read_text(encoding="utf-8"))
    facts = Facts(spec["out"])
    # Python puts this file's directory first on the path; a suite must not find our modules there.
    sys.path.pop(0)
    if module is not None:
        import_one(module, spec, facts)
        return REPORTED
    code = 0
    if "modules" in spec:
        import_all(specification, spec["modules"], facts)
    else:
        import pytest  # noqa: PLC0415  the suite requires it, and an `imports` suite does not

        sys.argv = ["pytest", *spec["arguments"]]
        code = int(pytest.main(spec["arguments"], plugins=[Recorder(facts)]))
    facts.add(exit=code)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
