"""The flow `verify-contracts`: what a ref of an upstream does to its downstreams, told where it was proposed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.runtime import flow_run

from blocks.find import load_github_credentials
from flows import events
from flows.matrix_cells import fetch_distributions, resolve, run_cells
from flows.patient import patient_task
from interlock.connections import Access
from interlock.errors import InterlockError, TokenError
from interlock.matrix.plan import Plan
from interlock.matrix.planning import plan_matrix
from interlock.reports import contracts_markdown, contracts_texts
from interlock.reports.notices import regressed
from interlock.verification import ContractsReport, ContractsRequest, telling
from interlock.verification.announcing import commit_of, listener, silence
from interlock.verification.assembling import Known, report_of, skipped_report
from interlock.verification.cells import choose, matrix_request
from interlock.verification.comparison import Comparison, find_comparison
from interlock.verification.contract import Contract, compare_contracts, find_uses, reason_to_skip, remember
from interlock.verification.preparing import build, build_branch, prepare_downstream
from interlock.verification.progress import doing
from interlock.verification.sides import Compared, Downstream, Side
from interlock.verification.stand import Stand, open_stand


@patient_task("find")
async def find(stand: Stand) -> Comparison:
    """Find the ref, and what it is compared with."""
    doing.get()(f"looking for {stand.request.title}")
    found = await find_comparison(stand)
    listener(stand, found)
    return found


@patient_task("tell-pending")
async def tell_pending(stand: Stand, comparison: Comparison) -> None:
    """Say on the commit that its downstreams are being tested."""
    if github := listener(stand, comparison):
        against = comparison.baseline.described if comparison.baseline else ""
        _log(await telling.tell_pending(github, commit_of(stand, comparison, flow_run.ui_url), against=against))


@patient_task("build", "build-{stand.upstream}")
async def build_upstream(stand: Stand, comparison: Comparison) -> Compared:
    """Build the upstream at the ref, and at the baseline unless that is released; each commit once."""
    doing.get()(f"building {stand.upstream}, {comparison.found.described}")
    return await build(stand, comparison)


@patient_task("compare-contracts")
async def contract_between(stand: Stand, comparison: Comparison, compared: Compared) -> Contract:
    """Find out what changed in the contract, and keep it for who will release it."""
    doing.get()("comparing the contracts")
    contract = await compare_contracts(stand, compared)
    await asyncio.to_thread(remember, stand, comparison, compared, contract)
    return contract


@patient_task("build-branch", "build-{downstream}")
async def build_downstream(stand: Stand, downstream: str) -> Side:
    """Build the newest commit of a downstream's default branch."""
    return await build_branch(stand, downstream)


@patient_task("find-uses")
async def uses(contract: Contract, downstreams: tuple[Downstream, ...], plan: Plan) -> Contract:
    """Find out which downstream uses what changed, and whether its suite does."""
    return await find_uses(contract, downstreams, plan)


@patient_task("tell")
async def tell(stand: Stand, comparison: Comparison, report: ContractsReport) -> ContractsReport:
    """Say on the commit and on the pull request what was found; what could not be said is noted in the report."""
    if (github := listener(stand, comparison)) is None:
        return report.noting(*filter(None, [silence(stand, comparison)]))
    url = flow_run.ui_url
    told = await telling.tell(github, commit_of(stand, comparison, url), report, contracts_texts(report, url))
    _log(told)
    return report.noting(*map(str, told.untold))


@patient_task("publish-report")
async def publish(report: ContractsReport) -> None:
    """Show the report in the UI."""
    get_run_logger().info("%s %s: %s", report.upstream, report.ref, report.conclusion)
    await acreate_markdown_artifact(key=f"contracts-{report.upstream}", markdown=contracts_markdown(report))
    await events.tell(regressed(report))


@contextlib.asynccontextmanager
async def _stand(request: ContractsRequest) -> AsyncIterator[Stand]:
    """Everything that is needed; a token only where somebody is told, or a repository is private."""
    try:
        access = Access(credentials=await load_github_credentials(request.family))
    except TokenError as error:
        access = Access(token_error=error)
    async with open_stand(request, access) as stand:
        yield stand


def _flow_run_name() -> str:
    return f"contracts {ContractsRequest.model_validate(flow_run.parameters['request']).title}"


@flow(name="verify-contracts", flow_run_name=_flow_run_name, persist_result=False)
async def verify_contracts(request: ContractsRequest) -> ContractsReport:
    """Run the downstreams' suites with a ref of their upstream and with a baseline, and tell what regressed.

    What the ledger knows is not run again. Run it again after any interruption: it goes on, and tells nothing twice.
    """
    async with _stand(request) as stand:
        comparison = await find(stand)
        async with _failure_told(stand, comparison):
            await tell_pending(stand, comparison)
            compared = await build_upstream(stand, comparison)
            contract = await contract_between(stand, comparison, compared)
            known = Known(comparison=comparison, compared=compared, contract=contract)
            why = reason_to_skip(stand.package.contract, compared, contract)
            report = skipped_report(stand, known, why) if why else await _tested(stand, known)
            report = await tell(stand, comparison, report)
    await publish(report)
    return report


async def _tested(stand: Stand, known: Known) -> ContractsReport:
    """Run what has to be run of all cells."""
    request, bench = stand.request, stand.bench
    downstreams = await _downstreams(stand)
    choice = await choose(request, stand.family, bench.uv, known.compared, downstreams)
    sources = await fetch_distributions(bench, choice)
    plan, notes = await plan_matrix(bench, matrix_request(request), choice, sources, partial(resolve, bench.uv))
    contract = await uses(known.contract, downstreams, plan)
    settled = await run_cells(
        bench, plan, jobs=request.jobs, fresh=request.fresh, key=f"contracts-progress-{stand.upstream}"
    )
    return report_of(stand, known.with_contract(contract), downstreams, plan, settled, notes)


async def _downstreams(stand: Stand) -> tuple[Downstream, ...]:
    """The newest release and the branch of each, built side by side."""
    doing.get()("building the downstreams' branches")
    prepared = (prepare_downstream(stand, name, partial(build_downstream, stand)) for name in stand.downstreams)
    return tuple(await asyncio.gather(*prepared))


@contextlib.asynccontextmanager
async def _failure_told(stand: Stand, comparison: Comparison) -> AsyncIterator[None]:
    """Nothing stays pending on a commit because what was to tell of it has failed."""
    try:
        yield
    except Exception as error:
        if github := listener(stand, comparison):
            why = error.message if isinstance(error, InterlockError) else "a defect of Interlock"
            _log(await telling.tell_failed(github, commit_of(stand, comparison, flow_run.ui_url), why))
        raise


def _log(told: telling.Told) -> None:
    for line in told.done:
        get_run_logger().info("%s", line)
    for untold in told.untold:
        get_run_logger().warning("%s", untold)
