"""Reading what several types' rows have in common."""

from collections.abc import Set as AbstractSet

from slmeval_runner.failures import TaskUnusable
from slmeval_runner.items import Row
from slmeval_runner.sources.table import shown


def known_label(row: Row, role: str, known: AbstractSet[str]) -> str:
    """Return the label in the column of `role`, which must be one of `known`."""
    label = row.text(role)
    demand_known(row, role, [label], known)
    return label


def demand_known(row: Row, role: str, labels: list[str], known: AbstractSet[str]) -> None:
    """Raise TaskUnusable if one of `labels`, which stand in the column of `role`, is not known."""
    for label in labels:
        if label not in known:
            raise TaskUnusable(
                f"{row.where}: {role} is {label[:128]!r}, which is not among the task's "
                f"{len(known)} ({shown(sorted(known))}): add it there or correct it"
            )


def context_of(row: Row) -> str | None:
    """Return the context of a question; None: it has none."""
    return row.text("context") if row.has("context") else None


def with_context(context: str | None, question: str) -> str:
    """Return the question with its context before it."""
    asked = f"Question: {question}"
    return asked if context is None else f"Context: {context}\n{asked}"
