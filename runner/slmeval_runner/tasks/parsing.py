"""Reading a model's answer. Pure and strict: what is not as asked is no answer, never an error."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

LONGEST_NUMBER = 64
"""Characters. Longer ones are no answer to anything that a person asks."""
_NUMBER = re.compile(r"(?P<sign>[-+]?)[$€£]?(?P<whole>\d{1,3}(?:,\d{3})+|\d+)?(?P<part>\.\d+)?%?")
_FRACTION = re.compile(r"([-+]?\d+)\s*/\s*(\d+)")
_FENCE = re.compile(r"```[a-z]*\n(.*)\n```", re.DOTALL)


def constrained_label(answer: str, labels: Sequence[str]) -> str | None:
    """Return the label that `answer` is, blank space aside; None if the engine was not held to it.

    Some tokenizers put a blank before a first word; no label begins or ends with one.
    """
    return answer.strip() if answer.strip() in labels else None


def first_line(answer: str) -> str:
    """Return the first line with something on it, without blank space around; else nothing."""
    return next((line.strip() for line in answer.splitlines() if line.strip()), "")


def free_label(answer: str, labels: Sequence[str]) -> str | None:
    """Return the label that the first line of `answer` is; None if it is none or is ambiguous.

    The whole line must be the label. Blank space around it, one pair of quotes and one full stop
    at its end are let pass, and case, unless labels differ by nothing else.
    """
    line = first_line(answer)
    for candidate in (line, line.removesuffix("."), _unquoted(line.removesuffix("."))):
        if candidate in labels:
            return candidate
        folded = [label for label in labels if label.casefold() == candidate.casefold()]
        if folded:
            return folded[0] if len(folded) == 1 else None
    return None


def json_value(answer: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON value that the whole answer is, a code fence around it aside; else None.

    An object with a key twice, NaN and what nests too deeply for Python are none.
    """
    text = answer.strip()
    fenced = _FENCE.fullmatch(text)
    try:
        return json.loads(
            fenced[1] if fenced else text, object_pairs_hook=_object, parse_constant=_refuse
        )
    except (ValueError, RecursionError):
        return None


def number(text: str) -> Fraction | None:
    """Return the number that `text` is: 12, -1.5, 1,200, $3, 40%, 3/4; else None.

    A percent sign says nothing: 40% is 40. One full stop at the end is let pass.
    """
    text = text.strip().removesuffix(".").replace("\N{MINUS SIGN}", "-")
    if len(text) > LONGEST_NUMBER or (not text.isascii() and not set(text) & set("€£")):
        return None
    if found := _FRACTION.fullmatch(text):
        return Fraction(int(found[1]), int(found[2])) if int(found[2]) else None
    found = _NUMBER.fullmatch(text)
    if not found or not (found["whole"] or found["part"]):
        return None
    whole = (found["whole"] or "0").replace(",", "")
    value = Fraction(Decimal(f"{whole}{found['part'] or ''}"))
    return -value if found["sign"] == "-" else value


def last_after(answer: str, mark: str) -> str | None:
    """Return what follows `mark` on the last line that begins with it, case aside; else None."""
    for line in reversed(answer.splitlines()):
        if line.strip().casefold().startswith(mark.casefold()):
            return line.strip()[len(mark) :].strip()
    return None


def _unquoted(line: str) -> str:
    for quote in ('"', "'", "`"):
        if len(line) > 1 and line.startswith(quote) and line.endswith(quote):
            return line[1:-1].removesuffix(".").strip()
    return line


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
