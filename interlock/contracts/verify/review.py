"""Finds what a person should read in a change: code by which an upstream could make its own tests pass.

A suite runs in one process with the upstream that it tests, so the upstream can reach into pytest and change what a
test says. No sandbox prevents that, and no list can be complete: what is found here is a remark, and never a verdict.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from interlock.adapters.distributions import wheel_files, wheel_names
from interlock.common.sanitize import cut
from interlock.contracts.schema.public_api import TESTS, is_in, module_of
from interlock.contracts.schema.source_reader import FileUse, read_file
from interlock.errors import DistributionError

# By name, what changes other code in the same process: pytest's own parts, loaded modules, every object, memory.
WATCHED = ("_pytest", "sys.modules", "gc", "ctypes")
SUFFIXES = (".py", ".pth", "entry_points.txt")
MOST_FILES, LONGEST_NAME = 5, 120
WHY = "a person should read it, since an upstream can make its own tests pass"


async def remark(before: Path | None, after: Path) -> str | None:
    """What a change touches by which tests could be made to pass, in a line; None when it touches none of it.

    Args:
        before: The wheel of the baseline; None when there is none, and all of it is new.
        after: The wheel of the ref.
    """
    try:
        old = await asyncio.to_thread(wheel_files, before, SUFFIXES) if before else {}
        new = await asyncio.to_thread(_files, after)
    except DistributionError:
        return None  # the contract, and every cell, say so
    return await asyncio.to_thread(describe, old, new)


def _files(wheel: Path) -> dict[str, bytes | None]:
    large = dict.fromkeys(name for name in wheel_names(wheel) if name.endswith(SUFFIXES))
    return {**large, **wheel_files(wheel, SUFFIXES)}


def describe(before: Mapping[str, bytes], after: Mapping[str, bytes | None]) -> str | None:
    """The same for the files of two wheels, by their paths; None stands for one that is too large to be read. Pure."""
    touched = {
        name: found
        for name in sorted(after)
        if after[name] is None or after[name] != before.get(name)
        if (found := _in(name, after[name]))
    }
    if not touched:
        return None
    shown = [f"{cut(name, LONGEST_NAME)} ({', '.join(found)})" for name, found in touched.items()][:MOST_FILES]
    more = [f"{len(touched) - MOST_FILES} more files"] if len(touched) > MOST_FILES else []
    *first, last = [*shown, *more]
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"this change touches {listed}: {WHY}"


def _in(name: str, content: bytes | None) -> tuple[str, ...]:
    """What a file has of it."""
    if content is None:
        return ("is too large to be read",)
    if name.endswith(".pth"):
        return ("is run whenever Python starts",)
    if name.endswith(".txt"):
        is_plugin = name.endswith(".dist-info/entry_points.txt") and b"pytest11" in content
        return ("is a plugin of pytest",) if is_plugin else ()
    module = module_of(name) or PurePosixPath(name).with_suffix("").as_posix().replace("/", ".")
    use = read_file(content, module, is_package=name.endswith("__init__.py"))
    return ("can't be parsed",) if use is None else tuple(_touches(use, is_test=_is_test(module)))


def _is_test(module: str) -> bool:
    return any(part.startswith("test_") or part in TESTS for part in module.split("."))


def _touches(use: FileUse, *, is_test: bool) -> Iterator[str]:
    reached = {*use.used, *use.stars, *_named(use)}
    watched = WATCHED if is_test else ("pytest", *WATCHED)
    yield from (name for name in watched if any(is_in(each, name) for each in reached))
    if any("/proc" in text for text in use.texts):
        yield "/proc"


def _named(use: FileUse) -> Collection[str]:
    """What a file names in texts: to import it, or to take it from `sys`."""
    imports = "__import__" in use.names or any(is_in(name, "importlib") for name in use.used)
    modules = {"sys.modules"} if "modules" in use.texts and "sys" in use.imported else set()
    return modules | (set(use.texts) if imports else set())
