"""How an evaluation is shown while it is measured, and what was measured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Group
from rich.live import Live
from rich.text import Text

from .answer import Answer
from .numbers import duration
from .progress import counts_of, elapsed_s, headline, trials_of, words_of
from .screen import Screen, plain, table_of
from .tables import accuracy_table, gates_table, notes, speed_table

Show = Callable[[Answer, datetime], None]


@contextmanager
def progress_shown(screen: Screen) -> Iterator[Show]:
    """Yield what shows a state: in place on a terminal, else what is new, line by line."""
    if not screen.out.is_terminal:
        yield _Lines(screen).show
        return
    with Live(console=screen.out, auto_refresh=False) as live:
        yield lambda answer, now: live.update(_picture(answer, now), refresh=True)


def _picture(answer: Answer, now: datetime) -> Group:
    trials = [(t.model, t.pool, t.stage, str(t.attempt or ""), t.detail) for t in trials_of(answer)]
    table = table_of(("MODEL", "POOL", "STAGE", "ATTEMPT", "DETAIL"), trials, right=[3])
    return Group(Text(plain(headline(answer, now)), style="bold"), table)


class _Lines:
    """Writes what has changed since the last look, each line with the time that has passed."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._standing = ""
        self._trials = set[str]()

    def show(self, answer: Answer, now: datetime) -> None:
        """Write the lines of `answer` that the last one did not have."""
        elapsed = elapsed_s(answer, now)
        stamp = f"[{duration(elapsed)}] " if elapsed is not None else ""
        # Clocks alone are no change.
        standing = f"{words_of(answer)} {counts_of(answer)}"
        if standing != self._standing:
            self._screen.line(f"{stamp}{headline(answer, now)}")
        trials = [str(trial) for trial in trials_of(answer)]
        for line in trials:
            if line not in self._trials:
                self._screen.line(f"{stamp}{line}")
        self._standing, self._trials = standing, set(trials)


def show_results(answer: Answer, screen: Screen, *, is_wide: bool, is_saved: bool = False) -> None:
    """Write the tables of speed, accuracy and gates, and what to know about them.

    Args:
        answer: what was measured, or is being measured.
        screen: where to.
        is_wide: more columns.
        is_saved: it was read from files, and nothing more will come of it.

    """
    run = answer.run
    if run is None:
        waits = f"no run has begun. `slmeval watch {answer.name.name}` waits."
        screen.line(f"{answer.name}: {'the files hold no run of it.' if is_saved else waits}")
        return
    screen.line(f"{answer.name}, run {run.meta.name}", style="bold")
    tables = (
        ("Speed", speed_table(answer, is_wide=is_wide)),
        ("Accuracy", accuracy_table(answer, is_wide=is_wide)),
        ("Gates", gates_table(answer)),
    )
    for title, table in tables:
        if table is not None:
            screen.line()
            screen.line(title, style="bold")
            screen.table(table)
    for place, note in enumerate(notes(answer)):
        if place == 0:
            screen.line()
        screen.line(note, style="yellow")
