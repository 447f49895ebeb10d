"""Which modules and names of a wheel are its contract."""

from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from interlock.adapters.distributions import installed_path, wheel_files, wheel_names

TESTS = frozenset({"test", "tests", "testing", "conftest"})


def sources_of(wheel: Path) -> dict[str, bytes]:
    """The Python files of a wheel, by their paths.

    Raises:
        DistributionError: It can't be read.
    """
    return wheel_files(wheel, (".py",))


def modules_of(wheel: Path) -> tuple[str, ...]:
    """Every module of a wheel that can be imported by a name, sorted, without `__main__`, which would run.

    Raises:
        DistributionError: It can't be read.
    """
    return tuple(sorted({name for file in wheel_names(wheel) if (name := module_of(file))}))


def module_of(file: str) -> str | None:
    """The module in a file of a wheel; None for another file, or if it can't be imported by a name."""
    path = PurePosixPath(installed_path(file) or "")
    stem, _, suffix = path.name.partition(".")
    if not (suffix == "py" or suffix.endswith(("so", "pyd"))) or stem == "__main__":
        return None
    parts = path.parts[:-1] if stem == "__init__" else (*path.parts[:-1], stem)
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def choose(offered: Collection[str], modules: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The modules of a wheel that are the contract, and those of the contract that the wheel does not have.

    A named module counts even if it is private; a module below it counts unless it is private or a test.
    """
    chosen = tuple(sorted(name for name in offered if is_promised(name, modules)))
    return chosen, tuple(each for each in modules if not any(is_in(name, each) for name in offered))


def is_in(name: str, module: str) -> bool:
    """Whether a dotted name is a module, or below it."""
    return name == module or name.startswith(f"{module}.")


def is_public(module: str) -> bool:
    """Whether no part of a dotted name is private, or a test."""
    parts = module.split(".")
    return not any(part.startswith(("_", "test_")) or part in TESTS for part in parts)


def is_promised(name: str, modules: Sequence[str]) -> bool:
    """Whether a dotted name is part of the contract's modules (none: all public ones)."""
    if not modules:
        return is_public(name)
    return any(is_in(name, each) and is_public(name.removeprefix(each).removeprefix(".")) for each in modules)
