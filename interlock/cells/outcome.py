"""What a run's facts say, from the probe's lines to a status with its reason. Pure."""

import json
import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.frozen_model import FrozenModel
from interlock.common.process import Completed
from interlock.model.verdicts import RunStatus, TestOutcome, TestResult

TESTS_FAILED = 1
NO_TESTS_COLLECTED = 5
FINE = frozenset({0, NO_TESTS_COLLECTED})
WHOLE_SUITE = "(the suite)"
# What is wrong with the end of a suite that was loaded: another thing than one that can't be.
SUITE_END = "(the end of the suite)"
SAID = ("running", "stopped", "interrupted", "internal")
LONGEST_NAME = 100
# Lines that pytest prints at the end of every run, with its duration, and around an interruption.
BANNER = re.compile(r"^[=!]+( .* [=!]+)?$|\bin \d+(\.\d+)?s( \([\d:]+\))?( =+)?$|^-- Docs: ")
PRINTED_ERROR = re.compile(r"(\S+: )?error: (?!usage:)", re.IGNORECASE)
LONGEST_FACTS = 64 << 20  # bytes: a hundred thousand tests write about 20 MB


class ModuleOrigin(FrozenModel):
    """Where a module of the family was imported from."""

    name: str
    package: str
    file: str


class Facts(FrozenModel):
    """What the probe and the audit hook recorded.

    Attributes:
        running: The test that started last.
        collected: How many tests were to be run, or None where nothing says so.
        finished: How many of these came to their end.
        exit: The suite's exit code, or None when it was ended before it could record one.
        stopped: Why the session ended itself between two tests.
        interrupted: By what it was ended otherwise; empty for Ctrl-C.
        internal: The last line of pytest's INTERNALERROR.
        unreadable: Why the record can't be read as one that the runner wrote.
        reads: Family packages whose metadata was read.
        origins: Where modules came from that were there at the end of a process.
        found: Modules that were found outside of the environment, whether or not their import succeeded.
    """

    tests: tuple[TestResult, ...] = ()
    running: str | None = None
    collected: int | None = None
    finished: int = 0
    exit: int | None = None
    stopped: str | None = None
    interrupted: str | None = None
    internal: str | None = None
    unreadable: str | None = None
    reads: frozenset[str] = frozenset()
    origins: tuple[ModuleOrigin, ...] = ()
    found: tuple[ModuleOrigin, ...] = ()

    def strangers(self, environment: Path) -> tuple[ModuleOrigin, ...]:
        """The modules that did not come from the environment. One that was found elsewhere and did is none."""
        own = [origin for origin in self.origins if Path(origin.file).is_relative_to(environment)]
        came = {f"{origin.name}." for origin in own}
        hidden = (each for each in self.found if not any(name.startswith(f"{each.name}.") for name in came))
        return (*(origin for origin in self.origins if origin not in own), *hidden)

    @property
    def is_finished(self) -> bool:
        """Whether every test came to its end."""
        return self.collected is not None and self.finished >= self.collected

    @property
    def progress(self) -> str:
        """How far it came."""
        number = "not all" if self.collected is None else f"{self.finished} of {self.collected}"
        return f"{number} tests finished{self.why}"

    @property
    def why(self) -> str:
        """Why it came no farther, after a colon."""
        return next((f": {words}" for words in (self.stopped, self.interrupted) if words), "")


class Outcome(FrozenModel):
    """The status of a run, with its reason when it is not green."""

    status: RunStatus
    reason: str | None = None
    tests: tuple[TestResult, ...] = ()


def read_facts(path: Path) -> Facts:
    """Read the probe's file, which the suite could write into; a line that the end of the run cut off is ignored."""
    try:
        return parse_facts(read_bounded(path, LONGEST_FACTS).decode(errors="replace").split("\n")[:-1])
    except FileNotFoundError:
        return Facts()
    except UnreadableFileError as error:
        return Facts(unreadable=str(error))


def parse_facts(lines: Iterable[str]) -> Facts:
    """Read the probe's lines."""
    found = _Found()
    for line in lines:
        try:
            found.add(json.loads(line, parse_constant=_refuse))
        except (ValueError, RecursionError) as error:
            return Facts(unreadable=f"a line of it is not the runner's: {type(error).__name__}")
    return found.facts()


def _refuse(constant: str) -> None:
    """Infinities and NaN, which JSON does not have."""
    raise ValueError(constant)


