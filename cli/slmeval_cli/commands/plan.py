"""`slmeval plan`: what an evaluation would ask for. Creates nothing."""

from contextlib import suppress
from typing import Annotated

import typer
from pydantic import ValidationError
from slmeval_api.evaluation import Evaluation
from slmeval_api.pool import Pool, PoolSpec

from slmeval_cli.asking import deadlines_of, task_asked, trials_asked, workload_asked
from slmeval_cli.calls import POOLS, Where
from slmeval_cli.checking import refuse_faulty
from slmeval_cli.documents import Document, documents_of
from slmeval_cli.exits import ClusterError, ExitCode, UserError
from slmeval_cli.numbers import duration
from slmeval_cli.options import Context, Kubeconfig, connected
from slmeval_cli.screen import Screen, table_of


def plan(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML file; - is standard input.")],
    pool_files: Annotated[
        list[str] | None,
        typer.Option(
            "--pool-file", metavar="FILE", help="YAML file with SLMPools. May be repeated."
        ),
    ] = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show the trials, workloads, tasks and deadlines of the evaluations in a file.

    Pools are looked up in the file, in --pool-file, and what is missing then in the cluster. What
    is not known is shown as ?; how long it will take is not known before it was measured. Exit
    code 1: a trial cannot run as it is asked.

    \b
    Examples:
      slmeval plan examples/quickstart.yaml --pool-file examples/pools/cpu.yaml
      slmeval plan examples/finding-the-right-slm.yaml
    """
    documents = [one for name in (file, *(pool_files or [])) for one in documents_of(name)]
    refuse_faulty(documents)
    asked = [Evaluation.from_body(d.body) for d in _of_kind(documents, Evaluation.info.kind)]
    if not asked:
        raise UserError(f"{file} holds no SLMEvaluation.", "Name a file that does.")
    screen = Screen()
    pools = {
        d.body["metadata"]["name"]: Pool.from_body(d.body).spec
        for d in _of_kind(documents, Pool.info.kind)
    }
    if {pool for one in asked for pool in one.spec.pools} - pools.keys():
        where = Where(None, cluster_context, kubeconfig)
        pools = _of_cluster(context, where, screen) | pools
    if not all([_show(evaluation, pools, screen) for evaluation in asked]):
        raise typer.Exit(ExitCode.FAILED)


def _of_kind(documents: list[Document], kind: str) -> list[Document]:
    return [document for document in documents if document.body.get("kind") == kind]


def _of_cluster(context: typer.Context, where: Where, screen: Screen) -> dict[str, PoolSpec]:
    """Return the cluster's pools; none with a note where it cannot be asked."""
    try:
        bodies = connected(context, where).listed(POOLS, None).bodies
    except ClusterError as error:
        screen.note(f"Pools of the cluster are not known: {error}", style="yellow")
        return {}
    pools = dict[str, PoolSpec]()
    for body in bodies:
        with suppress(ValidationError):  # of another version: not known, which the table says
            pools[body["metadata"]["name"]] = Pool.from_body(body).spec
    return pools


def _show(evaluation: Evaluation, pools: dict[str, PoolSpec], screen: Screen) -> bool:
    """Write what is asked; return whether all of it can run as far as is known."""
    spec = evaluation.spec
    trials = trials_asked(spec, pools)
    screen.line(
        f"{evaluation.meta.name}: trials: {len(trials)} (models: {len(spec.models)} x pools: "
        f"{len(spec.pools)}), each with workloads: {len(spec.workloads)}, tasks: {len(spec.tasks)}",
        style="bold",
    )
    screen.line()
    headers = ("MODEL", "SOURCE", "POOL", "ENGINE", "GPUS", "NOTE")
    screen.table(table_of(headers, trials, right=[4]))
    if spec.workloads:
        titles = (
            "WORKLOAD", "KIND", "PACE", "REQUESTS", "REPETITIONS", "INPUT TOKENS", "OUTPUT TOKENS",
        )  # fmt: skip
        screen.line()
        screen.table(table_of(titles, map(workload_asked, spec.workloads), right=[4, 5, 6]))
    if spec.tasks:
        titles_of_tasks = ("TASK", "TYPE", "ITEMS", "EXAMPLES", "HELD OUT")
        screen.line()
        screen.table(table_of(titles_of_tasks, map(task_asked, spec.tasks)))
    screen.line()
    limits = ", ".join(
        f"{duration(seconds)} for {what}" for what, seconds in deadlines_of(evaluation)
    )
    screen.line(f"Deadlines: {limits}; at most {1 + spec.backoff_limit} attempts on a pool.")
    return not any(trial.note.startswith("cannot run") for trial in trials)
