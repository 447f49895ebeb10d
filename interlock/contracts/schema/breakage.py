"""Breakages of an API as griffe finds them: from the sources of two wheels, without executing them.

Griffe knows no limits, and the sources are a stranger's, so it reads them in the sandbox, in a process of its own.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import griffe
from pydantic import TypeAdapter, ValidationError

import interlock
from interlock.adapters.distributions import Wheel, installed_path, read_wheel, wheel_files
from interlock.adapters.interpreter import folders_of
from interlock.common import sandbox
from interlock.common.frozen_model import FrozenModel
from interlock.common.process import Limits
from interlock.common.python_source import PARSING
from interlock.common.sandbox import Box
from interlock.common.sanitize import one_line
from interlock.contracts.schema.public_api import is_in, is_promised
from interlock.errors import DistributionError

LONGEST = 300
# A package of a hundred thousand lines takes some seconds.
SECONDS = 300.0
MEMORY = 4 << 30
LARGEST_ANSWER = 16 << 20
SOURCES = (".py", ".pyi")
UNREADABLE = (griffe.GriffeError, SyntaxError, ValueError, RecursionError, MemoryError)
# Another value is a change that need not break anything.
HARMLESS = (griffe.BreakageKind.PARAMETER_CHANGED_DEFAULT, griffe.BreakageKind.ATTRIBUTE_CHANGED_VALUE)
WITH_VALUES = (
    *HARMLESS,
    griffe.BreakageKind.PARAMETER_CHANGED_KIND,
    griffe.BreakageKind.ATTRIBUTE_CHANGED_TYPE,
    griffe.BreakageKind.RETURN_CHANGED_TYPE,
    griffe.BreakageKind.OBJECT_CHANGED_KIND,
)


class Breakage(FrozenModel):
    """One breakage.

    Attributes:
        line: What changed and where, for people.
        breaks: Whether code may fail.
    """

    line: str
    breaks: bool


BREAKAGES = TypeAdapter(tuple[Breakage, ...])


async def find_breakages_apart(before: Wheel, after: Wheel, modules: Sequence[str] = ()) -> tuple[Breakage, ...]:
    """What `find_breakages` finds, found in the sandbox; where that fails, a line says so, which breaks nothing."""
    with tempfile.TemporaryDirectory(prefix="interlock-api-") as name:
        copies = [Path(name, side, wheel.path.name) for side, wheel in (("before", before), ("after", after))]
        for copy, wheel in zip(copies, (before, after), strict=True):
            await asyncio.to_thread(_copy, wheel.path, copy)
        program = Path(sys.executable)
        done = await sandbox.run(
            [program, "-I", "-m", "interlock.contracts.schema.breakage", *copies, *modules],
            box=Box(
                read=(*copies, Path(interlock.__file__).parent, *folders_of(program)), limits=Limits(memory=MEMORY)
            ),
            env={},
            cwd=Path("/tmp"),  # noqa: S108  the sandbox's own
            timeout=SECONDS,
            keep=LARGEST_ANSWER,
        )
    try:
        return BREAKAGES.validate_json(done.output)
    except ValidationError:
        late = f"it takes more than {SECONDS:.0f} seconds" if done.timed_out else ""
        why = done.exceeded or late or one_line(done.errors)[-LONGEST // 2 :] or f"it ended with {done.returncode}"
        return (Breakage(line=f"{before.name}: can't be compared: {why}"[:LONGEST], breaks=False),)


def _copy(wheel: Path, copy: Path) -> None:
    """The sandbox's user may be another one than ours."""
    copy.parent.mkdir()
    shutil.copyfile(wheel, copy)
    copy.chmod(0o644)


def find_breakages(before: Wheel, after: Wheel, modules: Sequence[str] = ()) -> tuple[Breakage, ...]:
    """The breakages that griffe finds between two wheels, sorted, without those outside of the contract.

    Args:
        before: The wheel of the baseline.
        after: The wheel that is compared with it.
        modules: The modules that are the contract; empty means all but private ones and tests.

    Raises:
        DistributionError: A wheel can't be unpacked.
    """
    with tempfile.TemporaryDirectory(prefix="interlock-api-") as name:
        folders = [_unpacked(wheel, Path(name, side)) for wheel, side in ((before, "before"), (after, "after"))]
        tops = dict.fromkeys(module.partition(".")[0] for module in before.modules)
        # griffe parses; see PARSING.
        with PARSING:
            found = [each for top in tops for each in _between_readable(top, modules, *folders)]
    by_line = {breakage.line: breakage for path, breakage in found if is_promised(path, modules)}
    return tuple(by_line[line] for line in sorted(by_line))


def _unpacked(wheel: Wheel, folder: Path) -> Path:
    folder.mkdir()
    try:
        sources = wheel_files(wheel.path, SOURCES)
        for name, source in ((path, source) for file, source in sources.items() if (path := installed_path(file))):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(source)
    except (OSError, ValueError) as error:  # a name that is too long, or that of a folder too
        raise DistributionError(f"{wheel.path.name} can't be unpacked: {error}") from None
    return folder


def _between_readable(top: str, modules: Sequence[str], before: Path, after: Path) -> Iterator[tuple[str, Breakage]]:
    """The breakages as far as griffe gets; what it can't compare, such as circular aliases, is a breakage, too."""
    try:
        yield from _between(top, before, after)
    except UNREADABLE as error:
        # Its name is part of the contract, so that what could not be compared is never taken for unchanged.
        path = next((each for each in modules if is_in(each, top)), top)
        yield path, Breakage(line=f"{top}: can't be compared: {one_line(str(error))}"[:LONGEST], breaks=False)


def _between(top: str, before: Path, after: Path) -> Iterator[tuple[str, Breakage]]:
    old, new = _load(top, before), _load(top, after)
    if old is None:
        return
    if new is None:
        yield top, Breakage(line=f"{top}: module was removed", breaks=True)
        return
    for found in griffe.find_breaking_changes(old, new):
        yield found.obj.path, Breakage(line=_line(found), breaks=found.kind not in HARMLESS)


def _load(top: str, folder: Path) -> griffe.Object | griffe.Alias | None:
    """The module as griffe reads it; None where it has no sources, or they can't be parsed."""
    try:
        # Never by inspection, which would import foreign code into our own Python.
        return griffe.load(top, search_paths=[folder], allow_inspection=False, try_relative_path=False)
    except (ImportError, *UNREADABLE):
        return None


def _line(found: griffe.Breakage) -> str:
    old, new = found.old_value, found.new_value
    parameter = next((each for each in (old, new) if isinstance(each, griffe.Parameter)), None)
    location = f"{found.obj.path}({parameter.name})" if parameter else found.obj.path
    kind = found.kind.value[:1].lower() + found.kind.value[1:]
    if found.kind is griffe.BreakageKind.PARAMETER_CHANGED_DEFAULT:
        old, new = old.default, new.default
    if found.kind is griffe.BreakageKind.PARAMETER_CHANGED_KIND:
        old, new = old.kind.value, new.kind.value
    values = f": {_text(old)} -> {_text(new)}" if found.kind in WITH_VALUES else ""
    return f"{location}: {kind}{values}"[:LONGEST]


def _text(value: object) -> str:
    """A value or type in words; the type `None` is an expression, so None means that there is none."""
    return "nothing" if value is None else str(value)


def main(before: str, after: str, *modules: str) -> None:
    """Write the breakages between two wheels to standard output."""
    found = find_breakages(read_wheel(Path(before)), read_wheel(Path(after)), modules)
    sys.stdout.write(BREAKAGES.dump_json(found).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
