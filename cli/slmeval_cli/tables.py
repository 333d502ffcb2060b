"""Results for people: a table of speed, one of accuracy, and what to know about them. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rich.table import Table
from slmeval_api.conditions import ConditionType, is_true

from .answer import Answer
from .figures import Row, is_simulated, ready, rows_of
from .numbers import interval, rounded, score, share
from .screen import table_of

SIMULATED = "SIMULATED"
Cell = Callable[[Row], str]


class Column(NamedTuple):
    """A column of a table."""

    header: str
    cell: Cell
    is_number: bool = True
    is_wide: bool = False
    """Shown by -o wide alone."""
    is_optional: bool = False
    """Left out where every cell is empty."""


def speed_table(answer: Answer, *, is_wide: bool) -> Table | None:
    """Return the table of speed; None: nothing was measured."""
    return _table(_of(answer, "speed"), _SPEED, is_wide=is_wide)


def accuracy_table(answer: Answer, *, is_wide: bool) -> Table | None:
    """Return the table of accuracy; None: nothing was scored."""
    return _table(_of(answer, "accuracy"), _ACCURACY, is_wide=is_wide)


def gates_table(answer: Answer) -> Table | None:
    """Return the table of what came of each gate; None: none was judged."""
    report = answer.run.status.gates if answer.run else None
    if report is None or not report.verdicts:
        return None
    headers = ("GATE", "MODEL", "POOL", "DEMAND", "LIMIT", "FIGURE", "95% INTERVAL", "OUTCOME")
    rows = [
        (
            one.gate,
            one.model,
            one.pool,
            one.demand,
            rounded(one.limit),
            rounded(one.value),
            f"[{rounded(one.low)}, {rounded(one.high)}]" if one.low and one.high else "",
            one.outcome,
        )
        for one in report.verdicts
    ]
    return table_of(headers, rows, right=range(4, 7))


def notes(answer: Answer) -> Iterator[str]:
    """Yield what a reader of the tables must know: what is invented, missing, or not comparable."""
    simulated = [t for t in answer.trials if is_simulated(t)]
    if simulated:
        yield (
            f"{SIMULATED}: figures of {len(simulated)} of {len(answer.trials)} trials are invented "
            "by the simulated engine and mean nothing."
        )
    report = answer.run.status.gates if answer.run else None
    for verdict in report.verdicts if report else ():
        if verdict.outcome != "Passed":
            yield f"Gate {verdict.outcome.lower()}: {verdict.message}"
    failed = _failed_parts(answer)
    for trial in answer.trials:
        name = f"{trial.spec.model.name} on {trial.spec.pool}"
        standing = ready(trial)
        conditions = trial.status.conditions
        words = ""
        if not is_true(conditions, ConditionType.SUCCEEDED):
            words = f"{standing.reason}: {standing.message}" if standing else "Pending"
            yield f"{name}: {words}"
        for part, message in failed.get((trial.spec.model.name, trial.spec.pool), ()):
            if message not in words:  # the trial's own words are often its first part's
                yield f"{name}: {part}: {message}"
        for condition in conditions:
            is_noisy = condition.type == ConditionType.NOISY and condition.status == "True"
            is_odd = condition.type == ConditionType.COMPARABLE and condition.status == "False"
            if is_noisy or is_odd:
                word = "Noisy" if is_noisy else f"Not comparable ({condition.reason})"
                yield f"{name}: {word}: {condition.message}"


def _failed_parts(answer: Answer) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return by model and pool what has no figures of a trial, and why."""
    found = dict[tuple[str, str], list[tuple[str, str]]]()
    for row in rows_of(answer):
        if row["measure"] != "none" and "message" in row:
            part = " ".join(filter(None, (str(row["name"]), _pace(row))))
            of_trial = found.setdefault((str(row["model"]), str(row["pool"])), [])
            of_trial.append((part, str(row["message"])))
    return found


def _of(answer: Answer, measure: str) -> list[Row]:
    return [row for row in rows_of(answer) if row["measure"] == measure]


def _table(rows: Sequence[Row], columns: Sequence[Column], *, is_wide: bool) -> Table | None:
    if not rows:
        return None
    shown = [
        column
        for column in columns
        if (is_wide or not column.is_wide)
        and not (column.is_optional and all(not column.cell(row) for row in rows))
    ]
    return table_of(
        [column.header for column in shown],
        [[column.cell(row) for column in shown] for row in rows],
        right=[place for place, column in enumerate(shown) if column.is_number],
    )


