"""Every series about evaluations: name, unit, labels, meaning and how many there can be. Pure.

docs/reference/metrics.md is generated from here. Names and labels are a promise to dashboards and
alerts of others; values are read by the other modules of this package.
"""

from typing import Literal, NamedTuple

PREFIX = "slmeval_"
EVALUATION = ("namespace", "evaluation")
TRIAL = (*EVALUATION, "model", "pool")
RESULT = (*TRIAL, "engine")
WORKLOAD = (*RESULT, "workload")
TASK = (*RESULT, "task")
SUITE = (*RESULT, "tasks")
PAIR = (*EVALUATION, "pool", "model", "against")
Group = Literal["State", "Speed", "Load", "Accuracy", "Start", "Comparison"]


class Family(NamedTuple):
    """A metric with its labels. All are gauges: they are read from stored objects, not counted."""

    name: str
    """Without the prefix; it ends in the unit, if there is one."""
    group: Group
    text: str
    labels: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """As Prometheus has it."""
        return PREFIX + self.name


class About(NamedTuple):
    """What the families of a group have in common."""

    text: str
    series: str
    """How many there are of each family."""


GROUPS: dict[Group, About] = {
    "State": About(
        "Where evaluations, runs and trials stand now: of the newest run, whatever came of it.",
        "One an evaluation, or one a trial: models × pools; times demands for gates.",
    ),
    "Speed": About(
        "Of a workload, by the newest trial of that model on that pool that succeeded. A workload "
        "of several levels or rates stands with its most telling one: the highest rate that met "
        "the objectives, or else the one with the most requests a second.",
        "Models × pools × workloads; times 2 by direction, times 3 by quantile.",
    ),
    "Load": About(
        "Of each level of concurrency, or each rate that the workload names, by the newest trial "
        "that succeeded. Rates that were searched are other ones each time, and have no series.",
        "Models × pools × levels or rates (32 a workload at most); times 2 by quantile.",
    ),
    "Accuracy": About(
        "Of a task, or of all tasks together, by the newest trial that succeeded.",
        "Models × pools × tasks; times 3 by outcome, times up to 12 by metric; of all tasks "
        "together 2.",
    ),
    "Start": About(
        "Of a trial's engine, by the newest trial that succeeded.",
        "Models × pools; times up to 9 by part.",
    ),
    "Comparison": About(
        "Of two models on the items that both were asked, over all tasks, by the newest run that "
        "has ended. `model` is the better one.",
        "Pools × pairs of models: 10 for five models.",
    ),
}

