"""The vocabulary: decimal strings, and how data is read."""

from decimal import Decimal

import pytest
from builders import a_model, a_workload, pool_spec, question_spec
from pydantic import ValidationError
from slmeval_api.base import decimal_string
from slmeval_api.evaluation import EvaluationSpec
from slmeval_api.pool import PoolSpec
from slmeval_api.workload import BatchWorkload


class TestDecimalString:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0.0, "0"),
            (-0.0, "0"),
            (1, "1"),
            (1.5, "1.5"),
            (100.0, "100"),
            (1e3, "1000"),
            (0.1 + 0.2, "0.3"),
            (1 / 3, "0.333333"),
            (-1 / 3, "-0.333333"),
            (0.0000004, "0"),
            (-0.0000004, "0"),
            (0.0000005, "0"),  # ties go to the even neighbour
            (0.0000015, "0.000002"),
            (123456.7890125, "123456.789012"),
            (Decimal("2.50"), "2.5"),
            (Decimal("1E+2"), "100"),
            (999_999_999_999_999.0, "999999999999999"),
        ],
    )
    def test_of(self, value: float | Decimal, text: str) -> None:
        assert decimal_string(value) == text

    def test_the_places_can_be_chosen(self) -> None:
        assert decimal_string(2 / 3, digits=2) == "0.67"
        assert decimal_string(2.5, digits=0) == "2"

    @pytest.mark.parametrize(
        "value", [float("nan"), float("inf"), float("-inf"), Decimal("NaN"), Decimal("Infinity")]
    )
    def test_what_is_no_number_is_refused(self, value: float | Decimal) -> None:
        with pytest.raises(ValueError, match="not a finite number"):
            decimal_string(value)

    @pytest.mark.parametrize("value", [1e15, -1e15, 1e22, 1e300])
    def test_what_does_not_fit_is_refused(self, value: float) -> None:
        with pytest.raises(ValueError, match="more than 15 digits"):
            decimal_string(value)


class TestDataIsReadAsTheApiServerReadsIt:
    def test_an_explicit_null_is_an_absent_key(self) -> None:
        spec = EvaluationSpec.from_json_data(question_spec(seed=None, huggingFace=None))
        assert spec == EvaluationSpec.from_json_data(question_spec())

    def test_also_in_a_map(self) -> None:
        data = pool_spec(nodeSelector={"kept": "yes", "dropped": None})
        assert PoolSpec.from_json_data(data).node_selector == {"kept": "yes"}

    def test_a_whole_number_with_a_point_is_that_number(self) -> None:
        batch = BatchWorkload.from_json_data(a_workload(requests=7.0)["batch"])
        assert batch.requests == 7

    @pytest.mark.parametrize("value", [7.5, "7", True, [7]])
    def test_nothing_else_is_made_a_number(self, value: object) -> None:
        with pytest.raises(ValidationError):
            BatchWorkload.from_json_data(a_workload(requests=value)["batch"])

    def test_keys_have_the_spelling_of_the_api_only(self) -> None:
        data = {"requests": 1, "input_tokens": 1, "output_tokens": 1}
        with pytest.raises(ValidationError):
            BatchWorkload.from_json_data(data)
        assert BatchWorkload.model_validate(data).input_tokens == 1

    def test_cpus_are_text_however_they_were_written(self) -> None:
        pools = [
            PoolSpec.from_json_data({"workerResources": {"cpu": cpu, "memory": "1Gi"}})
            for cpu in (4, "4", 4.0)
        ]
        assert [p.worker_resources.cpu for p in pools] == ["4", "4", "4"]


class TestDataIsWrittenAsItWasRead:
    def test_what_is_none_is_absent(self) -> None:
        written = EvaluationSpec.from_json_data(question_spec()).to_json_data()
        assert "huggingFace" not in written
        assert "maxModelLen" not in written["models"][0]["engine"]

    def test_reading_what_was_written_gives_the_same(self) -> None:
        spec = EvaluationSpec.from_json_data(
            question_spec(models=[a_model(engine={"maxModelLen": 2048})], suspend=True)
        )
        assert EvaluationSpec.from_json_data(spec.to_json_data()) == spec

    def test_the_question_of_a_spec_is_the_spec_without_when_it_is_asked(self) -> None:
        gate = {"name": "g", "atLeast": "1"}
        gate |= {"speed": {"workload": "chat", "figure": "requestsPerSecond"}}  # type: ignore[dict-item]
        when = {"suspend": True, "onChange": "Wait", "schedule": {"cron": "@weekly"}}
        when |= {"gates": [gate]}
        spec = EvaluationSpec.from_json_data(question_spec(**when))
        assert spec.question.to_json_data() == {
            k: v for k, v in spec.to_json_data().items() if k not in when
        }
