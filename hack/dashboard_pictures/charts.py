"""Charts of panels, as SVG, by Vega-Lite. Pure but for the drawing library."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import altair as alt
import vl_convert

from .frames import joined, properties, step
from .prometheus import Series

Json = Mapping[str, Any]
COLOURS = ["#0072B2", "#E69F00", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#F0E442", "#999999"]
FORMATS = {"percentunit": ".0%", "bytes": "~s", "short": "~s"}
SECONDS = (
    "datum.value >= 172800 ? format(datum.value / 86400, '.3~g') + ' d' : "
    "datum.value >= 7200 ? format(datum.value / 3600, '.3~g') + ' h' : "
    "format(datum.value, '~g') + ' s'"
)
MS = 1000
LONG_MS = 2 * 86_400 * MS


def lines(
    panel: Json,
    answers: Sequence[tuple[str, list[Series]]],
    size: tuple[int, int],
    marks: Sequence[float] = (),
) -> str:
    """Return series over time.

    Args:
        panel: its JSON.
        answers: the legend and the series of each query.
        size: in pixels.
        marks: times of annotations.

    """
    rows = [
        {"time": at * MS, "value": value, "series": named(legend, one)}
        for legend, found in answers
        for one in found
        for at, value in one.samples
    ]
    if not rows:
        return ""
    defaults = panel["fieldConfig"]["defaults"]
    is_stepped = defaults["custom"].get("lineInterpolation") == "stepAfter"
    domain = sorted({str(row["series"]) for row in rows})
    mark = alt.Chart(_values(rows)).mark_line(
        interpolate="step-after" if is_stepped else "linear", strokeWidth=2
    )
    first, last = rows[0]["time"], rows[-1]["time"]
    drawn = mark.encode(
        x=_when("time", first, last),
        y=alt.Y("value:Q", title=None, axis=_axis(defaults["unit"]), scale=_scale(defaults)),
        color=_color("series", domain, [_fixed(panel, name) for name in domain]),
    )
    if not marks:
        return _svg(drawn, size)
    rules = alt.Chart(_values([{"time": at * MS} for at in marks])).mark_rule(strokeDash=[4, 3])
    return _svg(rules.encode(x=_when("time", first, last)) + drawn, size)


def states(panel: Json, answers: Sequence[tuple[str, list[Series]]], size: tuple[int, int]) -> str:
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
        for begun, ended, value in _bands(one.samples)
    ]
    if not rows:
        return ""
    domain = [text for text, _ in words.values()]
    chart = alt.Chart(_values(rows)).mark_bar(height={"band": 0.9})
    return _svg(
        chart.encode(
            x=_when("from", rows[0]["from"], rows[-1]["to"]),
            x2="to:T",
            y=alt.Y("series:N", title=None, axis=alt.Axis(labelLimit=220)),
            color=_color("state", domain, [colour for _, colour in words.values()]),
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
    rows = [
        {"group": row[group], "series": names[f], "value": row[f]}
        for row in frame.rows
        for f in frame.figures
        if row.get(f) is not None
    ]
    ordered = [o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]]
    domain = [names[f] for f in sorted(frame.figures, key=lambda f: _rank(ordered, f))]
    colours = [_fixed(panel, f) for f in sorted(frame.figures, key=lambda f: _rank(ordered, f))]
    encoding: dict[str, Any] = {
        "x": alt.X(
            "value:Q",
            title=None,
            axis=_axis(defaults["unit"]),
            stack="zero" if _stacks(panel) else None,
        ),
        "y": alt.Y("group:N", title=None, axis=alt.Axis(labelLimit=240)),
        "color": _color("series", domain, colours),
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
            "x": float(row[x] or 0),
            "y": row[y],
            "series": " · ".join(str(row[f]) for f in parted["fields"]),
        }
        for row in frame.rows
        if row.get(x) is not None and row.get(y) is not None
    ]
    if not rows:
        return ""
    unit, across = properties(panel, y)["unit"], properties(panel, x)
    base = alt.Chart(_values(rows)).encode(
        x=alt.X("x:Q", title=across["displayName"], axis=_axis(across["unit"])),
        y=alt.Y("y:Q", title=y, axis=_axis(unit), scale=alt.Scale(zero=number is not None)),
        color=_color("series", sorted({str(row["series"]) for row in rows}), []),
    )
    drawn = base.mark_point(filled=True, size=70)
    return _svg(base.mark_line() + drawn if number is not None else drawn, size)


def named(legend: str, series: Series) -> str:
    """Return a legend with the labels put in."""
    return re.sub(r"\{\{(\w+)\}\}", lambda m: series.labels.get(m[1], ""), legend)


def _when(field: str, start: object, end: object) -> alt.X:
    is_long = float(str(end)) - float(str(start)) > LONG_MS
    axis = alt.Axis(format="%-d %b" if is_long else "%H:%M", tickCount=8)
    return alt.X(f"{field}:T", title=None, scale=alt.Scale(type="utc"), axis=axis)


def _bands(samples: Sequence[tuple[float, float]]) -> list[tuple[float, float, float]]:
    """Return (start, end, value) of stretches without a gap or a change."""
    step = min((b[0] - a[0] for a, b in pairwise(samples)), default=60.0)
    bands = list[tuple[float, float, float]]()
    for at, value in samples:
        if bands and bands[-1][1:] == (at, value):
            bands[-1] = (bands[-1][0], at + step, value)
        else:
            bands.append((at, at + step, value))
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


def _color(field: str, domain: list[str], colours: Sequence[str | None]) -> alt.Color:
    spare = [c for c in COLOURS if c not in colours] or COLOURS
    given = list(colours) or [None] * len(domain)
    used = [c or spare[at % len(spare)] for at, c in enumerate(given)]
    legend = alt.Legend(title=None, orient="bottom", labelLimit=320, columns=4)
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=domain, range=used), legend=legend)


def _axis(unit: str) -> alt.Axis:
    if unit == "s":
        return alt.Axis(labelExpr=SECONDS, tickCount=5)
    ends = {"bytes": " + 'B'", "percent": " + '%'", "joule": " + ' J'"}
    form = FORMATS.get(unit, "~g")
    return alt.Axis(labelExpr=f"format(datum.value, '{form}'){ends.get(unit, '')}", tickCount=5)


def _scale(defaults: Json) -> alt.Scale:
    return alt.Scale(zero=defaults.get("min") == 0)


def _svg(chart: alt.Chart | alt.LayerChart, size: tuple[int, int]) -> str:
    fitted = chart.properties(
        width=size[0], height=size[1], autosize=alt.AutoSizeParams(type="fit", contains="padding")
    ).configure_view(strokeOpacity=0)
    return str(vl_convert.vegalite_to_svg(fitted.to_dict()))
