"""A look ahead: what is known of a matrix, and what would have to be run, without running it."""

from pathlib import Path

from interlock.family_file import load
from interlock.matrix.bench import open_bench
from interlock.matrix.planning import plan_matrix
from interlock.matrix.request import MatrixRequest, edges
from interlock.matrix.settle import Tally, look_ahead
from interlock.matrix.sources import choose, fetch
from interlock.versions import Selection


def check(request: MatrixRequest) -> None:
    """Find the mistakes of a request that show without anything outside: what it names, and the family file.

    Raises:
        FamilyError: The family file can't be used.
        UsageError: It names what is not in the family, or says no versions.
    """
    edges(request, load(Path(request.family) if request.family else None))
    for versions in (request.upstream_versions, request.downstream_versions):
        Selection.parse(versions)


async def preview(request: MatrixRequest) -> Tally:
    """Plan a matrix and ask the ledger what it knows.

    Raises:
        InterlockError: The request can't be met; the same that running it would raise.
    """
    async with open_bench(request.family) as bench:
        choice = await choose(bench, request)
        plan, _notes = await plan_matrix(bench, request, choice, await fetch(bench, choice))
        return await look_ahead(plan.cells, bench.ledger, fresh=request.fresh)
