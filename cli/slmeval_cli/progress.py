"""Where an evaluation stands, as sentences and an estimate of the time left. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from slmeval_api.conditions import (
    Condition,
    ConditionType,
    Reason,
    condition,
    has_ended,
    is_true,
)
from slmeval_api.trial import Trial

from .answer import Answer
from .exits import ExitCode
from .figures import ready
from .numbers import duration, time_of


class End(Enum):
    """How an evaluation's newest question stands."""

    OPEN = auto()
    """Being measured, waiting or suspended."""
    STALLED = auto()
    """Nothing more happens until somebody acts, and nothing has ended."""
    SUCCEEDED = auto()
    """Everything was measured, and every gate was met."""
    UNSURE = auto()
    """Everything was measured; of a gate the data cannot tell."""
    GATED = auto()
    """Everything was measured, and a gate failed."""
    FAILED = auto()

    @property
    def is_final(self) -> bool:
        """Whether nothing more will be measured."""
        return self not in (End.OPEN, End.STALLED)

    @property
    def exit_code(self) -> ExitCode:
        """What a command ends with that waits for success."""
        codes = {End.SUCCEEDED: ExitCode.OK, End.UNSURE: ExitCode.UNSURE}
        return codes.get(self, ExitCode.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialProgress:
    """Where one trial stands."""

    model: str
    pool: str
    stage: str
    """What a running trial is doing, else the reason of its condition Ready."""
    detail: str
    """Which part of it; of an end or a wait, why."""
    attempt: int | None
    """Number of the attempt that is measuring it; None: none is."""
    has_ended: bool

    def __str__(self) -> str:
        """Return it in one line."""
        attempt = f" (attempt {self.attempt})" if self.attempt and self.attempt > 1 else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.model} on {self.pool}: {self.stage}{attempt}{detail}"


def end_of(answer: Answer) -> End:
    """Return how the newest question stands; a status of an older one says nothing about it.

    Nor does the end of a run while a further one has been asked for by hand.
    """
    status, meta = answer.evaluation.status, answer.evaluation.meta
    if status.observed_generation != meta.generation:
        return End.OPEN
    is_asked_again = meta.run_requested_at not in ("", status.last_handled_request)
    if is_true(status.conditions, ConditionType.SUCCEEDED):
        return End.OPEN if is_asked_again else _by_gates(status.conditions)
    if is_true(status.conditions, ConditionType.FAILED):
        return End.OPEN if is_asked_again else End.FAILED
    return End.STALLED if is_true(status.conditions, ConditionType.STALLED) else End.OPEN


def _by_gates(conditions: Sequence[Condition]) -> End:
    gates = condition(conditions, ConditionType.GATES_PASSED)
    ends = {"False": End.GATED, "Unknown": End.UNSURE}
    return ends.get(gates.status, End.SUCCEEDED) if gates else End.SUCCEEDED


def words_of(answer: Answer) -> str:
    """Return the evaluation's reason and message in one line."""
    found = condition(answer.evaluation.status.conditions, ConditionType.READY)
    return f"{found.reason}: {found.message}" if found else "Pending"


def doubt_of(answer: Answer) -> str:
    """Return what keeps gates from being met, in one line; empty: nothing, or there are none."""
    gates = condition(answer.evaluation.status.conditions, ConditionType.GATES_PASSED)
    return f"{gates.reason}: {gates.message}" if gates and gates.status != "True" else ""


def trials_of(answer: Answer) -> list[TrialProgress]:
    """Return where each trial stands."""
    return [_of_trial(trial) for trial in answer.trials]


def counts_of(answer: Answer) -> str:
    """Return ended trials of all, as 3/8; all is models x pools before the trials exist."""
    ended = sum(has_ended(trial.status.conditions) for trial in answer.trials)
    spec = answer.evaluation.spec
    return f"{ended}/{len(answer.trials) or len(spec.models) * len(spec.pools)}"


def elapsed_s(answer: Answer, now: datetime) -> float | None:
    """Return seconds since the run began; None: there is no run yet."""
    if answer.run is None or not answer.run.meta.created:
        return None
    ended = answer.run.status.completion_time
    until = time_of(ended) if ended else now
    return max(0.0, (until - time_of(answer.run.meta.created)).total_seconds())


def time_left_s(answer: Answer, now: datetime) -> float | None:
    """Return about how many seconds it takes until all trials have ended, of the slowest pool.

    Of a pool: the mean time of its measured trials, times the rounds still to come, less the time
    since the last one ended; a round is as many trials as are being measured now. None: a pool with
    unfinished trials has measured none yet, or is measuring none now.
    """
    pools = {trial.spec.pool for trial in answer.trials if not has_ended(trial.status.conditions)}
    left = [_left_s([t for t in answer.trials if t.spec.pool == pool], now) for pool in pools]
    known = [seconds for seconds in left if seconds is not None]
    return max(known) if known and len(known) == len(left) else None


def headline(answer: Answer, now: datetime) -> str:
    """Return name, standing, ended of total, elapsed, and time left if it can be told."""
    parts = [f"{answer.name}: {words_of(answer)}", f"{counts_of(answer)} ended"]
    elapsed, left = elapsed_s(answer, now), time_left_s(answer, now)
    parts += [f"{duration(elapsed)} elapsed"] if elapsed is not None else []
    parts += [f"about {duration(left)} left"] if left is not None else []
    return " | ".join(parts)


def _left_s(trials: Sequence[Trial], now: datetime) -> float | None:
    results = [t.status.result for t in trials if has_ended(t.status.conditions)]
    spans = [(time_of(r.started_at), time_of(r.completed_at)) for r in results if r is not None]
    at_work = sum(_is_at_work(trial) for trial in trials)
    if not spans or not at_work:
        return None
    mean = sum((end - start).total_seconds() for start, end in spans) / len(spans)
    rounds = math.ceil(sum(not has_ended(trial.status.conditions) for trial in trials) / at_work)
    since = (now - max(end for _, end in spans)).total_seconds()
    return max(0.0, mean * rounds - max(0.0, since))


def _of_trial(trial: Trial) -> TrialProgress:
    standing, progress = ready(trial), trial.status.progress
    stage: str = standing.reason if standing else "Pending"
    is_good = is_true(trial.status.conditions, ConditionType.SUCCEEDED)
    detail = standing.message if standing and not is_good else ""
    attempt = None
    if progress is not None and _is_at_work(trial):
        stage, detail, attempt = progress.stage, progress.detail or "", progress.attempt
    return TrialProgress(
        model=trial.spec.model.name,
        pool=trial.spec.pool,
        stage=stage,
        detail=detail,
        attempt=attempt,
        has_ended=has_ended(trial.status.conditions),
    )


def _is_at_work(trial: Trial) -> bool:
    """Return whether it is being measured now; the progress of a lost attempt may still stand."""
    progress, standing = trial.status.progress, ready(trial)
    is_running = standing is None or standing.reason == Reason.RUNNING
    return progress is not None and progress.stage != "Queued" and is_running
