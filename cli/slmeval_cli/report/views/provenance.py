"""What the figures were measured with: what all trials share once, what differs trial by trial."""

from collections.abc import Iterator
from dataclasses import dataclass

from slmeval_api.result import TaskResult, TrialResult

from slmeval_cli.report.figures import moment

from .candidates import Candidate
from .table import Heading, Row, Table

Facts = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceView:
    """Tables of facts; None: there are none of this sort."""

    shared: Table | None
    differing: tuple[Table, ...]
    """One for each trial."""


def provenance(candidates: list[Candidate]) -> ProvenanceView:
    """Return what is known of the trials that have a result."""
    known = [(c, dict(_facts(c, c.result))) for c in candidates if c.result]
    measured = [facts for c, facts in known if c.result and c.result.provenance]
    shared = dict[str, str]()
    if len(measured) > 1:  # one that was not even loaded says nothing, and differs in nothing
        shared = dict(
            item for item in measured[0].items() if all(item in f.items() for f in measured)
        )
    return ProvenanceView(
        shared=_table(f"The same for all {len(measured)} trials that were measured", shared),
        differing=tuple(
            table
            for candidate, facts in known
            if (table := _table(candidate.name, _without(facts, shared)))
        ),
    )


def _without(facts: Facts, shared: Facts) -> Facts:
    return {name: value for name, value in facts.items() if name not in shared}


def _table(caption: str, facts: Facts) -> Table | None:
    if not facts:
        return None
    return Table(
        caption=caption,
        heads=("What",),
        headings=(Heading(text="value", is_number=False),),
        rows=tuple(Row(head=(name,), cells=(value,)) for name, value in facts.items()),
    )


def _facts(candidate: Candidate, result: TrialResult) -> Iterator[tuple[str, str]]:
    known = result.provenance
    found: list[tuple[str, str | None]] = [
        ("trial", candidate.trial.meta.name),
        ("attempt", str(result.attempt)),
        ("started", moment(result.started_at)),
        ("completed", moment(result.completed_at)),
        ("model source", candidate.trial.spec.model.source),
    ]
    if known:
        found += [
            ("model revision", known.model_revision),
            ("model digest", known.model_digest),
            ("engine", known.engine),
            ("runner version", known.runner_version),
            *((f"version of {v.name}", v.value) for v in known.versions),
            ("device", known.device),
            ("device IDs", ", ".join(known.device_ids) or None),
            ("node", known.node),
            ("machine, without a cluster", known.machine),
            ("image", known.image),
            ("seed", str(known.seed)),
            *((f"engine argument {a.name}", a.value) for a in known.engine_arguments),
        ]
    for task in result.tasks:
        found += _digests(task)
    yield from ((name, value) for name, value in found if value)


def _digests(task: TaskResult) -> list[tuple[str, str | None]]:
    return [
        (f"data digest of {task.name}", task.data_digest),
        (f"items digest of {task.name}", task.outcomes.items_digest if task.outcomes else None),
        (f"harness task digest of {task.name}", task.lm_eval.task_digest if task.lm_eval else None),
    ]
