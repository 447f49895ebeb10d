"""What must hold in the ledger before a delivery starts a flow run."""

from packaging.version import Version

from interlock.adapters.ledger import Ledger
from interlock.model.cascade import Cascade, State
from interlock.webhooks import Condition, Start


def obstacle(start: Start, ledger: Ledger) -> str | None:
    """Why a delivery must not start its flow run; None when it may.

    Raises:
        LedgerError: The ledger can't be read.
    """
    match start.condition:
        case Condition.NOT_OURS:
            return _already_cascading(start, ledger)
        case Condition.A_CASCADE_WAITS:
            waits = any(_waits(cascade, start.package) for cascade in ledger.cascades())
            return None if waits else f"no cascade waits for a merge in {start.package}"
        case None:
            return None


def _already_cascading(start: Start, ledger: Ledger) -> str | None:
    """The cascade that follows the version already: a second one would release its packages twice."""
    request = start.parameters["request"]
    assert isinstance(request, dict)
    version = Version(str(request["version"]))
    made = [each.cascade for each in ledger.releases(start.package) if each.version == version and each.cascade]
    begun = [each.id for each in ledger.cascades(start.package) if each.version == version]
    return next((f"{start.package} {version} is part of the cascade {each}" for each in [*made, *begun]), None)


def _waits(cascade: Cascade, package: str) -> bool:
    progress = cascade.progress.get(package)
    is_over = cascade.ended_at is not None or cascade.aborted
    return not is_over and progress is not None and progress.state is State.AWAITING_MERGE
