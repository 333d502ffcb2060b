"""Panels of text, as SVG: single figures and tables. Pure."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .charts import named
from .frames import joined, mapped, properties, step
from .prometheus import Series
from .units import text_of

Json = Mapping[str, Any]
ROW, FONT = 22, 12
INK, FAINT = "#1f2933", "#7b8794"


def written(
    text: str, x: float, y: float, *, size: float = FONT, fill: str = INK, more: str = ""
) -> str:
    """Return a line of text with its left end at x and its base line at y."""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{fill}" {more}>{escape(text)}</text>'


def number(panel: Json, answers: Sequence[tuple[str, list[Series]]], size: tuple[int, int]) -> str:
    """Return the one figure of a panel, or its word for none."""
    width, height = size
    defaults = panel["fieldConfig"]["defaults"]
    legend, found = answers[0]
    value = found[0].samples[-1][1] if found else None
    shown = mapped(defaults.get("mappings", ()), value)
    if shown is not None:
        text, colour = shown[0], shown[1] or FAINT
    elif value is None:
        text, colour = defaults["noValue"], FAINT
    else:
        text = text_of(value, defaults["unit"], defaults.get("decimals"))
        colour = _colour(defaults["thresholds"]["steps"], value)
    big = max(min(30.0, width * 1.3 / max(len(text), 1)), 11)
    middle = 'text-anchor="middle" font-weight="bold"'
    out = written(text, width / 2, height / 2 + big / 3, size=big, fill=colour, more=middle)
    if found and panel["options"]["textMode"] == "value_and_name":
        name = named(legend, found[0])
        out += written(name, width / 2, height - 8, more='text-anchor="middle"')
    return out


def table(panel: Json, answers: Sequence[tuple[str, list[Series]]], size: tuple[int, int]) -> str:
    """Return the rows that have room, and how many have not."""
    width, height = size
    frame = joined(panel, [one for _, found in answers for one in found])
    figures = [legend for legend, _ in answers]
    renamed = (step(panel, "organize") or {"renameByName": {}})["renameByName"]
    sort = panel["options"].get("sortBy") or []
    rows = frame.rows
    if sort:
        key = sort[0]["displayName"]
        rows = sorted(rows, key=lambda r: -float(r.get(key) or 0))
    if not rows:
        return written("no row", width / 2, height / 2, fill=FAINT, more='text-anchor="middle"')
    lines = [[renamed.get(n, n) for n in [*frame.labels, *figures]]]
    for row in rows:
        lines.append(
            [str(row[label]) for label in frame.labels] + [_cell(panel, row, f) for f in figures]
        )
    room = max((height - 6) // ROW - 1, 1)
    left, lines = len(lines) - 1 - room, lines[: room + 1]
    widest = [max(len(line[at]) for line in lines) + 2 for at in range(len(lines[0]))]
    scale = width / sum(widest)
    font = min(FONT, scale * 1.75)
    out, edges = "", [sum(widest[:at]) * scale for at in range(len(widest))]
    for at, line in enumerate(lines):
        y = (at + 1) * ROW
        for edge, text in zip(edges, line, strict=True):
            fill = FAINT if text == "—" or at == 0 else INK
            out += written(text, edge + 4, y - 6, size=font, fill=fill)
        out += f'<line x1="0" x2="{width}" y1="{y}" y2="{y}" stroke="#e4e7eb"/>'
    if left > 0:
        out += written(
            f"and {left} more", width - 4, height - 2, fill=FAINT, size=10, more='text-anchor="end"'
        )
    return out


def _cell(panel: Json, row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    looks = properties(panel, name)
    if value is None:
        return "—"
    shown = mapped(looks.get("mappings", ()), float(value))
    if shown is not None:
        return shown[0]
    return text_of(float(value), looks["unit"], looks.get("decimals"))


def _colour(steps: Sequence[Json], value: float) -> str:
    found = [s["color"] for s in steps if s["value"] is None or value >= s["value"]]
    return str(found[-1])
