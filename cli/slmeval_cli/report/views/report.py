"""The whole report as plain values, in the order in which it is read."""

from dataclasses import dataclass

from slmeval_cli.answer import Answer

from .candidates import candidates_of, pools_of, question_of
from .chart import AnyChart
from .gates import gates_table
from .later import data_needed, recommendation
from .pairs import PoolPairs, pairs
from .pareto import pareto_charts
from .provenance import ProvenanceView, provenance
from .scores import score_charts, suite_table, task_tables
from .speed import WorkloadView, latency_charts, workload_views
from .summary import SummaryView, summary
from .table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """What the page says. Empty and None: nothing is shown for it, its heading neither."""

    summary: SummaryView
    recommendation: tuple[str, ...] | None
    gates: Table | None
    charts: tuple[AnyChart, ...]
    suite: Table | None
    tasks: tuple[Table, ...]
    pairs: tuple[PoolPairs, ...]
    workloads: tuple[WorkloadView, ...]
    provenance: ProvenanceView


def report_view(answer: Answer) -> ReportView:
    """Return what the report on `answer` says; equal answers give equal views."""
    candidates, question = candidates_of(answer), question_of(answer)
    needed = data_needed(answer)
    return ReportView(
        summary=summary(answer, candidates),
        recommendation=recommendation(answer),
        gates=gates_table(answer),
        charts=(
            *latency_charts(question, candidates),
            *score_charts(candidates),
            *((needed,) if needed else ()),
            *pareto_charts(question, candidates),
        ),
        suite=suite_table(candidates),
        tasks=task_tables(question, candidates),
        pairs=pairs(
            answer.run.status.comparisons if answer.run else [],
            pools_of([c for c in candidates if c.is_simulated]),
        ),
        workloads=workload_views(question, candidates),
        provenance=provenance(candidates),
    )
