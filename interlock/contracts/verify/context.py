"""What a verification works with, and who watches it besides its cells."""

from collections.abc import Callable
from contextvars import ContextVar

from interlock.adapters.connections import Connections
from interlock.common.clock import now
from interlock.contracts.candidates import CandidateBuilder
from interlock.contracts.verify.cells import downstreams
from interlock.contracts.verify.request import ContractsRequest
from interlock.model.family import Package


def _no_one(_what: str) -> None:
    return


# A flow's parameters are data; what is to be called in the same process goes beside them.
doing: ContextVar[Callable[[str], None]] = ContextVar("doing", default=_no_one)


class VerificationContext:
    """What one verification works with.

    Args:
        request: What is verified.
        connections: What is outside; without credentials, repositories must be public, and GitHub can't be told.

    Attributes:
        candidates: Finds and builds refs.
        downstreams: The packages that are tested.
        started_at: When it was begun.

    Raises:
        UsageError: A name is not in the family, or no suite tests what was asked for.
    """

    def __init__(self, request: ContractsRequest, connections: Connections) -> None:
        self.request = request
        self.connections = connections
        self.family = connections.family
        self.candidates = CandidateBuilder(connections)
        self.downstreams = downstreams(request, self.family)
        self.started_at = now()

    @property
    def upstream(self) -> str:
        """The package whose contract is verified."""
        return self.request.upstream

    @property
    def package(self) -> Package:
        """Its entry in the family file."""
        return self.family.package(self.upstream)

    @property
    def is_whole(self) -> bool:
        """Whether all downstreams are tested that have a suite."""
        return self.downstreams == downstreams(self.request.model_copy(update={"downstream": ()}), self.family)
