"""Which figures of a trial a gate looks at. What is not there raises Untold."""

from collections.abc import Sequence

from slmeval_api.gate import ScoreGate, SpeedGate
from slmeval_api.result import Score, TaskResult, TrialResult, WorkloadFigures
from slmeval_api.trial import Trial

from .judged import Untold
from .loads import Loaded, loaded

RATE = "requestsPerSecond"
_QUANTILES = {
    "latency": "latency_seconds",
    "timeToFirstToken": "time_to_first_token_seconds",
    "timePerOutputToken": "time_per_output_token_seconds",
}


def result_of(trial: Trial) -> TrialResult:
    """Return what was measured."""
    if trial.status.result is None:
        raise Untold("it was not measured")
    return trial.status.result


def task_of(result: TrialResult, name: str) -> TaskResult | None:
    """Return a task's result; None: the trial did not reach it."""
    return next((task for task in result.tasks if task.name == name), None)


def score_of(gate: ScoreGate, trial: Trial) -> Score:
    """Return the score that `gate` judges."""
    result = result_of(trial)
    if gate.task is not None:
        task = task_of(result, gate.task)
        if task is None or task.score is None:
            raise Untold(f"task {gate.task} has no score")
        return task.score
    if result.suite is None:
        raise Untold("a task has no score, so there is none over all tasks")
    if not gate.held_out:
        return result.suite.score
    if result.suite.held_out is None:
        raise Untold("no task is marked heldOut")
    return result.suite.held_out


def tasks_of(gate: ScoreGate, trial: Trial) -> list[TaskResult]:
    """Return the tasks that the score is of."""
    tasks = result_of(trial).tasks
    if gate.task is not None:
        return [task for task in tasks if task.name == gate.task]
    return [task for task in tasks if task.held_out or not gate.held_out]


def name_of_score(gate: ScoreGate) -> str:
    """Return what the score is called."""
    if gate.task is not None:
        return f"score of {gate.task}"
    return "score over the held-out tasks" if gate.held_out else "score over all tasks"


def loaded_of(gate: SpeedGate, trial: Trial, load: str | None) -> Loaded:
    """Return what the workload of `gate` showed at `load`; None: at the one that stands for it."""
    workload = next((w for w in result_of(trial).workloads if w.name == gate.workload), None)
    if workload is None:
        raise Untold(f"workload {gate.workload} was not measured")
    return loaded(workload, load)


def times_of(gate: SpeedGate, figures: WorkloadFigures) -> list[float]:
    """Return a time in seconds for each repetition, of which less is better."""
    if gate.figure == RATE:
        each = figures.requests / len(figures.repetition_seconds)
        return _positive(gate, [float(s) / each for s in figures.repetition_seconds])
    name, _, quantile = gate.figure.removesuffix("Seconds").rpartition("P")
    quantiles = getattr(figures, _QUANTILES[name])
    if quantiles is None:
        raise Untold(f"workload {gate.workload} has no {gate.figure}: its answers come whole")
    texts = quantiles.repetition_p50 if quantile == "50" else quantiles.repetition_p99
    return _positive(gate, [float(text) for text in texts])


def name_of_speed(gate: SpeedGate, load: str | None) -> str:
    """Return what the figure is called."""
    return f"{gate.figure} of {gate.workload}" + (f" at {load}" if load else "")


def _positive(gate: SpeedGate, times_s: Sequence[float]) -> list[float]:
    """Return the times; one of none at all has no logarithm, and is no measurement."""
    if not all(time > 0 for time in times_s):
        raise Untold(f"{gate.figure} of workload {gate.workload} is too short to be measured")
    return list(times_s)


def too_few(gate: SpeedGate) -> Untold:
    """Return the error of a figure whose uncertainty is not known."""
    return Untold(
        f"one repetition of workload {gate.workload} does not tell how sure its {gate.figure} is: "
        "set its repetitions to 3 or more"
    )
