"""The series about the operator itself."""

from prometheus_client import CollectorRegistry
from slmeval_operator.metrics import OperatorMetrics

TABLE = {
    "slmeval_operator_api_errors": ("counter", ("verb", "resource")),
    "slmeval_operator_api_request_duration_seconds": ("histogram", ("verb",)),
    "slmeval_operator_api_requests": ("counter", ("verb", "resource", "code")),
    "slmeval_operator_last_resync_timestamp_seconds": ("gauge", ("kind",)),
    "slmeval_operator_pass_duration_seconds": ("histogram", ()),
    "slmeval_operator_passes": ("counter", ("outcome",)),
    "slmeval_operator_queue_depth": ("gauge", ()),
    "slmeval_operator_watch_repairs": ("counter", ("kind",)),
}


class TestTheSeriesAreThese:
    def test_by_name_type_and_labels(self) -> None:
        registry = CollectorRegistry()
        metrics = OperatorMetrics(registry)
        made = vars(metrics).values()
        labels = {m._name: tuple(m._labelnames) for m in made}
        types = {family.name: family.type for family in registry.collect()}
        assert {name: (types[name], labels[name]) for name in types} == TABLE


class TestCallsToTheApiServerAreCounted:
    def test_with_their_answers_and_those_that_failed_again(self) -> None:
        registry = CollectorRegistry()
        metrics = OperatorMetrics(registry)
        for status in (200, 404, 409, 422, 429, 500, 503, 0):
            metrics.observe_call("POST", "slmruns", status, 0.1)
        where = {"verb": "POST", "resource": "slmruns"}

        def count(name: str, **labels: str) -> float | None:
            return registry.get_sample_value(f"slmeval_operator_{name}", where | labels)

        assert count("api_requests_total", code="404") == 1
        assert count("api_requests_total", code="0") == 1
        assert count("api_errors_total") == 4

    def test_the_queue_is_asked_at_each_scrape(self) -> None:
        registry, depth = CollectorRegistry(), [3]
        OperatorMetrics(registry).follow_queue(lambda: depth[0])
        depth[0] = 5
        assert registry.get_sample_value("slmeval_operator_queue_depth") == 5
