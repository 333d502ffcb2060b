"""What gates say of a score, by itself and against an earlier run."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from slmeval_api.gate import Gate, GateVerdict
from slmeval_decisions.gates.regressions import Measured
from slmeval_decisions.scores import estimate_of
from unit.operator.test_gates import DATA, RIGHT, WRONG, gate, measured, verdict
from unit.operator.test_scores import task_json
from unit.operator.worlds import a_run

Json = dict[str, Any]


SUITE = {
    "score": {"value": "0.8", "low": "0.75", "high": "0.85", "n": 200},
    "heldOut": {"value": "0.6", "low": "0.5", "high": "0.7", "n": 60},
    "seconds": "5",
}


class TestALimitOfAScore:
    @pytest.mark.parametrize(
        ("which", "limit", "outcome"),
        [
            ({}, "0.74", "Passed"),
            ({}, "0.86", "Failed"),
            ({}, "0.8", "Inconclusive"),
            ({"heldOut": True}, "0.49", "Passed"),
            ({"heldOut": True}, "0.71", "Failed"),
            ({"task": "t"}, "0.39", "Passed"),
            ({"task": "t"}, "0.61", "Failed"),
        ],
    )
    def test_is_held_against_its_own_interval(self, which: Json, limit: str, outcome: str) -> None:
        new = measured(tasks=[task_json("t", [RIGHT, WRONG])], suite=SUITE)
        assert verdict(gate(score=which, atLeast=limit), new).outcome == outcome

    def test_says_how_many_items_would_tell(self) -> None:
        found = verdict(gate(score={}, atLeast="0.78"), measured(suite=SUITE))
        assert found.needed == 2555
        assert "200 items cannot tell, about 2,555 would" in found.message

    def test_that_is_not_there_is_not_judged(self) -> None:
        for which, words in (
            ({}, "none over all tasks"),
            ({"task": "x"}, "task x has no score"),
        ):
            found = verdict(gate(score=which, atLeast="0.5"), measured(seconds=[1]))
            assert found.outcome == "Inconclusive"
            assert words in found.message
        without = {"score": SUITE["score"], "seconds": "5"}
        found = verdict(gate(score={"heldOut": True}, atLeast="0.5"), measured(suite=without))
        assert "no task is marked heldOut" in found.message


def scored(name: str, each: Sequence[int], **task: Any) -> Measured:
    right = sum(each) / 250 / len(each)
    score = {"value": f"{right:.4f}", "low": f"{max(0, right - 0.05):.4f}",
             "high": f"{min(1, right + 0.05):.4f}", "n": len(each)}  # fmt: skip
    task_ = task_json("t", each, score=score, **task)
    return measured(name=name, tasks=[task_], suite={"score": score, "seconds": "1"})


def several(name: str, each: Mapping[str, Sequence[int]]) -> Measured:
    """Return a run with the items' scores of several tasks."""
    tasks = [task_json(task, scores) for task, scores in each.items()]
    return measured(name=name, tasks=tasks, suite={"score": tasks[0]["score"], "seconds": "1"})


