"""A world on this machine: repositories, an index and a GitHub in one directory, and what makes everything use them."""

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
    """Which process of its own serves a world."""

    ENDS = "it ends with this process"
    STAYS = "it stays until it is told to end"


class World:
    """A world that this process uses: made or opened by `create_or_open`, a context manager that leaves it to others.

    Attributes:
        place: Its directory.
        facts: What it is; with the ports of its servers, once they serve.
    """

    def __init__(
        self, place: RehearsalDirectory, facts: Facts, lease: Lease | None = None, process: ServingProcess | None = None
    ) -> None:
        self.place, self.facts, self._lease, self._process = place, facts, lease, process

    @classmethod
    async def create_or_open(
        cls,
        directory: Path,
        *,
        template: Template | None = None,
        sources: Sequence[str] = (),
        family: Path | None = None,
        new: bool = False,
        apart: Apart | None = None,
    ) -> Self:
        """The world in a directory, made if it is not there; or the one that a command before left running.

        Args:
            directory: Where it is, or will be.
            template: Another family to begin with than the small one.
            sources: A user's own repositories, to begin with mirrors of them.
            family: Their family file; default: the one that every command takes.
            new: Begin anew.
            apart: For `serve_apart`, whose process begins to load at once.

        Raises:
            InterlockError: Another process uses it, it is of something else, or it can't be made.
        """
        place = RehearsalDirectory(directory)
        _check_is_ours(place)
        if (server := place.server()) is not None and server.stays and not new:
            return cls(place, _checked(place, sources))
        lease = Lease(place)
        process = None if apart is None else ServingProcess(place, lease.descriptor, stays=apart is Apart.STAYS)
        try:
            if new or place.facts() is None:
                _clear(place)
                place.keep_facts(await _seed(place, template, sources, family))
            return cls(place, _checked(place, sources), lease, process)
        except BaseException:
            if process is not None:
                process.stop()
            lease.release()
            raise

    def close(self) -> None:
        """Leave it to others."""
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
        """Serve it from this process until the end of the block; gives its faults, its log and its state."""
        from rehearsal.server_process import serve_here  # noqa: PLC0415  half a second that `serve_apart` does not need

        with serve_here(self.place, self.facts, self._behind()) as serving:
            self.facts = serving.facts
            yield serving

    def serve_apart(self) -> ServingProcess | None:
        """Serve it in the process that was asked for, until this one ends, however it does, or `close`.

        Returns:
            The process; None for the one that another command left running.

        Raises:
            RehearsalError: It could not begin.
        """
        if self._process is not None:
            self._process.begin(self._behind())
            self.facts = self.place.facts() or self.facts
        return self._process

    def environment(self, environ: Mapping[str, str] = os.environ) -> Environment:
        """What makes everything that is started with it use this world, once it is served.

        Args:
            environ: The environment that is changed.
        """
        return environment(self.place, self.facts, self.family().token_aliases, environ)

    def addresses(self) -> dict[str, str]:
        """Where its servers are, by origin: `api`, `uploads`, `git` and `index`."""
        return addresses(self.facts)

    def family(self) -> Family:
        """The family that lives in it."""
        return family_file.load(self.place.family_file)

    def knocker(self) -> ControlClient:
        """The way to its faults and its log, once it is served."""
        return ControlClient(self.facts.ports["api"], self.place.tokens().control)

    def _behind(self) -> SecretStr | None:
        return find_index(self.facts.behind).url if self.facts.behind else None


def running(directory: Path) -> World:
    """The world in a directory that is served now, by whatever command.

    Raises:
        RehearsalError: None is.
    """
    place = RehearsalDirectory(directory)
    facts = place.facts() if place.server() else None
    if facts is None:
        raise RehearsalError(f"no rehearsal runs in {place.directory}", hint="start it: interlock rehearse")
    return World(place, facts)


async def _seed(
    place: RehearsalDirectory, template: Template | None, sources: Sequence[str], family: Path | None
) -> Facts:
    from rehearsal.seeding import seed_mirrors, seed_small_family  # noqa: PLC0415  as above

    if sources:
        return await seed_mirrors(place, sources, family_file.find(family))
    return await seed_small_family(place, template or Template.load())


def _checked(place: RehearsalDirectory, sources: Sequence[str]) -> Facts:
    facts = place.facts()
    if facts is None:  # another command is just making it
        raise RehearsalError(f"the rehearsal in {place.directory} is not complete yet", hint="try again in a moment")
    if sources and tuple(sorted(sources)) != facts.sources:
        what = ", ".join(facts.sources) or "the small family"
        raise RehearsalError(
            f"{place.directory} already holds a rehearsal of {what}",
            hint="go on with it without --from-git, begin anew with --new, or take another --directory",
        )
    return facts


def _check_is_ours(place: RehearsalDirectory) -> None:
    """Nothing of a user's is ever removed or mixed with a world."""
    directory = place.directory
    if directory.exists() and not directory.is_dir():
        raise RehearsalError(f"{directory} is no directory", hint="name another one with --directory")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / "lock").exists():
        raise RehearsalError(f"{directory} is not empty, and not a rehearsal's", hint="name another --directory")


def _clear(place: RehearsalDirectory) -> None:
    """Remove a world, or what was made of one; its lock is held, and stays."""
    place.forget_facts()  # first: what is left by one who is killed here is not taken for a world
    for path in place.directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in place.standing:
            path.unlink()
