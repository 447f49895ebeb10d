"""The progress of a cascade in a terminal: its tree, each package with its state."""

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner

from interlock.model.cascade import Cascade, Progress, State
from interlock.model.release import LIFECYCLE, Step
from interlock.releases.step_timer import StepEvent
from interlock.reports import progress_tree
from interlock.reports.cascade import reason

# Without a terminal, these states get no line: they follow from the lines of the other packages.
NOTHING_NEW = frozenset({State.PLANNED, State.WAITING})


class CascadeDisplay:
    """A tree on standard error that is redrawn as packages progress; without a terminal, a line for each change."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, transient=True, refresh_per_second=8)
        self._cascade: Cascade | None = None
        self._doing = "starting"
        self._said: dict[str, tuple[State, str]] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, soft_wrap=True, markup=False)

    def doing(self, what: str) -> None:
        """Name the current work."""
        self._doing = what
        self._live.update(self._drawn())

    async def step(self, step: Step, event: StepEvent) -> None:
        """Show a step of a package's release."""
        if event is StepEvent.BEGINS:
            self.doing(LIFECYCLE[step].does)

    async def wait(self, words: str) -> None:
        """Show what a step of a package's release waits for."""
        self.doing(words)
        self.say(f"… {words}")

    async def show(self, cascade: Cascade) -> None:
        """Show the state of every package."""
        self._cascade = cascade
        self._live.update(self._drawn())
        if self._console.is_terminal:
            return
        for name, progress in cascade.progress.items():
            now = progress.state, reason(cascade, progress)
            if progress.state not in NOTHING_NEW and self._said.get(name) != now:
                self._said[name] = now
                self.say(_line(progress, now[1]))

    def _drawn(self) -> RenderableType:
        spinner = Spinner("dots", self._doing)
        return Group(progress_tree(self._cascade), spinner) if self._cascade else spinner


def _line(progress: Progress, why: str) -> str:
    version = progress.version if progress.state is State.RELEASED else None
    words = " ".join(str(word) for word in (progress.package, version, progress.state) if word)
    return f"{words}: {why}" if why else words
