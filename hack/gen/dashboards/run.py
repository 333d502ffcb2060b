"""The newest run of one evaluation: how far each trial is, and what it waits for."""

from slmeval_operator.series.families import TRIAL

from .colours import BLUE, ORANGE, SKY, STATES
from .expressions import ONE, age, beside_state, in_state, newest, over, plain_trial
from .live import TITLE, live
from .pages import Page, Row, asked, banner
from .panels import (
    About,
    AnyPanel,
    Column,
    Query,
    lines,
    number,
    one_bar_each,
    rows_of,
    timeline,
)

NAME = "{{model}} · {{pool}}"
VALUES = {"pending": 1, "running": 2, "succeeded": 3, "failed": 4}
"""States as numbers, for the timeline."""


def run() -> Page:
    """Return the page."""
    return Page(
        name="run",
        title="SLM evaluation: one run",
        text="The newest run of one evaluation, trial by trial, and its engines while they work.",
        since="now-3h",
        refresh="30s",
        variables=asked(is_many=False),
        rows=[
            Row(panels=[banner(ONE), *_counts()]),
            Row(title="Trials", panels=[_timeline(), _trials(), _progress()]),
            Row(title="Progress and use", panels=_use()),
            # A row about a further stage of a run goes here, above the live one.
            Row(title=TITLE, panels=live(), is_collapsed=True),
        ],
    )


def _counts() -> list[AnyPanel]:
    def small(
        title: str, text: str, expression: str, *, unit: str = "none", colour: str = BLUE
    ) -> AnyPanel:
        decimals = 0 if unit == "none" else 1
        about = About(title=title, text=text, unit=unit, decimals=decimals, width=3, height=4)
        return number(about, Query(expression, title.lower()), steps=((None, BLUE), (1, colour)))

    def trials(state: str) -> str:
        return newest("trials", f'{ONE},state="{state}"')

    began, ended = (newest(f"run_{which}_timestamp_seconds", ONE) for which in ("start", "end"))
    return [
        small(
            "Run took",
            "Of the newest run, until its end or until now. Absent: there was none.",
            f"({ended} or 0 * {began} + time()) - {began}",
            unit="dtdurations",
        ),
        small("Succeeded", "Trials of the newest run.", trials("succeeded")),
        small("Failed", "Trials of the newest run.", trials("failed"), colour=ORANGE),
        small("Unfinished", "Trials that wait or run.", trials("unfinished"), colour=SKY),
        small(
            "Attempts",
            "RayJobs of the newest run, over all pools. More than one a pool: some were repeated.",
            f"sum({newest('run_attempts', ONE)})",
        ),
        small(
            "GPU time",
            "GPUs × seconds of trials that ended. Absent: none has, or the pools have no GPUs.",
            f"sum({newest('trial_gpu_seconds', ONE)})",
            unit="s",
        ),
    ]


def _timeline() -> AnyPanel:
    ranked = " or ".join(
        f"{value} * max by ({', '.join(TRIAL)}) ({in_state(state, ONE)})"
        for state, value in VALUES.items()
    )
    return timeline(
        About(
            title="Where each trial stood",
            text="A line a trial of the run that was the newest one at that time. Empty: there was "
            "no run, or the operator was not scraped.",
            unit="none",
            width=24,
        ),
        Query(plain_trial(ranked), "{{trial}}"),
        {value: (state, STATES[state]) for state, value in VALUES.items()},
    )


def _trials() -> AnyPanel:
    made = f"time() - {newest('trial_created_timestamp_seconds', ONE)}"
    spent = newest("trial_gpu_seconds", ONE)
    return rows_of(
        About(
            title="Trials now",
            text="With the reason that kubectl shows. Waiting: since a pending trial was made. GPU "
            "time: not measured before the trial's end, and without GPUs.",
            unit="none",
        ),
        ("model", "pool", "state", "reason"),
        [
            Column("Made", beside_state(made, ONE), "dtdurations", 1),
            Column("Waiting", beside_state(made, f'{ONE},state="pending"'), "dtdurations", 1),
            Column("GPU time", beside_state(spent, ONE), "s", 1),
        ],
        first="Waiting",
    )


def _progress() -> AnyPanel:
    return rows_of(
        About(
            title="Running trials",
            text="What each does, and since when it has said nothing: half an hour is long, and an "
            "alert. No row: none runs.",
            unit="none",
        ),
        ("model", "pool", "stage"),
        [Column("Silent for", age("trial_progress_timestamp_seconds"), "dtdurations", 1)],
        first="Silent for",
    )


def _use() -> list[AnyPanel]:
    return [
        lines(
            About(
                title="Silence of running trials",
                text="Time since a trial last told of progress: a saw is healthy, a slope is "
                "not. Absent: none runs.",
                unit="s",
                width=8,
            ),
            [Query(over(TRIAL, age("trial_progress_timestamp_seconds"), "min"), NAME)],
        ),
        one_bar_each(
            About(
                title="Attempts by pool",
                text="RayJobs of the newest run. 1 is the usual; each more has repeated what was "
                "unfinished.",
                unit="none",
                decimals=0,
                width=8,
            ),
            "Attempts",
            newest("run_attempts", ONE),
            by="pool",
        ),
        one_bar_each(
            About(
                title="GPU time by trial",
                text="GPUs × seconds from start to end. Absent: not ended, or no GPUs.",
                unit="s",
                width=8,
            ),
            "GPU time",
            plain_trial(newest("trial_gpu_seconds", ONE)),
        ),
    ]
