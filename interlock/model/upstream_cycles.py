"""Cycles of upstreams, which no order of release can satisfy."""

import graphlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from interlock.common.validation import ValidationIssue

if TYPE_CHECKING:
    from interlock.model.family import Package


def cycles(packages: Mapping[str, "Package"]) -> Iterator[ValidationIssue]:
    """One fault for each cycle; each is broken at its first edge before the next is looked for."""
    graph = {
        name: [upstream for upstream in package.upstreams if upstream in packages and upstream != name]
        for name, package in packages.items()
    }
    while cycle := _cycle(graph):
        name, upstream = cycle[:2]
        at = ("packages", name, "upstreams", packages[name].upstreams.index(upstream))
        yield ValidationIssue(at, f"upstreams form a cycle: {' -> '.join(cycle)}", "no order of release can satisfy it")
        graph[name] = [other for other in graph[name] if other != upstream]


def _cycle(graph: Mapping[str, list[str]]) -> list[str]:
    """A cycle, each member before its upstream, from the first in the file back to it; empty without one."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        members: list[str] = error.args[1][:0:-1]
        start = min(range(len(members)), key=lambda number: list(graph).index(members[number]))
        return [*members[start:], *members[:start], members[start]]
    return []
