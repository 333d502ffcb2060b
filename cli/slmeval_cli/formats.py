"""Results for programs: JSON, CSV, and the objects themselves as YAML. Pure."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import yaml

from .answer import Answer, Body
from .figures import COLUMNS, rows_of
from .screen import plain

_TEXTS = frozenset(
    ("namespace", "evaluation", "run", "model", "pool", "measure", "name", "kind", "metric")
) | {"reason", "message"}
_FORMULA = ("=", "+", "-", "@")


_OF_GATES = ("value", "low", "high", "limit")


def json_text(answer: Answer) -> str:
    """Return the rows, and what came of gates, as JSON; what was not measured has no key."""
    rows = [{key: _number(key, value) for key, value in row.items()} for row in rows_of(answer)]
    told: dict[str, Any] = {"evaluation": answer.name.name, "rows": rows}
    report = answer.run.status.gates if answer.run else None
    if report is not None:
        told["gates"] = [
            {k: _number(k, v) if k in _OF_GATES else v for k, v in verdict.to_json_data().items()}
            for verdict in report.verdicts
        ]
    return json.dumps(told, indent=2, allow_nan=False)


def _number(key: str, value: str | float | bool) -> str | float | bool:
    """Return a decimal string as the number that it writes."""
    if not isinstance(value, str) or key in _TEXTS:
        return value
    return float(value) if "." in value else int(value)


def csv_text(answer: Answer) -> str:
    """Return the rows as CSV with all of COLUMNS; what was not measured is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: _cell(key, value) for key, value in row.items()} for row in rows_of(answer)
    )
    return text.getvalue()


def _cell(key: str, value: str | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = plain(value)
    # A spreadsheet would compute a text that begins like a formula; numbers below 0 stay numbers.
    return f"'{text}" if key in _TEXTS and text.startswith(_FORMULA) else text


def yaml_text(bodies: Sequence[Body]) -> str:
    """Return the objects as one List, which `slmeval results -f` reads again."""
    items = [_without_bookkeeping(body) for body in bodies]
    return yaml.safe_dump(
        {"apiVersion": "v1", "kind": "List", "items": items}, sort_keys=False, width=10_000
    )


def _without_bookkeeping(body: Body) -> Body:
    """Return `body` less what only the API server can use: who wrote which field."""
    metadata = {k: v for k, v in body["metadata"].items() if k != "managedFields"}
    return body | {"metadata": metadata}
