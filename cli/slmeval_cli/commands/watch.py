"""`slmeval watch`: an evaluation, live, until it ends."""

from contextlib import closing

import typer

from slmeval_cli.calls import Where
from slmeval_cli.following import states, until_end
from slmeval_cli.options import Context, Kubeconfig, Name, Namespace, connected, world_of
from slmeval_cli.progress import End, doubt_of
from slmeval_cli.reading import read_cluster
from slmeval_cli.screen import Screen
from slmeval_cli.showing import progress_shown


def watch(
    context: typer.Context,
    name: Name,
    namespace: Namespace = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show where each trial stands until the evaluation ends.

    A terminal shows a table; a pipe gets a line for each change. Exit code 0: it succeeded; 1: it
    or a gate failed, or nothing more happens until somebody acts; 5: of a gate the data cannot
    tell. A broken connection is made again.

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
    with closing(looks) as answers, progress_shown(screen) as show:
        for answer, standing in until_end(answers, monotonic=world.monotonic):
            show(answer, world.now())
            end = standing
        # The last change of a trial may come after the one that ends the evaluation.
        answer = read_cluster(cluster, name).answer
        show(answer, world.now())
    if doubt_of(answer):
        screen.line(doubt_of(answer))
    screen.note(f"`slmeval results {name}` shows what was measured.")
    raise typer.Exit(end.exit_code)
