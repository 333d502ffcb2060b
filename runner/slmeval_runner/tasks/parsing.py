"""Reading a label out of an answer. Pure and strict: what is not a label is no answer."""

from collections.abc import Sequence


def constrained_label(answer: str, labels: Sequence[str]) -> str | None:
    """Return the label that `answer` is, blank space aside; None if the engine was not held to it.

    Some tokenizers put a blank before a first word; no label begins or ends with one.
    """
    return answer.strip() if answer.strip() in labels else None


def free_label(answer: str, labels: Sequence[str]) -> str | None:
    """Return the label that the first line of `answer` is; None if it is none or is ambiguous.

    The whole line must be the label. Blank space around it, one pair of quotes and one full stop
    at its end are let pass, and case, unless labels differ by nothing else.
    """
    line = next((line.strip() for line in answer.splitlines() if line.strip()), "")
    for candidate in (line, line.removesuffix("."), _unquoted(line.removesuffix("."))):
        if candidate in labels:
            return candidate
        folded = [label for label in labels if label.casefold() == candidate.casefold()]
        if folded:
            return folded[0] if len(folded) == 1 else None
    return None


def _unquoted(line: str) -> str:
    for quote in ('"', "'", "`"):
        if len(line) > 1 and line.startswith(quote) and line.endswith(quote):
            return line[1:-1].removesuffix(".").strip()
    return line
