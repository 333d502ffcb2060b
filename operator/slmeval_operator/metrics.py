"""The operator's own metrics: passes, calls to the API server, what it watches."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class OperatorMetrics:
    """Series about the operator itself, on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.passes = Counter(
            "slmeval_operator_passes",
            "Passes over an evaluation, by how they ended.",
            ("outcome",),  # done, failed
            registry=registry,
        )
        self.pass_seconds = Histogram(
            "slmeval_operator_pass_duration_seconds",
            "Time of one pass, calls to the API server included.",
            registry=registry,
        )
        self.calls = Counter(
            "slmeval_operator_api_requests",
            "Calls to the API server; code 0: no answer.",
            ("verb", "resource", "code"),
            registry=registry,
        )
        self.call_errors = Counter(
            "slmeval_operator_api_errors",
            "Calls to the API server that were not answered or with 5xx or 429.",
            ("verb", "resource"),
            registry=registry,
        )
        self.call_seconds = Histogram(
            "slmeval_operator_api_request_duration_seconds",
            "Time of one call to the API server.",
            ("verb",),
            registry=registry,
        )
        self.queue_depth = Gauge(
            "slmeval_operator_queue_depth",
            "Evaluations that are due for a pass and wait for it.",
            registry=registry,
        )
        self.last_resync = Gauge(
            "slmeval_operator_last_resync_timestamp_seconds",
            "When everything was last listed in full. Absent before the first list.",
            ("kind",),
            registry=registry,
        )
        self.repairs = Counter(
            "slmeval_operator_watch_repairs",
            "Objects that a list found changed though no watch had told of it.",
            ("kind",),
            registry=registry,
        )

    def observe_call(self, verb: str, resource: str, status: int, seconds: float) -> None:
        """Count one call to the API server."""
        self.calls.labels(verb, resource, str(status)).inc()
        self.call_seconds.labels(verb).observe(seconds)
        if status == 0 or status >= 500 or status == 429:  # noqa: PLR2004 - HTTP's own words
            self.call_errors.labels(verb, resource).inc()

    def follow_queue(self, depth: Callable[[], float]) -> None:
        """Export `depth` at every scrape."""
        self.queue_depth.set_function(depth)
