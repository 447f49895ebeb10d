"""Filters for Interlock's flow runs: an automation sees the events of everything on the server."""

from prefect.events.schemas.events import ResourceSpecification

FLOWS = (
    "release-package",
    "cascade-release",
    "continue-cascades",
    "release-on-event",
    "verify-contracts",
    "tell-contracts",
    "run-matrix",
    "check-tokens",
    "sweep-deliveries",
)
"""The names of the flows that do the work."""

SENDER = "send-notice"
"""The flow, and its deployment, that sends e-mails. Nobody is notified of its failure: that would be another e-mail."""

EVERY_RUN = ResourceSpecification.model_validate({"prefect.resource.id": "prefect.flow-run.*"})

OF_A_DEPLOYMENT = ResourceSpecification.model_validate(
    {"prefect.resource.role": "deployment", "prefect.resource.id": "prefect.deployment.*"}
)
"""Runs of deployments. A run that was started by hand is watched by a person, and could not be started again."""


def of_flows(*names: str) -> ResourceSpecification:
    """The runs of these flows."""
    return ResourceSpecification.model_validate({"prefect.resource.role": "flow", "prefect.resource.name": list(names)})
