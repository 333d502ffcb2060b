"""`slmeval wait`: returns when an evaluation ends, for scripts and pipelines."""

import re
from collections import deque
from contextlib import closing
from enum import StrEnum
from typing import Annotated

import typer

from slmeval_cli.calls import Where
from slmeval_cli.exits import ExitCode
from slmeval_cli.following import states, until_end
from slmeval_cli.options import Context, Kubeconfig, Name, Namespace, connected, world_of
from slmeval_cli.progress import doubt_of, headline
from slmeval_cli.screen import Screen

_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_LONGEST_S = 366 * 86_400


class Goal(StrEnum):
    """What is waited for."""

    SUCCESS = "success"
    COMPLETE = "complete"


def seconds_of(text: str) -> int:
    """Return the seconds of a time span such as 90s, 30m, 2h or 1h30m.

    Raises:
        typer.BadParameter: it is none, or longer than a year.

    """
    found = _SPAN.fullmatch(text)
    if not text or not found:
        raise typer.BadParameter(f"{text!r} is no time span: write 90s, 30m, 2h or 1h30m.")
    hours, minutes, seconds = (int(part[:9] or 0) for part in found.groups(""))
    span = hours * 3600 + minutes * 60 + seconds
    if span > _LONGEST_S:
        raise typer.BadParameter(f"{text!r} is longer than a year.")
    return span


def wait(
    context: typer.Context,
    name: Name,
    timeout: Annotated[
        int | None,
        typer.Option(
            parser=seconds_of,
            metavar="SPAN",
            help="Longest time to wait, as 90s, 30m, 2h or 1h30m. Left out: no limit; the "
            "evaluation has deadlines of its own.",
        ),
    ] = None,
    goal: Annotated[
        Goal,
        typer.Option(
            "--for",
            metavar="|".join(Goal),
            help="success: all trials were measured, and all gates met; complete: all ended.",
        ),
    ] = Goal.SUCCESS,
    namespace: Namespace = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Wait until the evaluation's newest question has its end.

    Exit code 0: what is waited for is there. 1: the evaluation or a gate failed (with --for
    complete that is 0), or it is stalled: nothing more happens until somebody acts. 4: --timeout
    was over first. 5: everything was measured, but of a gate the data cannot tell.

    \b
    Examples:
      slmeval wait quickstart --timeout 2h && slmeval results quickstart
      slmeval wait quickstart --for complete
    """
    world = world_of(context)
    cluster = connected(context, Where(namespace, cluster_context, kubeconfig))
    looks = states(cluster, name, monotonic=world.monotonic, tick_s=world.tick_s)
    with closing(looks) as answers:
        all_of_them = until_end(answers, monotonic=world.monotonic, timeout_s=timeout)
        ((answer, end),) = deque(all_of_them, maxlen=1)
    screen = Screen()
    screen.line(headline(answer, world.now()))
    if doubt_of(answer):
        screen.line(doubt_of(answer))
    is_complete = goal == Goal.COMPLETE and end.is_final
    raise typer.Exit(ExitCode.OK if is_complete else end.exit_code)
