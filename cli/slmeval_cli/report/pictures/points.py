"""Labelled points with intervals, and lines through them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import altair as alt

from slmeval_cli.report.plain import plain
from slmeval_cli.report.views.chart import Mark, PointChart

from .base import FONT_PX, MOST_ON_A_LINE, WIDTH_PX, Rows, data, finished, lines
from .palette import INK, MUTED, PAPER, series, shape
from .placing import LINE_PX, Box, Placed, Wanted, along, placed, width_px
from .ruler import Ruler

INNER_PX, HEIGHT_PX = WIDTH_PX - 76, 300
POINT_PX = 6.0
"""Half the size of a point."""
LOG_FROM = 25.0
"""Largest ÷ smallest from which an axis of latencies is logarithmic."""
MOST_FOR_LABELS = 0.35
"""Share of the width that is kept free for labels behind the last point."""
Corner = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axes:
    """Both axes, as rulers and as Vega-Lite encodes them."""

    x: Ruler
    y: Ruler
    at_x: alt.X
    at_y: alt.Y

    def at(self, mark: Mark) -> Corner:
        """Return where a mark is, in pixels."""
        return self.x.px(mark.x), self.y.px(mark.y)


def points(chart: PointChart) -> dict[str, Any]:
    """Return the Vega-Lite document of `chart`."""
    axes = _axes(chart)
    names = list(dict.fromkeys(m.label for m in chart.marks))
    layers = [
        *_lines(chart, names, axes),
        *_intervals(chart, axes),
        _marks(chart, names, axes),
        *_labels(chart, axes),
    ]
    return finished(alt.layer(*layers).properties(width=INNER_PX, height=HEIGHT_PX), chart)


def _axes(chart: PointChart) -> Axes:
    x, y = _rulers(chart)
    ticks: dict[str, Any] = {"values": y.decades} if y.is_log else {"tickCount": 6}
    scale_x = alt.Scale(domain=[x.first, x.last], nice=False, zero=False)
    scale_y = alt.Scale(
        domain=[y.first, y.last], nice=False, zero=False, type="log" if y.is_log else "linear"
    )
    return Axes(
        x,
        y,
        alt.X("x:Q", scale=scale_x, axis=alt.Axis(title=plain(chart.x_axis), tickCount=6)),
        alt.Y("y:Q", scale=scale_y, axis=alt.Axis(title=plain(chart.y_axis), **ticks)),
    )


def _rulers(chart: PointChart) -> tuple[Ruler, Ruler]:
    xs = [m.x for m in chart.marks]
    lows = [m.y if m.low is None else m.low for m in chart.marks]
    highs = [m.y if m.high is None else m.high for m in chart.marks]
    x = Ruler(0.0, (max(xs) or 1.0) / (1 - _share_for_labels(chart)), INNER_PX)
    low, high = min(lows), max(highs)
    if chart.is_y_share:
        room = max((high - low) * 0.08, 0.01)
        return x, Ruler(max(low - room, 0.0), min(high + room, 1.0), HEIGHT_PX, is_upward=True)
    if low > 0 and high / low > LOG_FROM:
        return x, Ruler(low * 0.8, high * 1.4, HEIGHT_PX, is_log=True, is_upward=True)
    return x, Ruler(0.0, (high or 1.0) * 1.08, HEIGHT_PX, is_upward=True)


def _share_for_labels(chart: PointChart) -> float:
    """Return the share of the width behind the last point: curves are named there."""
    if chart.lines != "ByLabel":
        return 0.06
    longest = max(width_px(line) for m in chart.marks for line in _name(m))
    return min((longest + 16) / INNER_PX, MOST_FOR_LABELS)


def _name(mark: Mark) -> tuple[str, ...]:
    return tuple(lines(plain(mark.label), MOST_ON_A_LINE))


def _lines(chart: PointChart, names: Sequence[str], axes: Axes) -> list[alt.Chart]:
    if chart.lines == "Frontier" and chart.frontier:
        corners = steps(chart.frontier, floor=axes.y.first, wall=axes.x.first)
        rows: Rows = [{"x": x, "y": y, "order": i} for i, (x, y) in enumerate(corners)]
        drawn = alt.Chart(data(rows)).mark_line(
            color=MUTED.light, strokeDash=[5, 3], strokeWidth=1.5
        )
        return [drawn.encode(x=axes.at_x, y=axes.at_y, order="order:Q")]
    if chart.lines == "ByLabel":
        rows = [
            {"x": m.x, "y": m.y, "order": i, "series": str(names.index(m.label)),
             "colour": series(names.index(m.label)).light}
            for i, m in enumerate(chart.marks)
        ]  # fmt: skip
        drawn = alt.Chart(data(rows)).mark_line(strokeWidth=1.75)
        return [
            drawn.encode(
                x=axes.at_x,
                y=axes.at_y,
                order="order:Q",
                detail="series:N",
                stroke=alt.Stroke("colour:N", scale=None),
            )
        ]
    return []


def steps(frontier: Sequence[Mark], *, floor: float, wall: float) -> list[Corner]:
    """Return the corners of the highest y that is to be had at each x or more.

    Args:
        frontier: by rising x, and so by falling y.
        floor: the lowest y shown, where the line ends.
        wall: the lowest x shown, where it begins.

    """
    corners, reached = list[Corner](), wall
    for mark in frontier:
        corners += [(reached, mark.y), (mark.x, mark.y)]
        reached = mark.x
    return [*corners, (reached, floor)]


def _intervals(chart: PointChart, axes: Axes) -> list[alt.Chart]:
    rows: Rows = [
        {"x": m.x, "y": m.low, "high": m.high}
        for m in chart.marks
        if m.low is not None and m.high is not None
    ]
    if not rows:
        return []
    drawn = alt.Chart(data(rows)).mark_rule(color=MUTED.light, strokeWidth=1.25)
    return [drawn.encode(x=axes.at_x, y=axes.at_y, y2="high:Q")]


def _marks(chart: PointChart, names: Sequence[str], axes: Axes) -> alt.Chart:
    is_one_series = chart.lines != "ByLabel"
    rows = Rows()
    for mark in chart.marks:
        number = 0 if is_one_series else names.index(mark.label)
        colour = series(number).light
        rows.append(
            {
                "x": mark.x,
                "y": mark.y,
                "stroke": colour,
                "fill": colour if mark.is_filled else PAPER.light,
                "shape": shape(number),
            }
        )
    drawn: alt.Chart = (
        alt.Chart(data(rows))
        .mark_point(size=64, strokeWidth=2, opacity=1)
        .encode(
            x=axes.at_x,
            y=axes.at_y,
            stroke=alt.Stroke("stroke:N", scale=None),
            fill=alt.Fill("fill:N", scale=None),
            shape=alt.Shape("shape:N", scale=None),
        )
    )
    return drawn


def _labels(chart: PointChart, axes: Axes) -> list[alt.Chart]:
    named = list({m.label: m for m in chart.marks}.values())  # a curve is named at its end
    wanted = [Wanted(_name(m), *axes.at(m)) for m in named]
    places = placed(wanted, _obstacles(chart, axes), Box(0, 0, INNER_PX, HEIGHT_PX))
    rows: Rows = [
        {
            "x": axes.x.value(p.left),
            "y": axes.y.value(p.middle - LINE_PX * (len(w.lines) - 1) / 2),  # of its first line
            "text": "\n".join(w.lines),
        }
        for w, p in zip(wanted, places, strict=True)
    ]
    text = alt.Chart(data(rows)).mark_text(
        align="left",
        baseline="middle",
        fontSize=FONT_PX,
        color=INK.light,
        limit=0,
        lineBreak="\n",
        lineHeight=LINE_PX,
    )
    return [
        *_leaders(wanted, places, axes),
        text.encode(x=axes.at_x, y=axes.at_y, text="text:N"),
    ]


def _leaders(wanted: Sequence[Wanted], places: Sequence[Placed], axes: Axes) -> list[alt.Chart]:
    rows: Rows = [
        {
            "x": axes.x.value(w.x),
            "y": axes.y.value(w.y),
            "x2": axes.x.value(p.near[0]),
            "y2": axes.y.value(p.near[1]),
        }
        for w, p in zip(wanted, places, strict=True)
        if p.is_far
    ]
    if not rows:
        return []
    drawn = alt.Chart(data(rows)).mark_rule(color=MUTED.light, strokeWidth=0.75)
    return [drawn.encode(x=axes.at_x, y=axes.at_y, x2="x2:Q", y2="y2:Q")]


def _obstacles(chart: PointChart, axes: Axes) -> list[Box]:
    boxes = list[Box]()
    for mark in chart.marks:
        x, y = axes.at(mark)
        boxes.append(Box(x - POINT_PX, y - POINT_PX, x + POINT_PX, y + POINT_PX))
        if mark.low is not None and mark.high is not None:
            boxes.append(Box(x - 1.5, axes.y.px(mark.high), x + 1.5, axes.y.px(mark.low)))
    for piece in _pieces(chart, axes):
        start, end = ((axes.x.px(x), axes.y.px(y)) for x, y in piece)
        boxes += along(start, end)
    return boxes


def _pieces(chart: PointChart, axes: Axes) -> list[tuple[Corner, Corner]]:
    """Return the straight pieces of the chart's lines."""
    if chart.lines == "Frontier" and chart.frontier:
        return list(pairwise(steps(chart.frontier, floor=axes.y.first, wall=axes.x.first)))
    if chart.lines == "ByLabel":
        names = dict.fromkeys(m.label for m in chart.marks)
        runs = ([(m.x, m.y) for m in chart.marks if m.label == name] for name in names)
        return [piece for run in runs for piece in pairwise(run)]
    return []
