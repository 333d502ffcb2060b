"""All verdicts on a run in one condition."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from slmeval_api.conditions import Condition, ConditionType, Reason
from slmeval_api.gate import GateReport

from slmeval_decisions.conditions import Verdict, with_condition, without_condition
from slmeval_decisions.verdict import Standing, State


def with_gates(
    old: Sequence[Condition], report: GateReport | None, *, generation: int, now: datetime
) -> list[Condition]:
    """Return `old` with GatesPassed as `report` says; without it where nothing was judged."""
    if report is None:
        return without_condition(old, ConditionType.GATES_PASSED)
    status, reason = _verdict(report)
    return with_condition(
        old,
        ConditionType.GATES_PASSED,
        status,
        reason=reason,
        message=message_of(report),
        generation=generation,
        now=now,
    )


def gated(standing: Standing, report: GateReport | None) -> Standing:
    """Return the standing of what was measured in full: a gate that failed keeps it from Ready."""
    if report is None or not report.failed or standing.state != State.SUCCEEDED:
        return standing
    return replace(
        standing,
        state=State.GATED,
        reason=Reason.GATES_FAILED,
        message=f"{message_of(report)} {standing.message}",
    )


def message_of(report: GateReport) -> str:
    """Return the sum of the verdicts, and the gravest of them."""
    total = report.passed + report.failed + report.inconclusive
    if report.failed:
        return f"{report.failed} of {total} demands of gates failed. {report.verdicts[0].message}"
    if report.inconclusive:
        which = f"{report.inconclusive} of {total} demands of gates cannot be judged."
        return f"{which} {report.verdicts[0].message}"
    return f"All {total} demands of gates were met."


def _verdict(report: GateReport) -> tuple[Verdict, Reason]:
    if report.failed:
        return "False", Reason.GATES_FAILED
    if report.inconclusive:
        return "Unknown", Reason.GATES_INCONCLUSIVE
    return "True", Reason.GATES_MET
