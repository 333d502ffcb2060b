"""What to do about one pool of one run: wait, start an attempt, suspend, stop, give up. Pure.

An attempt is a RayJob. The next one, also the first of a newer run, is made only when no other run
has the pool and the pods of those before are gone from it: so two never hold a GPU at once, and no
result can still be on its way when a trial is measured again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from slmeval_api.conditions import Reason, has_ended
from slmeval_api.run import Attempt, Run, RunPool
from slmeval_api.trial import Trial

from .conditions import timestamp
from .names import rayjob_name
from .observed import Blocker, Pod, RayJob, instant
from .verdict import Refusal, Standing, State, refused, superseded

RELEASE_AFTER = timedelta(seconds=30)
"""Time that KubeRay has to remove the pods of what has ended before we do it: the cluster lingers
10 s for the reporter's last words, and pods take up to 10 s to end."""
ABANDON_AFTER = timedelta(seconds=10)
"""The same for what was deleted or suspended: nobody waits for its last words."""
UNANSWERED_AFTER = timedelta(seconds=30)
"""Age of a RayJob at which KubeRay's silence becomes news."""
BACKSTOP = timedelta(seconds=60)
"""How far past a deadline of KubeRay's we wait before we enforce it ourselves."""
UNSCHEDULED_AFTER = timedelta(seconds=5)
"""Age of a pod at which "not scheduled yet" becomes news."""
EXIT_AFTER = timedelta(seconds=120)
"""Time that the driver has to end by itself after the last result."""
FINAL = {
    "DeadlineExceeded": Reason.DEADLINE_EXCEEDED,
    "PreRunningDeadlineExceeded": Reason.START_DEADLINE_EXCEEDED,
    "ValidationFailed": Reason.RAYJOB_REFUSED,
}
"""Ends that another attempt would only repeat."""

