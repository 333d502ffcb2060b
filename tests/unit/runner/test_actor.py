"""A trial's process, without Ray: what it yields."""

import json

import pytest
from builders import a_model
from runner_builders import a_plan
from slmeval_api.plan import TrialReport
from slmeval_runner.driver.actor import TrialProcess, Word


def said(**plan: object) -> list[Word]:
    made = a_plan("small", **plan)
    text = made.model_dump_json(by_alias=True, exclude_none=True)
    return list(TrialProcess().run(text, "demo-1-small"))


class TestWords:
    def test_are_progress_and_the_result_last(self) -> None:
        words = said()
        assert [word.kind for word in words] == ["progress"] * (len(words) - 1) + ["result"]
        reports = [TrialReport.model_validate_json(word.report) for word in words]
        assert reports[0].progress is not None
        assert reports[0].progress.stage == "Starting"
        assert reports[-1].result is not None
        assert reports[-1].result.failure is None

    def test_say_when_the_fault_cannot_be_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SIMULATED_FAULT", "explode")
        result = TrialReport.model_validate_json(said()[-1].report).result
        assert result is not None
        assert result.failure is not None
        assert "explode" in result.failure.message

    def test_can_be_made_invalid_for_a_drill(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SIMULATED_FAULT", "invalid-report")
        assert "conditions" in json.loads(said()[-1].report)

    def test_end_with_the_error_that_nobody_expected(self) -> None:
        with pytest.raises(RuntimeError):
            list(TrialProcess().run(a_plan().model_dump_json(by_alias=True), "unknown"))

    def test_name_the_model_that_is_missing(self) -> None:
        words = said(
            engine="vllm",
            trials=[{"name": "demo-1-small", "model": a_model(source="file:///nowhere/m")}],
        )
        result = TrialReport.model_validate_json(words[-1].report).result
        assert result is not None
        assert result.failure is not None
        assert result.failure.reason == "ModelUnusable"
        assert "/nowhere is not a folder" in result.failure.message