def _text(key: str) -> Cell:
    return lambda row: str(row.get(key, ""))


def _figure(key: str) -> Cell:
    return lambda row: rounded(str(row[key])) if key in row else ""


def _score(key: str) -> Cell:
    return lambda row: score(str(row[key])) if key in row else ""


def _interval(key: str) -> Cell:
    low, high = f"{key}_low", f"{key}_high"
    return lambda row: interval(str(row[low]), str(row[high])) if low in row else ""


def _answered(row: Row) -> str:
    if "items" not in row or "answered" not in row:
        return ""
    return share(int(row["answered"]), int(row["items"]))


def _pace(row: Row) -> str:
    if "concurrency" in row:
        return f"{row['concurrency']} in flight"
    offered = row.get("offered_requests_per_second")
    return f"{rounded(str(offered))} req/s" if offered is not None else ""


def _marks(row: Row) -> str:
    words = [
        SIMULATED if row.get("is_simulated") else "",
        "noisy" if row.get("is_noisy") else "",
        "not comparable" if row.get("is_comparable") is False else "",
        str(row.get("reason", "")),
    ]
    return ", ".join(word for word in words if word)


def _column(header: str, key: str, *, is_wide: bool = False, is_optional: bool = False) -> Column:
    return Column(header, _figure(key), is_wide=is_wide, is_optional=is_optional)


_WHO = (Column("MODEL", _text("model"), False), Column("POOL", _text("pool"), False))
_NOTE = Column("NOTE", _marks, False, is_optional=True)
_SPEED = (
    *_WHO,
    Column("WORKLOAD", _text("name"), False),
    Column("KIND", _text("kind"), False, is_wide=True),
    Column("PACE", _pace, False, is_optional=True),
    _column("REQ/S", "requests_per_second"),
    _column("SPREAD %", "variation_percent", is_optional=True),
    _column("TOK/S", "total_tokens_per_second"),
    _column("OUT TOK/S", "output_tokens_per_second", is_wide=True),
    _column("SET S", "seconds", is_wide=True),
    _column("P50 S", "latency_p50_seconds"),
    _column("P95 S", "latency_p95_seconds", is_wide=True),
    _column("P99 S", "latency_p99_seconds"),
    _column("TTFT P50 S", "time_to_first_token_p50_seconds", is_optional=True),
    _column("TTFT P99 S", "time_to_first_token_p99_seconds", is_wide=True, is_optional=True),
    _column("TPOT P50 S", "time_per_output_token_p50_seconds", is_wide=True, is_optional=True),
    _column("ITL P99 S", "inter_token_p99_seconds", is_wide=True, is_optional=True),
    _column("QUEUE P50 S", "queue_p50_seconds", is_wide=True, is_optional=True),
    _column("GOOD REQ/S", "goodput_requests_per_second", is_optional=True),
    _column("GOOD %", "goodput_percent", is_wide=True, is_optional=True),
    _column("HTTP ADDS S", "added_latency_seconds", is_wide=True, is_optional=True),
    _column("J/REQ", "joules_per_request", is_wide=True, is_optional=True),
    _column("ROOFLINE %", "roofline_percent", is_wide=True, is_optional=True),
    _NOTE,
)
_ACCURACY = (
    *_WHO,
    Column("TASK", _text("name"), False),
    Column("TYPE", _text("kind"), False, is_wide=True),
    Column("METRIC", _text("metric"), False),
    Column("SCORE", _score("score")),
    Column("95% INTERVAL", _interval("score")),
    Column("ITEMS", _text("items")),
    Column("ANSWERED %", _answered),
    Column("OF ANSWERED", _score("score_of_answered"), is_wide=True),
    Column("MAJORITY", _score("majority_score"), is_wide=True, is_optional=True),
    Column("GUESSING", _score("random_score"), is_wide=True, is_optional=True),
    Column(
        "HELD OUT",
        lambda row: "yes" if row.get("is_held_out") else "",
        False,
        is_wide=True,
        is_optional=True,
    ),
    _NOTE,
)
