"""Looking for engine arguments that serve a workload faster: one argument after the other.

A greedy search over a small declared space (coordinate ascent): it tries each value of an argument
with the best of those before it, and keeps what is faster by more than the repetitions of the
declared arguments differ. Each try starts an engine.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from slmeval_api.base import decimal_string
from slmeval_api.model import EngineOptions, Tuning
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
    candidates: list[TuningCandidate] = field(default_factory=list)
    longest_s: float = 0.0
    is_complete: bool = True


async def tune(
    declared: EngineOptions,
    measured: WorkloadResult,
    attempt: Try,
    *,
    resolved: dict[str, str],
    monotonic: Callable[[], float],
) -> TuningResult | None:
    """Return what the search came to; None: the workload has no figures to better.

    Args:
        declared: the candidate's own options.
        measured: the batch workload as measured with them.
        attempt: see Try.
        resolved: the arguments that the engine made of `declared`; their values are not tried.
        monotonic: seconds.

    """
    if measured.figures is None:
        return None
    begun_s = monotonic()
    rate = measured.figures.requests_per_second
    noise = float(measured.figures.variation_percent or 0) / 100
    search = _Search(declared, declared, float(rate), max(LEAST_GAIN, noise))
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
    tuning = search.declared.tuning
    start = search.best
    for value in getattr(tuning, name):
        if str(value) == resolved.get(name):
            continue
        at_s = monotonic()
        if not has_time(tuning, at_s - begun_s, search.longest_s):
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


def has_time(tuning: Tuning, elapsed_s: float, longest_s: float) -> bool:
    """Return whether another try, and the measurement at the end, fit into the budget."""
    return elapsed_s + 2 * longest_s <= tuning.budget_seconds


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
