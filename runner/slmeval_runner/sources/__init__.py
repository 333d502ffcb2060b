"""Rows of data: where a source lies, and how what lies there is read."""

from .load import load
from .table import Cell, ClassName, Table

__all__ = ["Cell", "ClassName", "Table", "load"]
