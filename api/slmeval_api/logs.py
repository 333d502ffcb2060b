"""The form of log lines, the operator's and the runner's: text for people or JSON for collectors.

One line an event. The message says what happened; where, is in keys that are the same everywhere.
"""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

KEYS = (
    "namespace",
    "evaluation",
    "run",
    "pool",
    "attempt",
    "trial",
    "kind",
    "rayjob",
    "node",
    "gpus",
    "engine",
    "reason",
    "seconds",
    "error",
    "advice",
)
"""What a line may carry beside its message, in this order. Anything else in `extra` is left out."""
NO_CONTEXT: Mapping[str, object] = MappingProxyType({})


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def __init__(
        self, context: Mapping[str, object] = NO_CONTEXT, hide: Callable[[str], str] = str
    ) -> None:
        """Make it.

        Args:
            context: keys of every line, unless it has its own.
            hide: takes each text before it is written, and leaves out what may not be.

        """
        super().__init__()
        self._context = context
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._hide(record.getMessage()),
        }
        for key, value in _extras(record, self._context).items():
            line[key] = value if isinstance(value, int | float) else self._hide(str(value))
        if record.exc_info:
            line["trace"] = self._hide(self.formatException(record.exc_info))
        return json.dumps(line)


class TextFormatter(logging.Formatter):
    """Time, level, message, then key=value."""

    def __init__(
        self, context: Mapping[str, object] = NO_CONTEXT, hide: Callable[[str], str] = str
    ) -> None:
        """Make it; the arguments are those of JsonFormatter."""
        super().__init__()
        self._context = context
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of text; the trace of a failure follows it."""
        extras = "".join(f" {k}={_word(v)}" for k, v in _extras(record, self._context).items())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        message = _printable(record.getMessage())
        level = record.levelname.lower()
        return self._hide(f"{_time(record)} {level:7} {message}{extras}{trace}")


def formatter(
    form: str, context: Mapping[str, object] = NO_CONTEXT, hide: Callable[[str], str] = str
) -> logging.Formatter:
    """Return the formatter of the form "json" or "text"."""
    return (JsonFormatter if form == "json" else TextFormatter)(context, hide)


def _time(record: logging.LogRecord) -> str:
    when = datetime.fromtimestamp(record.created, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def _extras(record: logging.LogRecord, context: Mapping[str, object]) -> dict[str, object]:
    found = {**context, **record.__dict__}
    return {key: found[key] for key in KEYS if found.get(key) is not None}


def _word(value: object) -> str:
    """Return a value as one word, quoted where it has blanks."""
    text = str(value)
    is_word = text.isprintable() and not set(text) & set(' "=') and text
    return text if is_word else json.dumps(text, ensure_ascii=not text.isprintable())


def _printable(text: str) -> str:
    """Return text on one line, with control characters spelled out."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text
    )
