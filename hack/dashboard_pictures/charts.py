"""Charts of panels, as SVG, by Vega-Lite. Pure but for the drawing library."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

from .frames import joined, properties, step
from .prometheus import Series, Span
from .units import axis_of

Json = Mapping[str, Any]
COLOURS = ["#0072B2", "#E69F00", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#F0E442", "#999999"]
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""Those that are there have letters of the same width on every machine."""
MS = 1000
LONG_S = 2 * 86_400
TICKS = 5
LETTER, SYMBOL, MOST_ROWS = 6, 30, 5
"""Pixels of a letter of a legend and of what stands around its text; its rows."""


def lines(
    panel: Json,
    answers: Sequence[tuple[str, list[Series]]],
    size: tuple[int, int],
    span: Span,
    marks: Sequence[float] = (),
) -> str:
    """Return series over time; where there is no sample there is no line.

    Args:
        panel: its JSON.
        answers: the legend and the series of each query.
        size: in pixels.
        span: the time range that is shown.
        marks: times of annotations.

    """
    stretches = [
        (named(legend, one), stretch)
        for legend, found in answers
        for one in found
        for stretch in _stretches(one.samples, span.step)
    ]
    if not stretches:
        return ""
    defaults = panel["fieldConfig"]["defaults"]
    factor, axis = _axis(defaults, [v for _, stretch in stretches for _, v in stretch])
    rows = [
        {"time": at * MS, "value": value / factor, "series": name, "stretch": place}
        for place, (name, stretch) in enumerate(stretches)
        for at, value in _bends(stretch)
    ]
    alone = [
        {"time": stretch[0][0] * MS, "value": stretch[0][1] / factor, "series": name}
        for name, stretch in stretches
        if len(stretch) == 1
    ]
    names = sorted({name for name, _ in stretches})
    x, y = _when("time", span), alt.Y("value:Q", title=None, axis=axis, scale=_scale(defaults))
    color = _color("series", names, [_fixed(panel, name) for name in names], size[0])
    is_stepped = defaults["custom"].get("lineInterpolation") == "stepAfter"
    way: Any = "step-after" if is_stepped else "linear"
    mark = alt.Chart(_values(rows)).mark_line(interpolate=way, strokeWidth=2)
    layers = [mark.encode(x=x, y=y, color=color, detail="stretch:N")]
    if alone:
        mark = alt.Chart(_values(alone)).mark_point(filled=True, size=9)
        layers.append(mark.encode(x=x, y=y, color=color.copy().legend(None)))
    if marks:
        mark = alt.Chart(_values([{"time": at * MS} for at in marks])).mark_rule(strokeDash=[4, 3])
        layers.insert(0, mark.encode(x=x))
    return _svg(alt.LayerChart(layer=layers), size)


def states(
    panel: Json, answers: Sequence[tuple[str, list[Series]]], size: tuple[int, int], span: Span
) -> str:
    """Return a band a series, coloured by its value."""
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    words = {float(k): (v["text"], v["color"]) for k, v in mapping["options"].items()}
    rows = [
        {
            "from": begun * MS,
            "to": ended * MS,
            "series": named(legend, one),
            "state": words[value][0],
        }
        for legend, found in answers
        for one in found
        for begun, ended, value in _bands(one.samples, span)
    ]
    if not rows:
        return ""
    domain = [text for text, _ in words.values()]
    chart = alt.Chart(_values(rows)).mark_bar(height={"band": 0.9})
    return _svg(
        chart.encode(
            x=_when("from", span),
            x2="to:T",
            y=alt.Y("series:N", title=None, axis=alt.Axis(labelLimit=220)),
            color=_color("state", domain, [colour for _, colour in words.values()], size[0]),
        ),
        size,
    )


def bars(panel: Json, answers: Sequence[tuple[str, list[Series]]], size: tuple[int, int]) -> str:
    """Return groups of bars, or stacks."""
    frame = joined(panel, [one for _, found in answers for one in found])
    if not frame.rows:
        return ""
    defaults, group = panel["fieldConfig"]["defaults"], panel["options"]["xField"]
    names = {f: properties(panel, f).get("displayName", f) for f in frame.figures}
    found = [(row[group], f, float(row[f] or 0)) for row in frame.rows for f in frame.figures
             if row.get(f) is not None]  # fmt: skip
    factor, axis = _axis(defaults, [value for _, _, value in found])
    rows = [{"group": of, "series": names[f], "value": v / factor} for of, f, v in found]
    ordered = [o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]]
    domain = [names[f] for f in sorted(frame.figures, key=lambda f: _rank(ordered, f))]
    colours = [_fixed(panel, f) for f in sorted(frame.figures, key=lambda f: _rank(ordered, f))]
    encoding: dict[str, Any] = {
        "x": alt.X(
            "value:Q",
            title=None,
            axis=axis,
            stack="zero" if _stacks(panel) else None,
        ),
        "y": alt.Y("group:N", title=None, axis=alt.Axis(labelLimit=240)),
        "color": _color("series", domain, colours, size[0]),
    }
    if not _stacks(panel):
        encoding["yOffset"] = alt.YOffset("series:N", sort=domain)
    return _svg(alt.Chart(_values(rows)).mark_bar().encode(**encoding), size)


