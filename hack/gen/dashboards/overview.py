"""All evaluations: what came of them, what is under way, what needs somebody."""

from slmeval_operator.series.families import EVALUATION, RESULT, TRIAL

from .colours import BLUE, ORANGE, SKY, STATES
from .expressions import (
    LAST_SUCCESS,
    MANY,
    age,
    among,
    beside_state,
    best,
    counted,
    in_state,
    newest,
    over,
)
from .pages import Page, Row, asked, banner, link_to
from .panels import YES_NO, About, AnyPanel, Column, Query, lines, number, one_bar_each, rows_of

ALL_TASKS = f'{MANY},tasks="all"'
WINNER = best("suite_score", EVALUATION, ALL_TASKS)
BY_WORKLOAD = (*EVALUATION, "workload")
FASTEST = best("requests_per_second", BY_WORKLOAD, MANY)
FASTEST_LABELS = (*RESULT, "workload")
OUTPUT = ',direction="output"'
FAILED = f'{MANY},type="Failed"'
_IS_STALLED = newest("evaluation_condition", f'{MANY},type="Stalled"')
GATED = f'{MANY},type="GatesPassed"'
# What has failed is stalled as well, for both mean that somebody must act: it is counted once.
STALLED = (
    f"{_IS_STALLED} == 1 unless on ({', '.join(EVALUATION)}) "
    f"({newest('evaluation_condition', FAILED)} == 1 "
    f"or {newest('evaluation_condition', GATED)} == 0)"
)
COMPARE = link_to("compare", "Compare its models", "Namespace", "Evaluation")
RUN = link_to("run", "Its newest run", "Namespace", "Evaluation")


def overview() -> Page:
    """Return the page."""
    return Page(
        name="overview",
        title="SLM evaluations",
        text="Which model wins each evaluation, what is under way and what needs somebody.",
        since="now-24h",
        refresh="1m",
        variables=asked(is_many=True),
        rows=[
            Row(panels=[banner(MANY), *_counts()]),
            Row(title="Which model wins", panels=[_winners(), _fastest()]),
            Row(title="Where evaluations stand", panels=[_standing(), _stuck(), _failures()]),
            Row(title="Gates and schedules", panels=[_gates(), _schedules()]),
            Row(title="Use of the pools", panels=_use()),
            # A row of a further kind of answer (what a model costs, say) goes here.
        ],
    )


def _counts() -> list[AnyPanel]:
    known = newest("evaluation_suspended", MANY)
    trials = "Trials of each evaluation's newest run. Absent: there is no evaluation, or no scrape."
    conditions = "Evaluations {}. Absent: no evaluation, or no scrape."

    def small(title: str, text: str, expression: str, colour: str, unit: str = "none") -> AnyPanel:
        decimals = 0 if unit == "none" else 1
        about = About(title=title, text=text, unit=unit, decimals=decimals, width=3, height=4)
        steps = ((None, BLUE), (1, colour))
        return number(about, Query(expression, title.lower()), steps=steps)

    spent = f"sum({newest('trial_gpu_seconds', MANY)})"
    return [
        small("Evaluations", "SLMEvaluations that the operator sees.", f"count({known})", BLUE),
        small("Running", trials, counted(in_state("running", MANY), known), SKY),
        small("Pending", trials, counted(in_state("pending", MANY), known), BLUE),
        small(
            "Failed",
            conditions.format("whose run ended with something unmeasured"),
            counted(newest("evaluation_condition", FAILED), known),
            ORANGE,
        ),
        small(
            "Stalled",
            conditions.format("that wait for somebody before their run has ended"),
            counted(f"({STALLED})", known),
            ORANGE,
        ),
        small(
            "GPU time",
            "GPUs × seconds of the newest runs' trials, all together. Absent: none on GPUs ended.",
            spent,
            BLUE,
            "s",
        ),
    ]


def _winners() -> AnyPanel:
    on_trial = ", ".join(TRIAL)
    ties = over(TRIAL, newest("score_tied", MANY), "sum")
    return rows_of(
        About(
            title="Highest score of each evaluation",
            text="The model and pool with the highest mean score over all tasks, with its 95% "
            "interval. Tied with: how many other models on that pool these items do not tell "
            "apart from it; 0 is a clear win, not measured: no run that has ended compared it. "
            "Requests a second: of its fastest workload. No row: no tasks, or none scored.",
            unit="short",
            width=24,
            height=7,
        ),
        RESULT,
        [
            Column("Score", WINNER, "none", 3),
            Column("Low", among(newest("suite_score_lower_bound", ALL_TASKS), WINNER), "none", 3),
            Column("High", among(newest("suite_score_upper_bound", ALL_TASKS), WINNER), "none", 3),
            Column(
                "Tied with", f"{ties} + on ({on_trial}) group_left (engine) 0 * {WINNER}", "none", 0
            ),
            Column(
                "Requests a second",
                among(over(RESULT, newest("requests_per_second", MANY)), WINNER),
                "reqps",
                2,
            ),
            Column("Age", among(age(LAST_SUCCESS, MANY), WINNER), "dtdurations", 1),
        ],
        first="Score",
        link=COMPARE,
    )


def _fastest() -> AnyPanel:
    def of(name: str, more: str = "") -> str:
        return among(newest(name, MANY + more), FASTEST, FASTEST_LABELS)

    return rows_of(
        About(
            title="Fastest of each evaluation and workload",
            text="The model and pool with the most requests a second. Variation: how far its "
            "repetitions differ. Not measured: one repetition, or a rate that was offered.",
            unit="short",
            width=24,
            height=7,
        ),
        FASTEST_LABELS,
        [
            Column("Requests a second", FASTEST, "reqps", 2),
            Column("Output tokens a second", of("tokens_per_second", OUTPUT), "none", 0),
            Column("Median latency", of("latency_seconds", ',quantile="0.5"'), "s", 2),
            Column("99% latency", of("latency_seconds", ',quantile="0.99"'), "s", 2),
            Column("Variation", of("workload_variation_ratio"), "percentunit", 1),
        ],
        first="Requests a second",
        link=COMPARE,
    )


