"""Picture the command line for docs/: `PYTHONPATH=tests python -m hack.terminal_pictures FOLDER`.

The commands run as they are, on a fake cluster that holds the tests' answers: what they print is
what anybody would see, and every figure is made up.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import history
from answers import ENDED, NAME, bodies
from cli_builders import FakeCluster, FakeHere, Ticking
from formula import SIZES
from slmeval_cli.calls import EVALUATIONS, Event, World
from slmeval_cli.main import app
from typer.testing import CliRunner

from .picture import picture

Json = dict[str, Any]
TITLE = "slmeval"
TERMINAL = {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "COLUMNS": "200"}
REDRAWN = re.compile(r"\r?(?:\x1b\[2K(?:\x1b\[1A)?)+")
"""Between two states of a live table: what rubs the first out."""
CURSOR = re.compile(r"\x1b\[\?25[lh]")
TWO = {name: SIZES[name] for name in ("gemma-2-9b", "llama-3-2-3b")}


def shown(arguments: Sequence[str], cluster: FakeCluster, now: float) -> str:
    """Return a command and what it prints first: of a live table, its first state."""
    world = World(
        connect=lambda _: cluster,
        now=lambda: datetime.fromtimestamp(now, UTC),
        monotonic=Ticking(),
        here=FakeHere(),
        tick_s=0.005,
    )
    done = CliRunner().invoke(app, list(arguments), obj=world, env=TERMINAL)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    first = REDRAWN.split(CURSOR.sub("", done.stdout))[0]
    return f"$ slmeval {' '.join(arguments)}\n{first}"


def under_way() -> FakeCluster:
    """Return a cluster in the midst of a run, which ends as soon as somebody watches it."""
    cluster = FakeCluster(bodies=history.objects(history.UNDER_WAY))
    over = next(b for b in history.objects(history.END) if b["metadata"]["name"] == NAME.name)
    cluster.events = {EVALUATIONS: [[Event(is_deleted=False, body=over)]]}
    return cluster


def pictures() -> dict[str, str]:
    """Return the text of each picture by its name."""
    ended = datetime.fromisoformat(ENDED).timestamp()
    answer = FakeCluster(bodies=bodies(sizes=TWO, pools=["a6000"], failed=(), noisy=()))
    team = FakeCluster(bodies=history.objects(history.LAST_MONDAY))
    return {
        "terminal-watch": shown(["watch", NAME.name], under_way(), history.UNDER_WAY),
        "terminal-results": shown(["results", NAME.name], answer, ended),
        "terminal-compare": shown(["compare", NAME.name, *TWO], answer, ended),
        "terminal-list": shown(["list", "-A"], team, history.LAST_MONDAY),
    }


def main() -> int:
    """Write an SVG for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, text in pictures().items():
        (folder / f"{name}.svg").write_text(picture(text, title=TITLE), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
