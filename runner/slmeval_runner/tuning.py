"""Looking for engine arguments that serve a workload faster: one argument after the other.

A greedy search over a small declared space (coordinate ascent): it tries each value of an argument
with the best of those before it, and keeps what is faster by more than the repetitions of the
declared arguments differ. Each try starts an engine.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from slmeval_api.base import decimal_string
from slmeval_api.model import EngineOptions
from slmeval_api.result import NamedValue, TuningCandidate, TuningResult, WorkloadResult

from slmeval_runner.failures import TrialError

LEAST_GAIN = 0.02
"""Smallest gain that counts, as a share, however steady the repetitions were."""
ARGUMENTS = ("max_num_batched_tokens", "max_num_seqs", "kv_cache_dtype")
Try = Callable[[EngineOptions, int], Awaitable[WorkloadResult]]
"""Starts an engine with these options and serves the workload in so many repetitions.

Raises TrialError where the engine does not take them.
"""


@dataclass(slots=True)
class _Search:
    declared: EngineOptions
    best: EngineOptions
    best_rate: float
    least_gain: float
    budget_s: float
    longest_s: float
    candidates: list[TuningCandidate] = field(default_factory=list)
    is_complete: bool = True


async def tune(
    declared: EngineOptions,
    measured: WorkloadResult,
    attempt: Try,
    *,
    resolved: dict[str, str],
    limit_s: float,
    estimate_s: float,
    monotonic: Callable[[], float],
) -> TuningResult | None:
    """Return what the search came to; None: the workload has no figures to better.

    Args:
        declared: the candidate's own options.
        measured: the batch workload as measured with them.
        attempt: see Try.
        resolved: the arguments that the engine made of `declared`; their values are not tried.
        limit_s: seconds that are left to the trial: the budget is no longer than that.
        estimate_s: seconds that one try will take; the longest so far counts where it is longer.
        monotonic: seconds.

    """
    if measured.figures is None:
        return None
    begun_s = monotonic()
    rate = measured.figures.requests_per_second
    noise = float(measured.figures.variation_percent or 0) / 100
    budget_s = min(declared.tuning.budget_seconds, limit_s)
    search = _Search(declared, declared, float(rate), max(LEAST_GAIN, noise), budget_s, estimate_s)
    search.candidates.append(TuningCandidate(arguments=[], requests_per_second=rate))
    for name in ARGUMENTS:
        await _one_argument(search, name, attempt, resolved, monotonic, begun_s)
    result = TuningResult(
        workload=measured.name,
        seconds="0",
        is_complete=search.is_complete,
        candidates=search.candidates,
        best_arguments=differing(declared, search.best),
    )
    if search.best != declared:
        final = await _tried(attempt, search.best, measured.repetitions)
        result = result.model_copy(update={"figures": final.figures, "failure": final.failure})
    seconds = decimal_string(monotonic() - begun_s, digits=3)
    return result.model_copy(update={"seconds": seconds})


async def _one_argument(
    search: _Search,
    name: str,
    attempt: Try,
    resolved: dict[str, str],
    monotonic: Callable[[], float],
    begun_s: float,
) -> None:
    """Try the values of one argument with the best of the others so far."""
    start = search.best
    for value in getattr(search.declared.tuning, name):
        if str(value) == resolved.get(name):
            continue
        at_s = monotonic()
        if at_s - begun_s + 2 * search.longest_s > search.budget_s:  # it, and the one at the end
            search.is_complete = False
            return
        options = start.model_copy(update={name: value})
        result = await _tried(attempt, options, 1)
        search.longest_s = max(search.longest_s, monotonic() - at_s)
        rate = result.figures.requests_per_second if result.figures else None
        search.candidates.append(
            TuningCandidate(
                arguments=differing(search.declared, options),
                requests_per_second=rate,
                failure=result.failure,
            )
        )
        if rate is not None and float(rate) > search.best_rate * (1 + search.least_gain):
            search.best, search.best_rate = options, float(rate)


async def _tried(attempt: Try, options: EngineOptions, repetitions: int) -> WorkloadResult:
    """Return the attempt's result; arguments that an engine refuses are a candidate's failure."""
    try:
        return await attempt(options, repetitions)
    except TrialError as error:
        return WorkloadResult(name="x", kind="batch", repetitions=0, failure=error.failure)


def differing(declared: EngineOptions, options: EngineOptions) -> list[NamedValue]:
    """Return the arguments in which `options` differ, by vLLM's names."""
    return [
        NamedValue(name=name, value=str(getattr(options, name)))
        for name in ARGUMENTS
        if getattr(options, name) != getattr(declared, name)
    ]
