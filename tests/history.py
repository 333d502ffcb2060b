"""The objects of a made-up team over a month, as they stood at any time of it.

One evaluation is measured every Monday, its last time on the morning that ends the month; another
has the simulated engine; a third waits for a pool that nobody made. Nothing of it was measured.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from answers import NAME, RUN, a_condition, bodies
from formula import POOLS, SIZES, a_result, over_http, wave

Json = dict[str, Any]
HOUR_S, DAY_S = 3600, 86_400
LAST_MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC).timestamp()
END = LAST_MONDAY + 3 * DAY_S
BEGIN = END - 30 * DAY_S
MONDAYS = 5
CREATED_S, FIRST_S, ENDED_S = 3 * HOUR_S, 3 * HOUR_S - 240, 1_110
"""Before nine on each Monday: the run is made, its first trials begin, it has ended."""
LATE_S = 95
"""From each time of the schedule until the run was made."""
UNDER_WAY = LAST_MONDAY - 1.2 * HOUR_S
"""In the midst of the last run."""
TOLD_EVERY_S = 180
"""Between two words of a running trial."""
STAGES = (
    (0.0, "LoadingModel", "weights"),
    (0.06, "StartingEngine", "compiling"),
    (0.25, "Measuring", "article"),
    (0.5, "Measuring", "chat"),
    (0.75, "Scoring", "policy-questions"),
)
"""From which share of a trial's time on it does what."""
RUNS = "Being measured; status.progress says where it stands."
LOST = ("gemma-2-9b", "a10")
"""The trial that failed in the last run, as model and pool."""
PACES = (1.0, 1.012, 0.995, 0.93, 0.935)
LIFTS = (0.0, 0.03, 0.05, 0.04, -0.22)
"""Speed and score of each run: an update slowed the fourth, another lowered the fifth's scores."""
SERVED = {"inputTokens": 800, "outputTokens": 150, "requests": 200, "concurrency": 20}


class Turn(NamedTuple):
    """A trial's time on its pool, in seconds since 1970."""

    model: str
    pool: str
    begin: float
    end: float


def moments() -> list[float]:
    """Return the times at which anything changes, in order."""
    found = {BEGIN}
    for number in range(MONDAYS):
        found |= {_nine(number) - CREATED_S, _nine(number) - ENDED_S}
    for turn in turns(MONDAYS - 1):
        spoken = range(int(turn.begin), int(turn.end), TOLD_EVERY_S)
        found |= {turn.begin, turn.end, *map(float, spoken)}
    return sorted(found)


def turns(number: int) -> list[Turn]:
    """Return who was measured when in a run: on each pool one after the other, large ones longer.

    Args:
        number: of the run, from 0.

    """
    begin, end = _nine(number) - FIRST_S + 180 * number, _nine(number) - ENDED_S
    found = list[Turn]()
    for pool in POOLS:
        length = (end - begin) * (1.0 if pool == "a10" else 0.83)
        share, at = length / sum(size + 2 for size in SIZES.values()), begin
        for model, size in SIZES.items():
            found.append(Turn(model, pool, at, at + (size + 2) * share))
            at = found[-1].end
    return found


def pace(number: int, model: str) -> float:
    """Return a model's speed in a run, against that of the first one."""
    return PACES[number] * (1 + 0.008 * wave(f"{model}{number}"))


def objects(at: float) -> list[Json]:
    """Return everything that is stored at a time."""
    begun = [n for n in range(MONDAYS) if _nine(n) - CREATED_S <= at]
    weekly = [body for n in begun for body in _run(n, at)]
    return [_weekly(begun[-1] if begun else None, at), *weekly, *_simulated(), _stalled()]


def stamp(at: float) -> str:
    """Return a time as objects have it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _nine(number: int) -> float:
    """Return nine o'clock of the Monday of a run."""
    return LAST_MONDAY - (MONDAYS - 1 - number) * 7 * DAY_S


def _lost(number: int) -> tuple[tuple[str, str], ...]:
    return (LOST,) if number == MONDAYS - 1 else ()


