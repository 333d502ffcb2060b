"""Putting a trial's result together from its parts. Pure."""

from collections.abc import Sequence
from decimal import Context, Decimal

from slmeval_api.base import decimal_string
from slmeval_api.result import (
    Failure,
    SuiteScores,
    Summary,
    TaskResult,
    TrialResult,
    WorkloadResult,
)


def is_final(result: TrialResult | None) -> bool:
    """Return whether there is a result that no further attempt may better."""
    return result is not None and result.is_final


SHORT = Context(prec=4)
"""A table shows four digits; all of them stand in the figures."""


def summary_of(workloads: Sequence[WorkloadResult], suite: SuiteScores | None) -> Summary:
    """Return the figures for `kubectl get`; what has no figures is absent."""
    figures = next((w.best_figures for w in workloads if w.best_figures), None)
    return Summary(
        requests_per_second=_short(figures.requests_per_second) if figures else None,
        latency_p50_seconds=_short(figures.latency_seconds.p50) if figures else None,
        tokens_per_second=_short(figures.total_tokens_per_second) if figures else None,
        score=_short(suite.score.value) if suite else None,
    )


def _short(figure: str | Decimal) -> str:
    return decimal_string(SHORT.create_decimal(figure))


def first_failure(
    workloads: Sequence[WorkloadResult], tasks: Sequence[TaskResult]
) -> Failure | None:
    """Return the first part's failure, with the part's name before its message."""
    for kind, parts in (("workload", workloads), ("task", tasks)):
        for part in parts:
            if part.failure:
                message = f"{kind} {part.name}: {part.failure.message}"
                return part.failure.model_copy(update={"message": message})
    return None


def failed_result(
    failure: Failure, *, attempt: int, started_at: str, completed_at: str
) -> TrialResult:
    """Return the result of a trial that measured nothing."""
    return TrialResult(
        attempt=attempt, started_at=started_at, completed_at=completed_at, failure=failure
    )
