"""The flow `verify-contracts`: what a ref of an upstream does to its downstreams, published where it was proposed.

`interlock.contracts.verify.workflow.verify` has its steps, in order. A run of the deployment has no token that writes
on GitHub: it hands over to `tell-contracts` what is to be published. A command publishes it itself.
"""

from functools import partial
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State as RunState
from prefect.runtime import deployment, flow_run
from prefect.states import Completed

from flows import notifications
from flows.matrix_cells import cells_as_tasks, github_access
from flows.retrying_task import as_tasks, patient_task
from flows.tell_contracts import conclude_cancelled, hand_over
from interlock.adapters.connections import Connections, open_connections
from interlock.contracts.verify import ContractsReport, ContractsRequest
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.permission import refuse_strangers
from interlock.contracts.verify.publish import Published
from interlock.contracts.verify.workflow import Host, answer_needless, verify
from interlock.model.family_file import load
from interlock.reports import contracts_markdown, contracts_texts
from interlock.reports.notifications import regressed


@patient_task("publish-report")
async def publish(report: ContractsReport) -> None:
    """Show the report in the UI."""
    get_run_logger().info("%s %s: %s", report.upstream, report.ref, report.conclusion)
    await acreate_markdown_artifact(key=f"contracts-{report.upstream}", markdown=contracts_markdown(report))
    await notifications.notify(regressed(report))


def _flow_run_name() -> str:
    return f"contracts {ContractsRequest.model_validate(flow_run.parameters['request']).title}"


@flow(
    name="verify-contracts",
    flow_run_name=_flow_run_name,
    persist_result=False,
    on_cancellation=[conclude_cancelled],
)
async def verify_contracts(request: ContractsRequest) -> ContractsReport | RunState[None]:
    """Run the downstreams' suites with a ref of their upstream and with a baseline, and publish what regressed.

    What the ledger knows is not run again. Run it again after any interruption: it resumes, and
    publishes nothing twice. Code of people who may not write to the repository is not run: the run ends as Refused.
    """
    family = load(request.family_path)
    is_deployed = deployment.id is not None
    access = await github_access(family, tells=request.tell and not is_deployed)
    async with open_connections(family, access) as connections:
        host = _host(request, connections, is_deployed=is_deployed)
        if request.group and is_deployed and await answer_needless(request, family, host):
            return Completed(name="Needless", message=f"no suite of a downstream tests {request.upstream}")
        context = VerificationContext(request, connections, automatic=is_deployed)
        if why := await refuse_strangers(context, host):
            return Completed(name="Refused", message=why)
        report = await verify(context, host)
    await publish(report)
    return report


def _host(request: ContractsRequest, connections: Connections, *, is_deployed: bool) -> Host:
    name, file = connections.family.name, request.family
    return Host(
        texts=contracts_texts,
        run=as_tasks(),
        cells=cells_as_tasks(f"contracts-progress-{request.upstream}"),
        url=flow_run.ui_url,
        flow_run=UUID(str(flow_run.id)) if flow_run.id else None,
        hand_over=partial(hand_over, connections.ledger, name, file) if is_deployed else None,
        log=_log,
    )


def _log(published: Published) -> None:
    for line in published.done:
        get_run_logger().info("%s", line)
    for failure in published.failures:
        get_run_logger().warning("%s", failure)