def _standing() -> AnyPanel:
    def condition(kind: str) -> str:
        return over(EVALUATION, newest("evaluation_condition", f'{MANY},type="{kind}"'))

    def trials(state: str) -> str:
        return newest("trials", f'{MANY},state="{state}"')

    return rows_of(
        About(
            title="Where each evaluation stands",
            text="Where each stands. Ready: the newest question has its full answer. Unfinished "
            "trials wait or run. Answer's age: since the newest run whose trials all succeeded; "
            "not measured: there was none. GPU time is the newest run's.",
            unit="none",
            width=24,
        ),
        EVALUATION,
        [
            Column("Ready", condition("Ready"), "none", 0, YES_NO),
            Column("Failed", condition("Failed"), "none", 0, YES_NO),
            Column("Stalled", condition("Stalled"), "none", 0, YES_NO),
            Column("Suspended", newest("evaluation_suspended", MANY), "none", 0, YES_NO),
            Column("Trials succeeded", trials("succeeded"), "none", 0),
            Column("Trials failed", trials("failed"), "none", 0),
            Column("Trials unfinished", trials("unfinished"), "none", 0),
            Column("Attempts", over(EVALUATION, newest("run_attempts", MANY), "sum"), "none", 0),
            Column("GPU time", over(EVALUATION, newest("trial_gpu_seconds", MANY), "sum"), "s", 1),
            Column("Run began", age("run_start_timestamp_seconds", MANY), "dtdurations", 1),
            Column(
                "Answer's age",
                age("evaluation_last_success_timestamp_seconds", MANY),
                "dtdurations",
                1,
            ),
        ],
        first="Failed",
        link=RUN,
    )


def _stuck() -> AnyPanel:
    failed = f"{newest('evaluation_condition', FAILED)} == 1"
    gated = f"1 + ({newest('evaluation_condition', GATED)} == 0)"
    return rows_of(
        About(
            title="Evaluations that need somebody",
            text="Those that failed, whose gates failed, or that wait before their run has ended, "
            "with the reason; kubectl describe slmeval says what to do. No row: there is none.",
            unit="none",
            height=6,
        ),
        ("namespace", "evaluation", "type", "reason"),
        [Column("True", f"{failed} or {gated} or {STALLED}", "none", 0, YES_NO)],
        link=RUN,
    )


def _failures() -> AnyPanel:
    spent = beside_state(
        f"time() - {newest('trial_created_timestamp_seconds', MANY)}", f'{MANY},state="failed"'
    )
    return rows_of(
        About(
            title="Trials that failed",
            text="Of the newest runs, with the reason that kubectl shows. No row: there is none.",
            unit="none",
            height=6,
        ),
        (*TRIAL, "reason"),
        [Column("Made", spent, "dtdurations", 1)],
        link=RUN,
    )


def _gates() -> AnyPanel:
    unmet = f'{MANY},outcome!="passed"'
    return rows_of(
        About(
            title="Gates that are not met",
            text="Demands of the newest runs that failed, or of which the data cannot tell; "
            "slmeval results says by how much and what would. No row: there is none.",
            unit="none",
            height=6,
        ),
        (*TRIAL, "gate", "demand", "outcome"),
        [Column("Judged", newest("gate_outcome", unmet), "none", 0, YES_NO)],
        link=COMPARE,
    )


def _schedules() -> AnyPanel:
    return rows_of(
        About(
            title="Schedules",
            text="When each evaluation is asked again. Late: from the time of the schedule until "
            "the newest run by it was made. Missed: since the newest time that passed without a "
            "run. Not measured: there was none, or the schedule is suspended. No row: no schedule.",
            unit="dtdurations",
            height=6,
        ),
        EVALUATION,
        [
            Column(
                "Next in",
                f"{newest('evaluation_next_schedule_timestamp_seconds', MANY)} - time()",
                "dtdurations",
                1,
            ),
            Column(
                "Last", age("evaluation_last_schedule_timestamp_seconds", MANY), "dtdurations", 1
            ),
            Column("Late", newest("evaluation_schedule_lag_seconds", MANY), "dtdurations", 1),
            Column(
                "Missed",
                age("evaluation_missed_schedule_timestamp_seconds", MANY),
                "dtdurations",
                1,
            ),
        ],
        link=RUN,
    )


def _use() -> list[AnyPanel]:
    spent = newest("trial_gpu_seconds", MANY)
    named = f'label_join({spent}, "of", "/", "namespace", "evaluation")'
    states = Query(over(["state"], newest("trial_state", MANY), "sum"), "{{state}}")
    return [
        one_bar_each(
            About(
                title="GPU time of each evaluation's newest run",
                text="GPUs × seconds from start to end of each trial, added up; waiting for nodes "
                "is not in it. No bar: no trial has ended, or the pools have no GPUs.",
                unit="s",
            ),
            "GPU time",
            over(["of"], named, "sum"),
            by="of",
        ),
        lines(
            About(
                title="Trials by where they stand",
                text="Of the newest runs. A run that starts anew begins with pending ones. A gap: "
                "the operator was not scraped.",
                unit="none",
                decimals=0,
            ),
            [states],
            colours=STATES,
            is_stepped=True,
        ),
    ]
