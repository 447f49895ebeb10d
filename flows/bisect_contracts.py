"""The flow `bisect-contracts`: the first version or commit of an upstream that breaks a downstream's suite.

`interlock.contracts.bisect.search.bisect` has its steps, in order.
"""

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.runtime import flow_run

from flows.matrix_cells import cells_as_tasks, github_access
from flows.retrying_task import as_tasks, patient_task
from interlock.adapters.connections import open_connections
from interlock.contracts.bisect.models import Bisection, BisectRequest
from interlock.contracts.bisect.search import bisect
from interlock.model.family_file import load
from interlock.reports.bisection import bisection_markdown


@patient_task("report")
async def report(found: Bisection) -> None:
    """Show what was found."""
    get_run_logger().info(
        "of %d steps, good is %s and bad, beside it, %s", found.steps, found.last_good, found.first_bad
    )
    await acreate_markdown_artifact(key=f"bisect-{found.downstream}", markdown=bisection_markdown(found))


def _flow_run_name() -> str:
    return f"bisect {BisectRequest.model_validate(flow_run.parameters['request']).title}"


@flow(name="bisect-contracts", flow_run_name=_flow_run_name, persist_result=False)
async def bisect_contracts(request: BisectRequest) -> Bisection:
    """Find the first version or commit of an upstream that breaks a downstream's suite.

    What the ledger knows is not run again. Run it again after any interruption: it resumes.
    """
    family = load(request.family_path)
    async with open_connections(family, await github_access(family)) as connections:
        found = await bisect(connections, request, as_tasks(), cells_as_tasks())
    await report(found)
    return found
