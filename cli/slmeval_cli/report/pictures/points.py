"""Labelled points with intervals, and lines through them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import altair as alt

from slmeval_cli.report.plain import plain
from slmeval_cli.report.views.chart import Mark, PointChart

from .base import FONT_PX, MOST_ON_A_LINE, WIDTH_PX, data, finished, lines
from .palette import INK, MUTED, PAPER, series, shape
from .placing import LINE_PX, Box, Placed, Wanted, along, placed, width_px

INNER_PX, HEIGHT_PX = WIDTH_PX - 76, 300
AXIS_PX = 6.0
"""Half the size of a point."""
LOG_FROM = 25.0
"""Largest ÷ smallest from which an axis of latencies is logarithmic."""
MOST_FOR_LABELS = 0.35
"""Share of the width that is kept free for labels behind the last point."""
Corner = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Ruler:
    """An axis: values from `first` to `last` on so many pixels, straight or logarithmic."""

    first: float
    last: float
    length_px: float
    is_log: bool = False
    is_upward: bool = False
    """True: pixels count from the end, as on a screen's vertical axis."""

    def px(self, value: float) -> float:
        """Return where `value` is."""
        share = (self._at(value) - self._at(self.first)) / (
            self._at(self.last) - self._at(self.first)
        )
        return self.length_px * ((1 - share) if self.is_upward else share)

    def value(self, px: float) -> float:
        """Return what is at `px`."""
        share = px / self.length_px
        share = 1 - share if self.is_upward else share
        low, high = self._at(self.first), self._at(self.last)
        found = low + share * (high - low)
        return math.exp(found) if self.is_log else found

    def _at(self, value: float) -> float:
        return math.log(value) if self.is_log else value


def points(chart: PointChart) -> dict[str, Any]:
    """Return the Vega-Lite document of `chart`."""
    x, y = _rulers(chart)
    scale_x = alt.Scale(domain=[x.first, x.last], nice=False, zero=False)
    scale_y = alt.Scale(
        domain=[y.first, y.last], nice=False, zero=False, type="log" if y.is_log else "linear"
    )
    ticks: dict[str, Any] = {"values": _decades(y)} if y.is_log else {"tickCount": 6}
    grid_y = alt.Axis(title=chart.y_axis, **ticks)
    grid_x = alt.Axis(title=plain(chart.x_axis), tickCount=6)
    at_x = alt.X("x:Q", scale=scale_x, axis=grid_x)
    at_y = alt.Y("y:Q", scale=scale_y, axis=grid_y)
    names = list(dict.fromkeys(m.label for m in chart.marks))
    layers: list[alt.Chart] = []
    layers += _lines(chart, names, x, y, at_x, at_y)
    layers += _intervals(chart, at_x, at_y)
    layers.append(_marks(chart, names, at_x, at_y))
    layers += _labels(chart, x, y, at_x, at_y)
    drawn = alt.layer(*layers).properties(width=INNER_PX, height=HEIGHT_PX)
    return finished(drawn, chart)


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


def _decades(ruler: Ruler) -> list[float]:
    """Return 1, 2, 5, 10, 20 and so on within a logarithmic axis."""
    first, last = math.floor(math.log10(ruler.first)), math.ceil(math.log10(ruler.last))
    ticks = (step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5))
    return [tick for tick in ticks if ruler.first <= tick <= ruler.last]