_UNTIL = " The attempt waits until"
_BLOCKED = {
    "nodes": Reason.WAITING_FOR_NODES,
    "image": Reason.WAITING_FOR_IMAGE,
    "dying": Reason.CONTAINER_DYING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSituation:
    """The facts about one pool of one run."""

    run: Run
    pool: RunPool
    trials: tuple[Trial, ...]  # of this pool, all that exist
    jobs: tuple[RayJob, ...]  # oldest first
    pods: tuple[Pod, ...]  # of the evaluation on this pool, of whatever run and attempt
    is_suspended: bool
    is_superseded: bool
    holder: str | None  # RayJob of another run that has the pool; None: it is this run's turn
    refusals: Mapping[str, Refusal]  # by RayJob
    now: datetime

    @property
    def unfinished(self) -> list[Trial]:
        """The trials that another attempt would have to measure: given up is given up."""
        return [t for t in self.trials if not is_finished(t) and not has_ended(t.status.conditions)]

    @property
    def job(self) -> RayJob | None:
        """The newest attempt that still exists."""
        return self.jobs[-1] if self.jobs else None

    @property
    def attempts_made(self) -> int:
        """Attempts that were ever made, also those whose RayJob somebody deleted."""
        recorded = [a.number for a in self.run.status.attempts if a.pool == self.pool.name]
        return max([*recorded, *(j.attempt for j in self.jobs)], default=0)

    def pods_of(self, job: RayJob) -> list[Pod]:
        """Return the living pods of an attempt."""
        return [p for p in self.pods if p.rayjob == job.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolDecision:
    """What follows from it. `standing` is that of the unfinished trials."""

    standing: Standing
    start_attempt: int | None = None
    suspend: tuple[str, bool] | None = None  # RayJob, and what its spec.suspend becomes
    delete_jobs: tuple[str, ...] = ()


def is_finished(trial: Trial) -> bool:
    """Return whether the trial's result is final: no further attempt would measure it."""
    result = trial.status.result
    return result is not None and result.is_final


def decide_pool(s: PoolSituation) -> PoolDecision:
    """Return what to do about one pool of one run."""
    at_work = tuple(j.name for j in s.jobs if j.is_at_work)
    if s.is_superseded:
        return PoolDecision(standing=superseded(), delete_jobs=at_work)
    if not s.unfinished:
        return PoolDecision(
            standing=_progress(Reason.RUNNING, "All results are in."),
            delete_jobs=at_work if _is_left_over(s) else (),
        )
    if s.is_suspended:
        return _suspended(s)
    job = s.job
    if job is None or job.attempt < s.attempts_made:
        return _without_job(s)
    if _is_past_deadline(s, job):
        standing = _given_up(Reason.DEADLINE_EXCEEDED, _deadline_message(s))
        return PoolDecision(standing=standing, delete_jobs=at_work)
    if job.is_being_deleted:
        return PoolDecision(
            standing=_progress(Reason.RETRYING, f"RayJob {job.name} is being deleted.")
        )
    if job.outcome == "Running":
        return _running(s, job)
    return _after(s, job)


def _is_left_over(s: PoolSituation) -> bool:
    """Return whether a RayJob that is still at work holds its nodes for nothing."""
    if any(not is_finished(t) for t in s.trials):
        return True  # they were given up
    results = [t.status.result for t in s.trials if t.status.result is not None]
    last = max((instant(r.completed_at) for r in results), default=None, key=_or_epoch)
    return last is not None and s.now - last > EXIT_AFTER


def _or_epoch(when: datetime | None) -> datetime:
    return when or datetime.fromtimestamp(0, UTC)


def _start(s: PoolSituation, number: int, standing: Standing) -> PoolDecision:
    """Return the decision to make an attempt, or what the API server said to the last try."""
    refusal = s.refusals.get(rayjob_name(s.run.meta.name, s.pool.name, number))
    if refusal is None:
        return PoolDecision(standing=standing, start_attempt=number)
    return PoolDecision(
        standing=refused(refusal, "what an attempt needs"),
        start_attempt=number if refusal.is_due else None,
    )


def _progress(reason: Reason, message: str) -> Standing:
    return Standing(state=State.IN_PROGRESS, reason=reason, message=message)


def _suspended(s: PoolSituation) -> PoolDecision:
    standing = Standing(
        state=State.WAITING,
        reason=Reason.SUSPENDED,
        message="spec.suspend is true. Set it to false to measure the trials that are left.",
    )
    job = s.job
    if job and job.is_at_work and not job.is_suspend_asked:
        return PoolDecision(standing=standing, suspend=(job.name, True))
    return PoolDecision(standing=standing)


def _without_job(s: PoolSituation) -> PoolDecision:
    """No attempt yet, or somebody deleted the RayJob of the newest one."""
    made = s.attempts_made
    if made > s.run.spec.question.backoff_limit:
        message = f"RayJob of attempt {made} was deleted, and it was the last one allowed."
        return PoolDecision(standing=_given_up(Reason.ATTEMPTS_EXHAUSTED, message))
    reason = Reason.PENDING if made == 0 else Reason.RETRYING
    if s.holder or s.pods:
        return PoolDecision(standing=_progress(reason, _has_to_end(s)))
    message = f"Attempt {made + 1} on pool {s.pool.name} is being made."
    return _start(s, made + 1, _progress(reason, message))


def _has_to_end(s: PoolSituation) -> str:
    """Return what has to end before the next attempt: a pod on a lost node may need a person."""
    if s.holder:
        return f"Waiting for RayJob {s.holder} of another run to end: runs take turns on a pool."
    first, *others = sorted(p.name for p in s.pods)
    more = f" and {len(others)} more" if others else ""
    return f"Waiting for pods of an attempt before to end: {first}{more}."


def _running(s: PoolSituation, job: RayJob) -> PoolDecision:
    """KubeRay is at work on it, or down."""
    if job.is_suspend_asked and s.pods:
        return PoolDecision(standing=_progress(Reason.STARTING, _has_to_end(s)))
    if job.is_suspend_asked:
        return PoolDecision(
            standing=_progress(Reason.STARTING, "Resuming."), suspend=(job.name, False)
        )
    for pod in s.pods_of(job):
        is_news = pod.created is None or s.now - pod.created >= UNSCHEDULED_AFTER
        if pod.blocker and is_news:
            return PoolDecision(standing=_blocked(s, pod.name, pod.blocker))
    if job.stage == "Running":
        waits = f"Waits for a free worker of pool {s.pool.name}."
        return PoolDecision(standing=_progress(Reason.PENDING, waits))
    return PoolDecision(standing=_progress(Reason.STARTING, _starting(s, job)))


def _starting(s: PoolSituation, job: RayJob) -> str:
    if not job.stage and job.created and s.now - job.created >= UNANSWERED_AFTER:
        return (
            f"KubeRay has not taken up RayJob {job.name}: see that its operator runs and watches "
            "this namespace."
        )
    return f"The Ray cluster of {job.title} is starting."


def _is_past_deadline(s: PoolSituation, job: RayJob) -> bool:
    """Return whether KubeRay should have ended this attempt long ago: it must be down."""
    if job.outcome != "Running" or job.is_suspend_asked:
        return False
    oldest = min((p.created for p in s.pods_of(job) if p.created is not None), default=None)
    limit = timedelta(seconds=s.run.spec.question.deadline_seconds) + BACKSTOP
    return oldest is not None and s.now - oldest > limit


def _blocked(s: PoolSituation, pod: str, blocker: Blocker) -> Standing:
    seconds = s.run.spec.question.start_deadline_seconds
    reason = _BLOCKED[blocker.kind]
    until = f"{_UNTIL} spec.startDeadlineSeconds ({seconds} s) have passed."
    return _progress(reason, _advice(s, pod, blocker) + until)


def _advice(s: PoolSituation, pod: str, blocker: Blocker) -> str:
    if blocker.kind == "nodes":
        return (
            f"Pod {pod} cannot be scheduled: {blocker.message} Add or free nodes that "
            f"SLMPool {s.pool.name} selects, or lower its gpus.perWorker or workerResources."
        )
    if blocker.kind == "dying":
        return (
            f"Pod {pod} does not stay up: {blocker.message}. For OOMKilled raise headResources or "
            f"workerResources.memory of SLMPool {s.pool.name}; otherwise read its log."
        )
    return (
        f"Pod {pod} cannot start: {blocker.message}. Check the image, imagePullSecrets "
        f"and Secrets that SLMPool {s.pool.name} and the evaluation name."
    )


def _after(s: PoolSituation, job: RayJob) -> PoolDecision:
    """The attempt is over and left trials unfinished."""
    final = FINAL.get(job.reason) or FINAL.get(job.stage)
    # Only an attempt that ran may have results on their way; and pods that never started can say
    # why as long as they are there.
    if s.pods_of(job) and final in (None, Reason.DEADLINE_EXCEEDED):
        return PoolDecision(standing=_progress(Reason.RETRYING, _has_to_end(s)))
    if final is not None:
        return PoolDecision(standing=_given_up(final, _final_message(s, job, final)))
    allowed = 1 + s.run.spec.question.backoff_limit
    if s.attempts_made < allowed:
        if s.holder or s.pods:
            return PoolDecision(standing=_progress(Reason.RETRYING, _has_to_end(s)))
        standing = _progress(
            Reason.RETRYING,
            f"Attempt {job.attempt} of {allowed} left this trial unfinished: {_why(job)}",
        )
        return _start(s, s.attempts_made + 1, standing)
    message = f"No result after {s.attempts_made} attempts (1 + spec.backoffLimit); {_why(job)}"
    return PoolDecision(standing=_given_up(Reason.ATTEMPTS_EXHAUSTED, message))


def _given_up(reason: Reason, message: str) -> Standing:
    """Return the end of the unfinished trials: no further attempt is made."""
    return Standing(
        state=State.FAILED,
        reason=reason,
        message=f"{message.rstrip('. ')}. Edit the evaluation to ask again.",
    )


def _why(job: RayJob) -> str:
    if job.outcome == "Ended":
        return f"{job.title} ended without its result."
    return f"{job.title} failed ({job.reason or job.stage}): {job.message or 'no details'}"


def _deadline_message(s: PoolSituation) -> str:
    seconds = s.run.spec.question.deadline_seconds
    return (
        f"The attempt took longer than spec.deadlineSeconds ({seconds} s): raise it, or ask for "
        "fewer models, smaller workloads or a smaller task limit."
    )


def _final_message(s: PoolSituation, job: RayJob, reason: Reason) -> str:
    if reason == Reason.DEADLINE_EXCEEDED:
        return _deadline_message(s)
    if reason == Reason.START_DEADLINE_EXCEEDED:
        seconds = s.run.spec.question.start_deadline_seconds
        return (
            f"No Ray cluster was ready within spec.startDeadlineSeconds ({seconds} s). "
            f"{_last_blocker(s) or 'No pod said why; see kubectl describe raycluster.'}"
        )
    return f"KubeRay refused RayJob {job.name}: {job.message or job.reason}"


def _last_blocker(s: PoolSituation) -> str | None:
    """Return what keeps or kept the pods from starting; the trials remember it for gone ones."""
    for pod in s.pods:
        if pod.blocker:
            return _advice(s, pod.name, pod.blocker)
    for trial in s.unfinished:
        for condition in trial.status.conditions:
            if condition.reason in _BLOCKED.values():
                return condition.message.split(_UNTIL)[0]
    return None


def overdue(jobs: Sequence[RayJob], pods: Sequence[Pod]) -> dict[str, timedelta]:
    """Return the RayJobs that should hold no pod and do, with the time that KubeRay has for it.

    They are over, suspended, deleted or gone. KubeRay removes such pods within seconds; while it
    is down nobody would.
    """
    known = {j.name: j for j in jobs}
    found = dict[str, timedelta]()
    for name in sorted({p.rayjob for p in pods}):
        job = known.get(name)
        if job is None or job.is_being_deleted:
            found[name] = ABANDON_AFTER
        elif not job.is_at_work:
            found[name] = RELEASE_AFTER
        elif job.is_suspend_asked:
            found[name] = ABANDON_AFTER
    return found


def attempts_of(
    run: Run, jobs: Sequence[RayJob], *, pods: Sequence[Pod], now: datetime
) -> list[Attempt]:
    """Return the record of all attempts, old entries kept though their RayJob may be gone.

    Args:
        run: with the record as stored.
        jobs: its RayJobs that exist.
        pods: those that hold a node, or wait for one.
        now: the time of what is seen first.

    """
    record = {a.name: _gone(a) for a in run.status.attempts}
    at_rest = {name for name, a in record.items() if a.outcome != "Running"}
    released = {a.name: a.released_time for a in run.status.attempts}
    pools = {p.name for p in run.spec.pools}
    for job in sorted(jobs, key=lambda j: (j.attempt, j.pool)):
        if job.pool not in pools:
            continue  # somebody's copy with other labels
        record[job.name] = _attempt(job)
        is_at_rest = job.outcome != "Running" or (job.is_suspend_asked and job.stage == "Suspended")
        (at_rest.add if is_at_rest else at_rest.discard)(job.name)
    at_rest -= {p.rayjob for p in pods}
    return [
        a.model_copy(
            update={
                "released_time": (released.get(name) or timestamp(now)) if name in at_rest else None
            }
        )
        for name, a in record.items()
    ]


def _attempt(job: RayJob) -> Attempt:
    has_failed = job.outcome == "Failed"
    return Attempt(
        pool=job.pool,
        number=job.attempt,
        name=job.name,
        outcome=job.outcome,
        reason=(job.reason or None) if has_failed else None,
        message=(job.message or None) if has_failed else None,
        start_time=timestamp(job.created) if job.created else None,
    )


def _gone(attempt: Attempt) -> Attempt:
    """Return the record of an attempt whose RayJob is not there any more."""
    if attempt.outcome != "Running":
        return attempt
    end = {"outcome": "Failed", "reason": "Deleted", "message": "Its RayJob was deleted."}
    return attempt.model_copy(update=end)
