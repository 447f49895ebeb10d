"""Verifying a ref, step by step: find it, publish that it is pending, build, compare, test, publish the result."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from interlock.common.sanitize import cut
from interlock.common.steps import RunStep, call
from interlock.contracts.verify.assemble import Known, report_of, skipped_report
from interlock.contracts.verify.build import build, build_branch, prepare_downstream
from interlock.contracts.verify.cells import choose, matrix_request, tested_downstreams
from interlock.contracts.verify.comparison import Comparison, find_comparison, named_commit
from interlock.contracts.verify.context import VerificationContext, doing
from interlock.contracts.verify.contract import Contract, compare_contracts, find_uses, reason_to_skip, record
from interlock.contracts.verify.publication import Publication, publish_it
from interlock.contracts.verify.publish import (
    Commit,
    Published,
    Texts,
    budget_in,
    commit_of,
    is_published,
    publisher,
    reason_not_published,
)
from interlock.contracts.verify.report import ContractsReport
from interlock.contracts.verify.request import ContractsRequest
from interlock.contracts.verify.subjects import ComparedBuilds, Side
from interlock.errors import InterlockError
from interlock.matrix.run import OpenRunner, here, plan_matrix, run_planned
from interlock.model.family import Family


@dataclass(frozen=True, kw_only=True)
class Host:
    """What runs a verification: a flow, or a plain call.

    Attributes:
        texts: Renders the report for GitHub, with the page of the run.
        run: Runs a step.
        cells: Opens what runs cells.
        url: The page of the run; None when it has none.
        flow_run: The id of the flow run; None for a plain call.
        hand_over: Leaves to another process what is to be published. Default: this one publishes it.
        log: Records what was published on GitHub, and what was not.
    """

    texts: Callable[[ContractsReport, str | None], Texts]
    run: RunStep = call
    cells: OpenRunner = here
    url: str | None = None
    flow_run: UUID | None = None
    hand_over: Callable[[Publication], Awaitable[Published]] | None = None
    log: Callable[[Published], None] = lambda _told: None


async def verify(context: VerificationContext, host: Host) -> ContractsReport:
    """Run the downstreams' suites with a ref of their upstream and with a baseline, and publish what regressed.

    What the ledger knows is not run again. After an interruption, another call continues: it repeats no run that was
    recorded, and publishes nothing twice.
    """
    _ = context.connections.ledger  # fails here, before anything is built, if it can't be opened
    doing.get()(f"looking for {context.request.title}")
    async with _publish_failure(context, host, named_commit(context)):
        comparison = await host.run("find", _find, context, host)
    async with _publish_failure(context, host, comparison):
        await host.run("tell-pending", publish_or_hand_over, context, host, _pending(context, comparison))
        doing.get()(f"building {context.upstream}, {comparison.found.described}")
        compared = await host.run(f"build {context.upstream}", build, context, comparison)
        doing.get()("comparing the contracts")
        contract = await host.run("compare-contracts", _compare, context, comparison, compared)
        known = Known(comparison=comparison, compared=compared, contract=contract)
        why = reason_to_skip(context.package.contract, compared, contract)
        report = skipped_report(context, known, why) if why else await _test(context, host, known)
        return await host.run("tell", _publish_result, context, host, comparison, report)


async def answer_needless(request: ContractsRequest, family: Family, host: Host) -> bool:
    """Publish on a merge group's commit that there is nothing to test, where that is so; whether it is."""
    if tested_downstreams(request.upstream, family):
        return False
    assert host.hand_over is not None
    repository = family.repository(request.upstream)
    commit = Commit(package=request.upstream, repository=repository, sha=request.ref, downstreams=())
    host.log(await host.hand_over(Publication(commit=commit, run=host.flow_run)))
    return True


async def _find(context: VerificationContext, host: Host) -> Comparison:
    """Find the ref and its baseline; a missing token for GitHub is an error here, before anything is built."""
    found = await find_comparison(context)
    if is_published(context, found) and host.hand_over is None:
        publisher(context)
    return found


def _pending(context: VerificationContext, comparison: Comparison) -> Publication | None:
    """That the downstreams are being tested; None when nothing is published."""
    if not is_published(context, comparison):
        return None
    against = comparison.baseline.described if comparison.baseline else ""
    commit = commit_of(context, comparison, None)
    return Publication(commit=commit, pull=context.request.pull, against=cut(against, 200))


async def publish_or_hand_over(context: VerificationContext, host: Host, publication: Publication | None) -> Published:
    """Publish it on GitHub, or hand it over to the process that does."""
    if publication is None:
        return Published()
    if host.hand_over is not None:
        published = await host.hand_over(publication.model_copy(update={"run": host.flow_run}))
    else:
        spend = budget_in(context.connections.ledger)
        published = await publish_it(publisher(context), publication, host.texts, host.url, spend)
    host.log(published)
    return published


async def _compare(context: VerificationContext, comparison: Comparison, compared: ComparedBuilds) -> Contract:
    """Find out what changed in the contract, and record it for the release of the commit."""
    contract = await compare_contracts(context, compared)
    await asyncio.to_thread(record, context, comparison, compared, contract)
    return contract


async def _test(context: VerificationContext, host: Host, known: Known) -> ContractsReport:
    """Run every cell that is not known, with the newest release and the branch of each downstream."""

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


async def _publish_result(
    context: VerificationContext, host: Host, comparison: Comparison, report: ContractsReport
) -> ContractsReport:
    """Publish the result on the commit and on the pull request; what could not be published is noted in the report."""
    if (pending := _pending(context, comparison)) is None:
        return report.noting(*filter(None, [reason_not_published(context, comparison)]))
    published = await publish_or_hand_over(context, host, pending.model_copy(update={"report": report}))
    return report.noting(*map(str, published.failures))


@contextlib.asynccontextmanager
async def _publish_failure(
    context: VerificationContext, host: Host, comparison: Comparison | None
) -> AsyncIterator[None]:
    """If the verification fails or is cancelled, say so on its commit."""
    try:
        yield
    except (Exception, asyncio.CancelledError) as error:
        if comparison is not None and (pending := _pending(context, comparison)):
            with contextlib.suppress(InterlockError):  # the first error is the one to be raised
                await publish_or_hand_over(context, host, _failed(pending, error))
        raise


def _failed(pending: Publication, error: BaseException) -> Publication:
    if isinstance(error, asyncio.CancelledError):
        return pending.ended("cancelled")
    why = error.message if isinstance(error, InterlockError) else "a defect of Interlock"
    return pending.model_copy(update={"failure": cut(why, 2_000)})
