"""Which run others are held against. Pure."""

from collections.abc import Iterable

from slmeval_api.conditions import ConditionType, is_true
from slmeval_api.run import Run


def last_good(runs: Iterable[Run]) -> Run | None:
    """Return the newest of `runs` in which everything was measured and no gate failed."""
    return max(filter(_is_good, runs), key=lambda run: run.spec.number, default=None)


def _is_good(run: Run) -> bool:
    is_whole = is_true(run.status.conditions, ConditionType.SUCCEEDED)
    return is_whole and (run.status.gates is None or run.status.gates.failed == 0)
