"""Pictures of dashboards show what Prometheus answers, and say that they are not Grafana's."""

import json
from typing import Any

import pytest

from hack.dashboard_pictures.__main__ import picture, span_of
from hack.dashboard_pictures.charts import lines
from hack.dashboard_pictures.frames import Frame, joined, mapped
from hack.dashboard_pictures.prometheus import Prometheus, Series, Span
from hack.dashboard_pictures.units import axis_of, text_of
from hack.gen.dashboards import dashboards

AT = 1_800_000_000.0
VALUES = dict.fromkeys(
    ("namespace", "evaluation", "pool", "model", "workload", "tasks", "job"), "x"
)
BOARDS: dict[str, dict[str, Any]] = {n: json.loads(text) for n, text in dashboards().items()}


class FakePrometheus(Prometheus):
    """Answers every query with the same series."""

    def __init__(self, *series: dict[str, str]) -> None:
        super().__init__("http://nowhere")
        self._series = series

    def instant(self, expression: str, at: float) -> list[Series]:
        assert "$" not in expression
        return [Series(self._labels(expression, labels), [(at, 1.0)]) for labels in self._series]

    def over(self, expression: str, span: Span) -> list[Series]:
        assert "$" not in expression
        samples = [(span.start, 1.0), (span.end, 2.0)]
        return [Series(self._labels(expression, labels), samples) for labels in self._series]

    @staticmethod
    def _labels(expression: str, labels: dict[str, str]) -> dict[str, str]:
        """Return `labels`, and the name of the column if the query writes one."""
        _, is_named, rest = expression.partition('"figure", "')
        return labels | ({"figure": rest.partition('"')[0]} if is_named else {})


class TestAPicture:
    @pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
    def test_of_nothing_says_so_in_every_panel(self, board: dict[str, Any]) -> None:
        svg = picture(board, FakePrometheus(), VALUES, AT)
        assert "without Grafana" in svg
        assert svg.count("not measured") + svg.count("no row") > len(board["panels"]) / 2

    @pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
    def test_draws_every_panel_that_has_an_answer(self, board: dict[str, Any]) -> None:
        labels = {
            "trial": "a · b · vllm", "model": "a", "pool": "b", "engine": "vllm", "load": "4",
            "quantile": "0.5", "direction": "input", "outcome": "answered", "part": "weights",
            "of": "team/demo",
        }  # fmt: skip
        svg = picture(board, FakePrometheus(labels), VALUES, AT)
        assert "no row" not in svg
        assert "not measured" not in svg

    def test_ends_when_it_is_told(self) -> None:
        assert span_of({"title": "t", "time": {"from": "now-6h"}}, AT) == Span(AT - 21_600, AT, 90)

    def test_of_another_time_range_is_refused(self) -> None:
        with pytest.raises(ValueError, match="now/d"):
            span_of({"title": "t", "time": {"from": "now/d"}}, AT)


class TestLines:
    PANEL = {  # noqa: RUF012 - never changed
        "fieldConfig": {"defaults": {"unit": "s", "custom": {}}, "overrides": []}
    }
    SPAN = Span(0, 600, 60)

    def drawn(self, *samples: tuple[float, float]) -> str:
        return lines(self.PANEL, [("one", [Series({}, list(samples))])], (400, 200), self.SPAN)

    def test_are_not_drawn_through_a_gap(self) -> None:
        whole = self.drawn((0, 1), (60, 2), (120, 1))
        with_gap = self.drawn((0, 1), (60, 2), (240, 1), (300, 3))
        assert (whole.count('class="mark-line'), with_gap.count('class="mark-line')) == (1, 2)

    def test_are_points_where_a_sample_stands_alone(self) -> None:
        assert 'class="mark-symbol role-mark' in self.drawn((0, 1), (300, 2), (600, 1))
        assert 'class="mark-symbol role-mark' not in self.drawn((0, 1), (60, 2))

    def test_leave_out_what_is_no_number(self) -> None:
        assert self.drawn((0, float("nan")), (60, float("nan"))) == ""

    def test_stand_in_the_whole_time_range(self) -> None:
        assert "00:00" in self.drawn((300, 1), (360, 2))


class TestJoinedTables:
    PANEL = {  # noqa: RUF012 - never changed
        "title": "t",
        "transformations": [
            {"id": "joinByLabels", "options": {"value": "figure", "join": ["model"]}}
        ],
    }

    def test_have_a_row_for_each_combination_and_leave_out_what_is_absent(self) -> None:
        series = [
            Series({"model": "a", "figure": "Score", "pool": "p"}, [(0, 1.0)]),
            Series({"model": "b", "figure": "Score"}, [(0, 2.0)]),
            Series({"model": "b", "figure": "Low"}, [(0, 3.0)]),
        ]
        assert joined(self.PANEL, series) == Frame(
            ["model"],
            ["Score", "Low"],
            [{"model": "a", "Score": 1.0}, {"model": "b", "Score": 2.0, "Low": 3.0}],
        )

    def test_of_a_panel_that_joins_nothing_are_refused(self) -> None:
        with pytest.raises(ValueError, match="joins nothing"):
            joined({"title": "t"}, [])


class TestValues:
    @pytest.mark.parametrize(
        ("value", "unit", "decimals", "text"),
        [
            (0.5, "percentunit", 0, "50%"),
            (0.1234, "s", 1, "123.4 ms"),
            (90, "s", 1, "1.5 mins"),
            (90_061, "dtdurations", None, "1 day, 1 hour"),
            (0, "dtdurations", None, "0 seconds"),
            (3 * 1024**3, "bytes", 1, "3.0 GiB"),
            (2_300_000, "short", 1, "2.3 Mil"),
            (12.5, "reqps", 2, "12.50 req/s"),
            (float("nan"), "s", None, "NaN"),
        ],
    )
    def test_have_their_unit(
        self, value: float, unit: str, decimals: int | None, text: str
    ) -> None:
        assert text_of(value, unit, decimals) == text

    @pytest.mark.parametrize(
        ("most", "unit", "axis"),
        [
            (0.5, "s", (0.001, " ms")),
            (1.5, "s", (1, " s")),
            (90, "s", (1, " s")),
            (18_000, "s", (3600, " h")),
            (0, "s", (1e-6, " µs")),
            (48 * 2**30, "bytes", (2**30, " GiB")),
            (0.4, "percentunit", (0.01, "%")),
            (40, "none", (1, "")),
        ],
    )
    def test_share_one_unit_on_an_axis(
        self, most: float, unit: str, axis: tuple[float, str]
    ) -> None:
        assert axis_of(most, unit) == axis

    @pytest.mark.parametrize(("value", "text"), [(0, "none"), (7, "some"), (None, "absent")])
    def test_are_texts_where_the_panel_says_so(self, value: float | None, text: str) -> None:
        mappings = [
            {"type": "value", "options": {"0": {"text": "none"}}},
            {"type": "range", "options": {"from": 1, "to": 9, "result": {"text": "some"}}},
            {"type": "special", "options": {"match": "null", "result": {"text": "absent"}}},
        ]
        assert mapped(mappings, value) == (text, None)
        assert mapped(mappings, 99) is None
