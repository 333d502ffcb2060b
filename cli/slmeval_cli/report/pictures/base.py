"""What every picture has: its size, its fonts, its title."""

from collections.abc import Iterator
from typing import Any

import altair as alt

from slmeval_cli.report.plain import plain
from slmeval_cli.report.views.chart import Chart

from .palette import ALARM, FONT, GRID, INK, MUTED, PAPER

WIDTH_PX = 400
"""Of every picture: two stand side by side on a desk, one is as wide as a phone."""
FONT_PX = 12.5
"""Letters that can still be read when a phone shows the picture a tenth smaller."""
MOST_ON_A_LINE = 24
"""Letters of a name on a line of an axis."""
LETTERS_OF_TITLE = 44
Drawn = alt.LayerChart | alt.FacetChart
"""What Altair says that layering may return."""


Rows = list[dict[str, Any]]
"""What a layer of a chart is drawn from."""


def data(rows: Rows) -> alt.Data:
    """Return rows as a chart's own data."""
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def finished(chart: Drawn, of: Chart) -> dict[str, Any]:
    """Return the Vega-Lite document of a drawn chart, with its title and the common style."""
    title = alt.TitleParams(
        text=list(lines(plain(of.title), LETTERS_OF_TITLE)),
        subtitle=[part for line in of.subtitle for part in lines(plain(line), LETTERS_OF_TITLE)],
        anchor="start",
        frame="bounds",
        fontSize=15,
        color=INK.light,
        subtitleColor=ALARM.light,
        subtitleFontSize=FONT_PX,
        subtitleFontWeight="bold",
        offset=6,
    )
    axis: dict[str, Any] = {
        "labelColor": INK.light,
        "titleColor": MUTED.light,
        "titleFontWeight": "normal",
        "labelFontSize": FONT_PX,
        "titleFontSize": FONT_PX,
        "gridColor": GRID.light,
        "domainColor": MUTED.light,
        "tickColor": MUTED.light,
        "labelLimit": 0,
        "titlePadding": 8,
    }
    document: dict[str, Any] = (
        chart.properties(title=title, background=PAPER.light)
        .configure(font=FONT, padding=6)
        .configure_view(stroke=None)
        .configure_axis(**axis)
        .configure_legend(
            labelColor=INK.light, labelFontSize=FONT_PX, labelLimit=0, title=None, orient="top"
        )
        .to_dict()
    )
    return document


def lines(text: str, most: int) -> Iterator[str]:
    """Yield `text` in lines of at most `most` letters, broken after a blank or a hyphen.

    A word that is longer is broken where the line ends.
    """
    while len(text) > most:
        cut = max(text.rfind(" ", 0, most + 1), text.rfind("-", 0, most) + 1)
        cut = cut if cut > 0 else most
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    yield text
