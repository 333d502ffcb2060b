"""The batch workload: all requests at once. Sending, judging and adding up."""

from collections.abc import Callable, Sequence
from itertools import chain

from slmeval_api.base import decimal_string
from slmeval_api.result import Failure, Quantiles, WorkloadFigures, WorkloadResult
from slmeval_api.workload import BatchWorkload, Workload

from slmeval_runner.engines.base import Engine, Outcome, Request, Served
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.prompts import WARMUP, PromptSource
from slmeval_runner.stats import quantiles, variation_percent

Tell = Callable[[str], None]


async def measure(
    workload: Workload, engine: Engine, *, max_model_len: int, seed: int, tell: Tell
) -> WorkloadResult:
    """Return the workload's figures, or the check that refused them.

    Args:
        workload: what to send.
        engine: runs, and serves nothing else meanwhile.
        max_model_len: its context in tokens.
        seed: draws the prompts.
        tell: called with a few words between the parts, never while one is measured.

    Raises:
        EngineFailed: the engine stopped.

    """
    batch = workload.batch
    try:
        _check_context(batch, max_model_len)
        repetitions = await _repeat(workload, engine, seed=seed, tell=tell)
    except MeasurementInvalid as error:
        return _result(workload, failure=error.failure)
    figures = figures_of(batch, repetitions)
    variation = variation_percent([served.seconds for served in repetitions])
    is_noisy = None if variation is None else variation > batch.max_variation_percent
    return _result(workload, figures=figures, is_noisy=is_noisy)


def _check_context(batch: BatchWorkload, max_model_len: int) -> None:
    needed = batch.input_tokens + batch.output_tokens
    if needed > max_model_len:
        raise MeasurementInvalid(
            f"inputTokens {batch.input_tokens} + outputTokens {batch.output_tokens} = {needed} "
            f"tokens, but the model's context has {max_model_len}: shorten the workload, or raise "
            "the model's engine.maxModelLen if the model allows it"
        )


async def _repeat(workload: Workload, engine: Engine, *, seed: int, tell: Tell) -> list[Served]:
    batch = workload.batch
    source = PromptSource(
        engine.tokenizer.vocabulary, tokens=batch.input_tokens, seed=seed, workload=workload.name
    )
    if batch.warmup_requests:
        tell("warm-up")
        await engine.generate(_requests(batch, source.take(batch.warmup_requests, WARMUP)))
    repetitions = list[Served]()
    for number in range(1, batch.repetitions + 1):
        tell(f"repetition {number} of {batch.repetitions}")
        requests = _requests(batch, source.take(batch.requests, f"repetition {number}"))
        before = await engine.counters()
        served = await engine.generate(requests)
        hits = (await engine.counters()).prefix_cache_hits - before.prefix_cache_hits
        check(batch, served, cache_hits=hits, repetition=number)
        repetitions.append(served)
    return repetitions


def _requests(batch: BatchWorkload, prompts: Sequence[list[int]]) -> list[Request]:
    return [
        Request(prompt_token_ids=prompt, max_tokens=batch.output_tokens, is_exact=True)
        for prompt in prompts
    ]


def check(batch: BatchWorkload, served: Served, *, cache_hits: int, repetition: int) -> None:
    """Raise MeasurementInvalid unless `served` is what was asked: nothing lost, cut or cached."""
    where = f"repetition {repetition}"
    outcomes = served.outcomes
    finished = sum(outcome.is_finished for outcome in outcomes)
    if len(outcomes) != batch.requests or finished != batch.requests:
        raise MeasurementInvalid(
            f"{where}: {finished} of {batch.requests} requests finished: the engine gave up the "
            "others; see the worker's log, and lower requests or the lengths"
        )
    _check_counts(where, "prompt", batch.input_tokens, [o.prompt_tokens for o in outcomes])
    _check_counts(where, "output", batch.output_tokens, [o.output_tokens for o in outcomes])
    cached = max(cache_hits, sum(outcome.cached_tokens or 0 for outcome in outcomes))
    if cached:
        raise MeasurementInvalid(
            f"{where}: {cached} prompt tokens came from the prefix cache, 0 are allowed: the "
            "figures would be too good; raise inputTokens so that prompts differ, or run again"
        )
    _check_times(where, served)


