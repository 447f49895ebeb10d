"""From what was chosen and fetched to the plan: the one way in which the flow, a preview and benchmarks plan."""

from collections.abc import Awaitable, Callable

from interlock.locks import Resolution
from interlock.matrix.bench import Bench
from interlock.matrix.pair import Pair
from interlock.matrix.plan import Plan, Planner, resolve_pair
from interlock.matrix.request import MatrixRequest
from interlock.matrix.resolutions import Resolutions
from interlock.matrix.sources import Choice, Sources


async def plan_matrix(
    bench: Bench,
    request: MatrixRequest,
    choice: Choice,
    sources: Sources,
    resolve: Callable[[Pair], Awaitable[Resolution]] | None = None,
) -> tuple[Plan, tuple[str, ...]]:
    """Plan every cell; resolutions that are kept are not made again.

    Args:
        bench: What the matrix works with.
        request: What was asked for.
        choice: The versions that were chosen for it.
        sources: Their wheels and tests.
        resolve: Resolves the environment of a pair, where that is to be more than a call.

    Returns:
        The plan, and what of it came from caches for want of the index.

    Raises:
        IndexUnavailableError: The index did not answer, and nothing serves instead.
    """
    folder = bench.cache / "resolutions" / bench.index.index.key()
    resolutions = Resolutions(folder, fresh=request.fresh)

    def find(pair: Pair) -> Awaitable[Resolution]:
        return resolve(pair) if resolve else resolve_pair(pair, bench.uv)

    planner = Planner(
        frozenset(bench.family.packages),
        sources,
        lambda pair: resolutions.get(pair.key(), lambda: find(pair)),
        request.together,
    )
    plan = await planner.plan(choice)
    return plan, (*bench.index.notes, *resolutions.notes)
