"""Speed: what was sent, the time of a whole set, throughput against latency, and the tables."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from slmeval_api.evaluation import Question
from slmeval_api.result import (
    DeviceFigures,
    Goodput,
    HttpComparison,
    LoadPoint,
    Quantiles,
    WorkloadFigures,
)
from slmeval_api.workload import Workload

from slmeval_cli.report.figures import (
    asked,
    count,
    fixed,
    gib,
    listed,
    milliseconds,
    significant,
    speed,
)

from .candidates import Candidate, pools_of, warning_lines
from .chart import AnyChart, Bar, BarChart, Mark, PointChart
from .table import Column, Heading, Row, Table, columns_with_figures


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadView:
    """One workload: what was sent, its curves, its tables, and what has no figures and why."""

    name: str
    sent: str
    curves: tuple[PointChart, ...]
    tables: tuple[Table, ...]
    details: tuple[Table, ...]
    """Long tables, of every level or rate."""
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of a candidate, and the level or rate that they were measured at."""

    candidate: Candidate
    figures: WorkloadFigures
    point: LoadPoint | None = None
    """None: the workload has no levels or rates."""
    http: HttpComparison | None = None
    """None: the workload does not go over HTTP."""


def workload_views(question: Question, candidates: list[Candidate]) -> tuple[WorkloadView, ...]:
    """Return each workload that any candidate reached, in the question's order."""
    return tuple(
        WorkloadView(
            name=workload.name,
            sent=sent(workload),
            curves=tuple(_curves(workload, candidates)),
            tables=tuple(_tables(workload.name, _best(workload.name, candidates))),
            details=tuple(_tables(workload.name, _points(workload.name, candidates))),
            failures=tuple(_failures(workload.name, candidates)),
        )
        for workload in question.workloads
        if any(c.workload(workload.name) for c in candidates)
    )


def latency_charts(question: Question, candidates: list[Candidate]) -> list[AnyChart]:
    """Return a chart of time per model for each workload that has one time a model.

    A batch has the seconds for its whole set, http the median latency. Levels and rates have a
    time each: those are drawn as curves.
    """
    made = (_latency_chart(workload, candidates) for workload in question.workloads)
    return [chart for chart in made if chart]


def sent(workload: Workload) -> str:
    """Return in words which requests the workload sends, and how."""
    load = workload.load
    tokens = (
        f"{load.input_tokens:,} tokens in and {load.output_tokens:,} out"
        if load.input_tokens is not None
        else f"prompts of your own, {load.output_tokens:,} tokens out"
    )
    if load.length_spread_percent:
        tokens += f", each length up to {load.length_spread_percent}% more or less"
    return f"{_how(workload)}; {tokens}."


def _how(workload: Workload) -> str:
    if workload.batch:
        return f"{workload.batch.requests:,} requests, all at once"
    if workload.concurrency:
        levels = listed([f"{level:,}" for level in workload.concurrency.levels])
        return f"{levels} requests in flight"
    if workload.rate:
        rates = workload.rate.requests_per_second
        told = listed([asked(rate) or "" for rate in rates or []])
        at = f"at {told} a second" if rates else "at rates that a search chose"
        return f"{workload.rate.requests:,} requests {at}, as independent users send them (Poisson)"
    http = workload.http
    if http is None:
        raise ValueError(f"workload {workload.name} has no kind")
    pace = (
        f"{http.concurrency:,} in flight"
        if http.concurrency
        else f"at {asked(http.requests_per_second)} a second"
    )
    return f"{http.requests:,} requests over HTTP, {pace}"


def _latency_chart(workload: Workload, candidates: list[Candidate]) -> BarChart | None:
    measured = [m for m in _best(workload.name, candidates) if m.point is None]
    if not measured or workload.kind not in ("batch", "http"):
        return None
    is_whole = workload.kind == "batch"
    bars = tuple(_bar(one, workload) for one in measured)
    what = "Time for the whole set" if is_whole else "Median latency over HTTP"
    return BarChart(
        name=f"latency_{workload.name}",
        title=f"{what}: {workload.name}",
        subtitle=warning_lines([m.candidate for m in measured]),
        axis="Seconds; less is better",
        note=sent(workload)
        + (" The thin line spans the repetitions." if any(b.low is not None for b in bars) else ""),
        description=described(f"{b.label} on {b.series}, seconds: {b.text}" for b in bars),
        bars=bars,
    )


