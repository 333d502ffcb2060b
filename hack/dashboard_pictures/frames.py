"""Tables of a panel, by the transformations that its JSON names. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .prometheus import Series

Json = Mapping[str, Any]
Cell = str | float | None


class Frame(NamedTuple):
    """Columns in their order, and rows by column; a figure that is not there is None."""

    labels: list[str]
    figures: list[str]
    rows: list[dict[str, Cell]]


def step(panel: Json, name: str) -> Json | None:
    """Return the options of a transformation of the panel."""
    found = [t["options"] for t in panel.get("transformations", ()) if t["id"] == name]
    return found[0] if found else None


def joined(panel: Json, series: Sequence[Series]) -> Frame:
    """Return the panel's series as one table: a row for each combination of the joined labels."""
    options = step(panel, "joinByLabels")
    if options is None:
        raise ValueError(f"{panel['title']} joins nothing")
    by, figure = list(options["join"]), options["value"]
    rows, figures = dict[tuple[str, ...], dict[str, Cell]](), list[str]()
    for one in series:
        key = tuple(one.labels.get(label, "") for label in by)
        name = one.labels[figure]
        rows.setdefault(key, dict(zip(by, key, strict=True)))[name] = one.samples[-1][1]
        if name not in figures:
            figures.append(name)
    return Frame(by, figures, list(rows.values()))


def properties(panel: Json, name: str) -> dict[str, Any]:
    """Return what the panel's overrides say of a field."""
    found = dict[str, Any]()
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"] == {"id": "byName", "options": name}:
            found |= {p["id"]: p["value"] for p in override["properties"]}
    return found


def mapped(mappings: Sequence[Json], value: float | None) -> tuple[str, str | None] | None:
    """Return the text and the colour that a value is shown as, if any."""
    for mapping in mappings:
        options = mapping["options"]
        if mapping["type"] == "value" and value is not None and f"{value:g}" in options:
            found = options[f"{value:g}"]
        elif (
            mapping["type"] == "range"
            and value is not None
            and options["from"] <= value <= options["to"]
        ) or (mapping["type"] == "special" and value is None):
            found = options["result"]
        else:
            continue
        return found["text"], found.get("color")
    return None
