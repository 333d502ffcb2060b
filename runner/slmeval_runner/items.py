"""A row of data, whose columns are asked for by what they hold."""

import json
from collections.abc import Mapping
from typing import Any

from slmeval_runner.failures import TaskUnusable
from slmeval_runner.sources import Cell, ClassName

SHOWN = 12


class Row:
    """One row, whose columns are asked for by what they hold.

    What is not as asked raises TaskUnusable, with the place and what to do.
    """

    def __init__(self, values: dict[str, Any], where: str, fields: Mapping[str, str]) -> None:
        self.where = where
        self._values = values
        self._fields = fields

    def value(self, role: str) -> Any:  # noqa: ANN401 - any JSON
        """Return what the column of `role` holds."""
        column = self._fields.get(role, role)
        found = self._find(column)
        if found is MISSING:
            there = ", ".join(map(repr, list(self._values)[:SHOWN]))
            raise TaskUnusable(
                f"{self.where} has no column {column!r}, only {there or 'none'}: name the column "
                f"of {role} in data.fields.{role}"
            )
        return found

    def has(self, role: str) -> bool:
        """Return whether an optional column is there, with something in it.

        One that data.fields names must be there.
        """
        is_named = role in self._fields
        found = self.value(role) if is_named else self._find(role)
        return found is not MISSING and found is not None

    def text(self, role: str) -> str:
        """Return a text that is not empty."""
        value = self.value(role)
        if not isinstance(value, str) or not value.strip():
            raise self.unfit(role, "a text that is not empty", value)
        return value

    def texts(self, role: str) -> list[str]:
        """Return a list of texts, none of them empty; the list may be."""
        value = self._data(role)
        is_list = isinstance(value, list)
        if not is_list or not all(isinstance(one, str) and one.strip() for one in value):
            raise self.unfit(role, "a list of texts that are not empty", value)
        return list(value)

    def record(self, role: str, holding: str) -> dict[str, Any]:
        """Return an object; `holding` says in messages what its values are."""
        value = self._data(role)
        if not isinstance(value, dict):
            raise self.unfit(role, f"an object of {holding}", value)
        return value

    def whole(self, role: str) -> int:
        """Return a whole number of at least 0; a class's own, where the data has names for it."""
        value = self._data(role)
        if isinstance(value, ClassName):
            return value.number
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.unfit(role, "a whole number from 0", value)
        return value

    def unfit(self, role: str, needed: str, value: object) -> TaskUnusable:
        """Return the error that the column of `role` must be `needed`, and holds `value`."""
        column = self._fields.get(role, role)
        return TaskUnusable(
            f"{self.where}: column {column!r} must be {needed}, not "
            f"{json.dumps(value, default=str)[:64]}: correct it, or name another column in "
            f"data.fields.{role}"
        )

    def _data(self, role: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the value of `role` where something else than a text is asked for."""
        value = self.value(role)
        return value.parsed() if isinstance(value, Cell) else value

    def _find(self, column: str) -> Any:  # noqa: ANN401
        if column in self._values:
            return self._values[column]
        found: Any = self._values
        for part in column.split("."):
            found = found.get(part, MISSING) if isinstance(found, dict) else MISSING
        return found


MISSING = object()
