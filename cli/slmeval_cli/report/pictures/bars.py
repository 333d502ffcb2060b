"""Bars with the lines of their uncertainty, and their values beside them."""

from typing import Any

import altair as alt

from slmeval_cli.report.plain import plain
from slmeval_cli.report.views.chart import Bar, BarChart

from .base import FONT_PX, MOST_ON_A_LINE, WIDTH_PX, data, finished, lines
from .palette import INK, series
from .placing import width_px

BAR_PX, GAP_PX = 17, 10
LINE_PX = 16
BESIDE_PX = 24
"""What is left and right of the names of the axis and of the bars."""
TEXT_GAP_PX = 5
LEAST_PX = 60
"""Width of the bars however long the names and values are."""


def bars(chart: BarChart) -> dict[str, Any]:
    """Return the Vega-Lite document of `chart`."""
    labels = list(dict.fromkeys(_label(b.label) for b in chart.bars))
    names = list(dict.fromkeys(plain(b.series) for b in chart.bars))
    rows = [
        {
            "label": _label(b.label),
            "series": plain(b.series),
            "value": b.value,
            "text": b.text,
            "low": b.low,
            "high": b.high,
            "end": _end(b),
        }
        for b in chart.bars
    ]
    ticks: dict[str, Any] = {"tickCount": 5}
    if chart.most:
        ticks = {"values": [chart.most * step / 5 for step in range(6)]}
    axis = alt.Axis(title=chart.axis, grid=True, **ticks)
    x = alt.X("value:Q", scale=alt.Scale(domain=[0, _end_of_axis(chart)], nice=False), axis=axis)
    y_axis = alt.Axis(
        title=None, ticks=False, domain=False, labelPadding=6, labelExpr="split(datum.value, '\\n')"
    )
    base = alt.Chart(data(rows)).encode(
        y=alt.Y(
            "label:N",
            sort=labels,
            axis=y_axis,
            scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1),
        ),
        yOffset=alt.YOffset("series:N", sort=names),
    )
    colours = alt.Scale(domain=names, range=[series(i).light for i in range(len(names))])
    drawn = alt.layer(
        base.mark_bar().encode(
            x=x, color=alt.Color("series:N", scale=colours, sort=names, legend=_legend(names))
        ),
        base.transform_filter("datum.low != null")
        .mark_rule(color=INK.light, strokeWidth=1.5)
        .encode(x="low:Q", x2="high:Q"),
        base.mark_text(align="left", dx=TEXT_GAP_PX, color=INK.light, fontSize=FONT_PX).encode(
            x="end:Q", text="text:N"
        ),
    )
    deepest = max(label.count("\n") + 1 for label in labels)
    each = max(len(names) * BAR_PX, deepest * LINE_PX) + GAP_PX
    drawn = drawn.properties(
        width=WIDTH_PX,
        height=len(labels) * each,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )
    return finished(drawn, chart)


def _end_of_axis(chart: BarChart) -> float:
    """Return the value at the end of the axis, so far out that each bar's text has room."""
    names = max(width_px(line) for b in chart.bars for line in lines(b.label, MOST_ON_A_LINE))
    inner = max(WIDTH_PX - BESIDE_PX - names, LEAST_PX)
    room = [
        _end(b) * inner / max(inner - TEXT_GAP_PX - width_px(b.text), LEAST_PX / 2)
        for b in chart.bars
    ]
    return max([(chart.most or 0.0) * 1.02, *room]) or 1.0


def _end(bar: Bar) -> float:
    return bar.value if bar.high is None else max(bar.value, bar.high)


def _label(name: str) -> str:
    return "\n".join(lines(plain(name), MOST_ON_A_LINE))


def _legend(names: list[str]) -> alt.Legend:
    widest = max(len(name) for name in names)
    return alt.Legend(offset=4, columns=max(1, min(len(names), 44 // (widest + 4))))