@cache
def _whole(number: int) -> list[Json]:
    """Return the evaluation, a run and its trials as they are once the run has ended."""
    made = bodies(failed=_lost(number), noisy=())
    words = {RUN: f"{NAME.name}-{number + 1}", "uid-r": f"uid-r{number}"}
    words |= {f"uid-{model}": f"uid-{number}-{model}" for model in SIZES}
    evaluation, run, *trials = _renamed(made, words)
    for question in (evaluation["spec"], run["spec"]["question"]):
        question["workloads"].append({"name": "chat-served", "http": SERVED})
    evaluation["metadata"]["creationTimestamp"] = stamp(_nine(0) - CREATED_S)
    run["metadata"]["creationTimestamp"] = stamp(_nine(number) - CREATED_S)
    if number:
        meant = stamp(_nine(number) - CREATED_S - LATE_S)
        run["spec"]["trigger"] = {"reason": "Scheduled", "scheduledTime": meant}
    run["status"]["gates"] = _gates(number)
    run["status"]["completionTime"] = stamp(_nine(number) - ENDED_S)
    run["status"]["attempts"] = [
        {"pool": pool, "number": 1 + again, "name": f"{NAME.name}-{pool}-{1 + again}",
         "outcome": "Ended"}
        for pool in POOLS
        for again in range(1 + (pool == "a10" and number == MONDAYS - 1))
    ]  # fmt: skip
    for trial, turn in zip(trials, _as_trials(number), strict=True):
        trial["metadata"]["creationTimestamp"] = run["metadata"]["creationTimestamp"]
        times = stamp(turn.begin), stamp(turn.end)
        if (turn.model, turn.pool) in _lost(number):
            trial["status"]["result"] |= dict(zip(("startedAt", "completedAt"), times, strict=True))
            continue
        size = SIZES[turn.model]
        result = a_result(
            turn.model,
            size,
            turn.pool,
            times=times,
            pace=pace(number, turn.model),
            lift=LIFTS[number],
        )
        result["workloads"].append(over_http(turn.model, size, turn.pool))
        trial["status"]["result"] = result
    return [evaluation, run, *trials]


def _gates(number: int) -> Json:
    """Return what came of two gates: the fourth run is too slow, the first has none before it."""
    outcome = ("Inconclusive", "Passed", "Passed", "Failed", "Passed")[number]
    newest = "Inconclusive" if number == MONDAYS - 1 else "Passed"
    verdicts = [
        {
            "gate": gate, "demand": demand, "model": "llama-3-2-3b", "pool": "a6000",
            "outcome": came, "limit": limit, "message": "Made up.",
        }
        for gate, demand, came, limit in (
            ("no-slower", "regression", outcome, "2"),
            ("good-enough", "atLeast", newest, "0.7"),
        )
    ]  # fmt: skip
    counts = {
        word.lower(): sum(v["outcome"] == word for v in verdicts)
        for word in ("Passed", "Failed", "Inconclusive")
    }
    return {"digest": f"sha256:{'0' * 64}", "verdicts": verdicts, **counts}


def _as_trials(number: int) -> list[Turn]:
    """Return the turns in the order of the trials: by model, then by pool."""
    models, pools = list(SIZES), list(POOLS)
    return sorted(turns(number), key=lambda t: (models.index(t.model), pools.index(t.pool)))


def _run(number: int, at: float) -> Iterator[Json]:
    _, run, *trials = _whole(number)
    if at >= _nine(number) - ENDED_S:
        yield from (run, *trials)
        return
    attempts = [one for one in run["status"]["attempts"] if one["number"] == 1]
    yield run | {"status": {"attempts": attempts}}
    for trial, turn in zip(trials, _as_trials(number), strict=True):
        yield trial if at >= turn.end else trial | {"status": _unfinished(turn, at)}


def _unfinished(turn: Turn, at: float) -> Json:
    if at < turn.begin:
        waits = f"Waits for a free worker of pool {turn.pool}."
        return {"conditions": [a_condition("Ready", "False", "Pending", waits)]}
    spoken = at - (at - int(turn.begin)) % TOLD_EVERY_S
    share = (at - turn.begin) / (turn.end - turn.begin)
    _, stage, detail = [one for one in STAGES if one[0] <= share][-1]
    told = max(turn.begin, spoken)
    return {
        "conditions": [a_condition("Ready", "False", "Running", RUNS)],
        "progress": {"stage": stage, "detail": detail, "attempt": 1, "updatedAt": stamp(told)},
    }


