"""The validity gates: a set of requests counts only if it is what was asked. Pure.

Each raises MeasurementInvalid with what was found and what to do.
"""

from collections.abc import Sequence
from statistics import median

from slmeval_runner.devices.readings import THROTTLES, DeviceReadings
from slmeval_runner.engines.base import Outcome, Request, Served
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.stats import nearest_rank

CLIENT_LIMIT = 0.05
"""Largest share of the time that the engine may have waited for the client."""
THROTTLE_LIMIT = 0.02
"""Largest share of samples with a throttled GPU: a single one also shows at a change of state."""
LEAST_LATENCIES = 3
"""A rate must be offered for at least this many median latencies: a shorter burst fits into the
engine's queue, and says nothing of what it can sustain."""


def check_prompts(warmup: Sequence[Request], measured: Sequence[Request], where: str) -> None:
    """Demand that no measured prompt was sent as a warm-up: its prefix would be cached."""
    seen = {tuple(request.prompt_token_ids) for request in warmup}
    again = sum(tuple(request.prompt_token_ids) in seen for request in measured)
    if again:
        raise MeasurementInvalid(
            f"{where}: {again} of {len(measured)} prompts were sent as warm-up before: the figures "
            "would be too good; set warmupRequests to 0, or give the workload longer prompts"
        )


def check_served(
    requests: Sequence[Request],
    served: Served,
    *,
    cache_hits: int,
    may_hit: bool,
    is_streamed: bool = True,
    where: str,
) -> None:
    """Demand that nothing was lost, cut short or cached, and that the times can be told.

    Args:
        requests: what was sent.
        served: what came of it.
        cache_hits: prompt tokens that the engine counted as cached meanwhile.
        may_hit: the workload allows them.
        is_streamed: False: answers came whole, and have no time of a first token.
        where: the set's name, for messages.

    """
    outcomes = served.outcomes
    finished = sum(outcome.is_finished for outcome in outcomes)
    if len(outcomes) != len(requests) or finished != len(requests):
        raise MeasurementInvalid(
            f"{where}: {finished} of {len(requests)} requests finished: the engine gave up the "
            "others; see the worker's log, and lower requests or the lengths"
        )
    _check_ends(where, outcomes)
    pairs = list(zip(requests, outcomes, strict=True))
    prompts = [(len(r.prompt_token_ids), o.prompt_tokens) for r, o in pairs]
    _check_counts(where, "prompt", prompts)
    _check_counts(where, "output", [(r.max_tokens, o.output_tokens) for r, o in pairs])
    cached = max(cache_hits, sum(outcome.cached_tokens or 0 for outcome in outcomes))
    if cached and not may_hit:
        raise MeasurementInvalid(
            f"{where}: {cached} prompt tokens came from the prefix cache, 0 are allowed: the "
            "figures would be too good; raise inputTokens so that prompts differ, or set "
            "allowPrefixCaching if your own prompts share a beginning on purpose"
        )
    _check_times(where, served, is_streamed=is_streamed)


def _check_ends(where: str, outcomes: Sequence[Outcome]) -> None:
    early = [o for o in outcomes if o.finish_reason not in (None, "length")]
    if early:
        raise MeasurementInvalid(
            f"{where}: {len(early)} of {len(outcomes)} requests ended early, the first with "
            f"{early[0].finish_reason!r} after {early[0].output_tokens} tokens: end-of-sequence "
            "tokens are to be ignored; report this with the engine's version"
        )


def _check_counts(where: str, kind: str, pairs: Sequence[tuple[int, int]]) -> None:
    wrong = [(asked, found) for asked, found in pairs if asked != found]
    if wrong:
        asked, found = wrong[0]
        raise MeasurementInvalid(
            f"{where}: {len(wrong)} of {len(pairs)} requests had another number of {kind} tokens "
            f"than asked, the first {found} instead of {asked}: speeds of different work cannot "
            "be compared; report this with the model's name"
        )