_QUANTILE = "quantile"
FAMILIES: tuple[Family, ...] = (
    # State
    Family(
        "evaluation_condition",
        "State",
        "Status of a condition (Ready, Stalled, Succeeded, Failed, GatesPassed), 1 for True and 0 "
        "for False, with its reason. Absent: Unknown.",
        (*EVALUATION, "type", "reason"),
    ),
    Family("evaluation_suspended", "State", "1: spec.suspend is true.", EVALUATION),
    Family(
        "evaluation_last_success_timestamp_seconds",
        "State",
        "When the newest run ended whose trials all succeeded.",
        EVALUATION,
    ),
    Family(
        "evaluation_next_schedule_timestamp_seconds",
        "State",
        "The next time of spec.schedule. Absent without one, and while it is suspended.",
        EVALUATION,
    ),
    Family(
        "evaluation_last_schedule_timestamp_seconds",
        "State",
        "The newest time of spec.schedule that a run was started for.",
        EVALUATION,
    ),
    Family(
        "evaluation_missed_schedule_timestamp_seconds",
        "State",
        "The newest time of spec.schedule that passed by its startingDeadlineSeconds.",
        EVALUATION,
    ),
    Family(
        "evaluation_schedule_lag_seconds",
        "State",
        "How much later than its time of spec.schedule the newest scheduled run was made: the "
        "operator was down, or a run before it was on its way.",
        EVALUATION,
    ),
    Family(
        "gate_outcome",
        "State",
        "1 for what came of a demand of spec.gates in the newest run: passed, failed, "
        "inconclusive. Absent before the run has ended.",
        (*TRIAL, "gate", "demand", "outcome"),
    ),
    Family("run_start_timestamp_seconds", "State", "When the newest run was made.", EVALUATION),
    Family(
        "run_end_timestamp_seconds",
        "State",
        "When the newest run ended. Absent while it has not.",
        EVALUATION,
    ),
    Family("run_attempts", "State", "RayJobs of the newest run.", (*EVALUATION, "pool")),
    Family(
        "trials",
        "State",
        "Trials of the newest run, by where they stand: succeeded, failed, unfinished.",
        (*EVALUATION, "state"),
    ),
    Family(
        "trial_state",
        "State",
        "1 for where the trial stands: pending, running, succeeded, failed; with the reason that "
        "kubectl shows.",
        (*TRIAL, "state", "reason"),
    ),
    Family(
        "trial_created_timestamp_seconds",
        "State",
        "When the trial was made: it waits since.",
        TRIAL,
    ),
    Family(
        "trial_progress_timestamp_seconds",
        "State",
        "When a running trial last told of progress, with its stage.",
        (*TRIAL, "stage"),
    ),
    Family(
        "trial_gpu_seconds",
        "State",
        "GPUs of the trial × seconds from its start to its end. Absent before that, and without "
        "GPUs. Waiting for nodes is not in it.",
        TRIAL,
    ),
    # Speed
    Family("requests_per_second", "Speed", "Requests a second.", WORKLOAD),
    Family(
        "tokens_per_second", "Speed", "Tokens a second: input, output.", (*WORKLOAD, "direction")
    ),
    Family("workload_seconds", "Speed", "Mean seconds to serve the whole workload once.", WORKLOAD),
    Family(
        "workload_variation_ratio",
        "Speed",
        "Coefficient of variation of the repetitions' requests a second.",
        WORKLOAD,
    ),
    Family("concurrent_requests", "Speed", "Mean requests in flight.", WORKLOAD),
    Family("latency_seconds", "Speed", "Arrival to last token.", (*WORKLOAD, _QUANTILE)),
    Family(
        "time_to_first_token_seconds", "Speed", "Arrival to first token.", (*WORKLOAD, _QUANTILE)
    ),
    Family(
        "time_per_output_token_seconds",
        "Speed",
        "First to last token ÷ (output tokens - 1).",
        (*WORKLOAD, _QUANTILE),
    ),
    Family("inter_token_seconds", "Speed", "Gaps between two tokens.", (*WORKLOAD, _QUANTILE)),
    Family("queue_seconds", "Speed", "Arrival to the first step.", (*WORKLOAD, _QUANTILE)),
    Family("kv_cache_peak_ratio", "Speed", "Largest share of the KV cache in use.", WORKLOAD),
    Family("preemptions", "Speed", "Requests put back for want of KV cache.", WORKLOAD),
    Family("request_energy_joules", "Speed", "Energy of a request, over all GPUs.", WORKLOAD),
    Family("device_memory_peak_bytes", "Speed", "Most GPU memory in use.", WORKLOAD),
    Family("roofline_ratio", "Speed", "Counted work ÷ what the card was measured to do.", WORKLOAD),
    Family(
        "highest_requests_per_second",
        "Speed",
        "Highest rate offered that met the objectives.",
        WORKLOAD,
    ),
    Family(
        "http_requests_per_second_ratio",
        "Speed",
        "Requests a second over HTTP ÷ at the engine.",
        WORKLOAD,
    ),
    Family(
        "http_added_latency_seconds",
        "Speed",
        "Median latency over HTTP less that at the engine.",
        WORKLOAD,
    ),
    # Load
    Family(
        "load_requests_per_second",
        "Load",
        "Requests a second, by load: requests in flight, or the rate offered.",
        (*WORKLOAD, "load"),
    ),
    Family(
        "load_latency_seconds",
        "Load",
        "Arrival to last token, by load.",
        (*WORKLOAD, "load", _QUANTILE),
    ),
    Family(
        "load_attained_ratio",
        "Load",
        "Requests that met all objectives, of all, by load.",
        (*WORKLOAD, "load"),
    ),
    # Accuracy
    Family("score", "Accuracy", "Mean over all items, unanswered ones 0.", (*TASK, "metric")),
    Family("score_lower_bound", "Accuracy", "Lower end of its 95% interval.", (*TASK, "metric")),
    Family("score_upper_bound", "Accuracy", "Upper end of its 95% interval.", (*TASK, "metric")),
    Family(
        "score_completion_ratio",
        "Accuracy",
        "Items whose answer could be read, of all that were asked.",
        (*TASK, "metric"),
    ),
    Family("majority_score", "Accuracy", "Score of always giving the commonest answer.", TASK),
    Family("random_score", "Accuracy", "Score of guessing.", TASK),
    Family("task_metric_ratio", "Accuracy", "A further figure of the task.", (*TASK, "metric")),
    Family(
        "task_items",
        "Accuracy",
        "Items, by what became of them: answered, unanswered, skipped (too long).",
        (*TASK, "outcome"),
    ),
    Family("suite_score", "Accuracy", "Mean of the tasks' scores: all, held_out.", SUITE),
    Family("suite_score_lower_bound", "Accuracy", "Lower end of its 95% interval.", SUITE),
    Family("suite_score_upper_bound", "Accuracy", "Upper end of its 95% interval.", SUITE),
    # Start
    Family("engine_start_seconds", "Start", "Start of the trial to engine warm.", RESULT),
    Family(
        "engine_start_part_seconds",
        "Start",
        "The same in parts; what is in none is in the whole only.",
        (*RESULT, "part"),
    ),
    Family("model_parameters", "Start", "Parameters of the model.", RESULT),
    Family("model_weights_bytes", "Start", "Memory that the weights take.", RESULT),
    Family("kv_cache_tokens", "Start", "Tokens that the KV cache holds.", RESULT),
    Family(
        "last_success_timestamp_seconds",
        "Start",
        "When the trial ended: how old all this is.",
        RESULT,
    ),
    # Comparison
    Family("score_difference", "Comparison", "Score of model less that of against.", PAIR),
    Family("score_difference_lower_bound", "Comparison", "Lower end of its 95% interval.", PAIR),
    Family("score_difference_upper_bound", "Comparison", "Upper end of its 95% interval.", PAIR),
    Family(
        "score_tied",
        "Comparison",
        "1: these items do not tell the two apart (adjusted p 0.05 or more).",
        PAIR,
    ),
)
