"""`slmeval run-now`: the same question again, by hand."""

from typing import Annotated

import typer
from slmeval_api.conditions import has_ended
from slmeval_api.objects import RUN_REQUESTED_AT

from slmeval_cli.answer import Answer
from slmeval_cli.calls import EVALUATIONS, Where
from slmeval_cli.options import Context, Kubeconfig, Namespace, connected, world_of
from slmeval_cli.reading import read_cluster
from slmeval_cli.screen import Screen


def run_now(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Names of the SLMEvaluations.")
    ],
    namespace: Namespace = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Ask the same question again, though nothing of it has changed.

    Sets the annotation slmeval.dev/run-requested-at, whose new value the operator answers with a
    new run; GitOps tools leave it alone. A run that is on its way ends first. `wait` and `watch`
    then wait for the new run.

    \b
    Examples:
      slmeval run-now quickstart && slmeval wait quickstart --timeout 2h
      slmeval run-now one another -n my-team
      kubectl annotate slmeval quickstart slmeval.dev/run-requested-at="$(date)" --overwrite
    """
    world = world_of(context)
    cluster = connected(context, Where(namespace, cluster_context, kubeconfig))
    screen = Screen()
    answers = [read_cluster(cluster, name).answer for name in names]  # all are there, or none is
    for answer in answers:
        value = world.now().isoformat(timespec="milliseconds")
        cluster.annotated(EVALUATIONS, *answer.name, annotations={RUN_REQUESTED_AT: value})
        screen.line(f"{answer.name}: a run was asked for. {_when(answer)}".rstrip())


def _when(answer: Answer) -> str:
    if answer.evaluation.spec.suspend:
        return "It starts when spec.suspend is false."
    if answer.run is not None and not has_ended(answer.run.status.conditions):
        return f"It starts when run {answer.run.meta.name} has ended."
    return ""
