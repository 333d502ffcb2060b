"""A trial's process, without a fork: what it says."""

import asyncio
import json

import pytest
from builders import a_model
from runner_builders import a_plan
from slmeval_api.plan import TrialReport
from slmeval_runner.driver.events import Crashed, Word
from slmeval_runner.driver.trial_process import run_and_say, run_trial, visible_devices


def said(**plan: object) -> list[Word]:
    words: list[Word] = []
    asyncio.run(run_trial(a_plan("small", **plan), "demo-1-small", say=words.append))
    return words


class TestWords:
    def test_are_progress_and_parts_and_the_result_last(self) -> None:
        words = said()
        assert {word.kind for word in words[:-1]} == {"progress", "partial"}
        assert words[-1].kind == "result"
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

    def test_tell_no_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLMEVAL_SECRETS", "HF_TOKEN")
        monkeypatch.setenv("HF_TOKEN", "hf_abcdef")
        source = "file:///nowhere/hf_abcdef"
        words = said(
            engine="vllm", trials=[{"name": "demo-1-small", "model": a_model(source=source)}]
        )
        assert [word.report for word in words if "hf_abcdef" in word.report] == []
        assert "/nowhere/***" in words[-1].report

    def test_count_the_wait_for_the_process_as_part_of_the_start(self) -> None:
        words: list[Word | Crashed] = []
        code = run_and_say(a_plan(), "demo-1-small", gpus=(), waited_s=20.0, say=words.append)
        assert code == 0
        assert isinstance(words[-1], Word)
        result = TrialReport.model_validate_json(words[-1].report).result
        assert result is not None
        assert result.start_seconds is not None
        assert result.start_seconds.libraries == "20"
        assert float(result.start_seconds.total) > 20.0

    def test_end_with_the_error_that_nobody_expected(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        words: list[Word | Crashed] = []
        assert run_and_say(a_plan(), "unknown", gpus=(), waited_s=0.0, say=words.append) == 1
        assert words == [Crashed("RuntimeError: coroutine raised StopIteration")]
        assert "StopIteration" in caplog.text


class TestVisibleDevices:
    @pytest.mark.parametrize(
        ("given", "gpus", "expected"),
        [
            ("0,1,2,3", (0,), "0"),
            ("4,5,6,7", (1, 2), "5,6"),
            ("GPU-a, GPU-b", (1,), "GPU-b"),
            (None, (2, 3), "2,3"),
        ],
        ids=["numbers", "numbers of a part of the node", "uuids", "not restricted"],
    )
    def test_are_those_of_the_workers_that_the_trial_was_given(
        self, given: str | None, gpus: tuple[int, ...], expected: str
    ) -> None:
        assert visible_devices(given, gpus) == expected

    def test_cannot_be_more_than_the_worker_has(self) -> None:
        with pytest.raises(IndexError):
            visible_devices("0", (1,))