def _check_times(where: str, served: Served, *, is_streamed: bool) -> None:
    if served.seconds <= 0:
        raise MeasurementInvalid(
            f"{where}: the set took {served.seconds} seconds by the clock: the node's clock is "
            "not usable; run on another node"
        )
    broken = sum(not _is_in_order(o, is_streamed=is_streamed) for o in served.outcomes)
    if broken:
        raise MeasurementInvalid(
            f"{where}: {broken} of {len(served.outcomes)} requests lack times of the engine, or "
            "have them out of order: latencies cannot be told; report this with the engine's "
            "version"
        )


def _is_in_order(outcome: Outcome, *, is_streamed: bool) -> bool:
    times = (outcome.arrival_s, outcome.scheduled_s, outcome.first_token_s, outcome.last_token_s)
    known = [time_s for time_s in times if time_s is not None]
    needed = (outcome.arrival_s, outcome.last_token_s)
    has_needed = None not in (*needed, outcome.first_token_s if is_streamed else 0.0)
    return has_needed and known == sorted(known)


def check_client(served: Served, in_flight: int | None, where: str) -> None:
    """Demand that the engine, not the client, set the pace of a set that `check_served` passed."""
    share = client_share(served, in_flight)
    if share > CLIENT_LIMIT:
        raise MeasurementInvalid(
            f"{where}: the engine waited for its client {100 * share:.1f}% of the time, at most "
            f"{100 * CLIENT_LIMIT:.0f}% is allowed: the figures would be the client's; give the "
            "worker more CPUs (SLMPool workerResources.cpu), or its node less other work"
        )


def client_share(served: Served, in_flight: int | None) -> float:
    """Return how much of the time the engine waited for the client, 0 to 1.

    - All at once: from sending to the first arrival, and from the last token until it was read.
    - `in_flight` at most: from each answer's last token to the arrival that took its place, over
      the slots' time.
    - With offsets: the 99th percentile of how late requests were sent, over the median latency,
      which is what the lateness would be hidden in.
    """
    arrivals = sorted(o.arrival_s for o in served.outcomes if o.arrival_s is not None)
    ends = sorted(o.last_token_s for o in served.outcomes if o.last_token_s is not None)
    if served.late_s:
        return max(0.0, nearest_rank(served.late_s, 99)) / _median_latency(served)
    edges_s = max(0.0, arrivals[0] - served.submitted_s) + max(0.0, served.finished_s - ends[-1])
    if in_flight is None or in_flight >= len(arrivals):
        return edges_s / served.seconds
    gaps_s = sum(
        max(0.0, arrival - end) for end, arrival in zip(ends, arrivals[in_flight:], strict=False)
    )
    return edges_s / served.seconds + gaps_s / (in_flight * served.seconds)


def check_device(readings: DeviceReadings, where: str) -> None:
    """Demand that no GPU was held back by a cause outside the workload."""
    shares = [e.share for e in readings.clock_events or () if e.reason in THROTTLES]
    if max(shares, default=0.0) > THROTTLE_LIMIT:
        raise MeasurementInvalid(
            f"{where}: the GPU was throttled: {readings.throttled_by}. Its figures would be those "
            "of a node in trouble: tell who looks after it, and measure on another meanwhile",
            may_pass=True,
        )


def check_long_enough(served: Served, offsets_s: Sequence[float], where: str) -> None:
    """Demand that arrivals went on for LEAST_LATENCIES median latencies."""
    latency_s = _median_latency(served)
    if offsets_s[-1] < LEAST_LATENCIES * latency_s:
        raise MeasurementInvalid(
            f"{where}: its {len(offsets_s)} requests arrived within {offsets_s[-1]:.3g} s, but a "
            f"request takes {latency_s:.3g} s: a burst does not show what the engine sustains; "
            f"raise requests to {_enough(served, offsets_s)} or more, or lower the rate"
        )


def _enough(served: Served, offsets_s: Sequence[float]) -> int:
    gap_s = offsets_s[-1] / max(1, len(offsets_s) - 1)
    return int(2 * LEAST_LATENCIES * _median_latency(served) / max(gap_s, 1e-9)) + 1


def _median_latency(served: Served) -> float:
    return median(
        o.last_token_s - o.arrival_s
        for o in served.outcomes
        if o.last_token_s is not None and o.arrival_s is not None
    )
