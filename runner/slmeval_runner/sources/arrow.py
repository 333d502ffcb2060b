"""Rows of Arrow's tables: Parquet files, and the batches that a dataset is read in."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slmeval_runner.failures import TaskUnusable

from .table import MIB, SIZE_LIMIT_MIB, ClassName, Rows

BATCH_ROWS = 1_000
Features = Mapping[str, Any]
"""Columns as the library `datasets` describes them, in a dataset and in a Parquet file's header."""


def parquet_rows(source: str, content: bytes) -> Rows:
    """Yield each row of a Parquet file."""
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(content))
        batches = _bounded(source, file.iter_batches(batch_size=BATCH_ROWS))
        yield from table_rows(source, batches, _features(file.schema_arrow.metadata))
    except pyarrow.ArrowException as error:
        raise TaskUnusable(
            f"{source}: is not a Parquet file that can be read ({str(error)[:200]}): write it "
            "again, or give a file of another format the name of that: .csv, .jsonl"
        ) from error


def demand_size(source: str, size: int) -> None:
    """Raise TaskUnusable if `size`, the bytes that a table takes in memory, is beyond the limit."""
    if size > SIZE_LIMIT_MIB * MIB:
        raise TaskUnusable(
            f"{source}: has more than {SIZE_LIMIT_MIB} MiB unpacked, the limit: take a part"
        )


def _bounded(source: str, batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the batches; how long they are together cannot be read from a file's header."""
    size = 0
    for batch in batches:
        size += batch.nbytes
        demand_size(source, size)
        yield batch


def table_rows(source: str, batches: Iterable[Any], features: Features) -> Rows:
    """Yield each row of Arrow's `batches`, numbered from 1, classes by their names."""
    classes = {name: kind for name, kind in features.items() if "ClassLabel" in json.dumps(kind)}
    number = 0
    for batch in batches:
        for values in batch.to_pylist():
            number += 1
            named = {k: _named(v, classes[k]) for k, v in values.items() if k in classes}
            yield f"{source}: row {number}", values | named
    if not number:
        raise TaskUnusable(f"{source}: has no items: name a file or split that has rows")


def _named(value: Any, kind: Any) -> Any:  # noqa: ANN401 - any value of a table
    """Return `value` with a name in place of each number that stands for a class."""
    if isinstance(kind, list):  # how old files write a list of one kind
        kind = {"feature": kind[0]}
    if value is None or not isinstance(kind, dict):
        return value
    if kind.get("_type") == "ClassLabel":
        return ClassName.of(value, kind.get("names") or [])
    if isinstance(value, list):
        return [_named(one, kind.get("feature")) for one in value]
    if isinstance(value, dict):
        return {key: _named(one, kind.get(key)) for key, one in value.items()}
    return value


def _features(metadata: Mapping[bytes, bytes] | None) -> Features:
    """Return what `datasets` wrote into a Parquet file about its columns; others write nothing."""
    try:
        described = json.loads((metadata or {}).get(b"huggingface", b"{}"))
    except ValueError:
        return {}
    features = described.get("info", {}).get("features", {})
    return features if isinstance(features, dict) else {}
