"""The flow `tell-contracts`: publishes on GitHub what verifications have found, and runs nothing of strangers'.

Verifications of a deployment run code under test, so they have no token that writes: they leave in the ledger what is
to be published, and start this flow. `interlock.contracts.verify.tell` says why nothing is published twice.
"""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
from prefect import Flow, flow, get_client, get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.objects import State as RunState
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Completed, Failed
from prefect.utilities.urls import url_for

from blocks.find import load_github_credentials
from flows.retrying_task import patient_task
from interlock.adapters.connections import Access, Connections, open_connections
from interlock.adapters.ledger import Ledger
from interlock.common.clock import now
from interlock.common.tokens import Role
from interlock.contracts.verify import ContractsRequest
from interlock.contracts.verify.publication import Publication
from interlock.contracts.verify.publish import Published
from interlock.contracts.verify.tell import Told, conclude_ended, tell_waiting
from interlock.errors import ServerError
from interlock.model import family_file
from interlock.model.statement import Statement
from interlock.reports import contracts_texts

DEPLOYMENT = "tell-contracts/tell-contracts"
NOTHING = "nothing is to be told"
RESTARTS = timedelta(minutes=5)


async def hand_over(ledger: Ledger, family: str, file: str | None, publication: Publication) -> Published:
    """Leave a publication in the ledger, and start the run that publishes it.

    If that run can't be started now, the deployment's schedule publishes it.

    Args:
        ledger: Of this process.
        family: The name of the family.
        file: The family file, if the verification names one.
        publication: What is to be published.

    Raises:
        LedgerError: The ledger can't be reached.
        ServerError: Nothing would publish it: the deployment is not there.
    """
    statement = publication.statement(family, now())
    await asyncio.to_thread(ledger.record_statement, statement)
    return Published(done=(await _told_by(statement, file),))


async def _told_by(statement: Statement, file: str | None) -> str:
    """Start the run that publishes a statement; which it is, in a line.

    Raises:
        ServerError: Nothing would publish it: the deployment is not there.
    """
    try:
        run = await _start(file, f"tell-contracts:{statement.id}")
    except (httpx.HTTPError, PrefectHTTPStatusError) as error:
        return f"{statement.subject} is published later: no run was made ({type(error).__name__})"
    return f"{statement.subject} is published by the run {run}"


async def conclude_cancelled(
    flow: Flow[..., object],  # noqa: ARG001  Prefect names them all
    flow_run: FlowRun,
    state: RunState[object],  # noqa: ARG001
) -> None:
    """Prefect's hook for a verification that was cancelled: its commit does not stay pending.

    It runs in a process of its own, after that of the run has ended.
    """
    request = ContractsRequest.model_validate(flow_run.parameters["request"])
    family = family_file.load(request.family_path)

    async def cancelled(other: UUID) -> str | None:
        return "cancelled" if other == flow_run.id else None

    async with open_connections(family) as connections:
        for statement in await conclude_ended(connections.ledger, family, cancelled):
            await _told_by(statement, request.family)


async def how_it_ended(run: UUID) -> str | None:
    """How a flow run ended, in a word; None while it may go on: a crashed one is started again within minutes."""
    async with get_client() as client:
        try:
            state = (await client.read_flow_run(run)).state
        except ObjectNotFound:
            return "its run was deleted"
        except (httpx.HTTPError, PrefectHTTPStatusError):
            return None
    if state is None or not state.is_final() or (state.is_crashed() and now() - state.timestamp < RESTARTS):
        return None
    return (state.name or state.type.value).lower()


async def _start(file: str | None, key: str) -> str:
    """The name of the run that publishes."""
    async with get_client() as client:
        try:
            deployment = await client.read_deployment_by_name(DEPLOYMENT)
        except ObjectNotFound:
            raise ServerError(f'there is no deployment "{DEPLOYMENT}"', hint="prefect deploy --all") from None
        run = await client.create_flow_run_from_deployment(
            deployment.id, parameters={"family": file}, idempotency_key=key
        )
    return f"{run.name} ({run.id})"


@patient_task("tell")
async def tell(connections: Connections) -> tuple[Told, ...]:
    """Publish everything that waits."""
    log = get_run_logger()
    told = await tell_waiting(connections, contracts_texts, _page, lambda error: log.error("%r", error, exc_info=error))
    for each in told:
        for line in (*each.published.done, *(str(one) for one in each.published.failures if one.postponed)):
            log.info("%s", line)
        for trouble in each.troubles:
            log.warning("%s", trouble)
    return told


@flow(name="tell-contracts", flow_run_name="tell-contracts", persist_result=False)
async def tell_contracts(family: str | None = None) -> RunState[None]:
    """Publish on GitHub what verifications have found, with a token for statuses, check runs and comments alone.

    Args:
        family: The family file. Default: that of the environment, else of the checkout.
    """
    found = family_file.load(Path(family) if family else None)
    async with open_connections(found) as connections:
        await conclude_ended(connections.ledger, found, how_it_ended)
        if not await asyncio.to_thread(connections.ledger.waiting_statements, found.name, now()):
            return Completed(message=NOTHING)
    access = Access(credentials=await load_github_credentials(found, role=Role.TELL))
    async with open_connections(found, access) as connections:
        return conclude(await tell(connections))


def conclude(told: tuple[Told, ...]) -> RunState[None]:
    """The state that ends the run, with a message that a notification can show."""
    troubles = [trouble for each in told for trouble in each.troubles]
    if troubles:
        return Failed(message="; ".join(troubles))
    return Completed(message=f"told: {len(told)}" if told else NOTHING)


def _page(run: UUID) -> str | None:
    return url_for("flow-run", obj_id=run)
