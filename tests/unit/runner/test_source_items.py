"""Items of a task from every format: the same scores, and the same words for what is wrong."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from runner_builders import a_classification, parquet_of
from slmeval_api.task import Task
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.tasks import type_of
from slmeval_runner.tasks.prepared import Prepared, prepare

Rows = list[dict[str, Any]]
FORMATS = ("jsonl", "csv", "parquet")
GOOD: Rows = [
    {"text": "where is it", "label": "delivery", "uid": "a"},
    {"text": "give it back", "label": "refund", "uid": "b"},
]
CHOICES: Rows = [
    {"question": "2 + 2", "choices": ["3", "4"], "label": 1},
    {"question": "1 + 1", "choices": ["2", "4", "5"], "label": 0},
]


def written(form: str, rows: Rows) -> bytes:
    """Return the rows as a file; in CSV a list is JSON."""
    if form == "parquet":
        return parquet_of({name: [row[name] for row in rows] for name in rows[0]})
    if form == "jsonl":
        return "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    for row in rows:
        writer.writerow({k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()})
    return out.getvalue().encode()


def prepared(tmp_path: Path, form: str, rows: Rows, **overrides: Any) -> Prepared:
    file = tmp_path / f"team/test.{form}"
    file.parent.mkdir(parents=True)
    file.write_bytes(written(form, rows))
    data = {"test": f"pvc://team/test.{form}", "fields": overrides.pop("fields", {})}
    task = a_classification(**({"data": data} | overrides))
    if "multipleChoice" in task:
        del task["classification"]
    made = Task.from_json_data(task)
    return prepare(made, type_of(made), seed=1, folders=Folders(claims=tmp_path))


@pytest.mark.parametrize("form", FORMATS)
class TestItems:
    def test_are_the_same_in_every_format(self, form: str, tmp_path: Path) -> None:
        task = prepared(tmp_path, form, GOOD, fields={"id": "uid"})
        assert [(i.name, i.text, i.label) for i in task.items] == [
            ("a", "where is it", "delivery"),
            ("b", "give it back", "refund"),
        ]

    def test_may_hold_lists_and_numbers(self, form: str, tmp_path: Path) -> None:
        task = prepared(tmp_path, form, CHOICES, multipleChoice={})
        assert [(i.content.choices, i.content.right) for i in task.items] == [
            (["3", "4"], 1),
            (["2", "4", "5"], 0),
        ]

    def test_without_a_column_are_refused_with_those_there_are(
        self, form: str, tmp_path: Path
    ) -> None:
        words = r"(line|row) 1 has no column 'intent', only 'text', 'label', 'uid': name the column"
        with pytest.raises(TaskUnusable, match=words):
            prepared(tmp_path, form, GOOD, fields={"label": "intent"})

    def test_with_an_unknown_label_are_refused_with_the_known_ones(
        self, form: str, tmp_path: Path
    ) -> None:
        rows = [*GOOD, {**GOOD[0], "label": "praise"}]
        with pytest.raises(TaskUnusable, match=r"(line|row) 3: label is 'praise', .*cancel, deliv"):
            prepared(tmp_path, form, rows)

    def test_with_an_empty_value_are_refused(self, form: str, tmp_path: Path) -> None:
        rows = [GOOD[0], {**GOOD[1], "text": None}]
        with pytest.raises(TaskUnusable, match=r"(line|row) 2: column 'text' must be .*not null"):
            prepared(tmp_path, form, rows)

    def test_of_one_id_are_refused_with_both_places(self, form: str, tmp_path: Path) -> None:
        rows = [*GOOD, {**GOOD[1], "uid": "a"}]
        words = rf"(line|row) 3: the id 'a' stands at pvc://team/test.{form}: (line|row) 1 too: ids"
        with pytest.raises(TaskUnusable, match=words):
            prepared(tmp_path, form, rows, fields={"id": "uid"})


class TestDigest:
    def test_is_of_the_files_bytes(self, tmp_path: Path) -> None:
        digests = {prepared(tmp_path / form, form, GOOD).data_digest for form in FORMATS}
        assert len(digests) == 3
        assert digests == {prepared(tmp_path / "2" / f, f, GOOD).data_digest for f in FORMATS}
