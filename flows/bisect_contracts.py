"""The flow `bisect-contracts`: the first version or commit of an upstream that breaks a downstream's suite."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.runtime import flow_run

from blocks.find import find_access, load_github_credentials
from flows.matrix_cells import fetch_distributions, resolve, run_one_cell
from flows.patient import patient_task
from interlock.admission.bisection import Bisection, BisectRequest
from interlock.admission.line import Line, find_line
from interlock.admission.search import Doors, bisect
from interlock.admission.target import Target, find_target
from interlock.candidates import Workshop, open_workshop
from interlock.errors import TokenError
from interlock.matrix.bench import Bench, open_bench
from interlock.reports.bisection import bisection_markdown


@patient_task("find-target")
async def choose_target(bench: Bench, request: BisectRequest) -> Target:
    """Find the downstream's version and its suites."""
    return await find_target(bench, request)


@patient_task("list-steps")
async def list_steps(workshop: Workshop, request: BisectRequest) -> Line:
    """List the versions, or the commits, from the good end to the bad one."""
    line = await find_line(workshop, request)
    get_run_logger().info("%s: %d steps", request.title, len(line.steps))
    return line


@patient_task("report")
async def report(found: Bisection) -> None:
    """Show what was found."""
    get_run_logger().info("the first bad one is %s", found.first_bad)
    await acreate_markdown_artifact(key=f"bisect-{found.downstream}", markdown=bisection_markdown(found))


@contextlib.asynccontextmanager
async def _workshop(bench: Bench) -> AsyncIterator[Workshop]:
    """A token is needed for private repositories alone."""
    try:
        credentials = await load_github_credentials(bench.family)
    except TokenError:
        credentials = None
    async with open_workshop(bench.family, bench.index, bench.uv, credentials=credentials) as workshop:
        yield workshop


def _flow_run_name() -> str:
    return f"bisect {BisectRequest.model_validate(flow_run.parameters['request']).title}"


@flow(name="bisect-contracts", flow_run_name=_flow_run_name, persist_result=False)
async def bisect_contracts(request: BisectRequest) -> Bisection:
    """Find the first version or commit of an upstream that breaks a downstream's suite.

    What the ledger knows is not run again. Run it again after any interruption: it goes on.
    """
    access = await find_access(request.family)
    async with open_bench(request.family, access) as bench, _workshop(bench) as workshop:
        target = await choose_target(bench, request)
        line = await list_steps(workshop, request)
        doors = Doors(fetch=fetch_distributions, resolve=partial(resolve, bench.uv), run=partial(run_one_cell, bench))
        found = await bisect(bench, request, line, target, doors)
    await report(found)
    return found