def _weekly(number: int | None, at: float) -> Json:
    """Return the evaluation as the run of that number makes it; None: none is there yet."""
    if number is None:
        return _whole(0)[0] | {"status": {}}
    evaluation, run, *_ = _whole(number)
    has_ended = at >= _nine(number) - ENDED_S
    good = [n for n in range(number + 1) if not _lost(n) and at >= _nine(n) - ENDED_S]
    total = len(SIZES) * len(POOLS)
    ended = total if has_ended else sum(at >= turn.end for turn in turns(number))
    lost = sum((t.model, t.pool) in _lost(number) and at >= t.end for t in turns(number))
    reason = ("TrialsFailed" if lost else "Measured") if has_ended else "Running"
    message = f"{ended - lost} of {total} trials were measured." if has_ended else RUNS
    status: Json = {
        "observedGeneration": 1,
        "conditions": [
            a_condition(kind, str(is_true), reason, message)
            for kind, is_true in (
                ("Ready", has_ended and not lost),
                ("Stalled", has_ended and bool(lost)),
                ("Succeeded", has_ended and not lost),
                ("Failed", has_ended and bool(lost)),
            )
        ],
        "trials": {
            "total": total, "succeeded": ended - lost, "failed": lost, "unfinished": total - ended,
            "summary": f"{ended}/{total}",
        },
        "currentRun": {"name": run["metadata"]["name"]},
        "schedule": {
            "nextScheduleTime": stamp(_nine(number + 1) - CREATED_S - LATE_S),
            "lastMissedTime": stamp(_nine(-1) - CREATED_S - LATE_S),
        },
    }  # fmt: skip
    if number:
        last_time = stamp(_nine(number) - CREATED_S - LATE_S)
        status["schedule"] |= {"lastScheduleTime": last_time}
    if good:
        name = _whole(good[-1])[1]["metadata"]["name"]
        last = {"name": name, "completionTime": stamp(_nine(good[-1]) - ENDED_S)}
        status["lastSuccessfulRun"] = last
    return evaluation | {"status": status}


@cache
def _simulated() -> list[Json]:
    two = {name: SIZES[name] for name in list(SIZES)[:2]}
    made = bodies(sizes=two, pools=["a10"], simulated_pools=["a10"], failed=(), noisy=())
    evaluation, *others = _renamed(made, {NAME.name: "try-out", "uid-": "uid-s-", "team": "lab"})
    others[0]["status"]["attempts"] = [
        {"pool": "a10", "number": 1, "name": "try-out-a10-1", "outcome": "Ended"}
    ]
    ready = [a_condition("Ready", "True", "Simulated", "Made up.")]
    counts = {"total": 2, "succeeded": 2, "failed": 0, "unfinished": 0, "summary": "2/2"}
    last = {"name": "try-out-1", "completionTime": others[0]["status"]["completionTime"]}
    status = evaluation["status"] | {"conditions": ready, "trials": counts}
    return [evaluation | {"status": status | {"lastSuccessfulRun": last}}, *others]


@cache
def _stalled() -> Json:
    made = bodies(sizes={"llama-3-2-1b": 1.24}, pools=["a10"], failed=(), noisy=())[:1]
    (evaluation,) = _renamed(made, {NAME.name: "invoices", "uid-": "uid-i-"})
    reason, message = "PoolNotFound", "There is no SLMPool l4."
    conditions = [
        a_condition("Ready", "False", reason, message),
        a_condition("Stalled", "True", reason, message),
    ]
    return evaluation | {"status": {"conditions": conditions}}


def _renamed(made: list[Json], words: Mapping[str, str]) -> list[Json]:
    """Return the objects with texts that begin with one of `words` beginning with another."""
    text = json.dumps(made)
    for old, new in words.items():
        text = text.replace(f'"{old}', f'"{new}')
    found: list[Json] = json.loads(text)
    return found
