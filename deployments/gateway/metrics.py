"""The gateway's counters, for Prometheus; each delivery is counted as received and in exactly one of its outcomes."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_PREFIX = "interlock_gateway"
# GitHub gives up on a delivery after ten seconds.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters in a registry of their own: two gateways in one process count separately.

    Attributes:
        received: All deliveries: the sum of accepted, ignored, known and refused.
        accepted: Deliveries that start a deployment.
        ignored: Deliveries that start nothing.
        known: Deliveries that were received before.
        refused: Deliveries that were not taken, by reason.
        started: Deliveries that have a flow run; several may share one.
        dropped: Accepted deliveries that start nothing, since a cascade has dealt with them.
        troubles: Attempts that ended without a flow run.
        waiting: Deliveries that are accepted and not yet started.
        answered: Seconds until the answer.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("received", "Deliveries that came.", "source")
        self.accepted = self._counter("accepted", "Deliveries that are kept to be started.", "event")
        self.ignored = self._counter("ignored", "Deliveries from which nothing follows.", "why")
        self.known = self._counter("known", "Deliveries that had come before.")
        self.refused = self._counter("refused", "Deliveries that were not taken.", "reason")
        self.started = self._counter("started", "Deliveries whose flow run is there.", "deployment")
        self.dropped = self._counter("dropped", "Accepted deliveries that a cascade has dealt with already.")
        self.troubles = self._counter("troubles", "Tries that ended without a flow run.", "trouble")
        self.waiting = Gauge(
            f"{_PREFIX}_waiting", "Deliveries that are accepted and not yet started.", registry=self.registry
        )
        self.answered = Histogram(
            f"{_PREFIX}_answer_seconds", "Seconds until the answer.", buckets=_BUCKETS, registry=self.registry
        )

    def text(self) -> bytes:
        """The counters in Prometheus' format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", help_, labels, registry=self.registry)
