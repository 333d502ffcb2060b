"""Charts as plain values: what is drawn, never how."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar, and how sure its length is."""

    label: str
    series: str
    value: float
    text: str
    """The value for people, with as many digits as it supports."""
    low: float | None = None
    """Lower end of the line that shows the uncertainty. None: nothing is known of it."""
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One point of a scatter or of a curve."""

    label: str
    x: float
    y: float
    low: float | None = None
    """Lower end of the interval of y. None: there is none."""
    high: float | None = None
    is_filled: bool = True
    """False: it is drawn hollow, for what the chart's note says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What all charts have."""

    name: str
    """Of its files; unique in a report: parts are joined by _, which no name of the API has."""
    title: str
    subtitle: tuple[str, ...] = ()
    """Lines that go with the chart wherever it is copied to: invented figures are named here."""
    note: str
    """What a reader should know, for the caption."""
    description: str
    """All of its figures in words, for those who do not see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart(Chart):
    """Horizontal bars: a group for each label, in it a bar for each series."""

    axis: str
    """Title of the values' axis, the unit included."""
    bars: tuple[Bar, ...]
    most: float | None = None
    """End of the axis. None: as the bars need it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointChart(Chart):
    """Labelled points, and lines through some of them."""

    x_axis: str
    y_axis: str
    marks: tuple[Mark, ...]
    lines: Literal["None", "Frontier", "ByLabel"]
    """Frontier: steps through `frontier`. ByLabel: through the points of each label in order."""
    frontier: tuple[Mark, ...] = ()
    is_y_share: bool = False
    """True: y is between 0 and 1."""


AnyChart = BarChart | PointChart
