"""The change of a package's contract from one wheel to another, and each downstream's use of what changed."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from packaging.version import Version

from interlock.adapters.distributions import Wheel, read_wheel
from interlock.adapters.interpreter import Interpreter
from interlock.adapters.uv import Uv
from interlock.contracts.schema.breakage import Breakage, find_breakages_apart
from interlock.contracts.schema.compare import compare
from interlock.contracts.schema.export import LIMIT, export
from interlock.contracts.schema.models import ContractChange, ContractSchema, ElementChange
from interlock.contracts.schema.public_api import module_of, sources_of
from interlock.contracts.schema.uses import DownstreamSources, uses_of
from interlock.model.bump import Part, ReleasePart


async def contract_change(  # noqa: PLR0913  each of them is one thing that the change depends on
    before: Path,
    after: Path,
    *,
    modules: Sequence[str] = (),
    uv: Uv,
    interpreter: Interpreter,
    cache: Path,
    downstreams: Mapping[str, DownstreamSources] | None = None,
    limit: float = LIMIT,
) -> ContractChange:
    """Export both contracts, compare them, and match what changed with what each downstream uses.

    To find out first whether anything changed, call this without downstreams, and `with_uses` later.

    Args:
        before: The wheel of the baseline; no index needs to have it.
        after: The wheel of the ref, likewise.
        modules: The family file's `contract.modules`; empty means all modules but private ones and tests.
        uv: Resolves what each wheel requires, with its own index.
        interpreter: The Python in which both are imported.
        cache: Interlock's cache; an export is stored below it by the contents of the wheel and its lock.
        downstreams: By package, the wheel and the suites of each downstream.
        limit: Seconds that importing all modules may take.

    Raises:
        DistributionError: A wheel is damaged.
        UnbuildableError: What a wheel requires can't be resolved or built, so nothing can be imported.
        IndexUnavailableError: The index did not answer.
        EnvironmentUnavailableError: uv failed.
    """
    old, new = await asyncio.gather(asyncio.to_thread(read_wheel, before), asyncio.to_thread(read_wheel, after))
    change = ContractChange(before=str(old.version), after=str(new.version))
    if (old.content, old.requires) == (new.content, new.requires):
        return change
    exports = (export(each, modules, uv=uv, interpreter=interpreter, cache=cache, limit=limit) for each in (old, new))
    schemas = await asyncio.gather(*exports)
    breakages = await find_breakages_apart(old, new, modules)
    changes = compare(*schemas)
    found = change.model_copy(
        update={
            "changes": changes,
            "api": tuple(breakage.line for breakage in breakages),
            "part": recommended_part(old.version, changes, breakages),
            "notes": _notes(old, new, *schemas),
        }
    )
    return await with_uses(found, downstreams or {})


def recommended_part(before: Version, changes: Collection[ElementChange], api: Collection[Breakage]) -> ReleasePart:
    """Patch when nothing changed, minor when nothing breaks, else major; before 1.0 that is a minor.

    Args:
        before: The version that is raised.
        changes: The changes of the contract.
        api: The breakages that griffe found.
    """
    if any(change.breaks for change in changes) or any(breakage.breaks for breakage in api):
        return Part.MAJOR if before.major else Part.MINOR
    return Part.MINOR if changes or api else Part.PATCH


def _notes(old: Wheel, new: Wheel, before: ContractSchema, after: ContractSchema) -> tuple[str, ...]:
    """What could not be compared: modules that can't be imported, unless neither source nor error changed."""
    sources = [_sources(wheel) for wheel in (old, new)]
    notes: dict[str, list[str]] = {}
    for schema, other in ((before, after), (after, before)):
        for module, error in schema.unreadable.items():
            was, now = (each.get(module) for each in sources)
            # A module that no wheel has is a mistake in the family file: nothing would ever change in it.
            if was is None or was != now or other.unreadable.get(module) != error:
                notes.setdefault(f"of {schema.version} can't be compared: {error}", []).append(module)
    return tuple(f"{', '.join(modules)} {note}" for note, modules in notes.items())


def _sources(wheel: Wheel) -> dict[str | None, bytes]:
    """The modules of a wheel, with plain line endings."""
    return {module_of(name): data.replace(b"\r\n", b"\n") for name, data in sources_of(wheel.path).items()}


async def with_uses(change: ContractChange, downstreams: Mapping[str, DownstreamSources]) -> ContractChange:
    """The change with each downstream's use of each changed element."""
    found = await asyncio.gather(
        *(asyncio.to_thread(uses_of, change.changes, sources) for sources in downstreams.values())
    )
    return change.model_copy(update={"uses": dict(zip(downstreams, found, strict=True))})
