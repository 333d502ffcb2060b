"""Colours that people with any kind of colour vision tell apart.

Closed sets (quantiles, states, parts of a start) have fixed ones. Open sets, such as models, are
coloured along blue, yellow and red by their last value: Grafana has no categorical palette that is
safe for more than a few series, and the order of values is what is asked about.
"""

from collections.abc import Sequence

BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
ORANGE, RED, PURPLE, GREY = "#E69F00", "#D55E00", "#CC79A7", "#999999"

QUANTILES = {"0.5": ("median", SKY), "0.95": ("95%", BLUE), "0.99": ("99%", ORANGE)}
"""Value of the label `quantile`: what it is called, its colour."""

STATES = {"pending": GREY, "running": SKY, "succeeded": BLUE, "failed": ORANGE}
"""Of trials. Blue and orange stand for good and bad everywhere: never green and red."""

PARTS = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933",
    "#DDCC77", "#CC6677", "#882255", "#AA4499",
)  # fmt: skip
"""Nine, for the parts of an engine's start."""


def fixed(names: Sequence[str], colours: Sequence[str] = PARTS) -> dict[str, str]:
    """Return name -> colour. There must be enough colours."""
    return dict(zip(names, colours[: len(names)], strict=True))
