"""The context of a verification, and the observer of its steps."""

from collections.abc import Callable
from contextvars import ContextVar

from interlock.adapters.connections import Connections
from interlock.common.clock import now
from interlock.contracts.candidates import CandidateBuilder
from interlock.contracts.verify.cells import downstreams
from interlock.contracts.verify.request import ContractsRequest
from interlock.model.family import Package


def _ignore(_what: str) -> None:
    return


# A flow's parameters are data, so a callback in the same process travels beside them.
doing: ContextVar[Callable[[str], None]] = ContextVar("doing", default=_ignore)


class VerificationContext:
    """The context of one verification.

    Args:
        request: What is verified.
        connections: Without credentials, repositories must be public, and nothing can be published on GitHub.
        automatic: Whether it was started by a webhook or a schedule, and not by a person at this machine.

    Attributes:
        candidates: Finds and builds refs.
        downstreams: The packages that are tested.
        started_at: When it was started.

    Raises:
        UsageError: A name is not in the family, or nothing can be tried of what was asked for.
    """

    def __init__(self, request: ContractsRequest, connections: Connections, *, automatic: bool = False) -> None:
        self.request = request
        self.automatic = automatic
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
        """Whether every downstream is tested."""
        return self.downstreams == downstreams(self.request.model_copy(update={"downstream": ()}), self.family)
