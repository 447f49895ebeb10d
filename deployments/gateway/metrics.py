"""What the gateway counts, for Prometheus; every delivery that comes is in exactly one of the counts beneath it."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_PREFIX = "interlock_gateway"
# Around the ten seconds after which GitHub calls a delivery failed.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters in a registry of their own: two gateways in one process don't count together.

    Attributes:
        received: Deliveries that came. It is the sum of accepted, ignored, known and refused.
        accepted: Those that are kept to be started.
        ignored: Those that are kept, and nothing follows from.
        known: Those that had come before.
        refused: Those that were not taken, by reason.
        started: Deliveries whose flow run is there; several may have led to one run.
        dropped: Accepted ones from which nothing followed after all, since a cascade does it already.
        troubles: Tries that ended without a flow run.
        waiting: Accepted and not yet started.
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
        """What Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", help_, labels, registry=self.registry)
