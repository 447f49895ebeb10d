"""Which workflows of a repository release something when something happens there, directly or by what they start.

A workflow that starts publishes by its own steps, or by those of a workflow of the same repository that it calls. It
may start others: by a pull request that is merged, a push, its own end (`workflow_run`), or by name. GitHub starts
nothing for what the workflow's own token did, so what comes by such a way is only possible.

Every file is read once, and every workflow counts once for each kind of start, so rings of workflows end.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import PurePosixPath
from typing import NamedTuple

import yaml

from interlock.adapters.github.workflows.conditions import HEADS, Happening, every, holds
from interlock.adapters.github.workflows.listeners import FOLDER, is_workflow
from interlock.adapters.github.workflows.release_steps import Effect, StepFacts, facts_of
from interlock.adapters.github.workflows.triggers import starts
from interlock.adapters.github.workflows.yaml_nodes import (
    UnreadableError,
    child,
    compose,
    entries,
    items,
    line_of,
    text_of,
)
from interlock.common.frozen_model import FrozenModel

# GitHub runs at most 256 jobs of a workflow, and calls workflows four deep. The other limits are ours: nobody has more.
MOST_JOBS, DEEPEST = 256, 4
MOST_FILES, MOST_STEPS, MOST_STARTS = 200, 2000, 200


class OwnRelease(FrozenModel):
    """A place where a repository's own workflow releases it.

    Attributes:
        what: The command or action.
        on: What starts it, in words.
        is_sure: Whether it surely runs then; conditions that can't be known make it unsure.
        by: The workflow files that lead to it, in order.
    """

    path: str
    line: int
    what: str
    on: str
    is_sure: bool
    by: tuple[str, ...] = ()

    def __str__(self) -> str:
        way = f" (by way of {', '.join(self.by)})" if self.by else ""
        return f"{self.path}:{self.line} {'runs' if self.is_sure else 'perhaps runs'} {self.what} on {self.on}{way}"


class _Started(NamedTuple):
    """A start of workflows."""

    happening: Happening
    is_sure: bool | None = True
    by: tuple[str, ...] = ()


def own_releases(files: Mapping[str, bytes], happenings: Iterable[Happening], branch: str) -> tuple[OwnRelease, ...]:
    """The places that release something when one of these happens: of each, the first start, and rather a sure one.

    Args:
        files: The files of `.github/workflows` by path; those that GitHub can't use are left out.
        happenings: What happens.
        branch: The branch that pull requests and pushes of the workflows themselves change.
    """
    search = _Search(files, HEADS + branch)
    waiting = [_Started(each) for each in happenings]
    for number in range(MOST_STARTS):
        if number == len(waiting):
            break
        waiting += search.follow(waiting[number])
    return tuple(sorted(search.found.values(), key=lambda each: (not each.is_sure, each.path, each.line)))


class _Search:
    """What was found so far, and which starts were followed.

    Args:
        files: The workflow files.
        branch: The branch that pull requests and pushes of workflows change, as a whole ref.
    """

    def __init__(self, files: Mapping[str, bytes], branch: str) -> None:
        self.found: dict[tuple[str, int], OwnRelease] = {}
        paths = islice((path for path in sorted(files) if is_workflow(path)), MOST_FILES)
        self._tops = {path: top for path in paths if (top := _top(files[path]))}
        self._branch = branch
        self._facts: dict[int, StepFacts] = {}
        self._seen: set[tuple[str, Happening]] = set()

    def follow(self, start: _Started) -> Iterator[_Started]:
        """Note what releases, and return the further starts."""
        for path, top in self._tops.items():
            is_named = start.happening.event != "workflow_dispatch" or _name(path) in start.happening.actions
            does = is_named and every((starts(top, start.happening), start.is_sure))
            if does is not False and (path, start.happening) not in self._seen:
                self._seen.add((path, start.happening))
                yield from self._run(path, start._replace(is_sure=does))

    def _run(self, path: str, start: _Started, depth: int = 0) -> Iterator[_Started]:
        """Note the releases of one workflow that was started or called, and return what it starts."""
        top, further = self._tops[path], start._replace(by=(*start.by, path))
        ends = {"event": "workflow_run", "actions": frozenset({text_of(child(top, "name")) or path})}
        yield further._replace(happening=start.happening.model_copy(update=ends))
        for does, job in _jobs(top, start):
            if uses := text_of(child(job, "uses")):
                yield from self._called(path, job, uses, further._replace(is_sure=does), depth)
        for does, facts in islice(self._steps(top, start), MOST_STEPS):
            self._note(path, start, does if facts.is_sure else None, facts)
            yield from self._caused(facts, further._replace(is_sure=None))

    def _called(self, path: str, job: yaml.Node, uses: str, start: _Started, depth: int) -> Iterator[_Started]:
        """Follow the workflow that a job calls; of another repository's, only the name is known."""
        called = FOLDER + _name(uses)
        if uses.startswith("./") and called in self._tops:
            seen = (f"{called}: {start.is_sure}", start.happening)
            if depth < DEEPEST and seen not in self._seen:
                self._seen.add(seen)
                yield from self._run(called, start, depth + 1)
        elif re.search("release|publish", uses, re.IGNORECASE):
            facts = StepFacts(line_of(job), releases=uses[:100])
            self._note(path, start._replace(by=start.by[:-1]), None, facts)

    def _steps(self, top: yaml.MappingNode, start: _Started) -> Iterator[tuple[bool | None, StepFacts]]:
        for does, job in _jobs(top, start):
            for step in items(child(job, "steps")):
                runs = every((does, holds(text_of(child(step, "if")), start.happening)))
                if runs is not False:
                    yield runs, self._facts_of(step)

    def _facts_of(self, step: yaml.Node) -> StepFacts:
        if id(step) not in self._facts:  # many jobs may share a step by aliases
            self._facts[id(step)] = facts_of(step)
        return self._facts[id(step)]

    def _note(self, path: str, start: _Started, is_sure: bool | None, facts: StepFacts) -> None:
        known = self.found.get((path, facts.line))
        if facts.releases and (known is None or (is_sure and not known.is_sure)):
            self.found[path, facts.line] = OwnRelease(
                path=path,
                line=facts.line,
                what=facts.releases,
                on=start.happening.said,
                is_sure=bool(is_sure),
                by=start.by,
            )

    def _caused(self, facts: StepFacts, start: _Started) -> Iterator[_Started]:
        """What a step starts: for the workflow's own token GitHub starts nothing, so this is never sure."""
        copied = start.happening.model_copy
        on_branch = {"refs": (self._branch,), "paths": (), "message": None}
        if facts.effects:
            yield start._replace(happening=copied(update={"event": "push", **on_branch}))
        if Effect.PROPOSES in facts.effects:
            yield start._replace(happening=copied(update={"event": "pull_request", **on_branch}))
        if facts.starts:
            names = frozenset(map(_name, facts.starts))
            yield start._replace(happening=copied(update={"event": "workflow_dispatch", "actions": names}))


