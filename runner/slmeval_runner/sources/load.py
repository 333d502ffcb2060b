"""A source's table, whatever its scheme and format."""

import hashlib
from pathlib import PurePosixPath

from slmeval_runner.folders import Folders

from .arrow import parquet_rows
from .dataset import load_dataset
from .files import content_of
from .table import Rows, Table
from .text import csv_rows, json_rows
from .urls import SCHEMES, content_of_url

FORMATS = {".csv": csv_rows, ".parquet": parquet_rows}


def load(source: str, folders: Folders) -> Table:
    """Return the rows of `source` (valid after the API's pattern). Raises TaskUnusable."""
    scheme = source.partition("://")[0]
    if scheme == "hf":
        return load_dataset(source, folders)
    content = content_of_url(source) if scheme in SCHEMES else content_of(source, folders)
    return Table(rows=rows(source, content), digest=hashlib.sha256(content).digest())


def rows(source: str, content: bytes) -> Rows:
    """Return the rows in a file's bytes; its name says how they are written."""
    return FORMATS.get(PurePosixPath(source).suffix.lower(), json_rows)(source, content)
