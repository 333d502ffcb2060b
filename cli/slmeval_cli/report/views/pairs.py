"""Pairs of models in words: who is really better, and whom these items do not tell apart."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from slmeval_api.run import ScoreComparison

from slmeval_cli.report.figures import count, counted, decimals, fixed, listed, p_value

from .candidates import SIMULATED
from .table import Heading, Row, Table

HEADINGS = (
    Heading(text="against", is_number=False),
    Heading(text="by", unit="score"),
    Heading(text="95% interval"),
    Heading(text="p-value", unit="corrected"),
    Heading(text="items", unit="n"),
    Heading(text="verdict", is_number=False),
)
INVENTED = ("Simulated: these scores are invented, and so is every difference between them.",)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPairs:
    """The pairs of a pool: sentences over all tasks, and every pair in tables."""

    pool: str
    sentences: tuple[str, ...]
    suite: Table | None
    tasks: tuple[Table, ...]


def pairs(
    comparisons: Sequence[ScoreComparison], simulated_pools: Sequence[str]
) -> tuple[PoolPairs, ...]:
    """Return the pairs of each pool, in their order; empty: none were compared.

    Args:
        comparisons: of any pools.
        simulated_pools: those whose scores are invented: nobody is called better there.

    """
    return tuple(
        _pool_pairs(pool, comparisons, is_simulated=pool in simulated_pools)
        for pool in _distinct(c.pool for c in comparisons)
    )


def leader(comparisons: Sequence[ScoreComparison]) -> str | None:
    """Return the model that has the higher score in most pairs; None: there are no pairs.

    Args:
        comparisons: of one pool and of all tasks together, or of one task.

    """
    wins = Counter(c.model for c in comparisons)
    return wins.most_common(1)[0][0] if wins else None


def tied_with(model: str, comparisons: Sequence[ScoreComparison]) -> list[str]:
    """Return the models that these items do not tell from `model`, in the comparisons' order."""
    return [_other(c, model) for c in comparisons if c.is_tied and model in (c.model, c.against)]


def _pool_pairs(
    pool: str, comparisons: Sequence[ScoreComparison], *, is_simulated: bool
) -> PoolPairs:
    here = [c for c in comparisons if c.pool == pool]
    whole = [c for c in here if c.task is None]
    tasks = _distinct(c.task for c in here if c.task is not None)
    marks = (SIMULATED,) if is_simulated else ()
    return PoolPairs(
        pool=pool,
        sentences=INVENTED if is_simulated else tuple(_sentences(whole)),
        suite=_table(f"{pool}: pairs over all tasks", whole, marks) if whole else None,
        tasks=tuple(
            _table(f"{pool}: pairs on {task}", [c for c in here if c.task == task], marks)
            for task in tasks
        ),
    )


def _sentences(whole: list[ScoreComparison]) -> list[str]:
    best = leader(whole)
    if best is None:
        return []
    tied = tied_with(best, whole)
    beaten = [c for c in whole if c.model == best and not c.is_tied]
    said = [f"{best} has the highest score over all tasks."]
    if tied:
        said.append(
            f"These items do not tell it from {listed(tied)}: the difference may be chance."
        )
    if beaten:
        by = [f"{c.against} (by {_difference(c)})" for c in beaten]
        said.append(f"It is really better than {listed(by)}.")
    others = [c for c in whole if best not in (c.model, c.against)]
    if others:
        apart = sum(not c.is_tied for c in others)
        said.append(
            f"Of the {counted(len(others), 'pair')} of the other models, {apart} "
            f"{'is' if apart == 1 else 'are'} told apart."
        )
    return said


def _table(caption: str, comparisons: list[ScoreComparison], marks: tuple[str, ...]) -> Table:
    return Table(
        caption=caption,
        heads=("Higher score",),
        headings=HEADINGS,
        rows=tuple(Row(head=(c.model,), cells=_cells(c), marks=marks) for c in comparisons),
    )


def _cells(one: ScoreComparison) -> tuple[str | None, ...]:
    places = _places(one)
    return (
        one.against,
        fixed(one.difference, places),
        f"{fixed(one.low, places)} to {fixed(one.high, places)}",
        p_value(one.adjusted_p_value),
        count(one.items),
        "tied" if one.is_tied else "really better",
    )


def _difference(one: ScoreComparison) -> str:
    places = _places(one)
    ends = f"{fixed(one.low, places)} to {fixed(one.high, places)}"
    return f"{fixed(one.difference, places)}, 95% interval {ends}"


def _places(one: ScoreComparison) -> int:
    half = (Decimal(one.high) - Decimal(one.low)) / 2
    return min(max(decimals(half), 1), 3) if half > 0 else 3


def _other(one: ScoreComparison, model: str) -> str:
    return one.against if one.model == model else one.model


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
