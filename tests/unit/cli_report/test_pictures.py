"""Charts as pictures: scales, corners of the frontier, and the SVG's colours and names."""

from typing import Any

import pytest
from slmeval_cli.report.pictures import pictures_of
from slmeval_cli.report.pictures.bars import bars
from slmeval_cli.report.pictures.base import lines
from slmeval_cli.report.pictures.palette import SERIES, SHAPES, series, shape
from slmeval_cli.report.pictures.points import points, steps
from slmeval_cli.report.pictures.ruler import Ruler
from slmeval_cli.report.pictures.svg import UnknownColour, inline
from slmeval_cli.report.views.chart import Bar, BarChart, Mark, PointChart

TEXTS = {"title": "A <title>", "note": "", "description": "a: 1; b: 2."}


def a_bar_chart(*bars: Bar) -> BarChart:
    return BarChart(name="chart", axis="Seconds", bars=bars, **TEXTS)  # type: ignore[arg-type]


def a_curve(*marks: Mark) -> PointChart:
    return PointChart(
        name="curve", x_axis="x", y_axis="y", lines="ByLabel", marks=marks, **TEXTS  # type: ignore[arg-type]
    )  # fmt: skip


def scales(document: dict[str, Any], axis: str) -> list[dict[str, Any]]:
    found = (layer["encoding"].get(axis, {}).get("scale") for layer in document["layer"])
    return [scale for scale in found if scale]


class TestRulers:
    @pytest.mark.parametrize("is_log", [False, True])
    @pytest.mark.parametrize("is_upward", [False, True])
    def test_a_place_and_its_value_are_each_other_s_inverse(
        self, is_log: bool, is_upward: bool
    ) -> None:
        ruler = Ruler(2.0, 50.0, 300, is_log=is_log, is_upward=is_upward)
        assert ruler.value(ruler.px(7.5)) == pytest.approx(7.5)
        assert ruler.px(2.0) == pytest.approx(300 if is_upward else 0)

    def test_a_logarithmic_axis_has_round_ticks(self) -> None:
        assert Ruler(1.5, 60.0, 300, is_log=True).decades == [2, 5, 10, 20, 50]


class TestScales:
    def test_bars_begin_at_zero_and_leave_room_for_their_text(self) -> None:
        document = bars(a_bar_chart(Bar(label="a", series="s", value=10, text="10.0 (noisy)")))
        (scale,) = scales(document, "x")
        assert scale["domain"][0] == 0
        assert scale["domain"][1] > 12

    def test_latencies_that_explode_are_drawn_on_a_logarithmic_axis(self) -> None:
        marks = [Mark(label="a", x=x, y=y) for x, y in ((1, 1.0), (2, 2.0), (2.1, 90.0))]
        assert {s["type"] for s in scales(points(a_curve(*marks)), "y")} == {"log"}
        assert {s["type"] for s in scales(points(a_curve(*marks[:2])), "y")} == {"linear"}

    def test_a_single_point_is_drawn_too(self) -> None:
        (picture,) = pictures_of([a_curve(Mark(label="a", x=1, y=0.0))])
        assert "<path" in picture.svg


class TestTheFrontierIsDrawnAsSteps:
    def test_down_at_each_model_and_to_the_floor_after_the_last(self) -> None:
        marks = [Mark(label="slow", x=1, y=0.9), Mark(label="fast", x=3, y=0.5)]
        assert steps(marks, floor=0.2, wall=0) == [
            (0, 0.9), (1, 0.9), (1, 0.5), (3, 0.5), (3, 0.2)
        ]  # fmt: skip


class TestSeriesAreToldApart:
    def test_by_colour_and_shape_together(self) -> None:
        looks = {(series(i), shape(i)) for i in range(len(SERIES) * len(SHAPES))}
        assert len(looks) == 35


class TestNamesAreBrokenIntoLines:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("short", ["short"]),
            ("a-name-of-many-parts", ["a-name-of-", "many-parts"]),
            ("twelveletters", ["twelveletter", "s"]),
            ("two words here", ["two words", "here"]),
        ],
    )
    def test_of_twelve_letters_at_most(self, text: str, expected: list[str]) -> None:
        assert list(lines(text, 12)) == expected


class TestTheSvg:
    def test_has_its_title_and_description_as_text(self) -> None:
        (picture,) = pictures_of([a_bar_chart(Bar(label="a", series="s", value=1, text="1"))])
        assert "A &lt;title&gt;" in picture.svg
        assert "a: 1; b: 2." in picture.svg

    def test_a_colour_that_could_not_turn_dark_is_refused(self) -> None:
        svg = '<svg xmlns="http://www.w3.org/2000/svg"><path fill="#123456"/></svg>'
        with pytest.raises(UnknownColour, match=r"palette\.py"):
            inline(svg, name="n", title="t", description="d")
