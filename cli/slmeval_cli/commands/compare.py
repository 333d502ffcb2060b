"""`slmeval compare`: two models of one evaluation side by side."""

from dataclasses import replace
from typing import Annotated

import typer
from slmeval_api.trial import Trial

from slmeval_cli.answer import Answer
from slmeval_cli.calls import Where
from slmeval_cli.comparing import (
    Scores,
    Speeds,
    models_of,
    pools_of,
    scores_of,
    sentences,
    speeds_of,
)
from slmeval_cli.exits import UserError
from slmeval_cli.numbers import p_value, rounded, score
from slmeval_cli.options import Context, Kubeconfig, Name, Namespace, RunName, SavedFiles, read
from slmeval_cli.screen import Screen, table_of
from slmeval_cli.tables import notes


def compare(
    context: typer.Context,
    name: Name,
    model_a: Annotated[str, typer.Argument(metavar="MODEL_A", help="A model's name there.")],
    model_b: Annotated[str, typer.Argument(metavar="MODEL_B", help="Another one's.")],
    pool: Annotated[
        str | None,
        typer.Option("--pool", metavar="POOL", help="One SLMPool. Left out: all of them."),
    ] = None,
    run: RunName = None,
    files: SavedFiles = None,
    namespace: Namespace = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Compare two models: how much faster, how much better, and whether the items can tell.

    Speed is the ratio of requests a second; where they come at a rate that was given, that of the
    time that they take, and of those within the objectives. Scores are compared on the items that
    both were asked, once the run has ended: the difference with its 95% interval, and how probable
    so large a one is between models that are equally good, corrected for the number of comparisons
    (Holm). Tied: that is 0.05 or more.

    \b
    Examples:
      slmeval compare quickstart smollm2-bf16 smollm2-fp32
      slmeval compare quickstart smollm2-bf16 smollm2-fp32 --pool cpu
    """
    where = Where(namespace, cluster_context, kubeconfig)
    answer = read(context, name, where, run=run, files=files).answer
    pools = _chosen(answer, model_a, model_b, pool)
    answer = replace(answer, trials=_trials(answer, (model_a, model_b), pools))
    speeds = speeds_of(answer, model_a, model_b, pools)
    scores = scores_of(answer, model_a, model_b, pools)
    screen = Screen()
    for sentence in sentences(model_a, model_b, speeds, scores):
        screen.line(sentence)
    _show(screen, (model_a, model_b), speeds, scores)
    if not scores:
        screen.line(_why_no_scores(answer))
    for note in notes(answer):
        screen.line(note, style="yellow")


def _chosen(answer: Answer, model_a: str, model_b: str, pool: str | None) -> list[str]:
    """Return the pools that are meant, once everything that is named is there."""
    if model_a == model_b:
        raise UserError(f"{model_a} is named twice.", "Name two models.")
    for what, named, there in (
        ("model", model_a, models_of(answer)),
        ("model", model_b, models_of(answer)),
        ("pool", pool, pools_of(answer)),
    ):
        if named is not None and named not in there:
            raise UserError(f"{answer.name} has no {what} {named}.", f"It has: {', '.join(there)}.")
    return [pool] if pool else pools_of(answer)


def _trials(answer: Answer, models: tuple[str, str], pools: list[str]) -> list[Trial]:
    return [t for t in answer.trials if t.spec.model.name in models and t.spec.pool in pools]


def _show(
    screen: Screen, models: tuple[str, str], speeds: list[Speeds], scores: list[Scores]
) -> None:
    first, second = models
    if speeds:
        rows = [
            (s.pool, s.workload, s.figure.header, rounded(s.first), rounded(s.second), s.ratio)
            for s in speeds
        ]
        headers = ("POOL", "WORKLOAD", "FIGURE", first, second, "RATIO")
        screen.line()
        screen.table(table_of(headers, rows, right=(3, 4, 5)))
    if scores:
        cells = [
            (
                s.pool,
                s.task,
                score(s.difference),
                s.interval,
                p_value(s.adjusted_p_value),
                str(s.items),
                "tied" if s.is_tied else "differ",
            )
            for s in scores
        ]
        headers_of_scores = (
            "POOL", "TASK", f"{first} - {second}", "95% INTERVAL", "ADJUSTED P", "ITEMS", "VERDICT",
        )  # fmt: skip
        screen.line()
        screen.table(table_of(headers_of_scores, cells, right=(2, 3, 4, 5)))


def _why_no_scores(answer: Answer) -> str:
    if answer.run is None or answer.run.status.completion_time is None:
        return "Scores are compared when the run has ended."
    return "The run holds no comparison of their scores: no task has scores of both, item by item."
