"""What each tier of tests came to, and whether the tiers that were promised really ran.

A tier is a folder of tests/. SLMEVAL_TIERS="unit,chart" promises two: a test of theirs that is
left out is then a failure, for a check that silently did not run looks like one that passed.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

TIERS = ("unit", "browser", "chart", "gitops", "api", "cluster", "cpu", "gpu")


@dataclass(slots=True)
class Tier:
    """How many tests ran, how many of them failed, and why the others were left out."""

    ran: int = 0
    failed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def line(self, name: str) -> str:
        """Return the tier in one line."""
        words = [f"ran {self.ran}"] if self.ran else []
        words += [f"failed {self.failed}"] if self.failed else []
        words += [f"left out {n}: {reason}" for reason, n in self.left_out.most_common()]
        return f"{name}: {', '.join(words) or 'no tests'}"


def tier_of(path: str) -> str | None:
    """Return the tier of a test file or node id below the root; None: it is in no tier's folder."""
    parts = path.replace("\\", "/").split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "tests" and parts[1] in TIERS else None


def broken_promises(promised: Iterable[str], tiers: dict[str, Tier]) -> list[str]:
    """Return one sentence for each promised tier of which something did not run."""
    return [
        f"SLMEVAL_TIERS promises {name}, but {why}"
        for name in promised
        if (why := _what_is_missing(name, tiers.get(name)))
    ]


def _what_is_missing(name: str, tier: Tier | None) -> str | None:
    if name not in TIERS:
        return f"there is no such tier: {', '.join(TIERS)}"
    if tier is None or not (tier.ran or tier.left_out):
        return f"tests/{name} holds no test that was chosen"
    if not tier.left_out:
        return None
    which = f"{tier.left_out.total()} of its tests were" if tier.ran else "every test was"
    return f"{which} left out: {'; '.join(tier.left_out)}"
