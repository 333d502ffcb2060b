"""The objects of one evaluation where no API server keeps them. Pure: clock and uids are given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from slmeval_api.conditions import has_ended
from slmeval_api.evaluation import Evaluation
from slmeval_api.pool import Pool
from slmeval_api.run import Run
from slmeval_api.trial import Trial
from slmeval_decisions.conditions import timestamp
from slmeval_decisions.decide import NewAttempt, Plan
from slmeval_decisions.observed import RayJob
from slmeval_decisions.question import question_digest
from slmeval_decisions.world import World

from slmeval_cli.answer import Answer, Body, Name, answer_of

from .asked import Asked
from .here import Outcome

RUNNERS = ("progress", "result")
"""Fields of a trial's status that the runner writes; the others follow from decisions."""


class OtherQuestion(Exception):
    """Objects are of another question, or of more than one asking. Its text says which."""


@dataclass(slots=True, kw_only=True)
class Objects:
    """An evaluation with its run, trials and pool, and the attempts as a cluster's RayJobs."""

    evaluation: Body
    pool: Body
    new_uid: Callable[[], str]
    runs: dict[str, Body] = field(default_factory=dict)
    trials: dict[str, Body] = field(default_factory=dict)
    jobs: dict[str, RayJob] = field(default_factory=dict)

    @classmethod
    def begun(cls, asked: Asked, *, now: datetime, new_uid: Callable[[], str]) -> "Objects":
        """Return the objects of a question that was not asked before."""
        return cls(
            evaluation=_stored(asked.evaluation, now, new_uid),
            pool=_stored(asked.pool_body, now, new_uid),
            new_uid=new_uid,
        )

    @classmethod
    def resumed(
        cls, bodies: Sequence[Body], asked: Asked, *, new_uid: Callable[[], str]
    ) -> "Objects":
        """Return the objects in `bodies`, which go on; an attempt that was cut off is forgotten.

        Raises:
            OtherQuestion: they do not ask what is asked now.
            pydantic.ValidationError, KeyError: an object is not of its kind's form.

        """
        found = {k: [b for b in bodies if b.get("kind") == k] for k in map(str, _KINDS)}
        evaluation, run, pool = (_one(found[k]) for k in _KINDS[:3])
        asks = Run.from_body(run).spec
        if evaluation["metadata"]["name"] != asked.name:
            raise OtherQuestion(f"it is about {evaluation['metadata']['name']}")
        if question_digest(asks.question) != question_digest(asked.spec.question):
            raise OtherQuestion("its question is another one")
        if [(p.name, p.spec) for p in asks.pools] != [(asked.pool.meta.name, asked.pool.spec)]:
            raise OtherQuestion("its pool is another one")
        made = cls(evaluation=evaluation, pool=pool, new_uid=new_uid)
        made.runs[run["metadata"]["name"]] = run
        made.trials = {b["metadata"]["name"]: b for b in found[Trial.info.kind]}
        made.set_suspended(False)
        made.forget_attempt()
        return made

    @property
    def bodies(self) -> list[Body]:
        """All of them, as they are saved."""
        return [self.evaluation, *self.runs.values(), *self.trials.values(), self.pool]

    @property
    def answer(self) -> Answer:
        """What is shown."""
        meta = self.evaluation["metadata"]
        return answer_of(Name(meta["namespace"], meta["name"]), self.bodies)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will be measured."""
        return has_ended(self.answer.evaluation.status.conditions)

    @property
    def results(self) -> frozenset[tuple[str, str]]:
        """Trial and end of each result: equal while none came."""
        results = {n: (b.get("status") or {}).get("result") for n, b in self.trials.items()}
        return frozenset((n, r["completedAt"]) for n, r in results.items() if r)

    def world(self, now: datetime) -> World:
        """Return what decisions are made from."""
        pool = Pool.from_body(self.pool)
        return World(
            evaluation=Evaluation.from_body(self.evaluation),
            pools={pool.meta.name: pool},
            runs=tuple(Run.from_body(b) for b in self.runs.values()),
            trials=tuple(Trial.from_body(b) for b in self.trials.values()),
            rayjobs=tuple(self.jobs.values()),
            pods=(),
            refusals={},
            now=now,
        )

    def carry_out(self, plan: Plan, now: datetime) -> bool:
        """Make and write what `plan` says; return whether it said anything."""
        for body in plan.create:
            kept = self.runs if body["kind"] == Run.info.kind else self.trials
            kept[body["metadata"]["name"]] = _stored(body, now, self.new_uid)
        for write in plan.statuses:
            body = self._body(write.info.kind, write.name)
            before = body.get("status") or {}
            kept_of_runner = {k: before[k] for k in RUNNERS if k in before}
            body["status"] = kept_of_runner | write.status.to_json_data()
        return bool(plan.create or plan.statuses)

    def report(self, trial: str, status: Mapping[str, Any]) -> None:
        """Take what the runner says of a trial."""
        body = self.trials[trial]
        before = body.get("status") or {}
        body["status"] = {k: v for k, v in before.items() if k not in RUNNERS} | dict(status)

    @property
    def reported(self) -> dict[str, Body]:
        """What the runner has said of each trial, by name."""
        statuses = {name: body.get("status") or {} for name, body in self.trials.items()}
        return {n: {k: s[k] for k in RUNNERS if k in s} for n, s in statuses.items()}

    def add_attempt(self, new: NewAttempt, now: datetime) -> str:
        """Note that an attempt has begun; return its name."""
        name = new.rayjob
        self.jobs[name] = RayJob(
            name=name,
            uid=self.new_uid(),
            run=new.run.meta.name,
            owner=new.run.meta.uid,
            pool=new.pool.name,
            attempt=new.number,
            created=now,
            is_being_deleted=False,
            is_suspend_asked=False,
            stage="Initializing",
            outcome="Running",
            reason="",
            message="",
            is_object=False,
        )
        return name

    def note_ready(self, name: str) -> None:
        """Note that the attempt's Ray cluster is there."""
        self.jobs[name] = replace(self.jobs[name], stage="Running")

    def note_end(self, name: str, outcome: Outcome, *, reason: str = "DriverFailed") -> None:
        """Note how the attempt ended."""
        job = self.jobs[name]
        if outcome.is_good:
            self.jobs[name] = replace(job, stage="Complete", outcome="Ended")
            return
        self.jobs[name] = replace(
            job, stage="Failed", outcome="Failed", reason=reason, message=outcome.message
        )

    def forget_attempt(self) -> None:
        """Forget the attempt that was cut off: it counts for nothing, and is made again."""
        self.jobs = {n: j for n, j in self.jobs.items() if j.outcome != "Running"}
        for body in self.runs.values():
            status = body.get("status") or {}
            attempts = [a for a in status.get("attempts", []) if a["outcome"] != "Running"]
            body["status"] = status | {"attempts": attempts}
        for body in self.trials.values():
            status = body.get("status") or {}
            body["status"] = {k: v for k, v in status.items() if k != "progress"}

    def set_suspended(self, is_suspended: bool) -> None:
        """Stop, or go on: what spec.suspend does in a cluster."""
        spec = {k: v for k, v in self.evaluation["spec"].items() if k != "suspend"}
        self.evaluation["spec"] = spec | ({"suspend": True} if is_suspended else {})

    def _body(self, kind: str, name: str) -> Body:
        if kind == Evaluation.info.kind:
            return self.evaluation
        return (self.runs if kind == Run.info.kind else self.trials)[name]


_KINDS = (Evaluation.info.kind, Run.info.kind, Pool.info.kind, Trial.info.kind)


def _one(bodies: Sequence[Body]) -> Body:
    if len(bodies) != 1:
        raise OtherQuestion("it does not hold one evaluation with one run and one pool")
    return bodies[0]


def _stored(body: Body, now: datetime, new_uid: Callable[[], str]) -> Body:
    """Return `body` with what an API server adds."""
    given = {k: v for k, v in body["metadata"].items() if k not in ("resourceVersion", "uid")}
    added = {"uid": new_uid(), "generation": 1, "creationTimestamp": timestamp(now)}
    kept = {k: v for k, v in body.items() if k not in ("metadata", "status")}
    return kept | {"metadata": given | added}
