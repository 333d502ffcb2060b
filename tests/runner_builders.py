"""The smallest plans, reports and stand-ins that the runner's tests need."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from builders import a_model, a_workload
from slmeval_api.plan import Plan
from slmeval_api.result import Failure, Progress, TrialResult
from slmeval_api.workload import Workload
from slmeval_runner.engines.base import Outcome, Served, Steps
from slmeval_runner.engines.simulated import SimulatedEngine
from slmeval_runner.reporter.trials import TrialGone

MOMENT = "2026-11-01T00:00:00Z"
LABELS = ["refund", "delivery", "login", "cancel", "upgrade", "invoice"]

Json = dict[str, Any]


class FakeClock:
    """A clock that moves only when it is told to, or slept on."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def now(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.now_s += seconds


def a_plan(*trials: str, **overrides: Any) -> Plan:
    """Return a plan for a CPU pool and the simulated engine; `overrides` are camelCase."""
    names = trials or ("small",)
    return Plan.from_json_data(
        {
            "namespace": "team",
            "evaluation": "demo",
            "run": "demo-1",
            "pool": "cpu",
            "attempt": 1,
            "engine": "simulated",
            "gpusPerWorker": 0,
            "workers": 1,
            "image": "runner:1",
            "seed": 1,
            "trialDeadlineSeconds": 600,
            "workloads": [a_workload()],
            "tasks": [],
            "trials": [{"name": f"demo-1-{name}", "model": a_model(name)} for name in names],
            **overrides,
        }
    )


def a_classification(name: str = "intents", **overrides: Any) -> Json:
    """Return the task on the built-in sample, with all of its labels."""
    return {
        "name": name,
        "classification": {"labels": LABELS},
        "data": {
            "test": "builtin://support-intents/test",
            "train": "builtin://support-intents/train",
        },
        **overrides,
    }


def workload_of(**batch: Any) -> Workload:
    """Return a batch workload of 4 requests of 16 in and 4 out, once."""
    return Workload.from_json_data(a_workload(**{"repetitions": 1, **batch}))


def a_progress(stage: Any = "Starting", attempt: int = 1) -> Progress:
    return Progress(stage=stage, attempt=attempt, updated_at=MOMENT)


def a_result(failure: Failure | None = None, attempt: int = 1) -> TrialResult:
    return TrialResult(attempt=attempt, started_at=MOMENT, completed_at=MOMENT, failure=failure)


def a_failure(*, may_pass: bool) -> Failure:
    return Failure(reason="WorkerLost", message="the worker is gone", may_pass=may_pass)


def a_simulated_engine(clock: FakeClock, name: str = "small", **options: Any) -> SimulatedEngine:
    """Return an engine that sleeps on `clock`."""
    return SimulatedEngine(name, sleep=clock.sleep_async, monotonic=clock.monotonic, **options)


def an_outcome(**overrides: Any) -> Outcome:
    """Return a finished request of 16 in and 4 out: scheduled at 1 s, tokens at 2 to 5 s."""
    facts: dict[str, Any] = {
        "is_finished": True,
        "finish_reason": "length",
        "prompt_tokens": 16,
        "output_tokens": 4,
        "cached_tokens": 0,
        "arrival_s": 0.0,
        "scheduled_s": 1.0,
        "first_token_s": 2.0,
        "last_token_s": 5.0,
    }
    return Outcome(**(facts | overrides))


def served(outcomes: Sequence[Outcome], seconds: float = 5.0, **overrides: Any) -> Served:
    facts: dict[str, Any] = {"submitted_s": 0.0, "finished_s": seconds, **overrides}
    return Served(outcomes=tuple(outcomes), **facts)


def steps_of(**overrides: Any) -> Steps:
    """Return what an engine says of one step in which nothing waited."""
    facts: dict[str, Any] = {
        "count": 1,
        "inter_token_s": [],
        "peak_running": 1,
        "peak_waiting": 0,
        "peak_kv_cache": 0.0,
        "preemptions": 0,
    }
    return Steps(**(facts | overrides))


class FakeTrials:
    """The API server's trials: statuses by name, and errors to raise before the next calls."""

    def __init__(self, *names: str) -> None:
        self.statuses: dict[str, Json] = {name: {} for name in names}
        self.errors: list[Exception] = []
        self.applied: list[tuple[str, Json]] = []

    def fetch(self, name: str) -> Json:
        self._raise_next()
        if name not in self.statuses:
            raise TrialGone(name)
        return {"metadata": {"name": name}, "status": self.statuses[name]}

    def apply_status(self, name: str, status: Json) -> None:
        self._raise_next()
        if name not in self.statuses:
            raise TrialGone(name)
        self.statuses[name] = status
        self.applied.append((name, status))

    def _raise_next(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


def write_lines(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def parquet_of(columns: dict[str, list[Any]]) -> bytes:
    """Return a Parquet file."""
    import pyarrow
    from pyarrow import parquet

    out = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(columns), out)
    written: bytes = out.getvalue().to_pybytes()
    return written