def _top(content: bytes) -> yaml.MappingNode | None:
    try:
        return compose(content)[1]
    except UnreadableError:
        return None


def _name(path: str) -> str:
    """The name of a workflow file, from its path or from a call of it."""
    return PurePosixPath(path.partition("@")[0]).name


def _jobs(top: yaml.MappingNode, start: _Started) -> Iterator[tuple[bool | None, yaml.Node]]:
    """The jobs that run, or may: one does not when a job that it needs does not, unless it says so itself."""
    jobs = {name: job for name, _, job in islice(entries(child(top, "jobs")), MOST_JOBS)}
    runs = {name: holds(text_of(child(job, "if")), start.happening) for name, job in jobs.items()}
    skipped = {name for name, does in runs.items() if does is False}
    while more := {name for name in jobs.keys() - skipped if skipped.intersection(_needed(jobs[name]))}:
        skipped |= more
    yield from ((every((runs[name], start.is_sure)), job) for name, job in jobs.items() if name not in skipped)


def _needed(job: yaml.Node) -> tuple[str, ...]:
    condition = text_of(child(job, "if")) or ""
    if "always()" in condition or "cancelled()" in condition:
        return ()
    node = child(job, "needs")
    nodes = (node,) if isinstance(node, yaml.ScalarNode) else items(node)
    return tuple(text_of(each) or "" for each in nodes)
