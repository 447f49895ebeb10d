"""A recipe: everything that is needed to run one cell, decided before anything runs."""

from collections.abc import Mapping
from pathlib import Path

from interlock.adapters.distributions import Wheel
from interlock.adapters.interpreter import Interpreter
from interlock.common.frozen_model import FrozenModel
from interlock.model.lockfile import Lock
from interlock.model.suites import Suite


class Recipe(FrozenModel):
    """How one cell is run.

    Attributes:
        fingerprint: The key under which its runs are recorded.
        title: What it is, for people.
        upstream, downstream: The edge's distributions.
        point: The point on the suite's axes.
        tests: The directory that holds the suite's files, or None for an `imports` suite.
        target: What of it pytest is given, as `tests/contracts`.
        modules: What an `imports` suite imports.
        wheels: The family's packages in the environment, the edge's two among them.
        lock: The other packages of the environment.
    """

    fingerprint: str
    title: str
    upstream: str
    downstream: str
    suite: Suite
    point: Mapping[str, str]
    tests: Path | None = None
    target: str = ""
    modules: tuple[str, ...] = ()
    wheels: tuple[Wheel, ...]
    lock: Lock
    interpreter: Interpreter

    @property
    def environment_lines(self) -> tuple[str, ...]:
        """Every package of the environment as `name==version`, sorted."""
        family = (f"{wheel.name}=={wheel.version}" for wheel in self.wheels)
        return tuple(sorted([*family, *map(str, self.lock.pins)]))

    def specification(self, out: Path) -> dict[str, object]:
        """The probe's instructions."""
        if self.tests is None:
            return {"out": str(out), "modules": list(self.modules)}
        return {"out": str(out), "arguments": self._pytest_arguments()}

    def _pytest_arguments(self) -> list[str]:
        left_out = []
        for item in self.suite.leave_out:
            option = "--deselect" if "::" in item.test else "--ignore"
            left_out.append(f"{option}={item.test}")
        # All tests run, whatever the suite's own settings say: a test that was never reached can't be compared.
        everything = ("-rA", "--continue-on-collection-errors", "--maxfail=0")
        return [*left_out, *self.suite.pytest_args, *everything, self.target]
