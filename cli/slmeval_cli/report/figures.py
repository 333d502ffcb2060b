"""Numbers as text for people: no more digits than a figure's uncertainty supports. Pure.

Figures arrive as decimal strings and are rounded as decimals, so none changes by way of a float.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

from slmeval_api.result import Score

MOST_DIGITS = 3
"""Significant digits of a speed: one that was repeated less than perfectly supports no more."""
MOST_DECIMALS = 3
"""Decimals of a score: even 10,000 items support no more."""


def significant(figure: str | None, digits: int = MOST_DIGITS) -> str | None:
    """Return `figure` with that many significant digits and commas; None stays None."""
    if figure is None:
        return None
    value = Decimal(figure)
    if value == 0:
        return "0"
    return _rounded(value, digits - 1 - value.adjusted())


def speed(figure: str | None, variation_percent: str | None) -> str | None:
    """Return a speed with two or three digits, as the spread of its repetitions supports.

    Args:
        figure: in any unit; None stays None.
        variation_percent: coefficient of variation; None: one repetition, three digits.

    """
    if figure is None or variation_percent is None:
        return significant(figure)
    value = abs(Decimal(figure))
    spread = value * Decimal(variation_percent) / 100
    if not value or not spread:
        return significant(figure)
    digits = decimals(spread) + value.adjusted() + 1
    return significant(figure, min(max(digits, 2), MOST_DIGITS))


def decimals(uncertainty: Decimal) -> int:
    """Return the decimals that `uncertainty` (above 0) supports; below 0: tens, hundreds.

    The Particle Data Group's rule: two digits of an uncertainty that begins with 100 to 354, one of
    any other.
    """
    power = uncertainty.adjusted()
    lead = uncertainty.scaleb(-power)
    return 1 - power if lead < Decimal("3.55") else -power


def score_decimals(scores: Iterable[Score | None]) -> int:
    """Return the decimals, 1 to 3, that the intervals of all `scores` support.

    Of figures in one column the least sure one decides, so that their points stand in a line.
    """
    halves = [(Decimal(s.high) - Decimal(s.low)) / 2 for s in scores if s]
    supported = [decimals(half) for half in halves if half > 0]
    return min(max(min(supported, default=MOST_DECIMALS), 1), MOST_DECIMALS)


def score(value: Score | None, places: int) -> str | None:
    """Return the score alone, for example 0.74; None stays None."""
    return fixed(value.value, places) if value else None


def interval(value: Score | None, places: int) -> str | None:
    """Return the ends of the 95% interval, for example 0.68 to 0.80; None stays None."""
    return f"{fixed(value.low, places)} to {fixed(value.high, places)}" if value else None


def asked(figure: str | None) -> str | None:
    """Return a figure that was set and not measured: as it was written, if it is not long."""
    short = significant(figure)
    if figure is None or short is None or Decimal(short.replace(",", "")) != Decimal(figure):
        return short
    return f"{Decimal(figure).normalize():,f}"


def fixed(figure: str, places: int) -> str:
    """Return `figure` with that many decimals and commas."""
    return _rounded(Decimal(figure), places)


def count(value: int | None) -> str | None:
    """Return a whole number with commas; None stays None."""
    return None if value is None else f"{value:,}"


def milliseconds(seconds: str | None) -> str | None:
    """Return seconds as milliseconds, three digits; None stays None."""
    return None if seconds is None else significant(str(Decimal(seconds) * 1000))


def gib(value: int | None) -> str | None:
    """Return bytes as GiB, three digits; None stays None."""
    return None if value is None else significant(str(Decimal(value) / 2**30))


def p_value(figure: str) -> str:
    """Return a probability with two digits, or that it is below 0.001."""
    return "< 0.001" if Decimal(figure) < Decimal("0.001") else significant(figure, 2) or ""


def moment(timestamp: str | None) -> str | None:
    """Return an RFC 3339 time in UTC to the minute, for example 2026-11-27 08:15 UTC."""
    return timestamp and f"{timestamp[:10]} {timestamp[11:16]} UTC"


def counted(number: int, noun: str) -> str:
    """Return for example "1 trial" or "12 trials"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(words: list[str]) -> str:
    """Return for example "a", "a and b" or "a, b and c"."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _rounded(value: Decimal, places: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return f"{rounded + 0:,.{max(places, 0)}f}"  # + 0: there is no -0.00
