"""Verifying a contract, step by step: find, tell that it is under way, build, compare, test the downstreams, tell."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from interlock.common.steps import RunStep, call
from interlock.contracts.verify import publish
from interlock.contracts.verify.assemble import Known, report_of, skipped_report
from interlock.contracts.verify.build import build, build_branch, prepare_downstream
from interlock.contracts.verify.cells import choose, matrix_request
from interlock.contracts.verify.comparison import Comparison, find_comparison
from interlock.contracts.verify.context import VerificationContext, doing
from interlock.contracts.verify.contract import Contract, compare_contracts, find_uses, reason_to_skip, remember
from interlock.contracts.verify.publish import Published, Texts, commit_of, listener, silence
from interlock.contracts.verify.report import ContractsReport
from interlock.contracts.verify.subjects import ComparedBuilds, Side
from interlock.errors import InterlockError
from interlock.matrix.run import OpenRunner, here, plan_matrix, run_planned


@dataclass(frozen=True, kw_only=True)
class Host:
    """What runs a verification: a flow, or a plain call.

    Attributes:
        texts: Renders the report for GitHub, with the page of the run.
        run: Runs a step.
        cells: Opens what runs cells.
        url: The page of the run; None when it has none.
        log: Notes what GitHub was told, and what not.
    """

    texts: Callable[[ContractsReport, str | None], Texts]
    run: RunStep = call
    cells: OpenRunner = here
    url: str | None = None
    log: Callable[[Published], None] = lambda _told: None


async def verify(context: VerificationContext, host: Host) -> ContractsReport:
    """Run the downstreams' suites with a ref of their upstream and with a baseline, and tell what regressed.

    What the ledger knows is not run again. After any interruption it is simply called again: it goes on, and tells
    nothing twice.
    """
    _ = context.connections.ledger  # one that can't be opened is known before anything is built
    doing.get()(f"looking for {context.request.title}")
    comparison = await host.run("find", _find, context)
    async with _failure_told(context, host, comparison):
        await host.run("tell-pending", _tell_pending, context, host, comparison)
        doing.get()(f"building {context.upstream}, {comparison.found.described}")
        compared = await host.run(f"build {context.upstream}", build, context, comparison)
        doing.get()("comparing the contracts")
        contract = await host.run("compare-contracts", _compare, context, comparison, compared)
        known = Known(comparison=comparison, compared=compared, contract=contract)
        why = reason_to_skip(context.package.contract, compared, contract)
        report = skipped_report(context, known, why) if why else await _test(context, host, known)
        return await host.run("tell", _tell, context, host, comparison, report)


async def _find(context: VerificationContext) -> Comparison:
    """Find the ref and its baseline; a missing token for GitHub is an error here, before anything is built."""
    found = await find_comparison(context)
    listener(context, found)
    return found


async def _tell_pending(context: VerificationContext, host: Host, comparison: Comparison) -> None:
    """Say on the commit that its downstreams are being tested."""
    if github := listener(context, comparison):
        against = comparison.baseline.described if comparison.baseline else ""
        host.log(await publish.publish_pending(github, commit_of(context, comparison, host.url), against=against))


async def _compare(context: VerificationContext, comparison: Comparison, compared: ComparedBuilds) -> Contract:
    """Find out what changed in the contract, and keep it for the release of the commit."""
    contract = await compare_contracts(context, compared)
    await asyncio.to_thread(remember, context, comparison, compared, contract)
    return contract


async def _test(context: VerificationContext, host: Host, known: Known) -> ContractsReport:
    """Run what has to be run of all cells: the newest release and the branch of each downstream."""

    async def branch(downstream: str) -> Side:
        return await host.run(f"build {downstream}", build_branch, context, downstream)

    doing.get()("building the downstreams' branches")
    prepared = (prepare_downstream(context, name, branch) for name in context.downstreams)
    downstreams = tuple(await asyncio.gather(*prepared))
    request, connections = context.request, context.connections
    choice = await choose(request, context.family, connections.uv, known.compared, downstreams)
    planned = await plan_matrix(connections, matrix_request(request), host.run, choice=choice)
    contract = await host.run("find-uses", find_uses, known.contract, downstreams, planned.plan)
    matrix = await run_planned(connections, planned, host.cells, started_at=context.started_at)
    return report_of(context, known.with_contract(contract), downstreams, planned, matrix)


async def _tell(
    context: VerificationContext, host: Host, comparison: Comparison, report: ContractsReport
) -> ContractsReport:
    """Say on the commit and on the pull request what was found; what could not be said is noted in the report."""
    if (github := listener(context, comparison)) is None:
        return report.noting(*filter(None, [silence(context, comparison)]))
    told = await publish.publish(github, commit_of(context, comparison, host.url), report, host.texts(report, host.url))
    host.log(told)
    return report.noting(*map(str, told.untold))


@contextlib.asynccontextmanager
async def _failure_told(context: VerificationContext, host: Host, comparison: Comparison) -> AsyncIterator[None]:
    """Nothing stays pending on a commit because the verification has failed."""
    try:
        yield
    except Exception as error:
        if github := listener(context, comparison):
            why = error.message if isinstance(error, InterlockError) else "a defect of Interlock"
            host.log(await publish.publish_failed(github, commit_of(context, comparison, host.url), why))
        raise