def _bar(one: Measured, workload: Workload) -> Bar:
    figures, is_whole = one.figures, workload.kind == "batch"
    seconds = figures.seconds if is_whole else figures.latency_seconds.p50
    spread = [float(s) for s in figures.repetition_seconds]
    has_spread = is_whole and len(spread) > 1
    return Bar(
        label=one.candidate.model,
        series=one.candidate.pool + (" (simulated)" if one.candidate.is_simulated else ""),
        value=float(seconds),
        text=f"{speed(seconds, figures.variation_percent)}{one.candidate.caution(workload.name)}",
        low=min(spread) if has_spread else None,
        high=max(spread) if has_spread else None,
    )


def _curves(workload: Workload, candidates: list[Candidate]) -> Iterator[PointChart]:
    for pool in pools_of(candidates):
        points = [m for m in _points(workload.name, candidates) if m.candidate.pool == pool]
        if len(points) <= 1:  # a single point is no curve: it stands in the table
            continue
        judged = [m.point.goodput for m in points if m.point and m.point.goodput]
        yield PointChart(
            name=f"curve_{workload.name}_{pool}",
            title=f"Latency under load: {workload.name} on {pool}",
            subtitle=warning_lines([m.candidate for m in points]),
            x_axis="Requests a second served",
            y_axis="95th percentile latency (seconds)",
            note="A point for each level or rate, in the order of the load. Right and low is "
            "better." + (" Hollow: the objectives were missed." if judged else ""),
            description=described(_point_words(m) for m in points),
            marks=tuple(
                Mark(
                    label=m.candidate.model + m.candidate.caution(workload.name),
                    x=float(m.figures.requests_per_second),
                    y=float(m.figures.latency_seconds.p95),
                    is_filled=_is_met(m.point),
                )
                for m in points
            ),
            lines="ByLabel",
        )


def _point_words(one: Measured) -> str:
    served = significant(one.figures.requests_per_second)
    waited = significant(one.figures.latency_seconds.p95)
    return f"{one.candidate.model} at {_load(one)}: {served} requests/s served, {waited} s"


def _is_met(point: LoadPoint | None) -> bool:
    return point is None or point.goodput is None or point.goodput.is_met


def _load(one: Measured) -> str | None:
    point = one.point
    if point is None:
        return None
    if point.concurrency is not None:
        return f"{point.concurrency:,} in flight"
    offered = asked(point.offered_requests_per_second)
    return offered and f"{offered} a second"


def _best(workload: str, candidates: list[Candidate]) -> list[Measured]:
    """Return the figures that stand for the workload, of each candidate that has some."""
    found = list[Measured]()
    for candidate in candidates:
        figures, result = candidate.best_figures(workload), candidate.workload(workload)
        if figures and result:
            point = next((p for p in result.points if p.figures is figures), None)
            found.append(Measured(candidate, figures, point, result.http))
    return found


def _points(workload: str, candidates: list[Candidate]) -> list[Measured]:
    """Return the figures of every level or rate, by rising load."""
    found = list[Measured]()
    for candidate in candidates:
        result = candidate.workload(workload)
        measured = [p for p in result.points if p.figures] if result else []
        measured.sort(
            key=lambda p: p.concurrency or float(p.offered_requests_per_second or 0.0)
        )  # a search does not go upwards
        found += [Measured(candidate, p.figures, p) for p in measured if p.figures]
    return found


def _failures(workload: str, candidates: list[Candidate]) -> Iterator[str]:
    for candidate in candidates:
        result = candidate.workload(workload)
        if result is None:
            continue
        failed = [(f" at {_load_of(p)}", p.failure) for p in result.points if p.failure]
        if result.failure and not failed:
            failed = [("", result.failure)]
        for where, failure in failed:
            if failure:
                yield f"{candidate.name}{where}: {failure.reason}: {failure.message}"


def _load_of(point: LoadPoint) -> str:
    if point.concurrency is not None:
        return f"{point.concurrency:,} in flight"
    return f"{asked(point.offered_requests_per_second)} a second"


def _of(
    text: str, unit: str, cell: Callable[[Measured], str | None], group: str = ""
) -> Column[Measured]:
    return Column(heading=Heading(text=text, unit=unit, group=group), cell=cell)


def _per_s(get: Callable[[WorkloadFigures], str | None]) -> Callable[[Measured], str | None]:
    return lambda m: speed(get(m.figures), m.figures.variation_percent)


