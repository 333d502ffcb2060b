"""Log lines of the operator and the runner."""

import json
import logging
import sys

import pytest
from slmeval_api.logs import JsonFormatter, TextFormatter


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


def hide(text: str) -> str:
    """Leave a secret out."""
    return text.replace("hf_secret", "***")


CONTEXT = {"run": "demo-1", "attempt": 1}


class TestJsonLines:
    def test_have_the_message_and_the_known_extras(self) -> None:
        line = JsonFormatter().format(a_record("Made %s", "x", namespace="team", password="s"))
        assert json.loads(line) == {
            "time": "2026-11-01T12:00:00.250Z",
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

    def test_say_where_on_every_line_unless_a_line_knows_better(self) -> None:
        line = json.loads(JsonFormatter(CONTEXT).format(a_record("x", attempt=2, pool="gpu")))
        assert (line["run"], line["attempt"], line["pool"]) == ("demo-1", 2, "gpu")

    def test_hide_secrets_in_each_part(self) -> None:
        record = with_trace(a_record("a hf_secret", error=OSError("b hf_secret")))
        assert "hf_secret" not in JsonFormatter(hide=hide).format(record)
        assert "a ***" in JsonFormatter(hide=hide).format(record)


class TestTextLines:
    def test_begin_with_time_and_level_and_end_with_the_extras(self) -> None:
        line = TextFormatter(CONTEXT).format(a_record("Made %s", "x", rayjob="j", kind="RayJob"))
        assert line == (
            "2026-11-01T12:00:00.250Z warning Made x run=demo-1 attempt=1 kind=RayJob rayjob=j"
        )

    def test_quote_what_is_not_one_word(self) -> None:
        line = TextFormatter().format(a_record("x", error='no "a" = b', advice="", node="a\nb"))
        assert line.endswith(r'x node="a\nb" error="no \"a\" = b" advice=""')

    def test_spell_out_what_could_pass_for_another_line_or_move_the_cursor(self) -> None:
        line = TextFormatter().format(a_record("a\n2026 error fake\x1b[2J\tb"))
        assert line.endswith(r"a\n2026 error fake\x1b[2J" + "\tb")

    def test_a_trace_follows(self) -> None:
        line = TextFormatter().format(with_trace(a_record("failed")))
        assert line.splitlines()[1].startswith("Traceback")

    def test_hide_secrets(self) -> None:
        line = TextFormatter(hide=hide).format(a_record("a hf_secret", error="hf_secret"))
        assert line.endswith("a *** error=***")
