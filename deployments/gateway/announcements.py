"""What is told of a merge group before its verification says anything itself: that it is waited for.

A merge queue waits for a required check. A run that never begins, because it is cancelled or crashes before, tells
nothing; but what is told here names the run, so that `tell-contracts` notices its end.
"""

from datetime import datetime
from uuid import UUID

from interlock.contracts.verify import ContractsRequest
from interlock.contracts.verify.cells import tested_downstreams
from interlock.contracts.verify.publication import Publication
from interlock.contracts.verify.publish import Commit
from interlock.model.family import Family
from interlock.model.statement import Statement
from interlock.webhooks import Start
from interlock.webhooks.routing import VERIFY


def announcement(family: Family, start: Start, run: str, at: datetime) -> Statement | None:
    """That a merge group is being tested; None for everything else.

    Args:
        family: The family.
        start: What was started.
        run: The id of the flow run.
        at: When it was asked for: what the run says itself is newer.
    """
    if start.deployment != VERIFY or not (request := _group(start)):
        return None
    commit = Commit(
        package=request.upstream,
        repository=family.repository(request.upstream),
        sha=request.ref,
        downstreams=tested_downstreams(request.upstream, family),
    )
    return Publication(commit=commit, run=UUID(run), against=request.baseline or "").statement(family.name, at)


def _group(start: Start) -> ContractsRequest | None:
    request = ContractsRequest.model_validate(start.parameters["request"])
    return request if request.group else None
