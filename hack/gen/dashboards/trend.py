"""One evaluation over weeks: what got better or worse, and when."""

from slmeval_operator.series.families import TRIAL

from .colours import BLUE
from .compare import chosen
from .expressions import LAST_SUCCESS, OF_TRIALS, ONE, age, newest, over
from .pages import Page, Row, asked, banner
from .panels import DATASOURCE, About, AnyPanel, Json, Query, lines, number

SPEED = "model_pool:slmeval_requests_per_second:max"
SPEED_RATIO = "model_pool:slmeval_requests_per_second:ratio_offset7d"
LATENCY = "model_pool:slmeval_latency_seconds:p50"
SCORE = "model_pool:slmeval_suite_score:max"
SCORE_CHANGE = "model_pool:slmeval_suite_score:difference_offset7d"
GPU_SECONDS = "evaluation:slmeval_gpu_seconds:sum"
WORKLOAD, SUITE = f'{OF_TRIALS},workload="$workload"', f'{OF_TRIALS},tasks="$tasks"'
NAME = "{{model}} · {{pool}}"
RULES = (
    "By the chart's recording rules (monitoring.prometheusRule), without simulated figures. "
    "A step is a new run. Absent: no rules, or no figures."
)


def trend() -> Page:
    """Return the page."""
    return Page(
        name="trend",
        title="SLM evaluation: trend",
        text="The newest good figures of one evaluation as they were, with the ends of its runs.",
        since="now-30d",
        refresh="15m",
        variables=[*asked(is_many=False), *chosen()],
        annotations=[_run_ends()],
        rows=[
            Row(panels=[banner(ONE), *_now()]),
            Row(title="Score and speed", panels=_figures()),
            Row(title="Against a week ago", panels=_changes()),
            Row(title="Runs", panels=_runs()),
            # A row of a further figure over time goes here.
        ],
    )


def _run_ends() -> Json:
    return {
        "name": "Run ended",
        "datasource": DATASOURCE.to_json(),
        "enable": True,
        "hide": False,
        "iconColor": BLUE,
        "expr": f"{newest('run_end_timestamp_seconds')} * 1000",  # Grafana takes milliseconds
        "useValueForTime": True,
        "step": "5m",
        "titleFormat": "Run of {{evaluation}} ended",
        "textFormat": "",
        "tagKeys": "",
    }


def _now() -> list[AnyPanel]:
    def small(title: str, text: str, expression: str) -> AnyPanel:
        about = About(title=title, text=text, unit="dtdurations", decimals=1, width=6, height=4)
        return number(about, Query(expression, title.lower()))

    return [
        small(
            "Oldest figure",
            "Age of the oldest of the newest good figures of the chosen models and pools.",
            f"time() - min({newest(LAST_SUCCESS, OF_TRIALS)})",
        ),
        small(
            "Last full answer",
            "Since the newest run ended whose trials all succeeded. Absent: there was none.",
            age("evaluation_last_success_timestamp_seconds"),
        ),
        small(
            "Last run ended",
            "Since the newest run ended. Absent: it is under way, or there was none.",
            age("run_end_timestamp_seconds"),
        ),
    ]


def _recorded(name: str, where: str, *more: str) -> Query:
    return Query(over((*TRIAL, *more), f"{name}{{{where}}}"), NAME)


def _figures() -> list[AnyPanel]:
    return [
        lines(
            About(title="Score over tasks: $tasks", text=RULES, unit="none", decimals=3),
            [_recorded(SCORE, SUITE)],
            minimum=None,
            is_stepped=True,
        ),
        lines(
            About(title="Requests a second: $workload", text=RULES, unit="reqps", decimals=2),
            [_recorded(SPEED, WORKLOAD)],
            is_stepped=True,
        ),
        lines(
            About(title="Median latency: $workload", text=RULES, unit="s", decimals=3),
            [_recorded(LATENCY, WORKLOAD)],
            is_stepped=True,
        ),
        lines(
            About(
                title="Start of the engine",
                text="Start of the trial to engine warm; simulated ones too. A cache that was lost "
                "shows as a step up. Absent: no trial has succeeded.",
                unit="s",
                decimals=1,
            ),
            [Query(newest("engine_start_seconds", OF_TRIALS), f"{NAME} · {{{{engine}}}}")],
            is_stepped=True,
        ),
    ]


def _changes() -> list[AnyPanel]:
    week = "Absent: there is no figure of a week ago."
    return [
        lines(
            About(
                title="Speed ÷ speed a week ago: $workload",
                text=f"1: as fast as then; 0.9: a tenth slower. {week} {RULES}",
                unit="none",
                decimals=2,
            ),
            [_recorded(SPEED_RATIO, WORKLOAD)],
            minimum=None,
            is_stepped=True,
        ),
        lines(
            About(
                title="Score less score a week ago: $tasks",
                text=f"0: as good as then. Less than the interval is noise. {week} {RULES}",
                unit="none",
                decimals=3,
            ),
            [_recorded(SCORE_CHANGE, SUITE)],
            minimum=None,
            is_stepped=True,
        ),
    ]


def _runs() -> list[AnyPanel]:
    return [
        lines(
            About(title="GPU time of the newest run", text=RULES, unit="s"),
            [Query(f"{GPU_SECONDS}{{{ONE}}}", "GPU time")],
            colours={"GPU time": BLUE},
            is_stepped=True,
        ),
        lines(
            About(
                title="Age of the figures",
                text="It grows until the next good trial of that model on that pool. A line that "
                "only grows: its trials fail.",
                unit="s",
            ),
            [Query(age(LAST_SUCCESS, OF_TRIALS), f"{NAME} · {{{{engine}}}}")],
        ),
    ]
