"""The operator itself: whether it keeps up, and whether the API server answers it."""

from .colours import BLUE, ORANGE, SKY
from .pages import Page, Row, variable
from .panels import About, AnyPanel, Query, lines, number

QUEUE = "slmeval_operator_queue_depth"
OF = 'job=~"$job"'
RATE = "$__rate_interval"
QUANTILES = ((0.5, "median", SKY), (0.9, "90%", BLUE), (0.99, "99%", ORANGE))
# A job of Prometheus may hold other processes beside the operator.
OURS = f"and on (job, instance) {QUEUE}{{{OF}}}"
DOWN = "Absent: no operator is scraped."


def operator() -> Page:
    """Return the page."""
    return Page(
        name="operator",
        title="SLM operator",
        text="Passes, calls to the API server, watches and the process of the slmeval operator.",
        since="now-6h",
        refresh="1m",
        variables=[
            variable(
                "job",
                "Job",
                QUEUE,
                is_many=True,
                says="Prometheus' name for the operator's target.",
            )
        ],
        rows=[
            Row(panels=_now()),
            Row(title="Passes", panels=_passes()),
            Row(title="Calls to the API server", panels=_calls()),
            Row(title="What it watches", panels=_watches()),
            Row(title="Process", panels=_process()),
            # A row about a further part of the operator goes here.
        ],
    )


def _total(name: str, by: str) -> str:
    return f"sum by ({by}) (rate(slmeval_operator_{name}_total{{{OF}}}[{RATE}]))"


def _of_ten_minutes(name: str, *more: str) -> str:
    """Return a rate that is steady enough for one number, as the alerts have it."""
    where = ",".join((OF, *more))
    return f"sum(rate(slmeval_operator_{name}_total{{{where}}}[10m]))"


