"""When a question is another one, and what is wrong with it."""

from typing import Any

import pytest
from builders import a_model, a_pool, an_evaluation, question_spec
from slmeval_api.conditions import Reason
from slmeval_api.evaluation import Question
from slmeval_api.pool import Pool
from slmeval_decisions.question import Problem, changes, problem_of, question_digest

GPUS = {"perWorker": 1, "memoryGiB": 24}


def digest_of(**spec: Any) -> str:
    """Return the digest of the question of an evaluation."""
    return question_digest(an_evaluation(**spec).spec.question)


def pools(*made: Pool) -> dict[str, Pool]:
    """Return pools by name."""
    return {p.meta.name: p for p in made}


def tensor_parallel(size: int) -> Question:
    """Return a question whose model is spread over so many GPUs."""
    model = a_model("big", engine={"tensorParallelSize": size})
    return Question.from_json_data(question_spec(models=[model]))


class TestAQuestionIsTheSameUntilSomethingThatIsMeasuredChanges:
    def test_suspending_does_not_change_it(self) -> None:
        assert digest_of(suspend=True) == digest_of(suspend=False) == digest_of()

    def test_the_order_of_keys_does_not_change_it(self) -> None:
        forwards = question_spec(seed=2, backoffLimit=1)
        backwards = dict(reversed(list(forwards.items())))
        digests = {question_digest(Question.from_json_data(s)) for s in (forwards, backwards)}
        assert len(digests) == 1

    def test_writing_a_default_out_does_not_change_it(self) -> None:
        assert digest_of(seed=1, backoffLimit=2, tasks=[]) == digest_of()

    def test_a_copy_that_was_stored_and_read_again_is_the_same(self) -> None:
        question = an_evaluation().spec.question
        stored = Question.from_json_data(question.to_json_data())
        assert question_digest(stored) == question_digest(question)

    def test_anything_else_changes_it(self) -> None:
        base = [a_model()]
        changed = [
            digest_of(),
            digest_of(seed=2),
            digest_of(pools=["gpu", "cpu"]),
            digest_of(models=[a_model("other")]),
            digest_of(models=[*base, a_model("other")]),
            digest_of(models=[a_model("other"), *base]),
            digest_of(deadlineSeconds=14_401),
            digest_of(huggingFace={"secretName": "hub"}),
        ]
        assert len(set(changed)) == len(changed)


class TestAQuestionThatCannotBeAskedSaysWhatToDo:
    def test_one_that_can_has_no_problem(self) -> None:
        assert problem_of(an_evaluation().spec.question, pools(a_pool())) is None

    def test_an_unknown_pool_is_named_with_those_there_are(self) -> None:
        question = an_evaluation(pools=["gqu"]).spec.question
        assert problem_of(question, pools(a_pool("gpu"), a_pool("cpu"))) == Problem(
            reason=Reason.POOL_NOT_FOUND,
            message=(
                "spec.pools names 'gqu', and there is no such SLMPool (there are: cpu, gpu). "
                "Correct the name, or ask the cluster's admin to create the pool; the run starts "
                "when it exists."
            ),
        )

    def test_a_cluster_without_pools_says_none(self) -> None:
        problem = problem_of(an_evaluation().spec.question, {})
        assert problem is not None
        assert "(there are: none)" in problem.message

    def test_a_missing_pool_comes_before_a_model_that_fits_nowhere(self) -> None:
        question = tensor_parallel(2).model_copy(update={"pools": ["gpu", "none"]})
        problem = problem_of(question, pools(a_pool(gpus=GPUS)))
        assert problem is not None
        assert problem.reason == Reason.POOL_NOT_FOUND

    def test_more_gpus_than_a_worker_has(self) -> None:
        problem = problem_of(tensor_parallel(2), pools(a_pool(gpus=GPUS)))
        assert problem == Problem(
            reason=Reason.INVALID_SPEC,
            message=(
                "model 'big' asks for engine.tensorParallelSize 2, and pool 'gpu' has 1 per worker "
                "GPUs. Lower tensorParallelSize, name another pool, or raise spec.gpus.perWorker "
                "of the SLMPool."
            ),
        )

    def test_a_pool_of_cpus_has_no_gpus_to_spread_over(self) -> None:
        problem = problem_of(tensor_parallel(2), pools(a_pool()))
        assert problem is not None
        assert "pool 'gpu' has none (its spec.gpus is not set) GPUs" in problem.message

    def test_one_process_on_cpus_is_fine(self) -> None:
        assert problem_of(tensor_parallel(1), pools(a_pool())) is None

    def test_as_many_as_a_worker_has_are_fine(self) -> None:
        two = a_pool(gpus=GPUS | {"perWorker": 2})
        assert problem_of(tensor_parallel(2), pools(two)) is None


class TestChangesNameTheFields:
    @pytest.mark.parametrize(
        ("before", "after", "named"),
        [
            ({}, {}, []),
            ({"seed": 1}, {"seed": 2}, ["seed"]),
            ({}, {"huggingFace": {"secretName": "hub"}}, ["huggingFace (added)"]),
            (
                {"models": [a_model("a"), a_model("b")]},
                {"models": [a_model("b", engine={"dtype": "float16"}), a_model("c")]},
                ["models[a] (removed)", "models[b].engine.dtype", "models[c] (added)"],
            ),
            (
                {"models": [a_model("a"), a_model("b")]},
                {"models": [a_model("b"), a_model("a")]},
                ["models (order)"],
            ),
            ({"pools": ["gpu"]}, {"pools": ["gpu", "cpu"]}, ["pools"]),
        ],
    )  # fmt: skip
    def test_that_differ(self, before: Any, after: Any, named: list[str]) -> None:
        one, other = (Question.from_json_data(question_spec(**q)) for q in (before, after))
        assert changes(one, other) == named
