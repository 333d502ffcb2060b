"""A real Prometheus whose database holds a past: scrapes as text, and what rules made of them."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from prometheus import Prometheus, running

Json = dict[str, Any]
LOOKBACK = "45s"
"""Text has no mark for the end of a series, as a scrape makes one: it ends this long after its last
sample."""


class Past(NamedTuple):
    """What was scraped, and when it is recorded."""

    text: str
    """OpenMetrics, with times."""
    begin: float
    """In seconds since 1970."""
    end: float
    step: int
    """Seconds between two evaluations of recording rules."""


@contextmanager
def remembering(programs: Path, folder: Path, past: Past, rules: Path) -> Iterator[Prometheus]:
    """Run a Prometheus with `past` in it until the block ends.

    Args:
        programs: folder of prometheus and promtool.
        folder: an empty one.
        past: what was.
        rules: a rule file; what it records is recorded of the past as well.

    """
    start = partial(running, programs / "prometheus", folder, (), lookback=LOOKBACK)
    _store(programs, folder, past.text)
    for stage in _stages(rules):
        # promtool's own backfill of rules evaluates each minute, whatever it is told: minutes long.
        with start() as server:
            lines = [line for rule in stage for line in _recorded(server, rule, past)]
        _store(programs, folder, "\n".join([*lines, "# EOF", ""]))
    with start() as server:
        yield server


def _stages(rules: Path) -> Iterator[Sequence[Json]]:
    """Yield recording rules such that none reads what its own stage records."""
    left = [r for g in yaml.safe_load(rules.read_text())["groups"] for r in g["rules"]]
    while left:
        records = [rule["record"] for rule in left]
        stage = [rule for rule in left if not any(name in rule["expr"] for name in records)]
        if not stage:
            raise ValueError(f"rules read each other's records: {records}")
        yield stage
        left = [rule for rule in left if rule not in stage]


def _recorded(server: Prometheus, rule: Json, past: Past) -> Iterator[str]:
    span = {"start": str(past.begin), "end": str(past.end), "step": str(past.step)}
    for series in server.get("query_range", query=rule["expr"], **span)["result"]:
        labels = ",".join(f"{name}={json.dumps(value)}" for name, value in series["metric"].items())
        for at, value in series["values"]:
            yield f"{rule['record']}{{{labels}}} {value} {at}"


def _store(programs: Path, folder: Path, text: str) -> None:
    """Put scrapes into the database, which no server may have open."""
    scraped = folder / "scraped.txt"
    scraped.write_text(text)
    command = [
        str(programs / "promtool"), "tsdb", "create-blocks-from", "--quiet",
        # Else the whole text is read once for each two hours of it.
        "--max-block-duration=1440h",
        "openmetrics", str(scraped), str(folder / "data"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