class TestARegressionOfAScore:
    ANY, OF_T = gate(score={}, regression={}), gate(score={"task": "t"}, regression={})
    ITEMS = (RIGHT, RIGHT, RIGHT, WRONG) * 100

    @pytest.mark.parametrize("one", [ANY, OF_T])
    def test_of_the_same_answers_passes(self, one: Gate) -> None:
        found = verdict(one, scored("demo-1", self.ITEMS), scored("demo-0", self.ITEMS))
        assert (found.outcome, found.value, found.limit) == ("Passed", "0", "0.02")

    def test_of_few_items_cannot_be_told(self) -> None:
        few = self.ITEMS[:40]
        found = verdict(self.ANY, scored("demo-1", few), scored("demo-0", few))
        assert found.outcome == "Inconclusive"
        assert found.needed is not None
        assert found.needed > 100

    @pytest.mark.parametrize(("tasks", "items"), [(1, 40), (1, 90), (6, 20)])
    def test_of_answers_that_are_all_the_same_needs_little_more_than_enough(
        self, tasks: int, items: int
    ) -> None:
        each = {f"t{n}": [RIGHT] * items for n in range(tasks)}
        found = verdict(self.ANY, *(several(name, each) for name in ("demo-1", "demo-0")))
        enough = items
        while estimate_of([[0.0] * enough] * tasks).high > 0.02:
            enough += 1
        assert found.needed is not None
        assert enough * tasks < found.needed < 1.5 * enough * tasks
        assert f"about {found.needed} would: other items need a new baseline." in found.message

    def test_of_few_answers_that_differ_is_told_with_the_items_that_it_asks_for(self) -> None:
        rng, told = random.Random(22), list[bool]()

        def pair(items: int) -> GateVerdict:
            old = rng.choices((RIGHT, WRONG), k=items)
            new = [rng.choice((RIGHT, WRONG)) if rng.random() < 0.04 else one for one in old]
            return verdict(self.ANY, scored("demo-1", new), scored("demo-0", old))

        while len(told) < 60:
            first = pair(200)
            if first.needed is not None and first.needed < 2_000:
                told.append(pair(first.needed).outcome != "Inconclusive")
        assert sum(told) / len(told) > 0.7

    def test_of_five_percent_is_caught_item_by_item(self) -> None:
        worse = [WRONG] * 40 + list(self.ITEMS[40:])  # 30 of 400 were right before
        found = verdict(self.ANY, scored("demo-1", worse), scored("demo-0", self.ITEMS))
        assert (found.outcome, found.value) == ("Failed", "0.075")
        assert found.message.startswith("g, small on gpu: score over all tasks is lower by 0.075 (")

    def test_on_other_items_is_not_judged(self) -> None:
        other = {"itemsDigest": "sha256:" + "1" * 64}
        found = verdict(
            self.ANY, scored("demo-1", self.ITEMS, outcomes=other), scored("demo-0", self.ITEMS)
        )
        assert found.outcome == "Inconclusive"
        assert "task t was another one in run demo-0 (items)" in found.message

    def test_without_the_items_scores_is_judged_by_the_intervals(self) -> None:
        same = {"itemsDigest": "sha256:" + "0" * 64}
        new, old = (scored(n, self.ITEMS, outcomes=same) for n in ("demo-1", "demo-0"))
        found = verdict(self.ANY, new, old)
        assert found.outcome == "Inconclusive"
        assert float(found.high or 0) == pytest.approx(0.05 * 2**0.5, abs=1e-3)

    def test_on_another_card_is_judged_and_the_card_is_named(self) -> None:
        new = scored("demo-1", self.ITEMS)
        trial = new.trials[0]
        result = trial.status.result
        assert result is not None
        there = result.provenance
        assert there is not None
        moved = result.model_copy(
            update={"provenance": there.model_copy(update={"device": "NVIDIA H100"})}
        )
        status = trial.status.model_copy(update={"result": moved})
        new = Measured(new.run, [trial.model_copy(update={"status": status})])
        found = verdict(self.ANY, new, scored("demo-0", self.ITEMS))
        assert found.outcome == "Passed"
        assert "device was NVIDIA A10, is NVIDIA H100" in found.message


