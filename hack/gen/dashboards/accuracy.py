"""Scores of the models of one evaluation: panels of the page that compares them."""

from slmeval_operator.series.families import RESULT

from .colours import BLUE, GREY, ORANGE
from .expressions import OF_TRIALS, ONE, PLACE, SUITE, called, newest, over, trial
from .panels import YES_NO, About, AnyPanel, Column, Query, bars, rows_of

LOW, SCORE, HIGH = "Low", "Score", "High"
INTERVAL = {LOW: (LOW, GREY), SCORE: (SCORE, BLUE), HIGH: (HIGH, GREY)}


def accuracy() -> list[AnyPanel]:
    """Return the panels of scores, over all tasks and task by task."""

    def each(name: str, where: str) -> list[Query]:
        families = {LOW: f"{name}_lower_bound", SCORE: name, HIGH: f"{name}_upper_bound"}
        return [
            Query(called(label, trial(newest(family, where))), label)
            for label, family in families.items()
        ]

    items = over((*RESULT, "outcome"), newest("task_items", OF_TRIALS), "sum")
    outcomes = {
        "answered": ("answered", BLUE),
        "unanswered": ("unanswered", ORANGE),
        "skipped": ("skipped", GREY),
    }
    return [
        bars(
            About(
                title="Score over tasks: $tasks",
                text="Mean of the tasks' scores between the ends of its 95% interval. Intervals "
                "that overlap prove nothing either way: see whether two models are apart below.",
                unit="none",
                decimals=3,
            ),
            each("suite_score", SUITE),
            names=INTERVAL,
        ),
        bars(
            About(
                title="Items by what became of them",
                text="Of all tasks: answered, without a readable answer (scored 0), left out as "
                "too long. The table has each task. Absent: no task has a score.",
                unit="none",
                decimals=0,
            ),
            [Query(trial(items), "{{outcome}}")],
            series="outcome",
            names=outcomes,
            is_stacked=True,
        ),
        _tasks(),
        _task_metrics(),
    ]


def _tasks() -> AnyPanel:
    return rows_of(
        About(
            title="Each task",
            text="Score with its 95% interval, beside always giving the commonest answer and "
            "guessing: a score below these is worth nothing. Completion: items with a readable "
            "answer. Not measured: the type of task has no such answer.",
            unit="none",
            width=16,
        ),
        (*PLACE, "task"),
        [
            Column(
                name,
                f"max by ({', '.join((*PLACE, 'task'))}) ({expression})",
                unit,
                3 if unit == "none" else 1,
            )
            for name, expression, unit in (
                ("Score", newest("score", OF_TRIALS), "none"),
                ("Low", newest("score_lower_bound", OF_TRIALS), "none"),
                ("High", newest("score_upper_bound", OF_TRIALS), "none"),
                ("Commonest", newest("majority_score", OF_TRIALS), "none"),
                ("Guessing", newest("random_score", OF_TRIALS), "none"),
                ("Completion", newest("score_completion_ratio", OF_TRIALS), "percentunit"),
            )
        ],
        first="Score",
    )


def _task_metrics() -> AnyPanel:
    return rows_of(
        About(
            title="Further figures of tasks",
            text="Beside the score: by task and metric. No row: its tasks have none.",
            unit="none",
            width=8,
        ),
        (*PLACE, "task", "metric"),
        [Column("Value", newest("task_metric_ratio", OF_TRIALS), "none", 3)],
        first="Value",
    )


def apart() -> AnyPanel:
    """Return the table that says which models the items tell apart."""
    pairs = f'{ONE},pool=~"$pool",model=~"$model",against=~"$model"'
    return rows_of(
        About(
            title="Differences of score, pair by pair",
            text="Of two models on the items that both were asked, over all tasks; Model is the "
            "better one. Tied: these items do not tell the two apart. No row: one model, no tasks, "
            "or no run has ended.",
            unit="none",
            width=24,
        ),
        ("pool", "model", "against"),
        [
            Column("Difference", newest("score_difference", pairs), "none", 3),
            Column("Low", newest("score_difference_lower_bound", pairs), "none", 3),
            Column("High", newest("score_difference_upper_bound", pairs), "none", 3),
            Column("Tied", newest("score_tied", pairs), "none", 0, YES_NO),
        ],
        first="Difference",
    )