def points(panel: Json, answers: Sequence[tuple[str, list[Series]]], size: tuple[int, int]) -> str:
    """Return y against x; joined by lines where x is a label."""
    frame = joined(panel, [one for _, found in answers for one in found])
    parted = step(panel, "partitionByValues") or {"fields": []}
    number = step(panel, "convertFieldType")
    if number is not None:
        x = number["conversions"][0]["targetField"]
        (y,) = frame.figures or [""]
    else:
        x, y = [legend for legend, _ in answers]
    rows = [
        {
            "x": row[x] or 0,
            "y": row[y] or 0,
            "series": " · ".join(str(row[f]) for f in parted["fields"]),
        }
        for row in frame.rows
        if row.get(x) is not None and row.get(y) is not None
    ]
    if not rows:
        return ""
    across = properties(panel, x)
    by, down = _axis(across, [float(row["x"]) for row in rows])
    factor, up = _axis(properties(panel, y), [float(row["y"]) for row in rows])
    scaled = [row | {"x": float(row["x"]) / by, "y": float(row["y"]) / factor} for row in rows]
    base = alt.Chart(_values(scaled)).encode(
        x=alt.X("x:Q", title=across["displayName"], axis=down),
        y=alt.Y("y:Q", title=y, axis=up, scale=alt.Scale(zero=number is not None)),
        color=_color("series", sorted({str(row["series"]) for row in rows}), [], size[0]),
    )
    drawn = base.mark_point(filled=True, size=70)
    return _svg(base.mark_line() + drawn if number is not None else drawn, size)


def named(legend: str, series: Series) -> str:
    """Return a legend with the labels put in."""
    return re.sub(r"\{\{(\w+)\}\}", lambda m: series.labels.get(m[1], ""), legend)


def _when(field: str, span: Span) -> alt.X:
    is_long = span.end - span.start > LONG_S
    axis = alt.Axis(format="%-d %b" if is_long else "%H:%M", tickCount=8)
    scale = alt.Scale(type="utc", domain=[span.start * MS, span.end * MS], nice=False)
    return alt.X(f"{field}:T", title=None, scale=scale, axis=axis)


def _stretches(
    samples: Sequence[tuple[float, float]], step: float
) -> list[list[tuple[float, float]]]:
    """Return the samples in stretches without a gap and without what is no number."""
    found = list[list[tuple[float, float]]]()
    for at, value in samples:
        if math.isnan(value):
            continue
        if not found or at - found[-1][-1][0] > 1.5 * step:
            found.append([])
        found[-1].append((at, value))
    return found


def _bends(stretch: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the samples less those that are as the one before and the one after."""
    last = len(stretch) - 1
    return [
        (at, value)
        for place, (at, value) in enumerate(stretch)
        if place in (0, last) or {stretch[place - 1][1], stretch[place + 1][1]} != {value}
    ]


def _bands(samples: Sequence[tuple[float, float]], span: Span) -> list[tuple[float, float, float]]:
    """Return (start, end, value) of stretches without a gap or a change."""
    bands = list[tuple[float, float, float]]()
    for at, value in samples:
        until = min(at + span.step, span.end)
        if bands and bands[-1][1:] == (at, value):
            bands[-1] = (bands[-1][0], until, value)
        else:
            bands.append((at, until, value))
    return bands


def _values(rows: Sequence[Mapping[str, object]]) -> alt.InlineData:
    return alt.InlineData(values=[dict(row) for row in rows])


def _rank(ordered: Sequence[str], name: str) -> int:
    return ordered.index(name) if name in ordered else len(ordered)


def _stacks(panel: Json) -> bool:
    return bool(panel["options"]["stacking"] == "normal")


def _fixed(panel: Json, name: str) -> str | None:
    colour = properties(panel, name).get("color", {}).get("fixedColor")
    return str(colour) if colour else None


def _color(field: str, domain: list[str], colours: Sequence[str | None], width: int) -> alt.Color:
    """Return the colours of series, with a legend that is no wider than its panel."""
    spare = [c for c in COLOURS if c not in colours] or COLOURS
    given = list(colours) or [None] * len(domain)
    used = [c or spare[at % len(spare)] for at, c in enumerate(given)]
    columns = max(width // (LETTER * max(map(len, domain)) + SYMBOL), 1)
    legend = alt.Legend(
        title=None, orient="bottom", labelLimit=width - SYMBOL, columns=columns,
        symbolLimit=columns * MOST_ROWS,
    )  # fmt: skip
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=domain, range=used), legend=legend)


def _axis(looks: Json, values: Sequence[float]) -> tuple[float, alt.Axis]:
    """Return what values are to be divided by, and an axis that bears the unit of the quotients."""
    most = max(map(abs, values))
    factor, end = axis_of(most, looks["unit"])
    is_short_count = looks.get("decimals") == 0 and factor == 1 and most <= TICKS
    at = list(range(int(most) + 1)) if is_short_count else alt.Undefined
    label = f"format(datum.value, '~g') + '{end}'"
    return factor, alt.Axis(labelExpr=label, tickCount=TICKS, values=at)


def _scale(defaults: Json) -> alt.Scale:
    return alt.Scale(zero=defaults.get("min") == 0)


def _svg(chart: alt.Chart | alt.LayerChart, size: tuple[int, int]) -> str:
    fitted = chart.properties(
        width=size[0], height=size[1], autosize=alt.AutoSizeParams(type="fit", contains="padding")
    )
    fitted = fitted.configure_view(strokeOpacity=0).configure(font=FONT)
    return str(vl_convert.vegalite_to_svg(fitted.to_dict()))
