"""A look ahead: what is known of a matrix, and what would have to be run, without running it."""

from interlock.matrix.bench import open_bench
from interlock.matrix.plan import Planner, resolve_pair
from interlock.matrix.request import MatrixRequest
from interlock.matrix.resolutions import Resolutions
from interlock.matrix.settle import Tally, look_ahead
from interlock.matrix.sources import choose, fetch


async def preview(request: MatrixRequest) -> Tally:
    """Plan a matrix and ask the ledger what it knows.

    Raises:
        InterlockError: The request can't be met; the same that running it would raise.
    """
    async with open_bench(request.family) as bench:
        choice = await choose(bench, request)
        sources = await fetch(bench, choice)
        resolutions = Resolutions(bench.cache / "resolutions", fresh=request.fresh)
        planner = Planner(
            frozenset(bench.family.packages),
            sources,
            lambda pair: resolutions.get(pair.key(), lambda: resolve_pair(pair, bench.uv)),
        )
        plan = await planner.plan(choice)
        return await look_ahead(plan.cells, bench.ledger, fresh=request.fresh)
