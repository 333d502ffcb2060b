"""`slmeval list`: which evaluations there are, and where they stand."""

from datetime import datetime
from typing import Annotated

import typer
from pydantic import ValidationError
from slmeval_api.conditions import ConditionType, condition
from slmeval_api.evaluation import Evaluation

from slmeval_cli.answer import Body
from slmeval_cli.calls import EVALUATIONS, Where
from slmeval_cli.numbers import age, until
from slmeval_cli.options import Context, Kubeconfig, Namespace, connected, world_of
from slmeval_cli.screen import Screen, table_of


def list_(
    context: typer.Context,
    is_everywhere: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Of all namespaces.")
    ] = False,
    namespace: Namespace = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List evaluations: why they stand where they do, what came of gates, when they are asked next.

    LAST SUCCESS is the age of the last full answer, NEXT the time until spec.schedule asks again.

    \b
    Examples:
      slmeval list
      slmeval list -A
    """
    world = world_of(context)
    cluster = connected(context, Where(namespace, cluster_context, kubeconfig))
    bodies = cluster.listed(EVALUATIONS, None if is_everywhere else cluster.namespace).bodies
    screen = Screen()
    if not bodies:
        place = "any namespace" if is_everywhere else f"namespace {cluster.namespace}"
        screen.note(f"There is no SLMEvaluation in {place}.")
        return
    headers = ["NAME", "REASON", "TRIALS", "GATES", "LAST SUCCESS", "NEXT", "AGE"]
    rows = sorted(_row(body, world.now()) for body in bodies)
    if not is_everywhere:
        screen.table(table_of(headers, [row[1:] for row in rows]))
        return
    screen.table(table_of(["NAMESPACE", *headers], rows))


def _row(body: Body, now: datetime) -> list[str]:
    """Return namespace, name, and the cells of the other columns."""
    metadata = body["metadata"]
    place = [metadata.get("namespace", ""), metadata["name"]]
    created = metadata.get("creationTimestamp")
    try:
        status = Evaluation.from_body(body).status
    except ValidationError:  # of another version: it is there all the same
        return [*place, "UnknownForm", "", "", "", "", age(created, now)]
    ready = condition(status.conditions, ConditionType.READY)
    gates = condition(status.conditions, ConditionType.GATES_PASSED)
    success, schedule = status.last_successful_run, status.schedule
    return [
        *place,
        ready.reason if ready else "Pending",
        status.trials.summary if status.trials else "",
        gates.reason if gates else "",
        age(success.completion_time if success else None, now),
        until(schedule.next_schedule_time if schedule else None, now),
        age(created, now),
    ]
