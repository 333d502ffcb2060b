"""Times as the API writes them."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present time, in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Return `moment` as an RFC 3339 time in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
