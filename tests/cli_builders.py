"""Stored objects of one evaluation as the command line meets them, and a cluster that is a fake."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from api_status import condition, result
from builders import (
    CREATED,
    a_model,
    a_task,
    a_workload,
    evaluation_body,
    pool_spec,
    run_body,
    trial_body,
)
from slmeval_api.objects import Meta, owner_reference
from slmeval_cli.calls import Applied, Event, Listed, Where, World
from slmeval_cli.exits import ClusterError
from slmeval_cli.local.here import Launch, Machine, Outcome
from slmeval_cli.main import app
from typer.testing import CliRunner, Result

Json = dict[str, Any]
NOW = datetime(2026, 11, 1, 0, 10, tzinfo=UTC)
_TYPES = ("Ready", "Reconciling", "Stalled", "Succeeded", "Failed")
DONE = dict(zip(_TYPES, ("True", "False", "False", "True", "False"), strict=True))
BROKEN = dict(zip(_TYPES, ("False", "False", "True", "False", "True"), strict=True))
BUSY = dict(zip(_TYPES, ("False", "True", "False", "Unknown", "Unknown"), strict=True))
STUCK = {**BUSY, "Reconciling": "False", "Stalled": "True"}


def conditions(states: dict[str, str], reason: str, message: str = "In words.") -> list[Json]:
    """Return the five conditions with one reason."""
    return [condition(t, s, reason) | {"message": message} for t, s in states.items()]


def score_result(value: str = "0.8", low: str = "0.7", high: str = "0.88") -> Json:
    """Return the result of one task."""
    score = {"value": value, "low": low, "high": high, "n": 60}
    return {
        "name": "intents",
        "type": "classification",
        "metric": "accuracy",
        "items": {"asked": 60, "answered": 57, "cutShort": 0, "skippedTooLong": 0},
        "score": score,
        "scoreOfAnswered": score | {"n": 57},
        "majorityScore": "0.2",
    }


def a_stored_trial(
    model: str, pool: str = "gpu", *, states: dict[str, str] | None = None,
    reason: str = "Measured", message: str = "In words.", **status: object,
) -> Json:  # fmt: skip
    """Return a trial of demo-1 that has ended well, unless told otherwise."""
    name = f"demo-1-{model}-{pool}"
    body = trial_body(name, uid=f"uid-{name}", model=a_model(model), pool=pool)
    body["metadata"]["labels"] = {"slmeval.dev/evaluation": "demo", "slmeval.dev/run": "demo-1"}
    owner = run_body()["metadata"]
    body["metadata"]["ownerReferences"] = [_owned("SLMRun", owner)]
    body["status"] = {"conditions": conditions(states or DONE, reason, message), **status}
    return body


def stored(
    *trials: Json, states: dict[str, str] | None = None, reason: str = "Measured",
    message: str = "In words.", comparisons: list[Json] | None = None, **question: object,
) -> list[Json]:  # fmt: skip
    """Return the evaluation `demo` of namespace `team`, its run `demo-1`, and `trials`."""
    asked: Json = {
        "models": [a_model(name) for name in sorted({t["spec"]["model"]["name"] for t in trials})]
        or [a_model()],
        "pools": sorted({t["spec"]["pool"] for t in trials}) or ["gpu"],
        "workloads": [a_workload()],
        "tasks": [a_task()],
        **question,
    }
    evaluation = evaluation_body(**asked)
    total = len(trials)
    counts = {"total": total, "succeeded": total, "failed": 0, "unfinished": 0,
              "summary": f"{total}/{total}"}  # fmt: skip
    status = {
        "observedGeneration": 1,
        "conditions": conditions(states or DONE, reason, message),
        "trials": counts,
    }
    evaluation["status"] = {
        **status,
        "currentRun": {"name": "demo-1"},
        "lastSuccessfulRun": {"name": "demo-1", "completionTime": CREATED},
    }
    names = asked.pop("pools")
    run = run_body(pools=[{"name": name, "spec": pool_spec()} for name in names], **asked)
    run["spec"]["question"]["pools"] = names
    run["metadata"]["ownerReferences"] = [_owned("SLMEvaluation", evaluation["metadata"])]
    run["metadata"]["labels"] = {"slmeval.dev/evaluation": "demo"}
    run["status"] = status | ({"comparisons": comparisons} if comparisons else {})
    return [evaluation, run, *trials]


def a_verdict(outcome: str = "Failed", **overrides: object) -> Json:
    """Return what came of a gate."""
    return {
        "gate": "fast",
        "demand": "atLeast",
        "model": "small",
        "pool": "gpu",
        "outcome": outcome,
        "value": "6.4",
        "low": "6.3",
        "high": "6.52",
        "limit": "9",
        "message": "fast, small on gpu: in words.",
    } | overrides


def gated(bodies: list[Json], *verdicts: Json) -> list[Json]:
    """Return what `stored` made, with verdicts on gates, as the operator writes them."""
    outcomes = [verdict["outcome"] for verdict in verdicts]
    counts = {w.lower(): outcomes.count(w) for w in ("Passed", "Failed", "Inconclusive")}
    report = {"digest": f"sha256:{'0' * 64}", "verdicts": list(verdicts), **counts}
    state = "False" if "Failed" in outcomes else "Unknown" if "Inconclusive" in outcomes else "True"
    told = {"GatesPassed": state} | ({"Ready": "False"} if state == "False" else {})
    made = deepcopy(bodies)
    for body in made[:2]:
        before = body["status"].get("conditions", [])
        others = [c for c in before if c["type"] not in told]
        body["status"]["conditions"] = [*others, *conditions(told, "GatesJudged")]
    made[1]["status"]["gates"] = report
    return made


def measured(model: str, pool: str = "gpu", **parts: object) -> Json:
    """Return a trial with a workload and a task, both measured."""
    return a_stored_trial(model, pool, result=result(tasks=[score_result()], **parts))


def _owned(kind: str, meta: Json) -> Json:
    return owner_reference(kind, Meta.from_body(meta))


@dataclass(kw_only=True)
class FakeCluster:
    """A fake of a cluster: holds objects, answers from them, and keeps what it was asked."""

    bodies: list[Json] = field(default_factory=list)
    namespace: str = "team"
    error: ClusterError | None = None
    """Raised by every call."""
    events: dict[str, list[list[Event]]] = field(default_factory=dict)
    """What the watches of a kind bring, one after the other; then they stay silent and end."""
    logs: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def _asked(self, call: str) -> None:
        self.calls.append(call)
        if self.error:
            raise self.error

    def listed(self, plural: str, namespace: str | None, selector: str = "") -> Listed:
        self._asked(f"list {plural} {namespace} {selector}".strip())
        found = [
            body
            for body in self.bodies
            if body["kind"].lower() + "s" == plural
            and namespace in (None, body["metadata"].get("namespace"))
            and _matches(selector, body["metadata"].get("labels") or {})
        ]
        return Listed(found, "1")

    def watched(
        self, plural: str, namespace: str, *, selector: str, version: str
    ) -> Iterator[Event]:
        self._asked(f"watch {plural} {namespace} {selector} after {version}")
        left = self.events.get(plural)
        for event in left.pop(0) if left else []:
            uid = event.body["metadata"]["uid"]
            others = [body for body in self.bodies if body["metadata"]["uid"] != uid]
            self.bodies = others if event.is_deleted else [*others, event.body]
            yield event

    def applied(self, body: Json, namespace: str, *, is_dry_run: bool, is_forced: bool) -> Applied:
        self._asked(f"apply {body['kind']} {is_dry_run=} {is_forced=}")
        name = body["metadata"]["name"]
        before = next((b for b in self.bodies if b["metadata"]["name"] == name), None)
        return Applied(before, body)

    def annotated(
        self, plural: str, namespace: str, name: str, *, annotations: dict[str, str]
    ) -> Json:
        self._asked(f"annotate {plural} {namespace} {name}")
        (body,) = [
            b
            for b in self.bodies
            if b["kind"].lower() + "s" == plural and b["metadata"]["name"] == name
        ]
        body["metadata"]["annotations"] = annotations
        return body

    def log(
        self, namespace: str, pod: str, container: str, *, follows: bool, tail: int | None
    ) -> Iterator[str]:
        self._asked(f"log {namespace} {pod} {container} {follows=} {tail=}")
        lines = self.logs.get((pod, container), [])
        yield from lines[-tail:] if tail else lines


def _matches(selector: str, labels: Json) -> bool:
    wanted = [part.split("=") for part in selector.split(",") if part]
    return all(labels.get(key) == value for key, value in wanted)


class Ticking:
    """A clock of which each look takes a second. It ends what would never end."""

    LOOKS = 5_000

    def __init__(self) -> None:
        self.seconds, self.looks = 0.0, 0

    def __call__(self) -> float:
        self.seconds += 1
        self.looks += 1
        assert self.looks < self.LOOKS, "this would never end"
        return self.seconds


@dataclass(kw_only=True)
class FakeAttempt:
    """An attempt of which each look shows one more trial's end; then it has ended itself."""

    launch: Launch
    results: list[tuple[str, Json]]
    """Trials in the order of their ends, each with what the runner says then."""
    ends: Outcome | None = field(default_factory=lambda: Outcome(True, ""))
    """How it ends by itself; None: it does not."""
    interrupts: bool = False
    """Ctrl-C is pressed at the first look that shows nothing new."""
    is_ended: bool = False

    def statuses(self) -> dict[str, Json]:
        if self.results:
            return dict([self.results.pop(0)])
        if self.interrupts and not self.is_ended:
            raise KeyboardInterrupt
        return {}

    def outcome(self) -> Outcome | None:
        return self.ends if not self.results else None

    def wait(self, limit_s: float) -> None:
        assert limit_s > 0

    def end(self) -> dict[str, Json]:
        assert not self.is_ended, "it was ended before"
        self.is_ended = True
        return self.statuses()


