"""Every query of every dashboard, asked of a month in which everything was measured.

A real Prometheus answers, and all that it holds is made up: tests/history.py has the objects, whose
series the operator's own exposition writes, and tests/scrapes.py says where the rest comes from.
What a real run fills is seen by tests/cluster/test_prometheus.py.
"""

from collections.abc import Iterator

import history
import pytest
from absent_series import ABSENT
from prometheus import Prometheus
from slmeval_operator.series.families import FAMILIES

from hack.dashboard_pictures.__main__ import EVERY, board_of
from hack.gen.dashboards.queries import AskedQuery, queries
from hack.made_up_dashboards import VIEWS, made_up_month

WORKLOADS = ("article", "chat", "chat-served")
"""Of the weekly evaluation: none has the figures of all kinds."""


@pytest.fixture(scope="module")
def month() -> Iterator[Prometheus]:
    try:
        with made_up_month() as server:
            yield server
    except FileNotFoundError as error:
        pytest.skip(str(error))


def asked(name: str) -> list[tuple[AskedQuery, ...]]:
    """Return the queries of a dashboard, each for all workloads."""
    board, variables = board_of(name), dict(VIEWS[name].variables)
    if "workload" not in variables:
        return [(query,) for query in queries(board, variables)]
    return list(zip(*(queries(board, variables | {"workload": w}) for w in WORKLOADS), strict=True))


def has_answer(month: Prometheus, query: AskedQuery, at: float) -> bool:
    if month.query(query.expression, at):
        return True
    span = {"start": str(at - 3 * history.HOUR_S), "end": str(at), "step": "60"}
    return bool(month.get("query_range", query=query.expression, **span)["result"])


class TestEveryQuery:
    @pytest.mark.parametrize("name", VIEWS)
    def test_is_answered_and_with_something(self, month: Prometheus, name: str) -> None:
        empty = [
            variants[0]
            for variants in asked(name)
            if not any(has_answer(month, query, VIEWS[name].at) for query in variants)
        ]
        assert empty == []

    def test_of_what_no_run_on_cpus_has_is_among_them(self) -> None:
        expressions = [query.expression for n in VIEWS for several in asked(n) for query in several]
        assert {n for n in ABSENT if not any(n in text for text in expressions)} == set()


class TestTheMonth:
    def test_holds_every_series_that_the_operator_declares(self, month: Prometheus) -> None:
        there: set[str] = set()
        for at in (history.UNDER_WAY, history.LAST_MONDAY):
            found = month.query('group by (__name__) ({__name__=~"slmeval_.+"})', at)
            there |= {one["metric"]["__name__"] for one in found}
        assert {family.full_name for family in FAMILIES} - there == set()


class TestWhatIsChosen:
    def test_models_alone_are_compared(self, month: Prometheus) -> None:
        chosen = {"llama-3-2-1b", "qwen2-5-7b"}
        variables = {**VIEWS["compare"].variables, "model": "|".join(chosen), "pool": EVERY}
        for query in queries(board_of("compare"), variables):
            for series in month.query(query.expression, VIEWS["compare"].at):
                labels = series["metric"]
                assert {labels.get("model"), labels.get("against")} - {None} <= chosen, query


class TestEvaluationsThatNeedSomebody:
    def test_stand_there_once(self, month: Prometheus) -> None:
        panel = "Evaluations that need somebody"
        (query,) = [several[0] for several in asked("overview") if several[0].panel == panel]
        rows = [one["metric"] for one in month.query(query.expression, history.LAST_MONDAY)]
        assert sorted((row["evaluation"], row["type"]) for row in rows) == [
            ("invoices", "Stalled"),
            ("support-desk-example", "Failed"),
        ]