@dataclass
class _Found:
    tests: dict[str, TestResult] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    collected: int | None = None
    said: dict[str, str] = field(default_factory=dict)
    exits: list[tuple[int, int]] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    origins: list[ModuleOrigin] = field(default_factory=list)
    found: list[ModuleOrigin] = field(default_factory=list)

    def add(self, fact: object) -> None:
        """Add a fact.

        Raises:
            ValueError: It is none of the runner's.
        """
        match fact:
            case {"test": str(name), **rest}:
                self._add_result(name, rest)
                self.finished.add(name)
            case {"collected": int(number)}:
                self.collected = max(number, self.collected or 0)
            case {"exit": int(code), "finished": int(number)}:
                self.exits.append((code, number))
            case {"read": str(package)}:
                self.reads.add(package)
            case {"module": str(name), "package": str(package), "file": str(file)}:
                self.origins.append(ModuleOrigin(name=name, package=package, file=file))
            case {"found": str(name), "package": str(package), "file": str(file)}:
                self.found.append(ModuleOrigin(name=name, package=package, file=file))
            case {"other": str(name), **rest}:  # a file, or a test that was not collected
                self._add_result(name, rest)
            case _:
                self._add_words(fact)

    def _add_words(self, fact: object) -> None:
        """One of the facts that are a text: of equal ones, the last counts."""
        for name in SAID:
            if isinstance(fact, dict) and isinstance(words := fact.get(name), str):
                self.said[name] = words
                return
        raise ValueError

    def _add_result(self, name: str, fact: dict[object, object]) -> None:
        match fact:
            case {"outcome": str(outcome), "error": str() | None as error, "seconds": int() | float() as seconds}:
                self.tests[name] = TestResult(id=name, outcome=TestOutcome(outcome), error=error, seconds=seconds)
            case _:
                raise ValueError

    def facts(self) -> Facts:
        """All of them, and whether they fit each other."""
        unreadable = None
        if len(self.exits) > 1:
            unreadable = "it ended more than once"
        elif self.exits and self.exits[0][1] != len(self.finished):
            unreadable = f"it has {len(self.finished)} tests, and {self.exits[0][1]} were recorded"
        return Facts(
            **self.said,
            tests=tuple(self.tests.values()),
            collected=self.collected,
            finished=len(self.finished),
            exit=self.exits[-1][0] if self.exits else None,
            unreadable=unreadable,
            reads=frozenset(self.reads),
            origins=tuple(self.origins),
            found=tuple(self.found),
        )


def judge(
    facts: Facts, completed: Completed, *, upstream: str, environment: Path, limit: int, inside: str | None = None
) -> Outcome:
    """What a run showed.

    Args:
        facts: What was recorded while it ran.
        completed: How its process ended.
        upstream: The distribution under test: a green run that never imported it has tested nothing.
        environment: Where everything under test has to come from.
        limit: The suite's time limit, in seconds.
        inside: The tests' name inside the installed package, if they are a part of it that was run outside of it.
    """
    tests = _with_end(facts, completed)
    if strangers := facts.strangers(environment):
        hint = f': write package = "{inside}"' if inside else ""
        why = f"{strangers[0].name} was imported from the suite's files, not from what is installed{hint}"
        return _untested(tests, why)
    if completed.timed_out and not (facts.is_finished and facts.exit is not None):
        return Outcome(
            status=RunStatus.TIMED_OUT,
            reason=f"not finished after {limit} s" + (f", in {facts.running}" if facts.running else ""),
            tests=tests,
        )
    red = [test for test in tests if test.outcome.is_red]
    if inside and any(_needs_its_package(test, inside) for test in red):
        return _untested(tests, f'the tests need the package that they are a part of: write package = "{inside}"')
    if red and all(test.outcome is TestOutcome.NEEDS_EXTRA for test in red):
        # They may be set aside in the end, so the others have to be evidence by themselves.
        others = _judge_green(facts, tests, upstream)
        if others.status is RunStatus.UNTESTED:
            return others
    if red:
        return Outcome(status=RunStatus.FAILED, reason=f"{len(red)} of {len(tests)} failed", tests=tests)
    return _judge_green(facts, tests, upstream)


def _needs_its_package(test: TestResult, inside: str) -> bool:
    """Whether tests failed for want of what is beside them in their package."""
    error = test.error or ""
    return "attempted relative import" in error or f"No module named '{inside}" in error


