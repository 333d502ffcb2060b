"""What the reporter lets in."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from runner_builders import a_progress, a_result
from slmeval_api.plan import TrialReport
from slmeval_runner.files import REPORT_LIMIT_BYTES
from slmeval_runner.reporter.inbox import Inbox, Letter

TRIAL = "demo-1-small"
PROGRESS = TrialReport(progress=a_progress()).to_json_data()
RESULT = TrialReport(result=a_result()).to_json_data()


def an_inbox(folder: Path) -> Inbox:
    return Inbox(folder, [TRIAL], attempt=1)


def put(folder: Path, data: Any, name: str = f"{TRIAL}.json") -> None:
    text = data if isinstance(data, str) else json.dumps(data)
    (folder / f"{name}.new").write_text(text)
    (folder / f"{name}.new").replace(folder / name)


def only(letters: list[Letter]) -> Letter:
    assert len(letters) == 1
    return letters[0]


class TestGoodReports:
    @pytest.mark.parametrize("data", [PROGRESS, RESULT], ids=["progress", "result"])
    def test_are_read_once(self, tmp_path: Path, data: Any) -> None:
        inbox = an_inbox(tmp_path)
        put(tmp_path, data)
        letter = only(inbox.changed())
        assert letter.report == TrialReport.from_json_data(data)
        assert inbox.changed() == []

    def test_are_read_again_when_they_change(self, tmp_path: Path) -> None:
        inbox = an_inbox(tmp_path)
        put(tmp_path, PROGRESS)
        first = only(inbox.changed())
        put(tmp_path, RESULT)
        assert only(inbox.changed()).digest != first.digest

    def test_are_awaited_in_a_folder_that_is_not_there_yet(self, tmp_path: Path) -> None:
        assert an_inbox(tmp_path / "none").changed() == []


class TestStrangers:
    @pytest.mark.parametrize(
        "name", ["other.json", "demo-1-small", ".demo-1-small.json.tmp", "demo-1-small.json.bak"]
    )
    def test_names_that_were_not_planned_are_never_looked_at(
        self, tmp_path: Path, name: str
    ) -> None:
        put(tmp_path, RESULT, name=name)
        assert an_inbox(tmp_path).changed() == []


class TestForgeries:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ("", "JSON"),
            ("{", "JSON"),
            ('{"a":' * 20_000, "JSON"),
            ("null", "an object"),
            ("[]", "an object"),
            ({}, "either progress or a result"),
            ({**PROGRESS, **RESULT}, "either progress or a result"),
            ({**RESULT, "conditions": []}, "conditions: Extra"),
            ({**RESULT, "observedGeneration": 1}, "observedGeneration: Extra"),
            ({"result": {**RESULT["result"], "attempt": "1"}}, "result.attempt"),
            ({"result": {**RESULT["result"], "attempt": 2}}, "attempt 2, but this is attempt 1"),
            ({"progress": {**PROGRESS["progress"], "attempt": 7}}, "attempt 7"),
            ({"progress": {**PROGRESS["progress"], "stage": "Done"}}, "progress.stage"),
            ({"result": {**RESULT["result"], "extra": 1}}, "result.extra: Extra"),
            ({"result": {**RESULT["result"], "startedAt": "now"}}, "result.startedAt"),
            ({"result": {**RESULT["result"], "summary": {"score": 0.5}}}, "result.summary.score"),
            ({"result": {**RESULT["result"], "summary": {"score": "NaN"}}}, "summary.score"),
        ],
    )  # fmt: skip
    def test_are_problems_that_are_named(self, tmp_path: Path, data: Any, words: str) -> None:
        put(tmp_path, data)
        letter = only(an_inbox(tmp_path).changed())
        assert letter.report is None
        assert letter.problem is not None
        assert words in letter.problem
        assert len(letter.problem) <= 500

    def test_do_not_bring_their_content_into_the_problem(self, tmp_path: Path) -> None:
        put(tmp_path, {"progress": {**PROGRESS["progress"], "stage": "hf_secret"}})
        problem = only(an_inbox(tmp_path).changed()).problem
        assert problem is not None
        assert "hf_secret" not in problem

    def test_by_link_are_refused_and_not_followed(self, tmp_path: Path) -> None:
        put(tmp_path, RESULT, name="elsewhere")
        (tmp_path / f"{TRIAL}.json").symlink_to(tmp_path / "elsewhere")
        letter = only(an_inbox(tmp_path).changed())
        assert letter.report is None
        assert "link" in (letter.problem or "")

    def test_by_pipe_do_not_hold_it_up(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / f"{TRIAL}.json")
        assert "regular" in (only(an_inbox(tmp_path).changed()).problem or "")

    def test_by_folder_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / f"{TRIAL}.json").mkdir()
        assert only(an_inbox(tmp_path).changed()).report is None

    def test_beyond_the_size_limit_are_not_parsed(self, tmp_path: Path) -> None:
        put(tmp_path, json.dumps(RESULT) + " " * REPORT_LIMIT_BYTES)
        assert f"more than {REPORT_LIMIT_BYTES} bytes" in (
            only(an_inbox(tmp_path).changed()).problem or ""
        )

    def test_are_reported_once_not_at_every_look(self, tmp_path: Path) -> None:
        inbox = an_inbox(tmp_path)
        put(tmp_path, "{")
        inbox.changed()
        assert inbox.changed() == []
