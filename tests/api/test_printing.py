"""What a person reads with kubectl, without a dashboard."""

import re
from collections.abc import Iterator

import pytest
from api_status import OPERATOR, REPORTER, condition, progress, result
from builders import evaluation_body, pool_body, run_body, to_create, trial_body
from cluster_client import Kubectl, Objects

NAMES = ["measured", "running", "waiting"]


@pytest.fixture(scope="module", autouse=True)
def _stored(objects: Objects) -> Iterator[None]:
    trials = [to_create(trial_body(name=name)) for name in NAMES]
    others = [to_create(b) for b in (evaluation_body(), run_body(), pool_body(workers=3))]
    for body in trials + others:
        objects.create(body)
    measured, running, _ = trials
    ready = {"conditions": [condition("Ready", "True", "Measured")]}
    objects.apply_status(measured, ready, manager=OPERATOR)
    objects.apply_status(measured, {"result": result()}, manager=REPORTER)
    objects.apply_status(running, {"progress": progress("Measuring")}, manager=REPORTER)
    evaluation = {
        "conditions": [condition("Ready", "False", "Running")],
        "currentRun": {"name": "demo-1"},
        "trials": {"total": 3, "succeeded": 1, "failed": 0, "unfinished": 2, "summary": "1/3"},
    }
    objects.apply_status(others[0], evaluation, manager=OPERATOR)
    yield
    for body in trials + others:
        objects.delete(body)


def table(kubectl: Kubectl, *args: str) -> list[dict[str, str]]:
    """Return the rows of what kubectl prints, by column."""
    head, *lines = kubectl("get", "-n", "team", *args).splitlines()
    columns = list(re.finditer(r"\S+( \S+)*", head))
    names, starts = [c.group() for c in columns], [c.start() for c in columns]
    ends = [*starts[1:], None]
    return [
        {name: line[a:b].strip() for name, a, b in zip(names, starts, ends, strict=True)}
        for line in lines
    ]


class TestTrials:
    def test_the_figures_of_a_measured_one(self, kubectl: Kubectl) -> None:
        row = table(kubectl, "slmtrial")[0]
        del row["AGE"]
        assert row == {
            "NAME": "measured",
            "MODEL": "small",
            "POOL": "gpu",
            "REQ/S": "6.4",
            "P50 S": "1.25",
            "SCORE": "0.85",
            "REASON": "Measured",
            "STAGE": "",
        }

    def test_what_is_not_measured_is_blank_and_not_zero(self, kubectl: Kubectl) -> None:
        _, running, waiting = table(kubectl, "slmtrial")
        figures = ("REQ/S", "P50 S", "SCORE")
        assert {running[f] for f in figures} == {waiting[f] for f in figures} == {""}
        assert running["STAGE"] == "Measuring"

    def test_more_with_wide(self, kubectl: Kubectl) -> None:
        row = table(kubectl, "slmtrial", "-o", "wide")[0]
        assert (row["DEVICE"], row["RUN"], row["MESSAGE"]) == ("A10", "demo-1", "In words.")


class TestOthers:
    def test_an_evaluation_says_where_it_stands(self, kubectl: Kubectl) -> None:
        (row,) = table(kubectl, "slmeval")
        assert (row["REASON"], row["TRIALS"], row["RUN"]) == ("Running", "1/3", "demo-1")

    def test_a_run_says_what_it_asks(self, kubectl: Kubectl) -> None:
        (row,) = table(kubectl, "slmrun")
        assert (row["EVALUATION"], row["NUMBER"], row["TRIGGER"]) == ("demo", "1", "Changed")

    def test_a_pool_says_how_large_it_is(self, kubectl: Kubectl) -> None:
        (row,) = table(kubectl, "slmpool")
        assert (row["ENGINE"], row["WORKERS"], row["GPUS"]) == ("vllm", "3", "")


class TestNames:
    @pytest.mark.parametrize("word", ["slmeval", "slmevaluations", "SLMEvaluation"])
    def test_an_evaluation_has_a_short_one(self, kubectl: Kubectl, word: str) -> None:
        assert kubectl("get", word, "-n", "team", "-o", "name") == (
            "slmevaluation.slmeval.dev/demo\n"
        )

    def test_one_word_lists_all_kinds(self, kubectl: Kubectl) -> None:
        found = kubectl("get", "slm", "-n", "team", "-o", "name").split()
        assert {name.split(".")[0] for name in found} == {
            "slmevaluation",
            "slmrun",
            "slmtrial",
            "slmpool",
        }
