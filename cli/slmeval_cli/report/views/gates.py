"""What came of the evaluation's gates, as a table."""

from slmeval_api.gate import GateVerdict

from slmeval_cli.answer import Answer
from slmeval_cli.report.figures import asked, significant

from .table import Heading, Row, Table

HEADINGS = (
    Heading(text="demand", is_number=False),
    Heading(text="limit"),
    Heading(text="figure"),
    Heading(text="95% interval"),
    Heading(text="outcome", is_number=False),
)
DEMANDS = {"atLeast": "at least", "atMost": "at most", "regression": "worse by at most"}
NOTE = "Worse than in an earlier run: of a speed in percent, of a score as it is."


def gates_table(answer: Answer) -> Table | None:
    """Return the table; None: no gate was judged."""
    report = answer.run.status.gates if answer.run else None
    if report is None or not report.verdicts:
        return None
    is_against_a_run = any(v.demand == "regression" for v in report.verdicts)
    return Table(
        caption="Gates",
        heads=("Gate", "Model", "Pool"),
        headings=HEADINGS,
        rows=tuple(_row(verdict) for verdict in report.verdicts),
        notes=(NOTE,) if is_against_a_run else (),
    )


def _row(verdict: GateVerdict) -> Row:
    ends = None
    if verdict.low is not None and verdict.high is not None:
        ends = f"{significant(verdict.low)} to {significant(verdict.high)}"
    return Row(
        head=(verdict.gate, verdict.model, verdict.pool),
        cells=(
            DEMANDS[verdict.demand],
            asked(verdict.limit),
            significant(verdict.value),
            ends,
            verdict.outcome,
        ),
    )
