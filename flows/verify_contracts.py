"""The flow `verify-contracts`: what a ref of an upstream does to its downstreams, published where it was proposed.

`interlock.contracts.verify.workflow.verify` has its steps, in order.
"""

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.runtime import deployment, flow_run

from flows import notifications
from flows.matrix_cells import cells_as_tasks, github_access
from flows.retrying_task import as_tasks, patient_task
from interlock.adapters.connections import open_connections
from interlock.contracts.verify import ContractsReport, ContractsRequest
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.publish import Published
from interlock.contracts.verify.workflow import Host, verify
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


@flow(name="verify-contracts", flow_run_name=_flow_run_name, persist_result=False)
async def verify_contracts(request: ContractsRequest) -> ContractsReport:
    """Run the downstreams' suites with a ref of their upstream and with a baseline, and publish what regressed.

    What the ledger knows is not run again. Run it again after any interruption: it resumes, and
    publishes nothing twice.
    """
    family = load(request.family_path)
    async with open_connections(family, await github_access(family)) as connections:
        cells = cells_as_tasks(f"contracts-progress-{request.upstream}")
        host = Host(texts=contracts_texts, run=as_tasks(), cells=cells, url=flow_run.ui_url, log=_log)
        context = VerificationContext(request, connections, automatic=deployment.id is not None)
        report = await verify(context, host)
    await publish(report)
    return report


def _log(published: Published) -> None:
    for line in published.done:
        get_run_logger().info("%s", line)
    for failure in published.failures:
        get_run_logger().warning("%s", failure)
