"""Datasets of the Hugging Face hub, through the library `datasets`; no code of theirs is run."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from slmeval_api.data import HUB_DATASET

from slmeval_runner.failures import TaskUnusable, causes
from slmeval_runner.folders import Folders
from slmeval_runner.hub_errors import CLAIM, REACH, hub_problem

from .arrow import BATCH_ROWS, demand_size, table_rows
from .table import Rows, Table, shown

COMMIT = re.compile(r"[0-9a-f]{40}")
PARQUET_EXPORT = "refs/convert/parquet"
"""The hub's own conversion of a dataset; its folders are configurations."""
CACHE_MODULE = "datasets.packaged_modules.cache"
DEFAULT_CONFIGURATION = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a source asks of the hub."""

    source: str
    repository: str
    revision: str
    configuration: str | None
    split: str

    @classmethod
    def of(cls, source: str) -> "Wanted":
        """Return the parts of `source` (valid after the API's pattern)."""
        found = re.fullmatch(HUB_DATASET, source)
        if found is None:
            raise ValueError(f"{source!r} is no dataset of the hub")
        repository, revision, configuration, split = found.group(1, 2, 3, 4)
        return cls(
            source=source,
            repository=repository,
            revision=revision,
            configuration=configuration[1:] if configuration else None,
            split=split,
        )


class Found(NamedTuple):
    """Where a dataset is."""

    path: str
    """What load_dataset takes for its path."""
    commit: str | None
    """None: it is a folder, which tests name."""


def load_dataset(
    source: str,
    folders: Folders,
    *,
    find: Callable[[Wanted], Found] | None = None,
    open_builder: Callable[..., Any] | None = None,
) -> Table:
    """Return the rows of one split of a dataset, downloading it if it is not in the cache.

    Args:
        source: as the API has it, `hf://datasets/...`.
        folders: where the cache is.
        find: what asks the hub for the revision's commit; tests give another.
        open_builder: load_dataset_builder of `datasets`; tests give another.

    Raises:
        TaskUnusable: it is not there, not allowed, or not as asked.

    """
    wanted = Wanted.of(source)
    try:
        found = (find or _found)(wanted)
        split = _split(wanted, found, folders, open_builder or _open_builder())
    except TaskUnusable:
        raise
    except Exception as error:
        known = _problem(wanted, error)
        if known is None:
            raise
        raise known from error
    demand_size(source, split.data.nbytes)
    digest = hashlib.sha256()
    for _, values in _rows(source, split):
        digest.update(f"{_canonical(values)}\n".encode())
    return Table(rows=_rows(source, split), digest=digest.digest())


def _found(wanted: Wanted) -> Found:
    """Return the commit that the revision stands for; one that is a commit needs no hub."""
    from huggingface_hub import HfApi

    if COMMIT.fullmatch(wanted.revision):
        return Found(wanted.repository, wanted.revision)
    api = HfApi(token=_token())
    known = api.dataset_info(wanted.repository, revision=wanted.revision)
    return Found(wanted.repository, known.sha)


def _token() -> str | None:
    return os.environ.get("HF_TOKEN") or None


def _open_builder() -> Callable[..., Any]:
    import datasets

    datasets.disable_progress_bars()
    made: Callable[..., Any] = datasets.load_dataset_builder
    return made


def _split(wanted: Wanted, found: Found, folders: Folders, open_builder: Callable[..., Any]) -> Any:  # noqa: ANN401 - a datasets.Dataset
    """Return the split, by the steps of load_dataset, whose cache may hold another revision."""
    is_export = wanted.revision == PARQUET_EXPORT
    builder = open_builder(
        found.path,
        name=None if is_export else wanted.configuration,
        data_dir=wanted.configuration if is_export else None,
        revision=found.commit,
        cache_dir=str(folders.cache / "huggingface" / "datasets"),
        token=_token(),
    )
    if found.commit is not None:
        _demand_commit(wanted, found.commit, builder)
    _demand_split(wanted, builder.config.data_files)  # before anything is downloaded
    builder.download_and_prepare()
    _demand_split(wanted, builder.info.splits)
    if not builder.info.splits[wanted.split].num_examples:  # as_dataset would fail over it
        raise TaskUnusable(f"{wanted.source}: has no items: name a split that has rows")
    return builder.as_dataset(split=wanted.split)


def _demand_commit(wanted: Wanted, commit: str, builder: Any) -> None:  # noqa: ANN401
    """Raise TaskUnusable unless the builder has what was asked for.

    Where the hub cannot be reached, `datasets` takes the newest revision in its cache, and any
    configuration of it where none is named.
    """
    configuration = str(builder.config.name)
    is_cached = type(builder).__module__.startswith(f"{CACHE_MODULE}.")
    is_any = is_cached and not wanted.configuration and configuration != DEFAULT_CONFIGURATION
    if builder.hash != commit or is_any:
        raise _unreachable(wanted, f"revision {builder.hash}, configuration {configuration!r}")


def _unreachable(wanted: Wanted, cached: str) -> TaskUnusable:
    return TaskUnusable(
        f"{wanted.source}: the hub cannot be reached, and the cache has another one ({cached}): "
        f"{REACH}, or {CLAIM['dataset']}",
        may_pass=True,
    )


def _demand_split(wanted: Wanted, splits: Any) -> None:  # noqa: ANN401 - a dict by names, or None
    if splits and wanted.split not in splits:
        raise TaskUnusable(
            f"{wanted.source}: the dataset has no split {wanted.split!r}, only "
            f"{shown(list(map(str, splits)))}: correct the last part of the source"
        )


def _rows(source: str, split: Any) -> Rows:  # noqa: ANN401 - a datasets.Dataset
    batches = split.with_format("arrow").iter(batch_size=BATCH_ROWS)
    return table_rows(source, batches, split.features.to_dict())


def _canonical(values: dict[str, Any]) -> str:
    """Return a row as JSON: keys sorted, no blanks, classes by name, bytes by their SHA-256."""
    return json.dumps(
        values, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_text_of
    )


def _text_of(value: object) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)


