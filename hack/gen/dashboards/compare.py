"""Models and pools of one evaluation, side by side."""

from .accuracy import accuracy, apart
from .colours import BLUE, SKY, fixed
from .expressions import LAST_SUCCESS, OF_TRIALS, ONE, PLACE, SUITE, WORKLOAD, called, newest, trial
from .pages import Page, Row, Variable, asked, banner, variable
from .panels import (
    About,
    AnyPanel,
    Column,
    Query,
    bars,
    number,
    one_bar_each,
    points,
    quantile_bars,
    rows_of,
)

LOAD_QUANTILES = {"0.5": "Median latency", "0.99": "99% latency"}
START_PARTS = fixed(
    (
        "libraries",
        "model",
        "process",
        "device",
        "weights",
        "compile",
        "kv_cache",
        "graphs",
        "warmup",
    )
)


def compare() -> Page:
    """Return the page."""
    return Page(
        name="compare",
        title="SLM evaluation: compare models and pools",
        text="The newest good figures of one evaluation: what is fast, what is right, or both.",
        since="now-6h",
        refresh="5m",
        variables=[*asked(is_many=False), *chosen()],
        rows=[
            Row(panels=[banner(ONE), *_at_a_glance()]),
            Row(title="Score and speed at once", panels=[_pareto(), _both()]),
            Row(title="Speed: workload $workload", panels=_speed()),
            Row(title="Under load: workload $workload", panels=_loads()),
            Row(title="Accuracy", panels=accuracy()),
            Row(title="Are two models apart?", panels=[apart()]),
            Row(title="Start, memory, energy", panels=_cost_of_running()),
            # A row of a further measure of these models goes here.
        ],
    )


def chosen() -> list[Variable]:
    """Return the variables that choose among what one evaluation measured."""
    measured = f"slmeval_{LAST_SUCCESS}{{{ONE}}}"
    return [
        variable("pool", "Pool", measured, is_many=True),
        variable("model", "Model", measured, is_many=True),
        variable("workload", "Workload", f"slmeval_requests_per_second{{{ONE}}}"),
        variable(
            "tasks",
            "Tasks",
            f"slmeval_suite_score{{{ONE}}}",
            says="held_out: those that were kept aside. Absent: the evaluation has no tasks.",
        ),
    ]


def _at_a_glance() -> list[AnyPanel]:
    def first(title: str, text: str, expression: str, unit: str, decimals: int) -> AnyPanel:
        about = About(title=title, text=text, unit=unit, decimals=decimals, width=6, height=4)
        return number(about, Query(expression, "{{trial}}"), is_named=True)

    median = f'{WORKLOAD},quantile="0.5"'

    return [
        first(
            "Highest score",
            "Mean over the tasks. See below whether it is apart from the next. Absent: no tasks.",
            f"topk(1, {trial(newest('suite_score', SUITE))})",
            "none",
            3,
        ),
        first(
            "Most requests a second",
            "Of the chosen workload. Absent: it was not measured.",
            f"topk(1, {trial(newest('requests_per_second', WORKLOAD))})",
            "reqps",
            2,
        ),
        first(
            "Shortest median latency",
            "Arrival to last token, of the chosen workload, at that model's own speed.",
            f"bottomk(1, {trial(newest('latency_seconds', median))})",
            "s",
            2,
        ),
    ]


def _pareto() -> AnyPanel:
    return points(
        About(
            title="Score against requests a second",
            text="Up and to the right is better. A point that has none above it on its right is "
            "the best choice for somebody. Missing: a model without a score, or without the "
            "chosen workload.",
            unit="none",
            height=10,
        ),
        Column("Requests a second", newest("requests_per_second", WORKLOAD), "reqps"),
        Column("Score", newest("suite_score", SUITE), "none"),
        PLACE,
    )


def _both() -> AnyPanel:
    return rows_of(
        About(
            title="Score and speed of each model and pool",
            text="The same points as numbers, with the score's 95% interval.",
            unit="none",
            height=10,
        ),
        PLACE,
        [
            Column("Score", newest("suite_score", SUITE), "none", 3),
            Column("Low", newest("suite_score_lower_bound", SUITE), "none", 3),
            Column("High", newest("suite_score_upper_bound", SUITE), "none", 3),
            Column("Requests a second", newest("requests_per_second", WORKLOAD), "reqps", 2),
            Column("Age", f"time() - {newest(LAST_SUCCESS, OF_TRIALS)}", "dtdurations", 1),
        ],
        first="Score",
    )


