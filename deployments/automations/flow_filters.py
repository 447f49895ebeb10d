"""Which flow runs are ours: an automation sees the events of everything that shares the server."""

from prefect.events.schemas.events import ResourceSpecification

FLOWS = (
    "release-package",
    "cascade-release",
    "continue-cascades",
    "verify-contracts",
    "run-matrix",
    "check-tokens",
    "sweep-deliveries",
)
"""The names of the flows that do the work."""

SENDER = "send-notice"
"""The flow, and its deployment, that sends e-mails. Its own failure is never told: that would send another."""

EVERY_RUN = ResourceSpecification.model_validate({"prefect.resource.id": "prefect.flow-run.*"})

OF_A_DEPLOYMENT = ResourceSpecification.model_validate(
    {"prefect.resource.role": "deployment", "prefect.resource.id": "prefect.deployment.*"}
)
"""Somebody watches a run that was started by hand, and nothing could start it again; a deployment's runs are alone."""


def of_flows(*names: str) -> ResourceSpecification:
    """Runs of these flows."""
    return ResourceSpecification.model_validate({"prefect.resource.role": "flow", "prefect.resource.name": list(names)})
