"""The flow `run-matrix`: every cell of a family's compatibility matrix, and the report on them."""

import platform
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows.patient import patient_task
from interlock.contracts.isolated import run_cell
from interlock.contracts.recipe import Recipe
from interlock.locks import Resolution
from interlock.matrix.assemble import Occasion, assemble
from interlock.matrix.bench import Bench, open_bench
from interlock.matrix.pair import Pair
from interlock.matrix.plan import Plan, resolve_pair
from interlock.matrix.planning import plan_matrix
from interlock.matrix.progress import watcher
from interlock.matrix.report import MatrixReport
from interlock.matrix.request import MatrixRequest
from interlock.matrix.settle import Settled, Tally, settle
from interlock.matrix.sources import Choice, Sources, choose, fetch
from interlock.reports import answer, markdown_summary, table_rows, write_html, write_json
from interlock.verdicts import Run

SECONDS_BETWEEN_UPDATES = 2.0
DEFAULT = MatrixRequest()


@patient_task("choose-versions")
async def choose_versions(bench: Bench, request: MatrixRequest) -> Choice:
    """Find on the index which versions the request means."""
    return await choose(bench, request)


@patient_task("fetch-distributions")
async def fetch_distributions(bench: Bench, choice: Choice) -> Sources:
    """Download what is not in the cache, with its hash checked."""
    return await fetch(bench, choice)


@patient_task("resolve", "resolve-{pair.title}")
async def resolve(bench: Bench, pair: Pair) -> Resolution:
    """Resolve the environment of a pair of wheels, and of all pairs that require the same."""
    return await resolve_pair(pair, bench.uv)


@patient_task("run-cell", "{recipe.title}")
async def run_one_cell(bench: Bench, recipe: Recipe) -> tuple[Run, ...]:
    """Run one suite in its environment; red is confirmed in a fresh one."""
    runs = await run_cell(recipe, bench.uv)
    for run in runs:
        get_run_logger().info("%s: %s %s", recipe.title, run.status, run.reason or "")
    return runs


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
    async with open_bench(request.family) as bench:
        choice = await choose_versions(bench, request)
        sources = await fetch_distributions(bench, choice)
        plan, notes = await plan_matrix(bench, request, choice, sources, partial(resolve, bench))
        settled = await _run_cells(bench, request, plan)
        report = _assemble(bench, request, plan, settled, notes)
    await publish_report(report, request)
    get_run_logger().info("%s %s", *answer(report))
    return report


async def _run_cells(bench: Bench, request: MatrixRequest, plan: Plan) -> Settled:
    progress = await _Progress.begin()
    return await settle(
        plan.cells,
        ledger=bench.ledger,
        run=lambda recipe: run_one_cell(bench, recipe),
        jobs=request.jobs,
        fresh=request.fresh,
        observe=progress.show,
    )


def _assemble(
    bench: Bench, request: MatrixRequest, plan: Plan, settled: Settled, notes: tuple[str, ...]
) -> MatrixReport:
    started = flow_run.scheduled_start_time or datetime.now(UTC)
    occasion = Occasion(family=bench.family.name, covers=request.covers(), started_at=started, notes=notes)
    return assemble(plan, settled, occasion, bench.ledger)


class _Progress:
    """Shows a tally to whoever watches, and now and then in the UI."""

    def __init__(self, artifact: UUID) -> None:
        self._artifact = artifact
        self._shown = 0.0

    @classmethod
    async def begin(cls) -> "_Progress":
        made = await acreate_progress_artifact(progress=0.0, key="matrix-progress", description="cells settled")
        assert isinstance(made, UUID)
        return cls(made)

    async def show(self, tally: Tally) -> None:
        await watcher.get()(tally)
        now = time.monotonic()
        if now - self._shown > SECONDS_BETWEEN_UPDATES or not tally.to_run:
            self._shown = now
            await aupdate_progress_artifact(
                artifact_id=self._artifact, progress=round(100 * tally.settled / tally.cells, 1)
            )
