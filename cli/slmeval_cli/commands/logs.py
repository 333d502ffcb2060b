"""`slmeval logs`: what the pods of the newest attempts write."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer
from slmeval_decisions.names import ATTEMPT, EVALUATION, MANAGED_BY, OURS, POOL, RUN

from slmeval_cli.answer import Answer, Body
from slmeval_cli.calls import PODS, Cluster, Where
from slmeval_cli.exits import UserError
from slmeval_cli.options import Context, Kubeconfig, Name, Namespace, connected
from slmeval_cli.reading import read_cluster
from slmeval_cli.screen import Screen

ROLES = {"ray-head": "head", "ray-worker": "worker"}
"""Containers that are shown, by what they are called here. The reporter only carries files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A container whose log is shown."""

    pod: str
    container: str
    prefix: str
    """As [pool/worker-2]."""


def logs(
    context: typer.Context,
    name: Name,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="Only lines that name this model's trials."),
    ] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", metavar="POOL", help="Only this SLMPool's pods.")
    ] = None,
    follows: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the pods have gone.")
    ] = False,
    tail: Annotated[
        int | None,
        typer.Option("--tail", metavar="N", min=0, help="Only the last lines of each container."),
    ] = None,
    namespace: Namespace = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Print the logs of the newest attempt on each pool: the head with the driver, the workers.

    Each line begins with pool and pod. The pods go ten seconds after their attempt ends, and their
    logs with them.

    \b
    Examples:
      slmeval logs quickstart -f
      slmeval logs quickstart --pool cpu --tail 100
    """
    cluster = connected(context, Where(namespace, cluster_context, kubeconfig))
    answer = read_cluster(cluster, name).answer
    trials = _trials(answer, model) if model else None
    run = answer.run.meta.name if answer.run else ""
    selector = f"{MANAGED_BY}={OURS},{EVALUATION}={name},{RUN}={run}"
    selector += f",{POOL}={pool}" if pool else ""
    sources = sources_of(cluster.listed(PODS, cluster.namespace, selector).bodies)
    if not sources:
        raise UserError(
            f"{answer.name} has no pods now.",
            "They come with an attempt and go after it: `slmeval watch` says what is waited for.",
        )
    screen = Screen()
    for line in _lines(cluster, sources, follows=follows, tail=tail):
        if trials is None or trials & set(line.split()):
            screen.line(line)


def _trials(answer: Answer, model: str) -> set[str]:
    """Return the words by which log lines name the trials of `model`."""
    trials = [t for t in answer.trials if t.spec.model.name == model]
    if not trials:
        there = ", ".join(sorted({t.spec.model.name for t in answer.trials})) or "none yet"
        raise UserError(f"{answer.name} has no trial of model {model}.", f"It has: {there}.")
    return {f"trial={t.meta.name}" for t in trials}


def sources_of(pods: list[Body]) -> list[Source]:
    """Return the containers of the newest attempt of each pool, heads first."""
    newest = dict[str, int]()
    for pod in pods:
        pool, attempt = _attempt(pod)
        newest[pool] = max(attempt, newest.get(pool, 0))
    found, workers = list[Source](), dict[str, int]()
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        pool, attempt = _attempt(pod)
        if attempt != newest[pool]:
            continue
        for container in pod["spec"]["containers"]:
            role = ROLES.get(container["name"])
            if role == "worker":
                workers[pool] = workers.get(pool, 0) + 1
                role = f"worker-{workers[pool]}"
            if role:
                prefix = f"[{pool}/{role}]"
                source = Source(
                    pod=pod["metadata"]["name"], container=container["name"], prefix=prefix
                )
                found.append(source)
    return sorted(found, key=lambda source: source.prefix)


def _attempt(pod: Body) -> tuple[str, int]:
    labels = pod["metadata"].get("labels") or {}
    number = str(labels.get(ATTEMPT, ""))
    return str(labels.get(POOL, "")), int(number) if number.isdecimal() else 0


def _lines(
    cluster: Cluster, sources: list[Source], *, follows: bool, tail: int | None
) -> Iterator[str]:
    """Yield the lines of all sources: one after the other, or as they come where it follows."""
    if not follows:
        for source in sources:
            yield from _log(cluster, source, follows=False, tail=tail)
        return
    lines = queue.Queue[str | None]()

    def bring(source: Source) -> None:
        for line in _log(cluster, source, follows=True, tail=tail):
            lines.put(line)
        lines.put(None)

    for source in sources:
        threading.Thread(target=bring, args=(source,), daemon=True).start()
    left = len(sources)
    while left:
        line = lines.get()
        if line is None:
            left -= 1
        else:
            yield line


def _log(cluster: Cluster, source: Source, *, follows: bool, tail: int | None) -> Iterator[str]:
    """Yield a container's lines with its prefix; one that has no log yet says so."""
    try:
        for line in cluster.log(
            cluster.namespace, source.pod, source.container, follows=follows, tail=tail
        ):
            yield f"{source.prefix} {line}"
    except UserError as error:  # a container that waits for its image, or a pod that has just gone
        yield f"{source.prefix} no log: {error}"
