"""`slmeval watch`: an evaluation, live, until it ends."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from slmeval_cli.answer import Answer
from slmeval_cli.calls import Where
from slmeval_cli.exits import ExitCode
from slmeval_cli.following import states, until_end
from slmeval_cli.numbers import duration
from slmeval_cli.options import Context, Kubeconfig, Name, Namespace, connected, world_of
from slmeval_cli.progress import End, counts_of, elapsed_s, headline, trials_of, words_of
from slmeval_cli.reading import read_cluster
from slmeval_cli.screen import Screen, plain, table_of


def watch(
    context: typer.Context,
    name: Name,
    namespace: Namespace = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show where each trial stands until the evaluation ends.

    A terminal shows a table; a pipe gets a line for each change. Exit code 0: it succeeded; 1: it
    failed, or nothing more happens until somebody acts. A broken connection is made again.

    The time left is told once a trial of each unfinished pool was measured: the mean time of the
    pool's measured trials, times the rounds still to come, less the time since the last one ended.
    A round is as many trials as are being measured now. The pool that takes longest counts.

    \b
    Examples:
      slmeval watch quickstart
      slmeval watch quickstart -n my-team | tee progress.log
    """
    world = world_of(context)
    cluster = connected(context, Where(namespace, cluster_context, kubeconfig))
    screen, end = Screen(), End.OPEN
    looks = states(cluster, name, monotonic=world.monotonic, tick_s=world.tick_s)
    with closing(looks) as answers, _display(screen) as show:
        for answer, standing in until_end(answers, monotonic=world.monotonic):
            show(answer, world.now())
            end = standing
        # The last change of a trial may come after the one that ends the evaluation.
        show(read_cluster(cluster, name).answer, world.now())
    screen.note(f"`slmeval results {name}` shows what was measured.")
    raise typer.Exit(ExitCode.OK if end == End.SUCCEEDED else ExitCode.FAILED)


Show = Callable[[Answer, datetime], None]


@contextmanager
def _display(screen: Screen) -> Iterator[Show]:
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