class TestAScoreOverSeveralTasks:
    OVER_ALL = gate(score={}, regression={})

    def run(self, name: str = "demo-1", *, kept: bool = True, **right: int) -> Measured:
        """Return a run in which so many of 400 items of each task were right."""
        tasks = []
        for task, n in right.items():
            value, half = n / 400, 0.03
            score = {"value": f"{value}", "low": f"{value - half:.6f}",
                     "high": f"{value + half:.6f}", "n": 400}  # fmt: skip
            tasks.append(task_json(task, [RIGHT] * n + [WRONG] * (400 - n), score=score))
            if not kept:
                del tasks[-1]["outcomes"]["scores"]
        suite = {"score": tasks[0]["score"], "seconds": "1"}
        return measured(name=name, tasks=tasks, suite=suite)

    @pytest.mark.parametrize("right", [160, 399])
    def test_is_not_held_against_that_of_a_run_that_lacks_one(self, right: int) -> None:
        old = self.run("demo-0", a=360, b=360)
        found = verdict(self.OVER_ALL, self.run(a=320, b=320, added=right), old)
        assert (found.outcome, found.value) == ("Inconclusive", None)
        assert "run demo-0 has not measured task added: name task" in found.message

    @pytest.mark.parametrize("kept", [True, False], ids=["item by item", "by intervals"])
    def test_leaves_those_out_that_only_the_earlier_run_has_and_names_them(
        self, *, kept: bool
    ) -> None:
        old = self.run("demo-0", kept=kept, a=360, b=360, hard=40)
        found = verdict(self.OVER_ALL, self.run(kept=kept, a=280, b=360), old)
        assert (found.outcome, found.value) == ("Failed", "0.1")
        assert "not met (without hard, which this run has not)" in found.message

    def test_without_the_items_scores_has_an_interval_of_all_of_them(self) -> None:
        old = self.run("demo-0", kept=False, a=360, b=360)
        found = verdict(self.OVER_ALL, self.run(kept=False, a=360, b=360), old)
        assert float(found.high or 0) == pytest.approx(0.03 * 4**0.5 / 2, abs=1e-6)

    def test_of_the_tasks_held_out_is_over_those_alone(self) -> None:
        held = gate(score={"heldOut": True}, regression={})
        runs = []
        for name, easy in (("demo-1", WRONG), ("demo-0", RIGHT)):
            tasks = [task_json("easy", [easy] * 400), task_json("t", [RIGHT] * 400, heldOut=True)]
            score = tasks[0]["score"]
            suite = {"score": score, "heldOut": score, "seconds": "1"}
            runs.append(measured(name=name, tasks=tasks, suite=suite))
        found = verdict(held, *runs)
        assert (found.outcome, found.value) == ("Passed", "0")


class TestATaskThatIsNotTheSame:
    SAME = (RIGHT, RIGHT, RIGHT, WRONG) * 100
    WORSE = (WRONG,) * 80 + SAME[80:]

    def message(self, *, was: Json, now: Json) -> str:
        """Return what is said of fewer right answers where two declarations differ."""
        asked = {"name": "t", "classification": {"labels": ["a", "b"]}, "data": {"test": DATA}}
        old, new = (
            Measured(a_run(name, tasks=[asked | declared]), scored(name, each).trials)
            for name, each, declared in (("demo-0", self.SAME, was), ("demo-1", self.WORSE, now))
        )
        return verdict(gate(score={}, regression={}), new, old).message

    def test_as_it_was_asked_is_not_judged_and_says_how(self) -> None:
        trained = {"data": {"test": DATA, "train": "file:///train.jsonl"}}
        told = self.message(was=trained | {"fewShot": {"count": 8}}, now=trained)
        assert "task t was another one in run demo-0 (fewShot.count): only a run since" in told

    @pytest.mark.parametrize("declared", [{"heldOut": True}, {"data": {"test": "file:///t.jsonl"}}])
    def test_only_in_what_does_not_change_the_questions_is_judged(self, declared: Json) -> None:
        assert "not met" in self.message(was={}, now=declared)

    @pytest.mark.parametrize(
        ("what", "old", "new"),
        [
            ("data", *({"dataDigest": f"sha256:{digit * 64}"} for digit in "12")),
            (
                "embedding model",
                *({"embeddingModel": {"digest": f"sha256:{digit * 64}"}} for digit in "12"),
            ),
            (
                "lm-eval's prompts",
                *(
                    {
                        "lmEval": {
                            "version": "1", "taskVersion": "1", "numFewShot": 0, "seed": 1,
                            "taskDigest": f"sha256:{digit * 64}", "leaksPrevented": 0,
                        }
                    }
                    for digit in "12"
                ),
            ),
        ],
    )  # fmt: skip
    def test_by_a_digest_is_not_judged(self, what: str, old: Json, new: Json) -> None:
        runs = scored("demo-1", self.WORSE, **new), scored("demo-0", self.SAME, **old)
        found = verdict(gate(score={}, regression={}), *runs)
        assert found.outcome == "Inconclusive"
        assert f"task t was another one in run demo-0 ({what})" in found.message
