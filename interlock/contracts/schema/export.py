"""Exports the contract of a wheel: imports its modules in an environment of their own, and reads what they promise.

Reading foreign code can exit, crash or hang. The exporter therefore writes each fact at once, with the module or the
element that it is about to read: one that ended the Python is left out, and the exporter is run again. The result is
stored by the content of the wheel, its lock, the Python and the exporter's own code: everything that it depends on.
"""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from pydantic import ValidationError

from interlock.adapters.distributions import Wheel
from interlock.adapters.interpreter import Interpreter
from interlock.adapters.uv import Uv
from interlock.cells.runner import clean_environment
from interlock.common import sandbox
from interlock.common.atomic_files import read_sealed, write_sealed
from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.digest import digest, files_digest
from interlock.common.process import Completed
from interlock.common.sandbox import Box, isolation
from interlock.common.work_folders import work_folder
from interlock.contracts.schema.models import ContractSchema, Element
from interlock.contracts.schema.public_api import choose, modules_of
from interlock.errors import UnbuildableError
from interlock.model.lockfile import Lock, Unresolvable
from interlock.model.requirements import effective, written

HERE = Path(__file__).parent
EXPORTER = HERE / "exporter.py"
# A change of the code that exports makes every stored export unknown again.
READER = files_digest((path.name, path.read_bytes()) for path in (EXPORTER, Path(__file__)))
LIMIT = 120.0
# After so many modules or elements that ended their Python, the rest is not tried.
MOST_ENDED = 8
LONGEST_FACTS = 64 << 20

MakeEnvironment = Callable[[Path], Awaitable[Path]]


@dataclass
class Facts:
    """The facts that an exporter wrote before it ended; `reading` is what it read last."""

    elements: list[Element] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    reading: tuple[str, ...] = ()
    done: bool = False


async def export(
    wheel: Wheel,
    modules: Sequence[str] = (),
    *,
    uv: Uv,
    interpreter: Interpreter,
    cache: Path,
    limit: float = LIMIT,
) -> ContractSchema:
    """The contract of a wheel, from the cache when the same wheel was exported with the same lock.

    Args:
        wheel: The distribution; only its requirements are looked up on the index.
        modules: The modules that are the contract, with all below them; empty means all but private ones and tests.
        uv: Makes the environment.
        interpreter: Its Python.
        cache: Interlock's cache.
        limit: Seconds that importing all modules may take.

    Raises:
        UnbuildableError: What the wheel requires can't be resolved or built.
        IndexUnavailableError: The index did not answer.
        EnvironmentUnavailableError: uv failed.
    """
    lock = await uv.resolve(_requirements(wheel, interpreter), forced=(), interpreter=interpreter)
    if isinstance(lock, Unresolvable):
        raise UnbuildableError(
            f"the contract of {wheel.name} {wheel.version} can't be read: what it requires does not resolve: "
            f"{lock.reason}"
        )
    key = digest(
        wheel.name, wheel.content, sorted(modules), lock.lines(interpreter.tags()), interpreter.version, READER
    )
    path = cache / "contracts" / f"{key}.json"
    schema = _read(path)
    if schema is None:
        schema = await _export(wheel, modules, lock, uv, interpreter, limit)
        await asyncio.to_thread(write_sealed, path, schema.model_dump_json().encode())
    return schema.model_copy(update={"version": str(wheel.version)})


def _requirements(wheel: Wheel, interpreter: Interpreter) -> tuple[str, ...]:
    """What a wheel requires in this Python, as lines without markers; extras bring in what its users choose."""
    found = effective(wheel.requires, markers=interpreter.markers)
    return tuple(f"{_bare(each)}{f' @ {each.url}' if each.url else written(each.specifier)}" for each in found)


def _bare(requirement: Requirement) -> str:
    return f"{requirement.name}[{','.join(sorted(requirement.extras))}]" if requirement.extras else requirement.name


