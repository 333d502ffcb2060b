"""`slmeval logs`: what the pods of the newest attempts write, and what is kept of it."""

import json
import queue
import re
import threading
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Annotated

import typer
from slmeval_api.trial import Trial
from slmeval_decisions.names import ATTEMPT, EVALUATION, MANAGED_BY, OURS, POOL, RUN

from slmeval_cli.answer import Answer, Body
from slmeval_cli.calls import PODS, Cluster, Where
from slmeval_cli.exits import UserError
from slmeval_cli.options import Context, Kubeconfig, Name, Namespace, connected
from slmeval_cli.reading import read_cluster
from slmeval_cli.screen import Screen

ROLES = {"ray-head": "head", "ray-worker": "worker"}
"""Containers that are shown, by what they are called here. The reporter only carries files."""


BEGINS = re.compile(r"\{|\d{4}-\d\d-\d\dT")
"""A line of its own, as JSON or as text; others go on with the one before, as a trace does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A container whose log is shown."""

    pod: str
    container: str
    prefix: str
    """As [pool/worker-2]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which lines are shown."""

    names: Set[str] | None
    """Of trials; None: every line."""
    follows: bool
    tail: int | None


def logs(
    context: typer.Context,
    name: Name,
    trial: Annotated[
        str | None,
        typer.Option("--trial", metavar="TRIAL", help="Only lines about this SLMTrial."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="Only lines about this model's trials."),
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

    Each line begins with pool and pod. Workers' logs have what the trials print, the engine's lines
    among it. The pods go ten seconds after their attempt ends, and their logs with them: after that
    it prints what the statuses keep of trials that failed, their last lines and why.

    \b
    Examples:
      slmeval logs quickstart -f
      slmeval logs quickstart --model smollm2-bf16
      slmeval logs quickstart --pool cpu --tail 100
    """
    cluster = connected(context, Where(namespace, cluster_context, kubeconfig))
    answer = read_cluster(cluster, name).answer
    trials = _chosen(answer, trial=trial, model=model)
    names = {t.meta.name for t in trials} if trial or model else None
    run = answer.run.meta.name if answer.run else ""
    selector = f"{MANAGED_BY}={OURS},{EVALUATION}={name},{RUN}={run}"
    selector += f",{POOL}={pool}" if pool else ""
    sources = sources_of(cluster.listed(PODS, cluster.namespace, selector).bodies)
    screen = Screen()
    if sources:
        asked = Asked(names=names, follows=follows, tail=tail)
        for line in _lines(cluster, sources, asked):
            screen.line(line)
        return
    failed = [t for t in trials if pool in (None, t.spec.pool) and _failure(t)]
    if not failed:
        raise UserError(
            f"{answer.name} has no pods now.",
            "They come with an attempt and go after it: `slmeval watch` says what is waited for.",
        )
    screen.note(f"{answer.name} has no pods now. What is kept of trials that failed:")
    for one in failed:
        for text in _failure(one):
            screen.line(f"[{one.spec.pool}/{one.spec.model.name}] {text}")


def _chosen(answer: Answer, *, trial: str | None, model: str | None) -> list[Trial]:
    """Return the trials that were asked for; all of them, where none was named."""
    if trial and trial not in {t.meta.name for t in answer.trials}:
        there = ", ".join(sorted(t.meta.name for t in answer.trials)) or "none yet"
        raise UserError(f"{answer.name} has no trial {trial}.", f"It has: {there}.")
    if model and model not in {t.spec.model.name for t in answer.trials}:
        there = ", ".join(sorted({t.spec.model.name for t in answer.trials})) or "none yet"
        raise UserError(f"{answer.name} has no trial of model {model}.", f"It has: {there}.")
    return [
        t
        for t in answer.trials
        if trial in (None, t.meta.name) and model in (None, t.spec.model.name)
    ]


def _failure(trial: Trial) -> list[str]:
    """Return what a failed trial printed last, and why it failed; nothing of any other."""
    result = trial.status.result
    if result is None or result.failure is None:
        return []
    return [*(result.last_lines or ()), f"{result.failure.reason}: {result.failure.message}"]


def about(lines: Iterable[str], trials: Set[str]) -> Iterator[str]:
    """Yield those of a container's lines that name one of `trials`, with the lines of a trace."""
    is_wanted = False
    for line in lines:
        if BEGINS.match(line):
            is_wanted = bool(_named(line) & trials)
        if is_wanted:
            yield line


def _named(line: str) -> set[str]:
    """Return the trials that a line names."""
    if not line.startswith("{"):
        return {w.removeprefix("trial=") for w in line.split() if w.startswith("trial=")}
    try:
        return {str(json.loads(line)["trial"])}
    except (ValueError, KeyError, RecursionError):
        return set()


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


def _lines(cluster: Cluster, sources: list[Source], asked: Asked) -> Iterator[str]:
    """Yield the lines of all sources: one after the other, or as they come where it follows."""
    if not asked.follows:
        for source in sources:
            yield from _log(cluster, source, asked)
        return
    lines = queue.Queue[str | None]()

    def bring(source: Source) -> None:
        for line in _log(cluster, source, asked):
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


def _log(cluster: Cluster, source: Source, asked: Asked) -> Iterator[str]:
    """Yield a container's lines with its prefix; one that has no log yet says so."""
    lines = cluster.log(
        cluster.namespace,
        source.pod,
        source.container,
        follows=asked.follows,
        tail=asked.tail,
    )
    try:
        for line in lines if asked.names is None else about(lines, asked.names):
            yield f"{source.prefix} {line}"
    except UserError as error:  # a container that waits for its image, or a pod that has just gone
        yield f"{source.prefix} no log: {error}"
