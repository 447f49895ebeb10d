"""What a bisection tries at each step, and the command that reproduces it."""

import shlex
from dataclasses import dataclass

from interlock.adapters.index.client import Release
from interlock.adapters.interpreter import Interpreter
from interlock.common.command_line import command
from interlock.common.validation import nearest
from interlock.contracts.bisect.models import BisectRequest
from interlock.contracts.bisect.narrowing import Between
from interlock.contracts.bisect.steps import StepRange
from interlock.errors import UsageError
from interlock.matrix.context import MatrixContext
from interlock.matrix.request import MatrixRequest, TestedEdge, edges
from interlock.matrix.sources import choose
from interlock.model.family import Family


@dataclass(frozen=True, kw_only=True)
class Target:
    """The suites that are tried at each step, of one downstream version."""

    edges: tuple[TestedEdge, ...]
    downstream: Release
    interpreters: tuple[Interpreter, ...]


async def find_target(context: MatrixContext, request: BisectRequest) -> Target:
    """The suites of the downstream that test the upstream, and the downstream's version.

    Raises:
        UsageError: A name does not exist, or nothing tests the edge.
        EnvironmentUnavailableError: There is no such Python here.
        IndexUnavailableError: The index did not answer.
    """
    choice = await choose(context, matrix_request(request))
    return Target(
        edges=tested_edges(request, context.family),
        downstream=choice.chosen[0].downstream_versions[-1],
        interpreters=choice.interpreters,
    )


def tested_edges(request: BisectRequest, family: Family) -> tuple[TestedEdge, ...]:
    """The edge with each of the requested suites.

    Raises:
        UsageError: The family has no such member or suite.
    """
    found = edges(matrix_request(request), family)
    chosen = tuple(each for each in found if request.suite in {None, each.suite.name})
    if not chosen:
        names = [each.suite.name for each in found]
        message = f'{request.downstream} has no suite "{request.suite}" that tests {request.upstream}'
        raise UsageError(message, hint=nearest(request.suite or "", names))
    return chosen


def matrix_request(request: BisectRequest) -> MatrixRequest:
    """The same request for the planner of a matrix."""
    return MatrixRequest(
        upstream=request.upstream,
        downstream=(request.downstream,),
        upstream_versions="all",
        downstream_versions=request.downstream_version or "latest:1",
        python=request.python,
        jobs=request.jobs,
    )


def reproduce(request: BisectRequest, target: Target, span: StepRange, found: Between) -> str:
    """The command that runs the suites with the last good one and the first bad one."""
    good, bad = span.steps[found.good].name, span.steps[found.bad].name
    options = {
        "upstream": "--of" if span.is_built else "--upstream",
        "downstream": "--downstream",
        "python": "--python",
        "jobs": "--jobs",
        "family": "--family",
    }
    versions = ("--upstream-versions", f"{good}, {bad}", "--downstream-versions", str(target.downstream.version))
    others = ("--against", good, "--no-tell") if span.is_built else versions
    words = ("interlock", "contracts", bad) if span.is_built else ("interlock", "matrix")
    return f"{command(words, request, options)} {shlex.join(others)}"