def _problem(wanted: Wanted, error: Exception) -> TaskUnusable | None:
    """Return what `error` means for a person; None: nothing that is known of datasets."""
    chain = list(causes(error))
    text = str(error)
    named = _configurations(wanted, text) if isinstance(error, ValueError) else None
    if named is not None:
        return TaskUnusable(f"{wanted.source}: {named}")
    if isinstance(error, ValueError) and re.search(r"Couldn't find cache|in the cache", text):
        return _unreachable(wanted, text.partition("\n")[0])
    if isinstance(error, RuntimeError) and "scripts are no longer supported" in text:
        return TaskUnusable(
            f"{wanted.source}: the dataset is made by a script, which is never run: name the "
            f"hub's own conversion of it, hf://datasets/{wanted.repository}@{PARQUET_EXPORT}/"
            f"configuration/{wanted.split}"
        )
    problems = (
        hub_problem(one, kind="dataset", repository=wanted.repository, revision=wanted.revision)
        for one in chain
        if not _is_of_datasets(one)
    )
    problem = next((p for p in problems if p is not None), None)
    if problem is not None:
        return TaskUnusable(f"{wanted.source}: {problem.message}", may_pass=problem.may_pass)
    # How `datasets` 5.2 fails over a file without rows: of JSON lines, of Parquet.
    if isinstance(error, StopIteration) or "BatchSize must be greater" in str(chain[-1]):
        return TaskUnusable(
            f"{wanted.source}: has no items, or a file of another split has none: name a dataset "
            "or revision whose files have rows"
        )
    if any(_is_of_datasets(one) for one in chain):
        last = str(chain[-1])[:300]
        return TaskUnusable(
            f"{wanted.source}: cannot be read as a dataset: {type(error).__name__}: {last}: name "
            f"another revision, or {CLAIM['dataset']}"
        )
    return None


def _configurations(wanted: Wanted, text: str) -> str | None:
    """Return what is wrong with the configuration; None: the error is about something else."""
    names = re.search(r"\[(.*?)\]", text, re.DOTALL)
    if names is None or not re.search(r"BuilderConfig|Config name is missing", text):
        return None
    there = shown(names.group(1).replace("'", "").split(", "))
    stem = f"hf://datasets/{wanted.repository}@{wanted.revision}"
    if wanted.configuration is None:
        return (
            f"the dataset has several configurations, {there}: name one as "
            f"{stem}/configuration/{wanted.split}"
        )
    return (
        f"the dataset has no configuration {wanted.configuration!r}, only {there}: correct the "
        "part before the split, or leave it out if there is one only"
    )


def _is_of_datasets(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] == "datasets"