def _check_counts(where: str, kind: str, asked: int, found: Sequence[int]) -> None:
    wrong = [count for count in found if count != asked]
    if wrong:
        raise MeasurementInvalid(
            f"{where}: {len(wrong)} of {len(found)} requests had another number of {kind} tokens "
            f"than the {asked} asked, the first {wrong[0]}: speeds of different work cannot be "
            "compared; report this with the model's name"
        )


def _check_times(where: str, served: Served) -> None:
    if served.seconds <= 0:
        raise MeasurementInvalid(
            f"{where}: the set took {served.seconds} seconds by the clock: the node's clock is "
            "not usable; run on another node"
        )
    broken = sum(not _is_in_order(outcome) for outcome in served.outcomes)
    if broken:
        raise MeasurementInvalid(
            f"{where}: {broken} of {len(served.outcomes)} requests lack times of the engine, or "
            "have them out of order: latencies cannot be told; report this with the engine's "
            "version"
        )


def _is_in_order(outcome: Outcome) -> bool:
    times = (outcome.arrival_s, outcome.scheduled_s, outcome.first_token_s, outcome.last_token_s)
    known = [time_s for time_s in times if time_s is not None]
    has_needed = None not in (outcome.arrival_s, outcome.first_token_s, outcome.last_token_s)
    return has_needed and known == sorted(known)


def figures_of(batch: BatchWorkload, repetitions: Sequence[Served]) -> WorkloadFigures:
    """Return the figures over all `repetitions`, at least one, which `check` has let pass."""
    seconds = [served.seconds for served in repetitions]
    total_s = sum(seconds)
    requests = batch.requests * len(repetitions)
    variation = variation_percent(seconds)
    outcomes = list(chain.from_iterable(served.outcomes for served in repetitions))
    tokens = batch.input_tokens + batch.output_tokens
    return WorkloadFigures(
        seconds=decimal_string(total_s / len(seconds)),
        repetition_seconds=[decimal_string(s) for s in seconds],
        variation_percent=None if variation is None else decimal_string(variation, digits=3),
        requests_per_second=decimal_string(requests / total_s),
        input_tokens_per_second=decimal_string(requests * batch.input_tokens / total_s, digits=3),
        output_tokens_per_second=decimal_string(requests * batch.output_tokens / total_s, digits=3),
        total_tokens_per_second=decimal_string(requests * tokens / total_s, digits=3),
        latency_seconds=quantiles(_spans(outcomes, "arrival_s", "last_token_s")),
        time_to_first_token_seconds=quantiles(_spans(outcomes, "arrival_s", "first_token_s")),
        time_per_output_token_seconds=_per_output_token(outcomes),
        queue_seconds=_queue(outcomes),
    )


def _spans(outcomes: Sequence[Outcome], start: str, end: str) -> list[float]:
    return [getattr(outcome, end) - getattr(outcome, start) for outcome in outcomes]


def _per_output_token(outcomes: Sequence[Outcome]) -> Quantiles | None:
    if outcomes[0].output_tokens <= 1:
        return None
    spans = _spans(outcomes, "first_token_s", "last_token_s")
    return quantiles(
        [span / (o.output_tokens - 1) for span, o in zip(spans, outcomes, strict=True)]
    )


def _queue(outcomes: Sequence[Outcome]) -> Quantiles | None:
    if any(outcome.scheduled_s is None for outcome in outcomes):
        return None
    return quantiles(_spans(outcomes, "arrival_s", "scheduled_s"))


def _result(
    workload: Workload,
    *,
    figures: WorkloadFigures | None = None,
    is_noisy: bool | None = None,
    failure: Failure | None = None,
) -> WorkloadResult:
    batch = workload.batch
    return WorkloadResult(
        name=workload.name,
        kind="batch",
        requests=batch.requests,
        input_tokens=batch.input_tokens,
        output_tokens=batch.output_tokens,
        repetitions=batch.repetitions if figures else 0,
        figures=figures,
        is_noisy=is_noisy,
        failure=failure,
    )
