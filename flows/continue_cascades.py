"""The flow `continue-cascades`: resumes every cascade with a pull request that waits for its merge."""

import asyncio
from collections.abc import Iterable

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State as RunState
from prefect.states import Completed, Failed

from flows.cascade_release import cascade_release
from interlock.adapters.ledger import open_ledger
from interlock.cascades.coordination import waits_for_a_merge
from interlock.cascades.request import CascadeRequest
from interlock.errors import BusyError, InterlockError
from interlock.model.cascade import Cascade


def awaiting(cascades: Iterable[Cascade]) -> tuple[Cascade, ...]:
    """The cascades that wait for a merge; their roots are out, so none of them starts with a release of its root."""
    return tuple(
        cascade
        for cascade in cascades
        if cascade.ended_at is None and not cascade.aborted and waits_for_a_merge(cascade)
    )


def _waiting() -> tuple[Cascade, ...]:
    with open_ledger() as ledger:
        return awaiting(ledger.cascades())


@flow(name="continue-cascades", flow_run_name="continue-cascades", persist_result=False)
async def continue_cascades(family: str | None = None) -> RunState[None]:
    """Run every cascade that waits for a merge again; one that is not merged yet waits for the next time.

    Args:
        family: The family file. Default: that of the environment, else of the checkout.
    """
    waiting = await asyncio.to_thread(_waiting)
    failures = []
    for cascade in waiting:
        try:
            await cascade_release(CascadeRequest(root=cascade.root, version=str(cascade.version), family=family))
        except BusyError as busy:
            get_run_logger().info("%s: %s", cascade.id, busy.message)
        except InterlockError as error:
            failures.append(f"{cascade.id}: {error.message}")
    if failures:
        return Failed(message="; ".join(failures))
    return Completed(message=", ".join(cascade.id for cascade in waiting) or "no cascade waits for a merge")
