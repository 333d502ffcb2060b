"""Grafana's dashboards, made of Grafana's own schema and of the series that the operator declares.

`make gen` writes them to charts/slmeval/files/dashboards/; nobody edits those.
"""

from .compare import compare
from .operator import operator
from .overview import overview
from .pages import text_of
from .run import run
from .trend import trend

PAGES = (overview, compare, run, trend, operator)


def dashboards() -> dict[str, str]:
    """Return file name -> JSON of every dashboard."""
    made = [page() for page in PAGES]
    return {f"{page.name}.json": text_of(page) for page in made}