def _share(part: str, whole: str) -> str:
    """Return `part` ÷ `whole`; 0 where the first has no series, for none was counted."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def _seconds(name: str, by: str = "le") -> list[Query]:
    rate = f"sum by ({by}) (rate(slmeval_operator_{name}_duration_seconds_bucket{{{OF}}}[{RATE}]))"
    return [Query(f"histogram_quantile({q}, {rate})", label) for q, label, _ in QUANTILES]


def _process_series(name: str) -> str:
    return f"{name}{{{OF}}} {OURS}"


def _now() -> list[AnyPanel]:
    def small(
        title: str, text: str, expression: str, unit: str, bound: float, decimals: int = 0
    ) -> AnyPanel:
        about = About(
            title=title, text=f"{text} {DOWN}", unit=unit, decimals=decimals, width=4, height=4
        )
        return number(
            about, Query(expression, title.lower()), steps=((None, BLUE), (bound, ORANGE))
        )

    failed, passes = _of_ten_minutes("passes", 'outcome="failed"'), _of_ten_minutes("passes")
    errors, calls = _of_ten_minutes("api_errors"), _of_ten_minutes("api_requests")
    resync = "slmeval_operator_last_resync_timestamp_seconds"
    starts = f"max({_process_series('process_start_time_seconds')})"
    return [
        small(
            "Queue now", "Evaluations that wait for a pass.", f"sum({QUEUE}{{{OF}}})", "none", 50
        ),
        small(
            "Passes that fail",
            "Share, of 10 minutes.",
            _share(failed, passes),
            "percentunit",
            0.1,
            1,
        ),
        small(
            "Calls that fail", "Share, of 10 minutes.", _share(errors, calls), "percentunit", 0.1, 1
        ),
        small(
            "Oldest list",
            "Since the kind was listed that waits longest: every five minutes is usual.",
            f"time() - min(max by (kind) ({resync}{{{OF}}}))",
            "s",
            1800,
        ),
        small("Up since", "Since the process started.", f"time() - {starts}", "dtdurations", 1e12),
        small(
            "Starts",
            "Restarts within the time range, of the pod or in it.",
            f"changes({starts}[$__range:$__interval])",
            "none",
            3,
        ),
    ]


def _passes() -> list[AnyPanel]:
    return [
        lines(
            About(
                title="Passes a second",
                text=f"By how they ended. A failed one is repeated, slower each time. {DOWN}",
                unit="ops",
                width=8,
            ),
            [Query(_total("passes", "outcome"), "{{outcome}}")],
            colours={"done": BLUE, "failed": ORANGE},
        ),
        lines(
            About(
                title="Time of a pass",
                text="Calls to the API server included. Absent: no pass in the window.",
                unit="s",
                width=8,
            ),
            _seconds("pass"),
            colours={label: colour for _, label, colour in QUANTILES},
        ),
        lines(
            About(
                title="Queue",
                text=f"Evaluations that are due and wait. Growing: passes are slower than changes. "
                f"{DOWN}",
                unit="none",
                decimals=0,
                width=8,
            ),
            [Query(f"sum({QUEUE}{{{OF}}})", "waiting")],
            colours={"waiting": BLUE},
        ),
    ]


def _calls() -> list[AnyPanel]:
    slow = (
        "histogram_quantile(0.99, sum by (le, verb) "
        f"(rate(slmeval_operator_api_request_duration_seconds_bucket{{{OF}}}[{RATE}])))"
    )
    return [
        lines(
            About(
                title="Calls a second, by verb and resource",
                text=f"Rest is little: lists every five minutes. {DOWN}",
                unit="reqps",
            ),
            [Query(_total("api_requests", "verb, resource"), "{{verb}} {{resource}}")],
        ),
        lines(
            About(
                title="Calls a second, by code",
                text="0: no answer. 409 and 404 are usual now and then.",
                unit="reqps",
            ),
            [Query(_total("api_requests", "code"), "{{code}}")],
        ),
        lines(
            About(
                title="Calls without an answer, a second",
                text="Not answered, or with 5xx or 429. Absent: there was none since the start.",
                unit="reqps",
            ),
            [Query(_total("api_errors", "verb, resource"), "{{verb}} {{resource}}")],
        ),
        lines(
            About(
                title="Time of a call, 99%, by verb",
                text="Absent: no such call in the window.",
                unit="s",
            ),
            [Query(slow, "{{verb}}")],
        ),
    ]


def _watches() -> list[AnyPanel]:
    resync = f"slmeval_operator_last_resync_timestamp_seconds{{{OF}}}"
    return [
        lines(
            About(
                title="Time since the last full list, by kind",
                text=f"A saw of five minutes, or of operator.resyncSeconds. {DOWN}",
                unit="s",
            ),
            [Query(f"time() - max by (kind) ({resync})", "{{kind}}")],
        ),
        lines(
            About(
                title="Watch repairs a minute, by kind",
                text="Objects that a list found changed though no watch had told of it. Now and "
                "then is usual. Absent: there was none since the start.",
                unit="cpm",
            ),
            [Query(f"60 * {_total('watch_repairs', 'kind')}", "{{kind}}")],
        ),
    ]


def _process() -> list[AnyPanel]:
    cpu = f"rate(process_cpu_seconds_total{{{OF}}}[{RATE}]) {OURS}"
    return [
        lines(
            About(title="Memory", text=f"Resident. {DOWN}", unit="bytes", width=8),
            [Query(f"sum({_process_series('process_resident_memory_bytes')})", "resident")],
            colours={"resident": BLUE},
        ),
        lines(
            About(title="CPU", text=f"Cores in use. {DOWN}", unit="none", decimals=3, width=8),
            [Query(f"sum({cpu})", "cores")],
            colours={"cores": BLUE},
        ),
        lines(
            About(
                title="Open files",
                text=f"Connections included. One that only grows is a leak. {DOWN}",
                unit="none",
                decimals=0,
                width=8,
            ),
            [Query(f"sum({_process_series('process_open_fds')})", "open")],
            colours={"open": BLUE},
        ),
    ]
