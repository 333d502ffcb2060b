"""Log lines."""

import json
import logging
import sys

import pytest
from slmeval_operator.logs import JsonFormatter, TextFormatter


def a_record(message: str = "Made %s", *args: object, **extra: object) -> logging.LogRecord:
    """Return a record with such extras."""
    record = logging.LogRecord("slmeval", logging.WARNING, "f.py", 1, message, args, None)
    record.created = 1_793_534_400.25
    record.__dict__.update(extra)
    return record


def with_trace(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record of a failure."""
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record.exc_info = sys.exc_info()
    return record


class TestJsonLines:
    def test_have_the_message_and_the_known_extras(self) -> None:
        line = JsonFormatter().format(a_record("Made %s", "x", namespace="team", password="s"))
        assert json.loads(line) == {
            "time": "2026-11-01T12:00:00.250+00:00",
            "level": "warning",
            "logger": "slmeval",
            "message": "Made x",
            "namespace": "team",
        }

    @pytest.mark.parametrize("text", ['a "quoted"\nline', "\x00\x1b[31m", "ü\u2028\ud800"])
    def test_are_one_valid_line_whatever_the_text(self, text: str) -> None:
        line = JsonFormatter().format(a_record("%s", text, error=ValueError(text)))
        assert "\n" not in line
        assert json.loads(line.encode())["message"] == text

    def test_carry_the_trace_of_a_failure(self) -> None:
        line = JsonFormatter().format(with_trace(a_record("failed")))
        assert "\n" not in line
        assert json.loads(line)["trace"].endswith("ValueError: two\nlines")


class TestTextLines:
    def test_begin_with_time_and_level_and_end_with_the_extras(self) -> None:
        line = TextFormatter().format(a_record("Made %s", "x", rayjob="j", kind="RayJob"))
        assert line == "2026-11-01T12:00:00Z warning Made x rayjob=j kind=RayJob"

    def test_a_trace_follows(self) -> None:
        line = TextFormatter().format(with_trace(a_record("failed")))
        assert line.splitlines()[1].startswith("Traceback")
