"""Draw the chart's dashboards: `python -m hack.dashboard_pictures URL OUT --var namespace=team`.

One SVG a dashboard, from the same queries that Grafana would ask, at one time of one Prometheus.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hack.gen.dashboards.queries import substituted

from .cells import FAINT, number, table, written
from .charts import FONT, bars, lines, points, states
from .prometheus import Prometheus, Series, Span

FOLDER = Path(__file__).resolve().parents[2] / "charts/slmeval/files/dashboards"
COLUMN, LINE, GAP, HEAD, TITLE = 62, 38, 8, 64, 26
"""Pixels of Grafana's grid of 24 columns, of its lines, between panels, of both headings."""
POINTS = 240
EVERY = ".+"
"""Value of a variable of which all are chosen."""
SECONDS = {"m": 60, "h": 3600, "d": 86_400}
DRAWN = {
    "barchart": bars,
    "stat": number,
    "table": table,
    "xychart": points,
}
Json = Mapping[str, Any]


def drawn(name: str, url: str, values: Mapping[str, str], at: float, *, note: str = "") -> str:
    """Return the picture of one of the chart's dashboards, by what the Prometheus at `url` says."""
    return picture(board_of(name), Prometheus(url), values, at, note=note)


def board_of(name: str) -> Json:
    """Return the JSON of one of the chart's dashboards."""
    found: Json = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def picture(
    board: Json, prometheus: Prometheus, values: Mapping[str, str], at: float, *, note: str = ""
) -> str:
    """Return a dashboard as SVG; closed rows are drawn open.

    Args:
        board: its JSON.
        prometheus: answers its queries.
        values: its variables.
        at: the end of its time range.
        note: what the reader must know about the figures.

    """
    span = span_of(board, at)
    timed = {
        "__range": f"{span.end - span.start:.0f}s",
        "__rate_interval": f"{max(span.step + 30, 120):.0f}s",
        "__interval": f"{span.step:.0f}s",
        **values,
    }
    marks = _marks(board, prometheus, timed, span)
    parts, top = [_heading(board, values, span, note)], float(HEAD)
    bottom = top
    for panel in _all(board):
        place = panel["gridPos"]
        x, y = place["x"] * COLUMN, top + place["y"] * LINE
        width, height = place["w"] * COLUMN - GAP, place["h"] * LINE - GAP
        bottom = max(bottom, y + height)
        inner = (
            written(substituted(panel["title"], values), 4, 20, size=15, more='font-weight="bold"')
            if panel["type"] == "row"
            else _panel(panel, prometheus, timed, span, (width, height), marks)
        )
        parts.append(f'<g transform="translate({x},{y})">{inner}</g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{24 * COLUMN + GAP}" '
        f'height="{bottom + GAP}" font-family="{FONT}">'
        f'<rect width="100%" height="100%" fill="#f5f7fa"/>'
        f'<g transform="translate({GAP},0)">{"".join(map(_short, parts))}</g></svg>\n'
    )


def _short(svg: str) -> str:
    """Return `svg` in steps of a tenth of a pixel, without what nobody reads in an image."""
    svg = re.sub(r' (aria-\w+|role|pointer-events)="[^"]*"', "", svg)
    return re.sub(r'\bd="[^"]*"', lambda d: re.sub(r"(\.\d)\d+", r"\1", d[0]), svg)


def span_of(board: Json, at: float) -> Span:
    """Return the dashboard's time range, ending at `at`, in about as many steps as are drawn."""
    found = re.fullmatch(r"now-(\d+)([mhd])", board["time"]["from"])
    if found is None:
        raise ValueError(f"time range of {board['title']}: {board['time']['from']}")
    length = int(found[1]) * SECONDS[found[2]]
    step = max(length // POINTS, 30)
    end = at // step * step
    return Span(end - length, at, step)


def _marks(
    board: Json, prometheus: Prometheus, values: Mapping[str, str], span: Span
) -> list[float]:
    """Return the times of the dashboard's annotations, whose values are milliseconds."""
    found = {
        value / 1000
        for one in board["annotations"]["list"]
        for series in prometheus.over(substituted(one["expr"], values), span)
        for _, value in series.samples
    }
    return sorted(at for at in found if span.start <= at <= span.end)


def _all(board: Json) -> list[Json]:
    found = list[Json]()
    for panel in board["panels"]:
        found += [panel, *panel.get("panels", ())] if panel["type"] == "row" else [panel]
    return found


def _heading(board: Json, values: Mapping[str, str], span: Span, note: str) -> str:
    when = datetime.fromtimestamp(span.end, UTC).strftime("%Y-%m-%d %H:%M UTC")
    chosen = ", ".join(
        f"{name}: {'all' if value == EVERY else value.replace('|', ', ')}"
        for name, value in values.items()
        if f"${name}" in json.dumps(board)
    )
    about = f"{board['time']['from'].removeprefix('now-')} to {when} · {chosen}"
    source = "Drawn from the dashboard's own queries without Grafana, whose look is another."
    return (
        written(board["title"], 0, 28, size=20, more='font-weight="bold"')
        + written(f"{source} {note}".strip(), 0, 50, fill=FAINT)
        + written(about, 24 * COLUMN - GAP, 28, fill=FAINT, more='text-anchor="end"')
    )


def _panel(
    panel: Json,
    prometheus: Prometheus,
    values: Mapping[str, str],
    span: Span,
    size: tuple[float, float],
    marks: Sequence[float],
) -> str:
    answers = [_answer(target, prometheus, values, span) for target in panel["targets"]]
    width, height = size
    room = int(width - 16), int(height - TITLE - 10)
    if panel["type"] == "timeseries":
        inner = lines(panel, answers, room, span, marks)
    elif panel["type"] == "state-timeline":
        inner = states(panel, answers, room, span)
    else:
        inner = DRAWN[panel["type"]](panel, answers, room)
    if not inner:
        text = panel["fieldConfig"]["defaults"]["noValue"]
        inner = written(text, room[0] / 2, room[1] / 2, fill=FAINT, more='text-anchor="middle"')
    name = f"p{panel['id']}-"
    # Clip paths of two charts may bear the same name.
    inner = re.sub(r'(id="|url\(#)(\w+)', rf"\g<1>{name}\g<2>", inner)
    return (
        f'<rect width="{width}" height="{height}" rx="4" fill="#fff" stroke="#e4e7eb"/>'
        + written(substituted(panel["title"], values), 8, 18, size=13, more='font-weight="bold"')
        + f'<g transform="translate(8,{TITLE})">{inner}</g>'
    )


def _answer(
    target: Json, prometheus: Prometheus, values: Mapping[str, str], span: Span
) -> tuple[str, list[Series]]:
    expression = substituted(target["expr"], values)
    if target.get("instant"):
        return target["legendFormat"], prometheus.instant(expression, span.end)
    return target["legendFormat"], prometheus.over(expression, span)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw every dashboard, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of Prometheus")
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--at", type=float, default=time.time(), help="seconds since 1970")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--only", action="append", help="name of a dashboard, as overview")
    parser.add_argument("--note", default="", help="what a reader must know about the figures")
    args = parser.parse_args(argv)
    anything = dict.fromkeys(("namespace", "evaluation", "pool", "model", "workload", "job"), EVERY)
    values = anything | {"tasks": "all"} | dict(one.split("=", 1) for one in args.var)
    args.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(FOLDER.glob("*.json")):
        if args.only and path.stem not in args.only:
            continue
        out = args.out / f"{path.stem}.svg"
        out.write_text(drawn(path.stem, args.url, values, args.at, note=args.note), "utf-8")
        print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
