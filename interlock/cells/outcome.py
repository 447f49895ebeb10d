"""What a run's facts say, from the probe's lines to a status with its reason. Pure."""

import json
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
WHOLE_SUITE = "(the suite)"
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
        exit: The suite's exit code, or None when it was ended before it could record one.
        unreadable: Why the record can't be read as one that the runner wrote.
        reads: Family packages whose metadata was read.
        origins: Where modules came from that were there at the end of a process.
        found: Modules that were found outside of the environment, whether or not their import succeeded.
    """

    tests: tuple[TestResult, ...] = ()
    running: str | None = None
    collected: int | None = None
    exit: int | None = None
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
    return Facts(
        tests=tuple(found.tests.values()),
        running=found.running,
        collected=found.collected,
        exit=found.exits[-1] if found.exits else None,
        unreadable="it ended more than once" if len(found.exits) > 1 else None,
        reads=frozenset(found.reads),
        origins=tuple(found.origins),
        found=tuple(found.found),
    )


def _refuse(constant: str) -> None:
    """Infinities and NaN, which JSON does not have."""
    raise ValueError(constant)


@dataclass
class _Found:
    tests: dict[str, TestResult] = field(default_factory=dict)
    running: str | None = None
    collected: int | None = None
    exits: list[int] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    origins: list[ModuleOrigin] = field(default_factory=list)
    found: list[ModuleOrigin] = field(default_factory=list)

    def add(self, fact: object) -> None:
        """Add a fact.

        Raises:
            ValueError: It is none of the runner's.
        """
        match fact:
            case {"test": str(name), "outcome": str(outcome), "error": str() | None as error, "seconds": seconds}:
                self.tests[name] = TestResult(id=name, outcome=TestOutcome(outcome), error=error, seconds=seconds)
            case {"running": str(name)}:
                self.running = name
            case {"collected": int(number)}:
                self.collected = number
            case {"exit": int(number)}:
                self.exits.append(number)
            case {"read": str(package)}:
                self.reads.add(package)
            case {"module": str(name), "package": str(package), "file": str(file)}:
                self.origins.append(ModuleOrigin(name=name, package=package, file=file))
            case {"found": str(name), "package": str(package), "file": str(file)}:
                self.found.append(ModuleOrigin(name=name, package=package, file=file))
            case _:
                raise ValueError


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
    if completed.timed_out:
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
    passed = [test for test in tests if test.outcome is TestOutcome.PASSED]
    if not passed:
        skipped = next((f": {test.error}" for test in tests if test.error), "")
        return _untested(tests, f"no test passed, {len(tests)} were skipped{skipped}" if tests else "there is no test")
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
    name = facts.running if facts.exit is None and facts.running else WHOLE_SUITE
    crashed = TestResult(id=name, outcome=TestOutcome.ERROR, error=error)
    return (*(test for test in facts.tests if test.id != name), crashed)


def _is_explained(facts: Facts, completed: Completed) -> bool:
    """Whether the red tests explain a bad exit code: the suite came to its end, or not past collecting."""
    red = any(test.outcome.is_red for test in facts.tests)
    return red and completed.returncode == facts.exit and (facts.exit == TESTS_FAILED or facts.running is None)


def _bad_end(facts: Facts, completed: Completed) -> str | None:
    if (fault := _fault(facts, completed)) is not None:
        return fault
    if completed.timed_out or (facts.exit in {0, NO_TESTS_COLLECTED} and completed.returncode == facts.exit):
        return None
    if completed.returncode < 0:
        return f"ended by {_signal_name(-completed.returncode)}"
    if completed.returncode == 0:
        return "ended half-way, with exit code 0"
    lines = [line for line in completed.output.splitlines() if line.strip()]
    marked = (line[1:].strip() for line in lines if line.startswith("E  "))
    error = next(marked, lines[-1].strip() if lines else None)
    return error or f"ended with exit code {completed.returncode}"


def _fault(facts: Facts, completed: Completed) -> str | None:
    """Why the record of a run is no evidence, whatever it says."""
    if facts.unreadable:
        return f"the record of the run can't be read: {facts.unreadable}"
    if completed.exceeded:
        return f"ended: {completed.exceeded}"
    if facts.exit == 0 and facts.collected is not None and len(facts.tests) < facts.collected:
        return f"{facts.collected} tests were to be run, and {len(facts.tests)} were"
    return None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals have no name
        return f"signal {number}"
