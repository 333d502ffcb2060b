"""Classification: prompts, fairness, scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from runner_builders import LABELS, a_classification, an_outcome, write_lines
from slmeval_api.result import TaskResult
from slmeval_api.task import Task
from slmeval_runner.engines.base import Message
from slmeval_runner.engines.simulated import SimulatedTokenizer
from slmeval_runner.failures import MeasurementInvalid, TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.items import Item
from slmeval_runner.tasks import type_of
from slmeval_runner.tasks.base import Prepared
from slmeval_runner.tasks.classification import answer_tokens
from slmeval_runner.tasks.wording import conversation, plain, prompt_ids

BEGIN = 1
FREE = {"labels": LABELS, "answer": "Free"}
CHAT_BEGIN = 7


class ChattyTokenizer(SimulatedTokenizer):
    """One token a character; a template that puts CHAT_BEGIN once, like those of real models."""

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        return ([BEGIN] if with_special_tokens else []) + [1000 + ord(c) % 1000 for c in text]

    def encode_chat(self, messages: Sequence[Message]) -> list[int] | None:
        text = "".join(f"<{m.role}>{m.content}" for m in messages)
        return [CHAT_BEGIN, *self.encode(text, with_special_tokens=False)]


def a_task(**overrides: Any) -> Task:
    return Task.from_json_data(a_classification(**overrides))


def prepared(folders: Folders | None = None, seed: int = 1, **overrides: Any) -> Prepared:
    task = a_task(**overrides)
    return type_of(task).prepare(task, seed=seed, folders=folders or Folders())


class TestWording:
    task = a_task().classification
    shown = (Item("give it back", "refund"),)

    def test_of_a_conversation_has_the_instruction_in_the_first_turn_only(self) -> None:
        turns = conversation(self.task, self.shown, "where is it")
        assert [turn.role for turn in turns] == ["user", "assistant", "user"]
        assert "Labels: refund, delivery" in turns[0].content
        assert turns[0].content.endswith("Text: give it back")
        assert turns[1:] == [Message("assistant", "refund"), Message("user", "Text: where is it")]

    def test_of_plain_text_ends_where_the_label_comes(self) -> None:
        text = plain(self.task, self.shown, "where is it")
        assert text.endswith("Text: give it back\nLabel: refund\n\nText: where is it\nLabel:")

    def test_takes_the_instruction_that_was_given(self) -> None:
        told = a_task(classification={"labels": LABELS, "instruction": "Route the mail."})
        text = plain(told.classification, (), "x")
        assert text.startswith("Route the mail.\n\n")
        assert "Labels: refund" in text

    def test_has_special_tokens_once_by_the_template(self) -> None:
        ids = prompt_ids(self.task, self.shown, "x", ChattyTokenizer())
        assert ids.count(CHAT_BEGIN) == 1
        assert BEGIN not in ids

    def test_has_special_tokens_once_without_a_template(self) -> None:
        ids = prompt_ids(self.task, self.shown, "x", SimulatedTokenizer())
        assert ids.count(BEGIN) == 1


class TestQuestions:
    def test_are_one_for_each_item_and_constrained_by_default(self) -> None:
        asked = prepared().questions(SimulatedTokenizer(), max_model_len=8192)
        assert len(asked.requests) == len(asked.expected) == 60
        assert asked.requests[0].choices == tuple(LABELS)
        assert not asked.requests[0].is_exact

    def test_are_free_when_asked(self) -> None:
        free = prepared(classification=FREE)
        assert free.questions(SimulatedTokenizer(), max_model_len=8192).requests[0].choices == ()

    def test_follow_limit_and_seed(self) -> None:
        def drawn(seed: int) -> list[str]:
            asked = prepared(seed=seed, limit=12)
            requests = asked.questions(ChattyTokenizer(), max_model_len=8192).requests
            return [str(r.prompt_token_ids) for r in requests]

        assert len(drawn(1)) == 12
        assert drawn(1) == drawn(1) != drawn(2)

    def test_that_do_not_fit_are_skipped_and_counted_never_cut(self, tmp_path: Path) -> None:
        folders = Folders(claims=tmp_path)
        long = '{"text": "%s", "label": "refund"}' % ("word " * 50)
        write_lines(tmp_path / "c/t", '{"text": "short", "label": "refund"}', long)
        task = prepared(folders, data={"test": "pvc://c/t"})
        asked = task.questions(SimulatedTokenizer(), max_model_len=60)
        assert (len(asked.requests), asked.skipped_too_long) == (1, 1)

    def test_of_which_none_fits_end_the_task(self) -> None:
        with pytest.raises(TaskUnusable, match=r"none of the 60 items fits the context of 16"):
            prepared().questions(SimulatedTokenizer(), max_model_len=16)

    def test_leave_room_for_any_spelling_of_a_label(self) -> None:
        task = a_task(classification={"labels": ["no", "größer"]}).classification
        assert answer_tokens(task, SimulatedTokenizer()) == len("größer".encode()) + 1


class TestFewShot:
    def test_examples_never_come_from_the_test_set(self, tmp_path: Path) -> None:
        both = '{"text": "in both", "label": "refund"}'
        write_lines(tmp_path / "c/test", both)
        write_lines(tmp_path / "c/train", both, '{"text": "fresh", "label": "login"}')
        data = {"test": "pvc://c/test", "train": "pvc://c/train"}
        folders = Folders(claims=tmp_path)
        task = prepared(folders, data=data, fewShot={"count": 1})
        ids = task.questions(ChattyTokenizer(), max_model_len=8192).requests[0].prompt_token_ids
        fresh = ChattyTokenizer().encode("fresh", with_special_tokens=False)
        assert str(fresh)[1:-1] in str(ids)
        with pytest.raises(TaskUnusable, match=r"fewShot.count is 2, but .* has only 1 items"):
            prepared(folders, data=data, fewShot={"count": 2})


def scored(answers: dict[int, str], **overrides: Any) -> TaskResult:
    """Return the result when every item is answered right, but for `answers`."""
    task = prepared(**overrides)
    asked = task.questions(SimulatedTokenizer(), max_model_len=8192)
    texts = [answers.get(n, known) for n, known in enumerate(asked.expected)]
    return task.result(asked, [an_outcome(text=text) for text in texts], seconds=2.0)


class TestScores:
    def test_have_both_denominators(self) -> None:
        found = scored({0: "what?", 1: "", 2: "what?"}, classification=FREE)
        assert (found.items, found.answered, found.skipped_too_long) == (60, 57, 0)
        assert found.score is not None
        assert (found.score.value, found.score.n) == ("0.95", 60)
        assert found.score_of_answered is not None
        assert (found.score_of_answered.value, found.score_of_answered.n) == ("1", 57)
        assert found.majority_score == "0.166667"
        assert found.seconds == "2"

    def test_have_none_of_the_answered_when_nothing_was_answered(self) -> None:
        found = scored(dict.fromkeys(range(60), "what?"), classification=FREE)
        assert found.answered == 0
        assert found.score_of_answered is None
        assert found.score is not None
        assert found.score.value == "0"

    def test_count_an_unfinished_answer_as_none(self) -> None:
        task = prepared()
        asked = task.questions(SimulatedTokenizer(), max_model_len=8192)
        lost = [an_outcome(text=t, is_finished=False) for t in asked.expected]
        assert task.result(asked, lost, seconds=1.0).answered == 0

    def test_are_refused_when_a_constrained_answer_is_no_label(self) -> None:
        with pytest.raises(
            MeasurementInvalid, match=r"2 of 60 answers are no label.*'what\?'.*Free"
        ):
            scored({3: "what?", 5: ""})

    def test_name_the_data_by_its_bytes(self, tmp_path: Path) -> None:
        def digest(line: str) -> str | None:
            write_lines(tmp_path / "c/t", line)
            task = prepared(Folders(claims=tmp_path), data={"test": "pvc://c/t"})
            asked = task.questions(SimulatedTokenizer(), max_model_len=8192)
            return task.result(asked, [an_outcome(text="refund")], seconds=1.0).data_digest

        one = digest('{"text": "a", "label": "refund"}')
        assert one != digest('{"text": "b", "label": "refund"}')
        assert one is not None
        assert one.startswith("sha256:")
