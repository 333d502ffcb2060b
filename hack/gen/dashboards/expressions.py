"""PromQL of our own series, by their declared names and labels. Pure.

Each is aggregated to its declared labels: after a restart the old pod's series stand beside the
new one's for minutes, and would be drawn twice.
"""

from collections.abc import Sequence

from slmeval_operator.series.families import FAMILIES, PREFIX, RESULT, TRIAL

LABELS = {family.name: family.labels for family in FAMILIES}
ONE = 'namespace="$namespace",evaluation="$evaluation"'
"""One evaluation."""
MANY = 'namespace=~"$namespace",evaluation=~"$evaluation"'
"""Those that are chosen."""
OF_TRIALS = f'{ONE},model=~"$model",pool=~"$pool"'
"""One evaluation, those of its models and pools that are chosen."""
WORKLOAD = f'{OF_TRIALS},workload="$workload"'
SUITE = f'{OF_TRIALS},tasks="$tasks"'
PLACE = ("model", "pool", "engine")
"""What tells the figures of one evaluation apart."""
LAST_SUCCESS = "last_success_timestamp_seconds"


def newest(name: str, where: str = ONE) -> str:
    """Return the series of a family, without the labels that a scrape adds.

    Raises:
        KeyError: there is no such family.

    """
    return f"max by ({', '.join(LABELS[name])}) ({PREFIX}{name}{{{where}}})"


def over(labels: Sequence[str], expression: str, how: str = "max") -> str:
    """Return `expression` aggregated to `labels`."""
    return f"{how} by ({', '.join(labels)}) ({expression})"


def among(expression: str, chosen: str, labels: Sequence[str] = RESULT) -> str:
    """Return those of `expression` whose labels are those of one of `chosen`."""
    return f"{expression} and on ({', '.join(labels)}) {chosen}"


def best(name: str, of: Sequence[str], where: str) -> str:
    """Return the highest series of a family for each combination of the labels `of`."""
    return f"topk by ({', '.join(of)}) (1, {newest(name, where)})"


def age(name: str, where: str = ONE) -> str:
    """Return the seconds since a family's timestamps."""
    return f"time() - {newest(name, where)}"


def called(name: str, expression: str) -> str:
    """Return `expression` with its column's name in the label `figure`, for joined tables."""
    return f'label_replace({expression}, "figure", "{name}", "", "")'


def trial(expression: str) -> str:
    """Return `expression` with a label `trial`, the text that stands on axes; engine included."""
    return f'label_join({expression}, "trial", " · ", "model", "pool", "engine")'


def plain_trial(expression: str) -> str:
    """Return the same for series that have no engine."""
    return f'label_join({expression}, "trial", " · ", "model", "pool")'


def counted(expression: str, of: str) -> str:
    """Return the sum of `expression`; 0 where there is none but `of` is there, else absent."""
    return f"sum({expression}) or 0 * count({of})"


def in_state(state: str, where: str) -> str:
    """Return the trials of the newest runs that are in a state."""
    return newest("trial_state", f'{where},state="{state}"')


def beside_state(expression: str, where: str) -> str:
    """Return `expression`, of trials, with the labels of where each trial stands."""
    return f"{newest('trial_state', where)} * on ({', '.join(TRIAL)}) group_left () ({expression})"
