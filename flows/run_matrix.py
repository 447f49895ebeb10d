"""The flow `run-matrix`: every cell of a family's compatibility matrix, and the report on them."""

import platform
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_link_artifact, acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows.matrix_cells import cells_as_tasks, github_access
from flows.notifications import notify
from flows.retrying_task import as_tasks
from interlock.adapters.connections import open_connections
from interlock.matrix.report import MatrixReport
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import make_matrix
from interlock.model.family_file import load
from interlock.reports import answer, markdown_summary, table_rows, write_html, write_json
from interlock.reports.notifications import incompatible

DEFAULT = MatrixRequest()


@task(name="publish-report", task_run_name="publish-report", cache_policy=NO_CACHE, persist_result=False)
async def publish_report(report: MatrixReport, request: MatrixRequest) -> None:
    """Write the reports, and show what they say in the UI."""
    page = request.page(report)
    write_html(report, page)
    if request.json_file:
        write_json(report, Path(request.json_file))
    await acreate_table_artifact(key="matrix-edges", table=table_rows(report), description=report.covers)
    await acreate_markdown_artifact(key="matrix-summary", markdown=markdown_summary(report))
    # Browsers follow no link from a page to a file, so the path is named as well.
    text = f"the whole table: {page} on {platform.node()}"
    await acreate_link_artifact(key="matrix-report", link=page.as_uri(), link_text=text, description=text)


def _flow_run_name() -> str:
    request = flow_run.parameters.get("request") or DEFAULT
    return f"matrix {MatrixRequest.model_validate(request).covers()}"


@flow(name="run-matrix", flow_run_name=_flow_run_name, persist_result=False)
async def run_matrix(request: MatrixRequest = DEFAULT) -> MatrixReport:
    """Test every upstream version with every downstream version, and report which work together.

    What the ledger knows is not run again, and equal cells are run once. Run it again after any interruption: it runs
    what is missing.
    """
    family = load(request.family_path)
    async with open_connections(family, await github_access(family)) as connections:
        cells, started_at = cells_as_tasks("matrix-progress"), flow_run.scheduled_start_time
        report = await make_matrix(connections, request, as_tasks(), cells, started_at=started_at)
    await publish_report(report, request)
    await notify(incompatible(report))
    get_run_logger().info("%s %s", *answer(report))
    return report