def _device(
    get: Callable[[DeviceFigures], str | int | None],
    shown: Callable[[str], str | None] = significant,
) -> Callable[[Measured], str | None]:
    def cell(one: Measured) -> str | None:
        value = get(one.figures.device) if one.figures.device else None
        return None if value is None else shown(str(value))

    return cell


def _http(shown: Callable[[HttpComparison], str | None]) -> Callable[[Measured], str | None]:
    return lambda m: shown(m.http) if m.http else None


def _quantiles(
    title: str,
    unit: str,
    get: Callable[[WorkloadFigures], Quantiles | None],
    shown: Callable[[str], str | None] = significant,
) -> list[Column[Measured]]:
    def at(name: str) -> Callable[[Measured], str | None]:
        def cell(one: Measured) -> str | None:
            quantiles = get(one.figures)
            return shown(getattr(quantiles, name)) if quantiles else None

        return cell

    return [_of(name, unit, at(name), title) for name in ("p50", "p95", "p99")]


LOAD = _of("at", "", _load)
THROUGHPUT: tuple[Column[Measured], ...] = (
    LOAD,
    _of("requests", "1/s", _per_s(lambda f: f.requests_per_second)),
    _of("good requests", "1/s", lambda m: _good(m, lambda g: significant(g.requests_per_second))),
    _of("objectives met by", "%", lambda m: _good(m, lambda g: significant(g.attained_percent))),
    _of("whole set", "s", lambda m: None if m.point else _per_s(lambda f: f.seconds)(m)),
    _of("tokens in", "1/s", _per_s(lambda f: f.input_tokens_per_second)),
    _of("tokens out", "1/s", _per_s(lambda f: f.output_tokens_per_second)),
    _of("all tokens", "1/s", _per_s(lambda f: f.total_tokens_per_second)),
    _of("in flight", "mean", lambda m: significant(m.figures.mean_concurrency)),
    _of("variation", "%", lambda m: _variation(m.figures.variation_percent)),
    _of("energy", "J/request", _device(lambda d: d.joules_per_request)),
    _of("power", "W", _device(lambda d: d.mean_watts)),
    _of("GPU memory", "GiB", _device(lambda d: d.peak_memory_bytes, lambda b: gib(int(b)))),
    _of(
        "roofline", "%", lambda m: significant(m.figures.roofline.percent, 2)
        if m.figures.roofline else None
    ),
)  # fmt: skip
LATENCY: tuple[Column[Measured], ...] = (
    LOAD,
    *_quantiles("Latency", "s", lambda f: f.latency_seconds),
    *_quantiles("Time to first token", "s", lambda f: f.time_to_first_token_seconds),
    *_quantiles(
        "Time per output token", "ms", lambda f: f.time_per_output_token_seconds, milliseconds
    ),
    _of("requests", "n", lambda m: count(m.figures.latency_seconds.n)),
)
OVER_HTTP: tuple[Column[Measured], ...] = (
    _of("of the engine's requests/s", "", _http(lambda h: fixed(h.requests_per_second_ratio, 2))),
    _of("added latency", "ms", _http(lambda h: milliseconds(h.added_latency_seconds))),
    _of(
        "added time to first token",
        "ms",
        _http(lambda h: milliseconds(h.added_time_to_first_token_seconds)),
    ),
)


def _good(one: Measured, shown: Callable[[Goodput], str | None]) -> str | None:
    goodput = one.point.goodput if one.point else None
    return shown(goodput) if goodput else None


def _variation(percent: str | None) -> str | None:
    return percent and fixed(percent, 1)


def _tables(workload: str, measured: Sequence[Measured]) -> Iterator[Table]:
    if not measured:
        return
    for columns, title in (
        (THROUGHPUT, "throughput"),
        (LATENCY, "latency of a request"),
        (OVER_HTTP, "what the way over HTTP costs"),
    ):
        headings, cells = columns_with_figures(columns, measured)
        if not headings:
            continue
        yield Table(
            caption=f"{workload}: {title}",
            heads=("Model", "Pool"),
            headings=headings,
            rows=tuple(
                Row(
                    head=(one.candidate.model, one.candidate.pool),
                    cells=row,
                    marks=one.candidate.marks,
                )
                for one, row in zip(measured, cells, strict=True)
            ),
        )


def described(parts: Iterator[str]) -> str:
    """Return the parts as one text."""
    return "; ".join(parts) + "."
