"""The cells of a verification: both versions of the upstream with what is tested of each downstream."""

import asyncio
from collections.abc import Sequence

from interlock.adapters.uv import Uv
from interlock.contracts.verify.request import ContractsRequest
from interlock.contracts.verify.subjects import ComparedBuilds, Downstream
from interlock.matrix.request import MatrixRequest, TestedEdge, edges
from interlock.matrix.sources import Choice, ChosenEdge
from interlock.model.family import Family


def matrix_request(request: ContractsRequest) -> MatrixRequest:
    """The same request for the planner of a matrix."""
    return MatrixRequest(
        upstream=request.upstream,
        downstream=request.downstream,
        python=request.python,
        jobs=request.jobs,
        fresh=request.fresh,
    )


def covered(request: ContractsRequest, family: Family) -> tuple[TestedEdge, ...]:
    """The edges from the upstream with the suites that they are tried with: see `Family.tried_with`.

    Raises:
        UsageError: A name is not in the family, or nothing can be tried of what was asked for.
    """
    return edges(matrix_request(request), family, unproven=True)


def downstreams(request: ContractsRequest, family: Family) -> tuple[str, ...]:
    """The packages that are tested, in the family's order.

    Raises:
        UsageError: A name is not in the family, or nothing can be tried of what was asked for.
    """
    return tuple(dict.fromkeys(edge.downstream for edge in covered(request, family)))


def tested_downstreams(upstream: str, family: Family) -> tuple[str, ...]:
    """The packages that are tested with an upstream, in the family's order; there may be none."""
    tested = {edge.downstream for edge in family.edges() if edge.upstream == upstream and family.tried_with(edge)}
    return tuple(name for name in family.downstreams(upstream) if name in tested)


async def choose(
    request: ContractsRequest, family: Family, uv: Uv, compared: ComparedBuilds, tested: Sequence[Downstream]
) -> Choice:
    """Both versions of the upstream, with what is available of each downstream.

    Raises:
        EnvironmentUnavailableError: There is no such Python here.
    """
    pythons = dict.fromkeys(request.python or family.python)
    interpreters = await asyncio.gather(*(uv.interpreter(python) for python in pythons))
    rows = {each.name: tuple(side.release for side in each.sides) for each in tested}
    chosen = tuple(
        ChosenEdge(edge=edge, upstream_versions=compared.releases, downstream_versions=rows[edge.downstream])
        for edge in covered(request, family)
        if rows[edge.downstream]
    )
    return Choice(chosen=chosen, interpreters=tuple(interpreters))
