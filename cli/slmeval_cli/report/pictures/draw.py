"""From a chart to its picture, in every form that it is needed in."""

from collections.abc import Sequence
from dataclasses import dataclass

import vl_convert

from slmeval_cli.report.views.chart import AnyChart, BarChart

from .bars import bars
from .points import points
from .svg import inline, standalone

PNG_SCALE = 2.0
"""Pixels of a PNG for each of the SVG: sharp on paper and on dense screens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A chart as it is written to files, and as it stands in the page."""

    name: str
    """Of its files, without an ending."""
    note: str
    svg: str
    """A file of its own, on white."""
    inline: str
    """A part of the page, in the page's colours."""
    png: bytes


def pictures_of(charts: Sequence[AnyChart]) -> list[Picture]:
    """Return the pictures of `charts`, in their order."""
    return [_picture(chart) for chart in charts]


def _picture(chart: AnyChart) -> Picture:
    document = bars(chart) if isinstance(chart, BarChart) else points(chart)
    drawn = vl_convert.vegalite_to_svg(document)
    name, title = chart.name, ". ".join([*chart.subtitle, chart.title])
    svg = standalone(drawn, name=name, title=title, description=chart.description)
    return Picture(
        name=name,
        note=chart.note,
        svg=svg,
        inline=inline(drawn, name=name, title=title, description=chart.description),
        png=vl_convert.svg_to_png(svg, scale=PNG_SCALE),
    )