A_MACHINE = Machine(name="laptop", cpus=4, memory_gib=16, gpus=0, gpu_gib=None)


@dataclass(kw_only=True)
class FakeHere:
    """A machine on which an attempt is what `act` makes of its launch."""

    facts: Machine = A_MACHINE
    missing: frozenset[str] = frozenset()
    act: Callable[[Launch], FakeAttempt] | None = None
    attempts: list[FakeAttempt] = field(default_factory=list)

    def machine(self, *, with_gpus: bool) -> Machine:
        return self.facts if with_gpus else replace(self.facts, gpus=0, gpu_gib=None)

    def has(self, module: str) -> bool:
        return module not in self.missing

    def samples(self) -> list[str]:
        return ["shop-questions", "support-intents"]

    def start(self, launch: Launch) -> FakeAttempt:
        assert self.act is not None, "nothing may be started"
        self.attempts.append(self.act(launch))
        return self.attempts[-1]


def slmeval(
    *args: str, cluster: FakeCluster | None = None, stdin: str | None = None,
    env: dict[str, str] | None = None, here: FakeHere | None = None,
) -> Result:  # fmt: skip
    """Run the command line against a fake cluster; return its exit code and what it wrote."""

    def connect(where: Where) -> FakeCluster:
        if cluster is None:
            raise AssertionError("this command must not ask a cluster")
        if where.namespace:
            cluster.namespace = where.namespace
        return cluster

    world = World(
        connect=connect, now=lambda: NOW, monotonic=Ticking(), here=here or FakeHere(), tick_s=0.005
    )
    answer = CliRunner().invoke(app, list(args), obj=world, input=stdin, env=env)
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer
