"""Every query of a dashboard with its variables put in, to be run without Grafana. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Json = Mapping[str, Any]
Values = Mapping[str, str | Sequence[str]]
BUILT_IN: Mapping[str, str] = {
    "__interval": "1m",
    "__interval_ms": "60000",
    "__rate_interval": "2m",
    "__range": "1h",
    "__range_s": "3600",
    "__range_ms": "3600000",
}
"""What Grafana sets itself; they stand for a range of an hour scraped every 30 seconds."""
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}")


class AskedQuery(NamedTuple):
    """A query as Prometheus takes it, and where it stands."""

    dashboard: str
    """Its uid."""
    panel: str
    """The panel's title, or the annotation's name."""
    ref_id: str
    expression: str


def queries(dashboard: Json, variables: Values) -> list[AskedQuery]:
    """Return all queries of panels, in rows too, and of annotations.

    Args:
        dashboard: the JSON.
        variables: the dashboard's variables; several values stand for any of them. They win over
            `BUILT_IN`.

    Raises:
        KeyError: a query has a variable that nobody gave.

    """
    found = []
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            expression = substituted(target["expr"], variables)
            title = substituted(panel["title"], variables)
            found.append(AskedQuery(dashboard["uid"], title, target["refId"], expression))
    for one in dashboard["annotations"]["list"]:
        expression = substituted(one["expr"], variables)
        found.append(AskedQuery(dashboard["uid"], one["name"], "Annotation", expression))
    return found


def panels(dashboard: Json) -> Iterator[Json]:
    """Yield every panel that is no row, also those in closed rows."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", ())
        else:
            yield panel


def substituted(text: str, variables: Values) -> str:
    """Return `text` with its variables put in, several values as an alternative of a regexp."""
    values: dict[str, str | Sequence[str]] = {**BUILT_IN, **variables}

    def value(match: re.Match[str]) -> str:
        found = values[match[1] or match[2]]
        return found if isinstance(found, str) else f"({'|'.join(found)})"

    return _VARIABLE.sub(value, text)


def variables_in(text: str) -> set[str]:
    """Return the names of the variables in `text`, Grafana's own left out."""
    names = {match[1] or match[2] for match in _VARIABLE.finditer(text)}
    return {name for name in names if not name.startswith("__")}
