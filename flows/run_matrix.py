"""The flow `run-matrix`: every cell of a family's compatibility matrix, and the report on them."""

import platform
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_link_artifact, acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from blocks.find import find_access
from flows.events import tell
from flows.matrix_cells import fetch_distributions, resolve, run_cells
from flows.patient import patient_task
from interlock.matrix.assemble import Occasion, assemble
from interlock.matrix.bench import Bench, open_bench
from interlock.matrix.plan import Plan
from interlock.matrix.planning import plan_matrix
from interlock.matrix.report import MatrixReport
from interlock.matrix.request import MatrixRequest
from interlock.matrix.settle import Settled
from interlock.matrix.sources import Choice, choose
from interlock.reports import answer, markdown_summary, table_rows, write_html, write_json
from interlock.reports.notices import incompatible

DEFAULT = MatrixRequest()


@patient_task("choose-versions")
async def choose_versions(bench: Bench, request: MatrixRequest) -> Choice:
    """Find on the index which versions the request means."""
    return await choose(bench, request)


@task(name="publish-report", task_run_name="publish-report", cache_policy=NO_CACHE, persist_result=False)
async def publish_report(report: MatrixReport, request: MatrixRequest) -> None:
    """Write the reports, and show what they say in the UI."""
    page = request.page(report)
    write_html(report, page)
    if request.json_file:
        write_json(report, Path(request.json_file))
    await acreate_table_artifact(key="matrix-edges", table=table_rows(report), description=report.covers)
    await acreate_markdown_artifact(key="matrix-summary", markdown=markdown_summary(report))
    # Browsers follow no link from a page to a file, so the place is named as well.
    text = f"the whole table: {page} on {platform.node()}"
    await acreate_link_artifact(key="matrix-report", link=page.as_uri(), link_text=text, description=text)


def _flow_run_name() -> str:
    request = flow_run.parameters.get("request") or DEFAULT
    return f"matrix {MatrixRequest.model_validate(request).covers()}"


@flow(name="run-matrix", flow_run_name=_flow_run_name, persist_result=False)
async def run_matrix(request: MatrixRequest = DEFAULT) -> MatrixReport:
    """Test every upstream version with every downstream version, and report which work together.

    What the ledger knows is not run again, and what is equal is run once. Run it again after any interruption: it goes
    on with what is missing.
    """
    async with open_bench(request.family, await find_access(request.family)) as bench:
        choice = await choose_versions(bench, request)
        sources = await fetch_distributions(bench, choice)
        plan, notes = await plan_matrix(bench, request, choice, sources, partial(resolve, bench.uv))
        settled = await run_cells(
            bench,
            plan,
            jobs=request.jobs,
            fresh=request.fresh,
            key="matrix-progress",
            runner=request.runner,
            scheduler=request.scheduler,
        )
        report = _assemble(bench, request, plan, settled, notes)
    await publish_report(report, request)
    await tell(incompatible(report))
    get_run_logger().info("%s %s", *answer(report))
    return report


def _assemble(
    bench: Bench, request: MatrixRequest, plan: Plan, settled: Settled, notes: tuple[str, ...]
) -> MatrixReport:
    started = flow_run.scheduled_start_time or datetime.now(UTC)
    occasion = Occasion(family=bench.family.name, covers=request.covers(), started_at=started, notes=notes)
    return assemble(plan, settled, occasion, bench.ledger)
