"""Structured logs: one line an event, as text for people or JSON for collectors."""

import json
import logging
from datetime import UTC, datetime

FIELDS = ("namespace", "evaluation", "run", "rayjob", "kind", "reason", "error", "seconds")


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; extras that are in FIELDS become keys."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        } | _extras(record)
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """Time, level, message, then key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of text."""
        when = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        extras = "".join(f" {k}={v}" for k, v in _extras(record).items())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{when} {record.levelname.lower():7} {record.getMessage()}{extras}{trace}"


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {k: record.__dict__[k] for k in FIELDS if k in record.__dict__}


def configure(level: str, form: str) -> None:
    """Send all logs to standard error in the form that was asked for."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
