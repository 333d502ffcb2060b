"""Where values are on an axis, in pixels, and the other way round. Pure."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ruler:
    """An axis: values from `first` to `last` on so many pixels, straight or logarithmic."""

    first: float
    last: float
    length_px: float
    is_log: bool = False
    is_upward: bool = False
    """True: pixels count from the end, as on a screen's vertical axis."""

    def px(self, value: float) -> float:
        """Return where `value` is."""
        share = (self._at(value) - self._at(self.first)) / (
            self._at(self.last) - self._at(self.first)
        )
        return self.length_px * ((1 - share) if self.is_upward else share)

    def value(self, px: float) -> float:
        """Return what is at `px`."""
        share = px / self.length_px
        share = 1 - share if self.is_upward else share
        low, high = self._at(self.first), self._at(self.last)
        found = low + share * (high - low)
        return math.exp(found) if self.is_log else found

    def _at(self, value: float) -> float:
        return math.log(value) if self.is_log else value

    @property
    def decades(self) -> list[float]:
        """1, 2, 5, 10, 20 and so on within a logarithmic axis."""
        first, last = math.floor(math.log10(self.first)), math.ceil(math.log10(self.last))
        ticks = (step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5))
        return [tick for tick in ticks if self.first <= tick <= self.last]