def _judge_green(facts: Facts, tests: tuple[TestResult, ...], upstream: str) -> Outcome:
    if facts.collected is not None and not facts.is_finished:
        return _untested(tests, facts.progress)
    passed = [test for test in tests if test.outcome is TestOutcome.PASSED]
    if not passed:
        skipped = next((f": {test.error}" for test in tests if test.error), "")
        return _untested(
            tests, f"no test passed, {len(tests)} were skipped{skipped}" if tests else f"there is no test{facts.why}"
        )
    if facts.collected is None:
        return _untested(tests, "how many tests there are is not known")
    if not any(origin.package == upstream for origin in facts.origins):
        return _untested(tests, f"the suite never imported {upstream}")
    return Outcome(status=RunStatus.PASSED, tests=tests)


def _untested(tests: tuple[TestResult, ...], reason: str) -> Outcome:
    return Outcome(status=RunStatus.UNTESTED, reason=reason, tests=tests)


def _with_end(facts: Facts, completed: Completed) -> tuple[TestResult, ...]:
    """The tests, and one more for an end that no test explains: a crash, or a suite that could not be loaded."""
    error = _bad_end(facts, completed)
    if error is None or (_is_explained(facts, completed) and not facts.unreadable):
        return facts.tests
    began = SUITE_END if facts.collected else WHOLE_SUITE
    name = facts.running if facts.running and _ended_in_a_test(facts) else began
    missing = (facts.collected or 0) - facts.finished - _is_running(facts)
    outcome = TestOutcome.CRASHED if missing > 0 else TestOutcome.ERROR
    return (*(test for test in facts.tests if test.id != name), TestResult(id=name, outcome=outcome, error=error))


def _ended_in_a_test(facts: Facts) -> bool:
    return facts.exit is None or (facts.interrupted is not None and _is_running(facts))


def _is_running(facts: Facts) -> bool:
    """Whether the test that started last has no outcome."""
    return facts.running is not None and all(test.id != facts.running for test in reversed(facts.tests))


def _is_explained(facts: Facts, completed: Completed) -> bool:
    """Whether the red tests explain a bad exit code: the suite came to its end, or not past collecting."""
    through = facts.running is None or (facts.exit == TESTS_FAILED and (facts.is_finished or facts.collected is None))
    return _has_red(facts) and completed.returncode == facts.exit and through


def _has_red(facts: Facts) -> bool:
    return any(test.outcome.is_red for test in facts.tests)


def _bad_end(facts: Facts, completed: Completed) -> str | None:
    """What was wrong with the end of a run, beside red tests."""
    if facts.unreadable:
        return f"the record of the run can't be read: {facts.unreadable}"
    if completed.exceeded:
        return f"ended: {completed.exceeded}"
    if facts.exit is None:
        return None if completed.timed_out else _crash(facts, completed)
    if completed.returncode != facts.exit and not completed.timed_out:
        return f"{_exit_words(completed.returncode)} after the tests"
    if not facts.is_finished and (facts.exit in FINE or facts.stopped is not None):
        # It stopped early by itself, which is evidence of nothing, except for what is red already.
        return facts.progress if _has_red(facts) else None
    return None if facts.exit in FINE else _abnormal_end(facts, completed.output)


def _crash(facts: Facts, completed: Completed) -> str:
    """A process that ended without a word."""
    words = _exit_words(completed.returncode)
    if facts.running is None:
        return (_printed_error(completed.output) if completed.returncode > 0 else None) or words
    return f"{words} {'in' if _is_running(facts) else 'after'} {_short(facts.running)}"


def _abnormal_end(facts: Facts, output: str) -> str:
    if facts.internal is not None:
        return f"INTERNALERROR: {facts.internal}"
    if facts.interrupted is not None:
        where = f" in {_short(facts.running)}" if facts.running and _is_running(facts) else ""
        return f"interrupted{where}{facts.interrupted and f': {facts.interrupted}'}"
    if facts.stopped is not None:
        return f"stopped: {facts.stopped}"
    return _printed_error(output) or f"ended with exit code {facts.exit}"


def _printed_error(output: str) -> str | None:
    """What pytest, or Python, printed last about an error."""
    lines = [line for line in output.splitlines() if line.strip() and not BANNER.search(line)]
    marked = (line[1:].strip() for line in lines if line.startswith("E  "))
    named = (line.strip() for line in lines if PRINTED_ERROR.match(line))
    return next(marked, None) or next(named, None) or (lines[-1].strip() if lines else None)


def _short(test: str) -> str:
    """The last part of a test's id, with its parameters."""
    name, bracket, parameters = test.partition("[")
    return f"{name.rpartition('::')[2]}{bracket}{parameters}"[:LONGEST_NAME]


def _exit_words(code: int) -> str:
    return f"ended by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals have no name
        return f"signal {number}"
