"""Picture the dashboards for docs/: `PYTHONPATH=tests python -m hack.made_up_dashboards FOLDER`.

They are drawn from a real Prometheus that holds a month that is made up (tests/history.py): they
show what dashboards look like with everything filled, and no model's figures.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import scrapes
from backfill import Past, remembering
from history import BEGIN, END, LAST_MONDAY, UNDER_WAY
from prometheus import Prometheus
from tools import ROOT, tool

from hack.dashboard_pictures.__main__ import EVERY, drawn

NOTE = "All figures are made up."
RULES = ROOT / "charts/slmeval/files/rules/trends.yaml"
WEEKLY = {"namespace": "team", "evaluation": "support-desk-example"}
SOME = "llama-3-2-1b|llama-3-2-3b|gemma-2-9b|qwen2-5-7b"


class View(NamedTuple):
    """What a dashboard is asked for."""

    at: float
    """End of its time range."""
    variables: Mapping[str, str]


VIEWS = {
    "overview": View(LAST_MONDAY, {"namespace": EVERY, "evaluation": EVERY}),
    "compare": View(END, WEEKLY | {"pool": EVERY, "model": SOME, "workload": "chat",
                                   "tasks": "all"}),
    "run": View(UNDER_WAY, WEEKLY),
    "trend": View(END, WEEKLY | {"pool": "a6000", "model": EVERY, "workload": "article",
                                 "tasks": "all"}),
    "operator": View(LAST_MONDAY, {"job": "slmeval/0"}),
}  # fmt: skip
"""By the dashboard's name."""


@contextmanager
def made_up_month() -> Iterator[Prometheus]:
    """Run a Prometheus that has scraped and recorded the month, until the block ends.

    Raises:
        FileNotFoundError: Prometheus is not there. Its text says how to have it.

    """
    program = tool("prometheus")
    if program is None or tool("promtool") is None:
        raise FileNotFoundError("no prometheus: `python -m hack.debian prometheus`")
    past = Past(scrapes.text(), BEGIN, END, scrapes.COARSE_S)
    with (
        tempfile.TemporaryDirectory() as folder,
        remembering(program.parent, Path(folder), past, RULES) as server,
    ):
        yield server


def main() -> int:
    """Write a picture of each dashboard; return 1 where there is no Prometheus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    try:
        with made_up_month() as server:
            for name, (at, variables) in VIEWS.items():
                svg = drawn(name, server.url, variables, at, note=NOTE)
                (folder / f"dashboard-{name}.svg").write_text(svg, "utf-8")
    except FileNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
