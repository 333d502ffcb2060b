"""Decimal strings of the API as people read them. What is None is the empty text, never 0."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

DIGITS = 4


def rounded(value: str | None, *, digits: int = DIGITS) -> str:
    """Return a decimal string with `digits` significant digits; whole ones are never cut off."""
    if value is None:
        return ""
    number = Decimal(value)
    if not number:
        return "0"
    places = max(0, digits - 1 - number.adjusted())
    text = f"{number:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def score(value: str | None) -> str:
    """Return a score, or a difference of scores, with three places after the point."""
    return "" if value is None else f"{Decimal(value):.3f}"


def p_value(value: str) -> str:
    """Return a probability with three places after the point; a smaller one is said to be so."""
    return "<0.001" if Decimal(value) < Decimal("0.001") else score(value)


def interval(low: str | None, high: str | None) -> str:
    """Return both ends of an interval of scores."""
    return "" if low is None or high is None else f"[{score(low)}, {score(high)}]"


def share(part: int, whole: int) -> str:
    """Return `part` of `whole` in percent; of nothing it is the empty text."""
    return f"{100 * part / whole:.1f}" if whole else ""


def time_of(timestamp: str) -> datetime:
    """Return the time that a Timestamp of the API says."""
    return datetime.fromisoformat(timestamp).astimezone(UTC)


def duration(seconds: float) -> str:
    """Return a time span in its two largest units, as 2h05m, 3m20s or 14s."""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{whole % 60:02d}s" if minutes else f"{whole}s"


def age(timestamp: str | None, now: datetime) -> str:
    """Return how long ago a time was, in its largest unit; None is the empty text."""
    return _span(now - time_of(timestamp)) if timestamp else ""


def until(timestamp: str | None, now: datetime) -> str:
    """Return how long a time is off, in its largest unit; None is the empty text."""
    return _span(time_of(timestamp) - now) if timestamp else ""


def _span(time: timedelta) -> str:
    seconds = max(0.0, time.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"
