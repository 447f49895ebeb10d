"""A recipe: everything that is needed to run one cell, decided before anything runs."""

from collections.abc import Collection, Mapping
from pathlib import Path

from interlock.adapters.distributions import Wheel
from interlock.adapters.interpreter import Interpreter
from interlock.cells.left_out import NAME, OPTION
from interlock.cells.suite_files import TEST_FOLDERS
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
        tests: The directory that holds the suite's files, or None where all is installed.
        target: What of it pytest is given, as `tests/contracts`; for tests inside the package, below `site-packages`.
        modules: What an `imports` suite imports.
        optional: Names that they may miss, and why.
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
    optional: Mapping[str, str] = {}
    wheels: tuple[Wheel, ...]
    lock: Lock
    interpreter: Interpreter

    @property
    def environment_lines(self) -> tuple[str, ...]:
        """Every package of the environment as `name==version`, sorted."""
        family = (f"{wheel.name}=={wheel.version}" for wheel in self.wheels)
        return tuple(sorted([*family, *map(str, self.lock.pins)]))

    @property
    def inside(self) -> str | None:
        """The name of the tests as a part of the installed downstream, if their path says that they are one."""
        parts = self.target.removesuffix(".py").split("/")
        modules = {name for wheel in self.wheels if wheel.name == self.downstream for name in wheel.modules}
        names = (".".join(parts[start:]) for start in range(len(parts)))
        return next((name for name in names if _is_below(name, modules - TEST_FOLDERS)), None)

    def specification(self, out: Path, packages: Path) -> dict[str, object]:
        """The probe's instructions.

        Args:
            out: Where it writes its facts.
            packages: The environment's `site-packages`.
        """
        if self.suite.imports is not None:
            own = sorted(name for wheel in self.wheels if wheel.name == self.downstream for name in wheel.modules)
            modules = {"modules": list(self.modules), "optional": dict(self.optional), "own": own}
            return {"out": str(out), **modules}
        inside = self.suite.package is not None
        return {"out": str(out), "arguments": self._pytest_arguments(f"{packages}/" if inside else "")}

    def _pytest_arguments(self, above: str) -> list[str]:
        tests = [item.test for item in self.suite.leave_out]
        left_out = [f"{OPTION}={test}" if "::" in test else f"--ignore={above}{test}" for test in tests]
        # All tests run, whatever the suite's own settings say: a test that was never reached can't be compared.
        everything = ("--continue-on-collection-errors", "--maxfail=0")
        # Pytest's summary of passed tests takes time in the square of their number, and the probe records them all.
        # And nothing that an earlier run left, as in a folder with a cache of its own, decides which tests run.
        always = ("-rfE", "-o", "cache_dir=$TMPDIR/pytest-cache")
        # Else pytest would import zope.interface.tests as interface.tests, from another place on the path.
        named = ("-o", "consider_namespace_packages=true") if above else ()
        plugin = ("-p", NAME) if any("::" in test for test in tests) else ()
        return [*always, *plugin, *left_out, *named, *self.suite.pytest_args, *everything, f"{above}{self.target}"]


def _is_below(name: str, modules: Collection[str]) -> bool:
    return any(name.startswith(f"{module}.") for module in modules)
