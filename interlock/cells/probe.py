"""Run by a cell's own Python: runs a suite and writes one JSON line for each fact.

`python probe.py SPEC.json`, where the specification has `out` (where to write), and either `modules` (to import, each
by itself; with the names that are `optional` where the downstream's `own` modules import them) or `arguments` (for
pytest). It uses the standard library, and pytest where the suite requires it.
"""

import builtins
import importlib
import json
import runpy
import signal
import subprocess
import sys
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

# As in the audit hook: a suite may patch a builtin and leave it so.
__builtins__ = dict(vars(builtins))  # type: ignore[assignment]

HOOK = "_interlock_audit_hook"
LONGEST = 400
REPORTED = 77  # the exit code of a Python that imported its one module and recorded the outcome
# Of the reports of one test the strongest counts, and of equal ones the first: a skipped subtest skips no test.
STRENGTH = {"skipped": 1, "xfailed": 2, "xpassed": 3, "passed": 4, "error": 5, "failed": 5}
RED = 5


class Recorder:
    """A pytest plugin that records how many tests there are, and the outcome of each test that came to its end.

    A test has come to its end when each item of its id has, with an outcome: an end that a plugin only announces, or a
    report that another try will replace, is none. What is red is recorded at once, whatever happens afterwards.
    """

    def __init__(self, record: Any) -> None:
        self._record = record
        self._items = Counter()  # type: Counter[str]
        self._ended = Counter()  # type: Counter[str]
        self._seconds = {}  # type: dict[str, float]
        self._outcomes = {}  # type: dict[str, tuple[str, str | None]]
        self._finished = set()  # type: set[str]

    @property
    def finished(self) -> int:
        """How many of the collected tests were recorded."""
        return len(self._finished)

    def pytest_collection_finish(self, session: Any) -> None:
        self._collected([item.nodeid for item in getattr(session, "items", [])])

    def pytest_xdist_node_collection_finished(self, ids: "list[str]") -> None:
        """The controller of pytest-xdist collects nothing itself."""
        self._collected(ids)

    def _collected(self, ids: "list[str]") -> None:
        self._items |= Counter(ids)
        self._record.add(collected=len(self._items))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._record.add(running=nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        outcome, error = _outcome(report)
        name = report.nodeid
        self._seconds[name] = self._seconds.get(name, 0.0) + report.duration
        before = self._outcomes.get(name, ("", None))[0]
        if outcome and STRENGTH[outcome] > STRENGTH.get(before, 0):
            self._outcomes[name] = (outcome, error)
            if STRENGTH[outcome] == RED:
                self._tell(name)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._ended[nodeid] += 1
        if nodeid in self._outcomes and self._ended[nodeid] >= self._items[nodeid]:
            self._tell(nodeid)

    def _tell(self, name: str) -> None:
        outcome, error = self._outcomes[name]
        seconds = round(self._seconds[name], 4)
        if name in self._items:
            self._finished.add(name)
            self._record.add(test=name, outcome=outcome, error=error, seconds=seconds)
        else:
            self._record.add(other=name, outcome=outcome, error=error, seconds=seconds)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            error = first_error(str(report.longrepr))
            self._record.add(other=report.nodeid, outcome="error", error=error, seconds=0.0)
        elif report.skipped:
            self._record.add(other=report.nodeid, outcome="skipped", error=_skip_reason(report), seconds=0.0)

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """A session that was told to stop between two tests, Ctrl-C, or `pytest.exit`."""
        if type(excinfo.value).__name__ == "Interrupted":
            self._record.add(stopped=str(excinfo.value)[:LONGEST])
        else:
            self._record.add(interrupted=str(excinfo.value)[:LONGEST])

    def pytest_internalerror(self, excrepr: Any) -> None:
        self._record.add(internal=_last_line(str(excrepr))[:LONGEST])

    def pytest_sessionfinish(self, session: Any) -> None:
        reason = getattr(session, "shouldfail", False)
        if reason:
            self._record.add(stopped=str(reason)[:LONGEST])


def _outcome(report: Any) -> "tuple[str, str | None]":
    """One report's outcome in one word; empty for one that adds nothing, or that another try replaces."""
    if not (report.passed or report.failed or report.skipped):
        return "", None
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
    marked = (line[1:].strip() for line in text.splitlines() if line.startswith("E  "))
    return (next(filter(None, marked), "") or _last_line(text))[:LONGEST]


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no message")


def import_all(specification: str, modules: "list[str]", record: Any) -> int:
    """Import each module in a Python of its own: a failed import leaves parts behind that let the next one pass."""
    record.add(collected=len(set(modules)))
    for module in modules:
        record.add(running=module)
        code = subprocess.call([sys.executable, __file__, specification, module])
        if code != REPORTED:
            names = {number.value: number.name for number in signal.Signals}
            error = f"ended by {names.get(-code, -code)}" if code < 0 else f"ended with exit code {code}"
            record.add(test=module, outcome="error", error=error, seconds=0.0)
    return len(set(modules))


def import_one(module: str, spec: "dict[str, Any]", record: Any) -> None:
    """Import a module, and record it like a test."""
    began = perf_counter()
    outcome, error = _import(module, spec.get("optional", {}), spec.get("own", []))
    seconds = round(perf_counter() - began, 4)
    record.add(test=module, outcome=outcome, error=error, seconds=seconds)


def _import(module: str, optional: "dict[str, str]", own: "list[str]") -> "tuple[str, str | None]":
    printed = traceback.print_exc, traceback.format_exception_only
    try:
        importlib.import_module(module)
    except BaseException as error:
        with suppress(Exception):  # the module may have closed the output
            printed[0]()
        missing = _missing(error, own)
        if missing in optional:
            return "needs-extra", f"No module named '{missing}': {optional[missing]}"[:LONGEST]
        lines = "".join(printed[1](type(error), error)).splitlines()
        # A syntax error starts with its location; a message may have many lines, and notes below.
        return "failed", next((line for line in lines if line[:1].strip()), "no message")[:LONGEST]
    with suppress(Exception):
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


def run_pytest(arguments: "list[str]", record: Any) -> "tuple[int, int]":
    """Run pytest; its exit code, and how many of the collected tests were recorded."""
    import pytest  # noqa: PLC0415  the suite requires it, and an `imports` suite does not

    pytest.hookimpl(optionalhook=True)(Recorder.pytest_xdist_node_collection_finished)
    recorder = Recorder(record)
    sys.argv = ["pytest", *arguments]
    try:
        code = int(pytest.main(arguments, plugins=[recorder]))
    except SystemExit as end:  # of a hook: it ends plain pytest with this code
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        record.add(interrupted=f"SystemExit: {end.code}")
    return code & 0xFF, recorder.finished


def main(specification: str, module: "str | None" = None) -> int:
    """Do what the specification says, or import one module of it; the exit code is pytest's, REPORTED, or 0."""
    # Python puts this file's directory first on the path, where a suite must not find our modules.
    sys.path[:1] = [entry for entry in sys.path[:1] if Path(entry) != Path(__file__).parent]
    spec = json.loads(Path(specification).read_text(encoding="utf-8"))
    record = runpy.run_path(str(Path(__file__).with_name("audit_hook.py")))["Record"](spec["out"])
    if module is not None:
        import_one(module, spec, record)
        return REPORTED
    report_modules = getattr(sys.modules.get(HOOK), "report_modules", lambda: None)
    if "modules" in spec:
        code, finished = 0, import_all(specification, spec["modules"], record)
    else:
        code, finished = run_pytest(spec["arguments"], record)
    # Before the end: a thread or an exit handler of the suite may keep this Python from coming to our own.
    report_modules()
    record.add(exit=code, finished=finished)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
