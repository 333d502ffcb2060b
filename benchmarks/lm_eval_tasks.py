"""Tasks of lm-evaluation-harness on local data, for accuracy_vs_lm_eval.py."""

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.plans import Json

PARTS = ("test", "train")
METRIC = "  - {metric: %s, aggregation: mean, higher_is_better: true}\n"
TASKS = {
    "choices": r"""
output_type: multiple_choice
doc_to_text: "{{context}}\nQuestion: {{question.strip()}}\n\
  A. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: label
metric_list:
"""
    + METRIC % "acc",
    "written": r"""
output_type: generate_until
doc_to_text: "Message: {{text.strip()}}\nIntent:"
doc_to_target: "{{label}}"
generation_kwargs: {until: ["\n"], max_gen_toks: 24, do_sample: false}
filter_list:
  - name: first-word
    filter: [{function: regex, regex_pattern: '^\s*(\S+)'}, {function: take_first}]
metric_list:
"""
    + METRIC % "exact_match, ignore_case: true",
    "labels": r"""
output_type: multiple_choice
doc_to_text: "Message: {{text.strip()}}\nIntent:"
doc_to_choice: LABELS
doc_to_target: "{{label}}"
metric_list:
"""
    + METRIC % "acc",
}  # fmt: skip


def write_tasks(folder: Path, data: Path, names: Sequence[str], *, items: int, labels: int) -> None:
    """Write data and YAML of the tasks `names` into `folder`.

    Args:
        folder: where to.
        data: has belebele/ and banking77/.
        names: of TASKS.
        items: of each task.
        labels: of banking77, the first ones; there is an example of each.

    """
    for name in names:
        if name == "choices":
            test, train = (_rows(data / "belebele" / f"{part}.jsonl") for part in PARTS)
            _write(folder, name, test[:items], train)
        else:
            parts = [_rows(data / "banking77" / f"{part}.jsonl") for part in PARTS]
            some = sorted({row["label"] for row in parts[0]})[:labels]
            test, train = (_in_turn(rows, some) for rows in parts)
            _write(folder, name, test[:items], train[:labels], some)


def _rows(path: Path) -> list[Json]:
    if not path.is_file():
        raise SystemExit(f"no {path}: --data names a folder with belebele/ and banking77/")
    return [json.loads(line) for line in path.read_text().splitlines()]


def _in_turn(rows: Sequence[Json], labels: Sequence[str]) -> list[Json]:
    """Return the rows with these labels, one of each label in turn."""
    by_label = [[row for row in rows if row["label"] == label] for label in labels]
    return [row for together in zip(*by_label, strict=False) for row in together]


def _write(
    folder: Path,
    name: str,
    test: Sequence[Json],
    train: Sequence[Json],
    labels: Sequence[str] = (),
) -> None:
    files = {}
    for part, rows in zip(PARTS, (test, train), strict=True):
        path = folder / f"{name}-{part}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        files[part] = str(path)
    head = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": files},
        "test_split": "test",
        "fewshot_split": "train",
        "metadata": {"version": 1.0},
    }
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in head.items()]
    text = TASKS[name].replace("LABELS", json.dumps(list(labels)))
    (folder / f"{name}.yaml").write_text("".join(lines) + text.lstrip())