async def _export(
    wheel: Wheel, modules: Sequence[str], lock: Lock, uv: Uv, interpreter: Interpreter, limit: float
) -> ContractSchema:
    offered = await asyncio.to_thread(modules_of, wheel.path)
    chosen, absent = choose(offered, modules)
    # Third-party packages are shared with other environments; once something has written into them, they prove nothing.
    base = await uv.shared(lock, interpreter)
    wheels = [wheel.path]
    read = (*interpreter.folders, EXPORTER)
    work = _Exporter(wheel=wheel, chosen=chosen, limit=limit, read=(*read, base))
    facts = await work.run(lambda folder: uv.layered(folder, base, wheels, interpreter))
    if not isolation().is_isolated and not await uv.is_intact(base):
        await uv.discard(base)
        facts = await replace(work, read=read).run(lambda folder: uv.fresh(folder, lock, wheels, interpreter))
    return ContractSchema(
        package=wheel.name,
        version=str(wheel.version),
        elements=tuple(sorted(facts.elements, key=lambda element: element.name)),
        unreadable={**dict.fromkeys(absent, "there is no such module in the wheel"), **facts.unreadable},
    )


@dataclass(frozen=True, kw_only=True)
class _Exporter:
    """Imports a wheel's modules; `read` is what its sandbox holds beside the environment."""

    wheel: Wheel
    chosen: Sequence[str]
    limit: float
    read: tuple[Path, ...]

    async def run(self, make_environment: MakeEnvironment) -> Facts:
        """Run the exporter until it comes to its end, without what ended it before."""
        with work_folder("interlock-contract-") as folder:
            python = await make_environment(folder / "environment")
            return await self._import_all(python, folder)

    async def _import_all(self, python: Path, folder: Path) -> Facts:
        ended: dict[str, str] = {}
        for _ in range(MOST_ENDED + 1):
            facts, completed = await self._import_once(python, folder, tuple(ended))
            if facts.done or not facts.reading:
                break
            ended |= dict.fromkeys(facts.reading, _ending(completed, self.limit))
        if not facts.done:
            rest = (name for name in self.chosen if name not in ended)
            facts.unreadable |= dict.fromkeys(rest, _ending(completed, self.limit))
            facts.elements.clear()
        facts.unreadable |= ended
        return facts

    async def _import_once(self, python: Path, folder: Path, skip: Sequence[str]) -> tuple[Facts, Completed]:
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as name:
            top = Path(name)
            work, out, specification = top / "work", top / "facts.jsonl", top / "specification.json"
            work.mkdir()
            out.touch()
            modules = {"package": list(self.wheel.modules), "modules": list(self.chosen), "skip": list(skip)}
            specification.write_text(json.dumps({"out": str(out), **modules}))
            specification.chmod(0o644)
            environment = python.parent.parent
            completed = await sandbox.run(
                [python, "-I", EXPORTER, specification],
                box=Box(read=(*self.read, specification), write=(environment, work, out)),
                env=clean_environment(environment, work),
                cwd=work,
                timeout=self.limit,
                merge=True,
            )
            return _read_facts(out), completed


def _read_facts(path: Path) -> Facts:
    try:
        return parse(read_bounded(path, LONGEST_FACTS).decode(errors="replace").splitlines())
    except (FileNotFoundError, UnreadableFileError):
        return Facts()


def _ending(completed: Completed, limit: float) -> str:
    if completed.timed_out:
        return f"it did not end within {limit:g} s"
    return f"it ended the Python that read it with exit code {completed.returncode}"


def parse(lines: Iterable[str]) -> Facts:
    """Read an exporter's lines; one that is cut short or not in its form is ignored."""
    facts = Facts()
    for fact in _facts(lines):
        match fact:
            case {"reading": list(names)}:
                facts.reading = tuple(map(str, names))
            case {"unreadable": str(name), "error": str(error)}:
                facts.unreadable[name] = error
            case {"element": {"name": str(name)} as element}:
                try:
                    facts.elements.append(Element.model_validate(element))
                except ValidationError:
                    facts.unreadable[name] = "what was read of it has no form that could be compared"
            case {"done": True}:
                facts.done = True
    return facts


def _facts(lines: Iterable[str]) -> Iterator[Any]:
    for line in lines:
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):  # nested without end, which only a hostile package writes
            continue


def _read(path: Path) -> ContractSchema | None:
    try:
        content = read_sealed(path)
        return None if content is None else ContractSchema.model_validate_json(content)
    except ValueError:  # of another version
        return None
