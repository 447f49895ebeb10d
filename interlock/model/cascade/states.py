"""The states of a package in a cascade, the table of transitions between them, and moving a package."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum

from packaging.version import Version
from pydantic import AwareDatetime

from interlock.common.frozen_model import FrozenModel
from interlock.model.release import ReleasedFile
from interlock.model.suites import ONLY_TRIED, UNPROVEN
from interlock.model.verdicts import CellKey, Verdict
from interlock.model.versions import VersionField


class Action(StrEnum):
    """What a cascade does with a package."""

    RELEASE = "release"
    TEST = "test"
    DISPATCH = "dispatch"
    COMMAND = "command"


class State(StrEnum):
    """The state of a package, in the words that people read."""

    PLANNED = "planned"
    WAITING = "waiting for upstreams"
    TESTING = "testing"
    AWAITING_MERGE = "awaiting merge"
    RELEASING = "releasing"
    RELEASED = "released"
    UNCHANGED = "unchanged"
    HELD = "held"
    FAILED = "failed"

    @property
    def is_end(self) -> bool:
        """Whether a cascade does nothing more with the package by itself."""
        return self in ENDS

    @property
    def blocks(self) -> bool:
        """Whether the package's downstreams are held."""
        return self in {State.HELD, State.FAILED}


ENDS = frozenset({State.RELEASED, State.UNCHANGED, State.HELD, State.FAILED})
# Nothing has been done outside that can't be undone: a hold and an abort still help.
NOT_RELEASING = frozenset({State.PLANNED, State.WAITING, State.TESTING, State.AWAITING_MERGE})
BEGUN = frozenset({State.TESTING, State.AWAITING_MERGE, State.RELEASING})

# docs/cascades.md shows this table. After a killed run, what was under way goes back to testing.
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.PLANNED: frozenset(
        {State.WAITING, State.TESTING, State.RELEASING, State.UNCHANGED, State.HELD, State.FAILED}
    ),
    State.WAITING: frozenset({State.TESTING, State.RELEASING, State.UNCHANGED, State.HELD, State.FAILED}),
    State.TESTING: frozenset({State.AWAITING_MERGE, State.RELEASING, State.UNCHANGED, State.HELD, State.FAILED}),
    State.AWAITING_MERGE: frozenset({State.TESTING, State.RELEASING, State.HELD, State.FAILED}),
    State.RELEASING: frozenset({State.TESTING, State.RELEASED, State.UNCHANGED, State.HELD, State.FAILED}),
    State.RELEASED: frozenset(),
    State.UNCHANGED: frozenset(),
    State.HELD: frozenset({State.PLANNED, State.RELEASED}),
    State.FAILED: frozenset({State.PLANNED}),
}


class HeldBy(StrEnum):
    """What holds a package, and so what can free it."""

    ITSELF = "itself"
    UPSTREAM = "upstream"
    PERSON = "person"
    ABORT = "abort"


class Proven(FrozenModel):
    """The verdict of a cell that decides whether a package is released.

    Attributes:
        run: The fingerprint of its run.
        wheel: The SHA-256 of the downstream's wheel, where that was not released yet.
        forced: Whether something in its environment does not admit one of the versions there, so that no user gets it.
    """

    cell: CellKey
    verdict: Verdict
    run: str | None = None
    wheel: str | None = None
    forced: bool = False


class Candidate(FrozenModel):
    """The release of a package as it was built and proven, before anything was released.

    Attributes:
        version: The version that it will have.
        base: The commit that it was built from: the head of the package's branch.
        files: The files that will be published.
        pins: By upstream, the version that its requirement was moved to.
    """

    version: VersionField
    base: str
    files: tuple[ReleasedFile, ...]
    pins: Mapping[str, VersionField] = {}

    @property
    def hashes(self) -> Mapping[str, str]:
        """The SHA-256 of each file, by name."""
        return {file.name: file.sha256 for file in self.files}


class Progress(FrozenModel):
    """The progress of a package.

    Attributes:
        reason: Why it is in this state; empty where the state says everything.
        since: When it came into this state.
        version: The version that it was released as, or is being released as.
        held_by: What holds it; None in every other state.
        link: A pull request or a run to look at.
        proof: The verdicts of its suites with the new versions of its upstreams.
        candidate: What was built and proven for its release; None where nothing was, or it has to be proven again.
        pins: The upstreams that it is tested and released with, of this cascade and of others with this package.
        breaks: Whether the packages that the cascade has released can't be installed together since its release; then
            it holds all others that are not released yet.
        accepted: Whether a person let the others continue nevertheless.
    """

    package: str
    state: State = State.PLANNED
    reason: str = ""
    since: AwareDatetime
    version: VersionField | None = None
    held_by: HeldBy | None = None
    link: str | None = None
    proof: tuple[Proven, ...] = ()
    candidate: Candidate | None = None
    pins: Mapping[str, VersionField] = {}
    breaks: bool = False
    accepted: bool = False

    @property
    def unproven(self) -> str:
        """The upstreams with which nothing has proved it, and what was seen instead; empty when there are none."""
        cells = [each for each in self.proof if each.cell.suite == UNPROVEN.name]
        if not cells:
            return ""
        names = ", ".join(dict.fromkeys(each.cell.upstream for each in cells))
        works = all(each.verdict is Verdict.COMPATIBLE for each in cells)
        return f"unproven with {names}: {ONLY_TRIED if works else 'no suite'}"


def moved(
    progress: Progress,
    state: State,
    reason: str,
    at: datetime,
    *,
    version: Version | None = None,
    link: str | None = None,
    held_by: HeldBy = HeldBy.ITSELF,
) -> Progress:
    """The package in its next state; in the same state again, it only gets the newer reason.

    Args:
        progress: Its progress before.
        state: Its next state.
        reason: Why.
        at: Now.
        version: The version that it is released as; None keeps the known one.
        link: Where to look; None removes the known one, unless the state stays.
        held_by: What holds it, when it is held.

    Raises:
        RuntimeError: The table has no such transition.
    """
    stays = state is progress.state
    if not stays and state not in TRANSITIONS[progress.state]:
        raise RuntimeError(f"{progress.package} cannot go from {progress.state} to {state}")
    if progress.state is State.RELEASED:
        return progress
    return Progress(
        package=progress.package,
        state=state,
        reason=reason,
        since=progress.since if stays else at,
        version=version or progress.version,
        held_by=held_by if state is State.HELD else None,
        link=link or (progress.link if stays else None),
        proof=progress.proof,
        candidate=progress.candidate,
        pins=progress.pins,
    )


def states_mermaid() -> str:
    """The table as a Mermaid diagram, for the documentation."""
    return "\n".join(["stateDiagram-v2", *_lines()]) + "\n"


def _lines() -> Iterator[str]:
    for state in State:
        if state.value != _identifier(state):
            yield f'    state "{state}" as {_identifier(state)}'
    yield f"    [*] --> {_identifier(State.PLANNED)}"
    for state in State:
        for target in State:
            if target in TRANSITIONS[state]:
                yield f"    {_identifier(state)} --> {_identifier(target)}"
    for state in State:
        if not TRANSITIONS[state]:
            yield f"    {_identifier(state)} --> [*]"


def _identifier(state: State) -> str:
    return state.name.lower()
