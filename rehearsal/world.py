"""A world on this machine: repositories, an index and a GitHub in one directory, and the variables that lead to them.

A world belongs to the process that holds the lock of its directory, and to the child that serves it, which inherits
the lock. `world.json` is written last when a world is made, and removed first when it is cleared: a directory without
it, left by a killed process, is not a world, and the next command makes it again. Ports are bound before anything is
served, so addresses in the world are valid once `world.json` names them.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from interlock.adapters.index.settings import find_index
from interlock.errors import RehearsalError
from interlock.model import family_file
from interlock.model.family import Family
from rehearsal.control import ControlClient
from rehearsal.directory import Facts, Lease, RehearsalDirectory
from rehearsal.environment import Environment, addresses, environment
from rehearsal.process import ServingProcess
from rehearsal.template import Template

if TYPE_CHECKING:
    from rehearsal.server_process import Serving


class Apart(Enum):
    """How long a process of its own serves a world."""

    ENDS = "it ends with this process"
    STAYS = "it stays until it is stopped"


class World:
    """A world that this process uses; `create_or_open` makes or opens it, and the end of the block releases it.

    Attributes:
        directory: Its directory.
        facts: The facts about it, with the ports of its servers once they serve.
    """

    def __init__(
        self,
        directory: RehearsalDirectory,
        facts: Facts,
        lease: Lease | None = None,
        process: ServingProcess | None = None,
    ) -> None:
        self.directory, self.facts, self._lease, self._process = directory, facts, lease, process

    @classmethod
    async def create_or_open(
        cls,
        path: Path,
        *,
        template: Template | None = None,
        sources: Sequence[str] = (),
        family: Path | None = None,
        new: bool = False,
        apart: Apart | None = None,
    ) -> Self:
        """The world in a directory, made if needed; or the one that an earlier command left running.

        Args:
            path: Its directory.
            template: The family of a new world, instead of the small one.
            sources: A user's own repositories, of which a new world gets mirrors.
            family: Their family file; default: the one that every command takes.
            new: Whether to replace an existing world.
            apart: For `serve_apart`: starts the process, which loads its modules meanwhile.

        Raises:
            InterlockError: Another process uses it, it has other repositories, or it can't be made.
        """
        directory = RehearsalDirectory(path)
        _check_is_ours(directory)
        if (server := directory.server()) is not None and server.stays and not new:
            return cls(directory, _checked(directory, sources))
        lease = Lease(directory)
        process = None if apart is None else ServingProcess(directory, lease.descriptor, stays=apart is Apart.STAYS)
        try:
            if new or directory.facts() is None:
                _clear(directory)
                directory.keep_facts(await _seed(directory, template, sources, family))
            return cls(directory, _checked(directory, sources), lease, process)
        except BaseException:
            if process is not None:
                process.stop()
            lease.release()
            raise

    def close(self) -> None:
        """Release it."""
        if self._process is not None:
            self._process.leave() if self._process.stays else self._process.stop()
        if self._lease is not None:
            self._lease.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @contextlib.contextmanager
    def serve(self) -> "Iterator[Serving]":
        """Serve it from this process until the end of the block; yields its servers."""
        from rehearsal.server_process import serve_here  # noqa: PLC0415  half a second that `serve_apart` does not need

        with serve_here(self.directory, self.facts, self._upstream()) as serving:
            self.facts = serving.facts
            yield serving

    def serve_apart(self) -> ServingProcess | None:
        """Serve it in the process that `apart` asked for, until `close` or the end of this process.

        Returns:
            The process; None if another command left one running.

        Raises:
            RehearsalError: It could not start to serve.
        """
        if self._process is not None:
            self._process.begin(self._upstream())
            self.facts = self.directory.facts() or self.facts
        return self._process

    def environment(self, environ: Mapping[str, str] = os.environ) -> Environment:
        """The changes of an environment by which programs use this world, once it is served."""
        return environment(self.directory, self.facts, self.family().token_aliases, environ)

    def addresses(self) -> dict[str, str]:
        """The addresses of its servers, by origin: `api`, `uploads`, `git` and `index`."""
        return addresses(self.facts)

    def family(self) -> Family:
        """Its family."""
        return family_file.load(self.directory.family_file)

    def control(self) -> ControlClient:
        """The client for its faults and its log, once it is served."""
        return ControlClient(self.facts.ports["api"], self.directory.tokens().control)

    def _upstream(self) -> SecretStr | None:
        return find_index(self.facts.behind).url if self.facts.behind else None


def running(path: Path) -> World:
    """The world in a directory that any command serves now.

    Raises:
        RehearsalError: It is not served.
    """
    directory = RehearsalDirectory(path)
    facts = directory.facts() if directory.server() else None
    if facts is None:
        raise RehearsalError(f"no rehearsal runs in {directory.path}", hint="start it: interlock rehearse")
    return World(directory, facts)


async def _seed(
    directory: RehearsalDirectory, template: Template | None, sources: Sequence[str], family: Path | None
) -> Facts:
    from rehearsal.seeding import seed_mirrors, seed_small_family  # noqa: PLC0415  as above

    if sources:
        return await seed_mirrors(directory, sources, family_file.find(family))
    return await seed_small_family(directory, template or Template.load())


def _checked(directory: RehearsalDirectory, sources: Sequence[str]) -> Facts:
    facts = directory.facts()
    if facts is None:  # another command is making it
        raise RehearsalError(f"the rehearsal in {directory.path} is not complete yet", hint="try again in a moment")
    if sources and tuple(sorted(sources)) != facts.sources:
        what = ", ".join(facts.sources) or "the small family"
        raise RehearsalError(
            f"{directory.path} already holds a rehearsal of {what}",
            hint="use it without --from-git, replace it with --new, or choose another --directory",
        )
    return facts


def _check_is_ours(directory: RehearsalDirectory) -> None:
    """Check that the directory has no files of a user, which must not be removed or mixed with a world."""
    path = directory.path
    if path.exists() and not path.is_dir():
        raise RehearsalError(f"{path} is no directory", hint="name another one with --directory")
    if path.is_dir() and any(path.iterdir()) and not (path / "lock").exists():
        raise RehearsalError(f"{path} is not empty, and not a rehearsal's", hint="name another --directory")


def _clear(directory: RehearsalDirectory) -> None:
    """Remove a world, or an incomplete one; its lock is held, and stays."""
    directory.forget_facts()  # first, so that the rest does not count as a world if this process is killed
    for path in directory.path.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in directory.standing:
            path.unlink()
