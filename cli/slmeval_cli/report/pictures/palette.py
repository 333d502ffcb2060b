"""The colours of pictures and page, on white and on black.

Series are told apart by people who see colours differently: after Okabe and Ito (2008), darkened on
white and lightened on black until each stands out from the ground by 3 to 1, text by 4.5 to 1
(WCAG 2.2, 1.4.3 and 1.4.11).
"""

from typing import NamedTuple


class Colour(NamedTuple):
    """A colour's name in the page's style sheet, and what it is on a light and a dark ground."""

    name: str
    light: str
    dark: str

    @property
    def variable(self) -> str:
        """How an SVG in the page refers to it."""
        return f"var(--{self.name})"


PAPER = Colour("paper", "#fffffe", "#14171a")
INK = Colour("ink", "#1b1f23", "#e8eaed")
MUTED = Colour("muted", "#57606a", "#a8b0b8")
GRID = Colour("grid", "#dfe3e8", "#343a41")
ALARM = Colour("alarm", "#b3261e", "#ff8a80")
SERIES = (
    Colour("series-0", "#0072b2", "#56b4e9"),
    Colour("series-1", "#c85200", "#f0914a"),
    Colour("series-2", "#008566", "#2fc79d"),
    Colour("series-3", "#a8488a", "#e39ac6"),
    Colour("series-4", "#8a6d00", "#e6c229"),
    Colour("series-5", "#5b4bb5", "#a79bf0"),
    Colour("series-6", "#5f6b76", "#b9c2ca"),
)
ALL = (PAPER, INK, MUTED, GRID, ALARM, *SERIES)
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down")
"""With the colours: 35 series that differ, for 7 and 5 have no divisor in common."""
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""The first is in vl-convert itself, so a PNG is the same everywhere; all have one metric."""


def series(number: int) -> Colour:
    """Return the colour of the series of that number, from 0."""
    return SERIES[number % len(SERIES)]


def shape(number: int) -> str:
    """Return the shape of the series of that number, from 0."""
    return SHAPES[number % len(SHAPES)]


def style_variables(*, is_dark: bool) -> str:
    """Return the colours as declarations of a style sheet."""
    return " ".join(f"--{c.name}: {c.dark if is_dark else c.light};" for c in ALL)