def _speed() -> list[AnyPanel]:
    def latency(title: str, text: str, name: str) -> AnyPanel:
        about = About(title=title, text=f"{text} Absent: not measured.", unit="s", decimals=2)
        return quantile_bars(about, trial(newest(name, WORKLOAD)))

    directions = {"input": ("input", SKY), "output": ("output", BLUE)}
    return [
        one_bar_each(
            About(
                title="Requests a second",
                text="Mean over the repetitions. Of several levels or rates, the most telling one.",
                unit="reqps",
                decimals=2,
            ),
            "Requests a second",
            trial(newest("requests_per_second", WORKLOAD)),
        ),
        bars(
            About(
                title="Tokens a second", text="Prompts in, answers out.", unit="none", decimals=0
            ),
            [Query(trial(newest("tokens_per_second", WORKLOAD)), "{{direction}}")],
            series="direction",
            names=directions,
        ),
        latency("Latency", "Arrival to last token.", "latency_seconds"),
        latency(
            "Time to first token",
            "Arrival to first token; waiting in the queue is in it.",
            "time_to_first_token_seconds",
        ),
        latency(
            "Time per output token",
            "First to last token ÷ (output tokens - 1).",
            "time_per_output_token_seconds",
        ),
        latency("Gap between tokens", "Between two tokens that follow.", "inter_token_seconds"),
        latency("Wait before the first step", "Arrival to the first step.", "queue_seconds"),
        _more_of_the_workload(),
    ]


def _more_of_the_workload() -> AnyPanel:
    return rows_of(
        About(
            title="More of the workload",
            text="Variation: of repetitions. Roofline: work done ÷ what the card was measured to "
            "do. HTTP: requests a second over HTTP ÷ at the engine, and what HTTP adds to the "
            "median. Meets objectives: highest rate that does. Not measured: not asked for, or "
            "the engine or card does not tell.",
            unit="none",
        ),
        PLACE,
        [
            Column("One pass", newest("workload_seconds", WORKLOAD), "s", 2),
            Column("Variation", newest("workload_variation_ratio", WORKLOAD), "percentunit", 1),
            Column("In flight", newest("concurrent_requests", WORKLOAD), "none", 1),
            Column("KV cache", newest("kv_cache_peak_ratio", WORKLOAD), "percentunit", 0),
            Column("Preemptions", newest("preemptions", WORKLOAD), "none", 0),
            Column("Roofline", newest("roofline_ratio", WORKLOAD), "percentunit", 0),
            Column(
                "HTTP share", newest("http_requests_per_second_ratio", WORKLOAD), "percentunit", 0
            ),
            Column("HTTP adds", newest("http_added_latency_seconds", WORKLOAD), "s", 3),
            Column("Meets objectives", newest("highest_requests_per_second", WORKLOAD), "reqps", 2),
        ],
        first="Variation",
    )


def _loads() -> list[AnyPanel]:
    text = (
        "By requests in flight or by the rate offered, whichever the workload names; a line a "
        "model and pool. Absent: a workload of one level, or rates that were searched."
    )

    def curve(title: str, name: str, y: str, unit: str, where: str = WORKLOAD) -> AnyPanel:
        return points(
            About(title=title, text=text, unit=unit),
            Column("Load", "load", "none"),
            Column(y, newest(name, where), unit),
            PLACE,
            is_joined=True,
        )

    return [
        curve(
            "Requests a second by load", "load_requests_per_second", "Requests a second", "reqps"
        ),
        curve(
            "Objectives met by load", "load_attained_ratio", "Requests that met all", "percentunit"
        ),
        *(
            curve(
                f"{name} by load", "load_latency_seconds", name, "s", f'{WORKLOAD},quantile="{q}"'
            )
            for q, name in LOAD_QUANTILES.items()
        ),
    ]


def _cost_of_running() -> list[AnyPanel]:
    parts = {name: (name.replace("_", " "), colour) for name, colour in START_PARTS.items()}
    memory = {
        "Weights": newest("model_weights_bytes", OF_TRIALS),
        "Most in use": newest("device_memory_peak_bytes", WORKLOAD),
    }
    colours = {"Weights": ("Weights", SKY), "Most in use": ("Most in use", BLUE)}
    return [
        bars(
            About(
                title="Start of the engine, in parts",
                text="Start of the trial to engine warm. Parts that did not happen are absent; "
                "what is in no part is missing here, and is in the table's total.",
                unit="s",
                decimals=1,
            ),
            [Query(trial(newest("engine_start_part_seconds", OF_TRIALS)), "{{part}}")],
            series="part",
            names=parts,
            is_stacked=True,
        ),
        bars(
            About(
                title="Memory of the GPUs",
                text="Of the weights, and most in use during the workload: engines take nearly all "
                "for the KV cache. Absent: no GPU that tells.",
                unit="bytes",
            ),
            [Query(called(name, trial(of)), name) for name, of in memory.items()],
            names=colours,
        ),
        one_bar_each(
            About(
                title="Energy of a request",
                text="Over all GPUs of the trial. Absent: no GPU, or one that does not tell.",
                unit="joule",
                decimals=2,
            ),
            "Energy",
            trial(newest("request_energy_joules", WORKLOAD)),
        ),
        rows_of(
            About(
                title="Engine",
                text="What the engine holds once it is started. Not measured: it does not tell.",
                unit="none",
            ),
            PLACE,
            [
                Column("Start", newest("engine_start_seconds", OF_TRIALS), "s", 1),
                Column("Parameters", newest("model_parameters", OF_TRIALS), "short", 2),
                Column("Weights", newest("model_weights_bytes", OF_TRIALS), "bytes", 1),
                Column("KV cache tokens", newest("kv_cache_tokens", OF_TRIALS), "short", 1),
            ],
            first="Start",
        ),
    ]