def _lines(
    chart: PointChart, names: Sequence[str], x: Ruler, y: Ruler, at_x: alt.X, at_y: alt.Y
) -> list[alt.Chart]:
    if chart.lines == "Frontier" and chart.frontier:
        rows = [
            {"x": px, "y": py, "order": i}
            for i, (px, py) in enumerate(steps(chart.frontier, floor=y.first, wall=x.first))
        ]
        drawn = alt.Chart(data(rows)).mark_line(
            color=MUTED.light, strokeDash=[5, 3], strokeWidth=1.5
        )
        return [drawn.encode(x=at_x, y=at_y, order="order:Q")]
    if chart.lines == "ByLabel":
        rows = [
            {"x": m.x, "y": m.y, "order": i, "series": str(names.index(m.label)),
             "colour": series(names.index(m.label)).light}
            for i, m in enumerate(chart.marks)
        ]  # fmt: skip
        drawn = alt.Chart(data(rows)).mark_line(strokeWidth=1.75)
        return [
            drawn.encode(
                x=at_x,
                y=at_y,
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


def _intervals(chart: PointChart, at_x: alt.X, at_y: alt.Y) -> list[alt.Chart]:
    rows = [
        {"x": m.x, "y": m.low, "high": m.high}
        for m in chart.marks
        if m.low is not None and m.high is not None
    ]
    if not rows:
        return []
    drawn = alt.Chart(data(rows)).mark_rule(color=MUTED.light, strokeWidth=1.25)
    return [drawn.encode(x=at_x, y=at_y, y2="high:Q")]


def _marks(chart: PointChart, names: Sequence[str], at_x: alt.X, at_y: alt.Y) -> alt.Chart:
    is_one_series = chart.lines != "ByLabel"
    rows = []
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
    return (
        alt.Chart(data(rows))
        .mark_point(size=64, strokeWidth=2, opacity=1)
        .encode(
            x=at_x,
            y=at_y,
            stroke=alt.Stroke("stroke:N", scale=None),
            fill=alt.Fill("fill:N", scale=None),
            shape=alt.Shape("shape:N", scale=None),
        )
    )


def _labels(chart: PointChart, x: Ruler, y: Ruler, at_x: alt.X, at_y: alt.Y) -> list[alt.Chart]:
    named = list({m.label: m for m in chart.marks}.values())  # a curve is named at its end
    wanted = [Wanted(_name(m), x.px(m.x), y.px(m.y)) for m in named]
    places = placed(wanted, _obstacles(chart, x, y), Box(0, 0, INNER_PX, HEIGHT_PX))
    rows = [
        {
            "x": x.value(p.left),
            "y": y.value(p.middle - LINE_PX * (len(w.lines) - 1) / 2),  # of its first line
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
        *_leaders(wanted, places, x, y, at_x, at_y),
        text.encode(x=at_x, y=at_y, text="text:N"),
    ]


def _leaders(
    wanted: Sequence[Wanted],
    places: Sequence[Placed],
    x: Ruler,
    y: Ruler,
    at_x: alt.X,
    at_y: alt.Y,
) -> list[alt.Chart]:
    rows = [
        {
            "x": x.value(w.x),
            "y": y.value(w.y),
            "x2": x.value(p.near[0]),
            "y2": y.value(p.near[1]),
        }
        for w, p in zip(wanted, places, strict=True)
        if p.is_far
    ]
    if not rows:
        return []
    drawn = alt.Chart(data(rows)).mark_rule(color=MUTED.light, strokeWidth=0.75)
    return [drawn.encode(x=at_x, y=at_y, x2="x2:Q", y2="y2:Q")]


def _obstacles(chart: PointChart, x: Ruler, y: Ruler) -> list[Box]:
    boxes = list[Box]()
    for mark in chart.marks:
        px, py = x.px(mark.x), y.px(mark.y)
        boxes.append(Box(px - AXIS_PX, py - AXIS_PX, px + AXIS_PX, py + AXIS_PX))
        if mark.low is not None and mark.high is not None:
            boxes.append(Box(px - 1.5, y.px(mark.high), px + 1.5, y.px(mark.low)))
    for start, end in _pieces(chart, x, y):
        boxes += along((x.px(start[0]), y.px(start[1])), (x.px(end[0]), y.px(end[1])))
    return boxes


def _pieces(chart: PointChart, x: Ruler, y: Ruler) -> list[tuple[Corner, Corner]]:
    """Return the straight pieces of the chart's lines."""
    if chart.lines == "Frontier" and chart.frontier:
        return list(pairwise(steps(chart.frontier, floor=y.first, wall=x.first)))
    if chart.lines == "ByLabel":
        names = dict.fromkeys(m.label for m in chart.marks)
        runs = ([(m.x, m.y) for m in chart.marks if m.label == name] for name in names)
        return [piece for run in runs for piece in pairwise(run)]
    return []
