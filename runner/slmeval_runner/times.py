"""Times as the API writes them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """What the time is asked of; tests have clocks of their own."""

    now: Callable[[], datetime] = utc_now
    """In UTC."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds, for durations."""


CLOCK = Clock()


def timestamp(moment: datetime) -> str:
    """Return `moment` as an RFC 3339 time in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
