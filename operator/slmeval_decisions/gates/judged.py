"""A figure held against a limit, and what is said of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from slmeval_api.gate import Outcome

from .evidence import MOST, Evidence, needed, needed_in_both


class Untold(Exception):
    """There is nothing to judge by. Its text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A figure and a limit, both on the scale on which the interval was made."""

    evidence: Evidence
    limit: float
    is_upper: bool
    """Whether the figure must not be above the limit; else not below."""
    what: str
    """The figure's name, as a sentence about it begins."""
    demanded: str
    """The limit in words."""
    counted: Literal["items", "repetitions"]
    """What there would have to be more of, to be surer."""
    base: str = ""
    """The run that it is held against; empty: it is of one run."""
    most: int = MOST
    """The most of it that can be had."""
    show: Callable[[float], float] = float
    """From that scale to the unit that people read; it may turn low and high round."""
    unit: str = ""
    """What follows the numbers."""
    remark: str = ""
    """What else is to be known."""

    @property
    def outcome(self) -> Outcome:
        """On which side of the limit the interval is."""
        found, limit = self.evidence, self.limit
        if found.high <= limit if self.is_upper else found.low >= limit:
            return "Passed"
        is_beyond = found.low > limit if self.is_upper else found.high < limit
        return "Failed" if is_beyond else "Inconclusive"

    @property
    def is_open(self) -> bool:
        """Whether the interval is on both sides."""
        return self.outcome == "Inconclusive"

    @property
    def needed(self) -> int | None:
        """About how much of what is counted would tell; None: it is told, or none can."""
        return needed(self.evidence, self.limit, self.most) if self.is_open else None

    @property
    def shown(self) -> tuple[float, float, float]:
        """Figure, lower and upper end, in the unit that people read."""
        low, high = sorted((self.show(self.evidence.low), self.show(self.evidence.high)))
        return self.show(self.evidence.value), low, high

    @property
    def words(self) -> str:
        """The verdict in a sentence without its full stop."""
        value, low, high = (f"{number:.4g}{self.unit}" for number in self.shown)
        return (
            f"{self.what} {value} ({low} to {high}), {self.demanded}: {self._verdict}{self.remark}"
        )

    @property
    def _verdict(self) -> str:
        if not self.is_open:
            return "met" if self.outcome == "Passed" else "not met"
        unsure = f"{self.evidence.n} {self.counted} cannot tell"
        if self.needed is not None:
            is_asked_twice = self.base and self.counted == "items"
            proviso = ": other items need a new baseline" if is_asked_twice else ""
            return f"{unsure}, about {self.needed:,} would{proviso}"
        anew = needed_in_both(self.evidence, self.limit, self.most)
        if anew is not None and self.evidence.earlier is not None:
            return (
                f"{unsure}, nor {self.most} against the {self.evidence.earlier.n} of run "
                f"{self.base}: measure both anew with about {anew}"
            )
        return (
            f"{unsure}, and {self.most:,} hardly would: move the limit, or measure with less noise"
        )
