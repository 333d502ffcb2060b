"""What is the same for every type of task: prompts, fairness, scores."""

import base64
import json
import math
import random
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from runner_builders import LABELS, a_classification, an_outcome, write_lines
from slmeval_api.result import TaskItems, TaskResult
from slmeval_api.task import Task
from slmeval_runner.engines.base import Message, Outcome
from slmeval_runner.engines.simulated import SimulatedTokenizer
from slmeval_runner.failures import MeasurementInvalid, TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.tasks import type_of
from slmeval_runner.tasks.prepared import Prepared, Questions, prepare
from slmeval_runner.tasks.wording import Shown, conversation, plain, prompt_of

BEGIN = 1
FREE = {"labels": LABELS, "answer": "Free"}
PROBABLE = {"labels": LABELS, "answer": "LogProbability"}
CHAT_BEGIN = "\N{SYMBOL FOR START OF HEADING}"


class CharacterTokenizer(SimulatedTokenizer):
    """One token a character, and no template."""

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        return ([BEGIN] if with_special_tokens else []) + [ord(c) for c in text]


class ChattyTokenizer(CharacterTokenizer):
    """With a template that puts CHAT_BEGIN once, like those of real models."""

    def chat_text(self, messages: Sequence[Message]) -> str | None:
        return CHAT_BEGIN + "".join(f"<{m.role}>{m.content}" for m in messages) + "<assistant>"


def prepared(folders: Folders | None = None, seed: int = 1, **overrides: Any) -> Prepared:
    task = Task.from_json_data(a_classification(**overrides))
    return prepare(task, type_of(task), seed=seed, folders=folders or Folders())


def asked_of(task: Prepared, tokenizer: SimulatedTokenizer | None = None) -> Questions:
    return task.questions(tokenizer or SimulatedTokenizer(), max_model_len=8192)


class TestWording:
    shown = (Shown("Text: give it back", "refund"),)

    def test_of_a_conversation_has_the_instruction_in_the_first_turn_only(self) -> None:
        turns = conversation("Route it.", self.shown, "Text: where is it")
        assert turns == [
            Message("user", "Route it.\n\nText: give it back"),
            Message("assistant", "refund"),
            Message("user", "Text: where is it"),
        ]

    def test_of_plain_text_ends_where_the_answer_comes(self) -> None:
        assert plain("Route it.", self.shown, "Text: where is it", "Label") == (
            "Route it.\n\nText: give it back\nLabel: refund\n\nText: where is it\nLabel:"
        )

    def test_takes_the_instruction_that_was_given(self) -> None:
        told = prepared(classification={"labels": LABELS, "instruction": "Route the mail."})
        ids = asked_of(told, CharacterTokenizer()).requests[0].prompt_token_ids
        text = "".join(map(chr, ids[1:]))
        assert text.startswith("Route the mail.\n\n")
        assert "Labels: refund" in text

    def test_has_special_tokens_once_by_the_template(self) -> None:
        tokenizer = ChattyTokenizer()
        ids = prompt_of("x", self.shown, "y", "Label", tokenizer).encode(tokenizer, "z")
        assert ids.count(ord(CHAT_BEGIN)) == 1
        assert BEGIN not in ids
        assert ids[-1] == ord("z")
        assert ids[-2] == ord(">")

    def test_has_special_tokens_once_without_a_template(self) -> None:
        tokenizer = CharacterTokenizer()
        ids = prompt_of("x", self.shown, "y", "Label", tokenizer).encode(tokenizer, "z")
        assert ids.count(BEGIN) == 1
        assert "".join(map(chr, ids[-8:])) == "Label: z"


class TestQuestions:
    def test_are_one_for_each_item_and_constrained_by_default(self) -> None:
        asked = asked_of(prepared())
        assert len(asked.requests) == len(asked.asked) == 60
        assert asked.requests[0].choices == tuple(LABELS)
        assert asked.requests[0].stop == ()
        assert not asked.requests[0].is_exact

    def test_that_are_free_end_where_an_example_would_follow(self) -> None:
        free = prepared(classification=FREE)
        request = asked_of(free).requests[0]
        assert (request.choices, request.stop) == ((), ("\n\n",))
        assert asked_of(free, ChattyTokenizer()).requests[0].stop == ()

    def test_may_be_given_fewer_tokens(self) -> None:
        assert asked_of(prepared(maxOutputTokens=3)).requests[0].max_tokens == 3

    def test_follow_limit_and_seed(self) -> None:
        def drawn(seed: int) -> list[str]:
            requests = asked_of(prepared(seed=seed, limit=12), ChattyTokenizer()).requests
            return [str(r.prompt_token_ids) for r in requests]

        assert len(drawn(1)) == 12
        assert drawn(1) == drawn(1) != drawn(2)

    def test_that_do_not_fit_are_skipped_and_counted_never_cut(self, tmp_path: Path) -> None:
        long = '{"text": "%s", "label": "refund"}' % ("word " * 50)
        write_lines(tmp_path / "c/t", '{"text": "short", "label": "refund"}', long)
        task = prepared(Folders(claims=tmp_path), data={"test": "pvc://c/t"})
        asked = task.questions(SimulatedTokenizer(), max_model_len=60)
        assert len(asked.requests) == 1
        found = task.result(asked, [an_outcome(text="refund", finish_reason="stop")])
        assert found.items is not None
        assert found.items.skipped_too_long == 1
        assert scores_of(found) == [250, 255]

    def test_of_which_none_fits_end_the_task(self) -> None:
        with pytest.raises(TaskUnusable, match=r"none of the 60 items fits the context of 16"):
            prepared().questions(SimulatedTokenizer(), max_model_len=16)

    def test_leave_room_for_any_spelling_of_a_label(self) -> None:
        task = prepared(classification={"labels": [*LABELS, "größeres Paket"]})
        assert asked_of(task).requests[0].max_tokens == len("größeres Paket".encode()) + 1


class TestData:
    def both(self, tmp_path: Path) -> tuple[Folders, dict[str, str]]:
        shared = '{"text": "in both", "label": "refund"}'
        write_lines(tmp_path / "c/test", shared, '{"text": "tested", "label": "cancel"}')
        write_lines(tmp_path / "c/train", shared, '{"text": "fresh", "label": "login"}')
        return Folders(claims=tmp_path), {"test": "pvc://c/test", "train": "pvc://c/train"}

    def test_examples_never_come_from_the_test_set(self, tmp_path: Path) -> None:
        folders, data = self.both(tmp_path)
        task = prepared(folders, data=data, fewShot={"count": 1})
        ids = asked_of(task, CharacterTokenizer()).requests[0].prompt_token_ids
        assert "Text: fresh\nLabel: login" in "".join(map(chr, ids))
        with pytest.raises(TaskUnusable, match=r"fewShot.count is 2, but .* has only 1 items"):
            prepared(folders, data=data, fewShot={"count": 2})

    def test_that_is_in_train_too_is_counted_and_scored(self, tmp_path: Path) -> None:
        folders, data = self.both(tmp_path)
        task = prepared(folders, data=data)
        assert (len(task.items), task.also_in_train) == (2, 1)

    def test_that_is_in_train_too_is_left_out_on_demand(self, tmp_path: Path) -> None:
        folders, data = self.both(tmp_path)
        task = prepared(folders, data={**data, "overlap": "Drop"})
        assert [item.text for item in task.items] == ["tested"]
        assert task.also_in_train == 1

    def test_of_which_nothing_is_left_is_refused(self, tmp_path: Path) -> None:
        folders, data = self.both(tmp_path)
        write_lines(tmp_path / "c/test", '{"text": "in both", "label": "refund"}')
        with pytest.raises(TaskUnusable, match=r"every item .*overlap is Drop: take another"):
            prepared(folders, data={**data, "overlap": "Drop"})

    def test_with_an_unknown_label_names_it(self, tmp_path: Path) -> None:
        write_lines(tmp_path / "c/t", '{"text": "x", "label": "Refund"}')
        with pytest.raises(
            TaskUnusable, match=r"pvc://c/t: line 1: label is 'Refund', .* 6 \(cancel, .*: add it"
        ):
            prepared(Folders(claims=tmp_path), data={"test": "pvc://c/t"})

    def test_may_name_its_items_which_must_differ(self, tmp_path: Path) -> None:
        line = '{"text": "x", "label": "refund", "uid": %s}'
        folders = Folders(claims=tmp_path)
        data = {"test": "pvc://c/t", "fields": {"id": "uid"}}
        write_lines(tmp_path / "c/t", line % 1, line % '"b"')
        assert [item.name for item in prepared(folders, data=data).items] == ["1", "b"]
        write_lines(tmp_path / "c/t", line % 1, line % '"1"')
        with pytest.raises(TaskUnusable, match=r"line 2: the id '1' stands at .*line 1 too"):
            prepared(folders, data=data)


def answered(task: Prepared, answers: dict[int, str], reason: str = "stop") -> TaskResult:
    """Return the result when every item is answered right, but for `answers`."""
    asked = asked_of(task)
    texts = [answers.get(n, str(r.expected)) for n, r in enumerate(asked.requests)]
    return task.result(asked, [an_outcome(text=text, finish_reason=reason) for text in texts])


def scores_of(result: TaskResult) -> list[int]:
    assert result.outcomes is not None
    assert result.outcomes.scores is not None
    return list(zlib.decompress(base64.b64decode(result.outcomes.scores)))


class TestScores:
    def test_have_both_denominators(self) -> None:
        found = answered(prepared(classification=FREE), {0: "what?", 1: "", 2: "what?"})
        assert found.items == TaskItems(
            asked=60, answered=57, cut_short=0, skipped_too_long=0, also_in_train=0
        )
        assert found.score is not None
        assert (found.score.value, found.score.n) == ("0.95", 60)
        assert found.score_of_answered is not None
        assert (found.score_of_answered.value, found.score_of_answered.n) == ("1", 57)
        assert (found.majority_score, found.random_score) == ("0.166667", "0.166667")
        assert [metric.name for metric in found.metrics] == ["macroF1"]

    def test_have_none_of_the_answered_when_nothing_was_answered(self) -> None:
        found = answered(prepared(classification=FREE), dict.fromkeys(range(60), "what?"))
        assert found.items is not None
        assert found.items.answered == 0
        assert found.score_of_answered is None
        assert found.score is not None
        assert found.score.value == "0"

    def test_count_what_reached_the_most_tokens(self) -> None:
        found = answered(prepared(classification=FREE), {0: "refu"}, reason="length")
        assert found.items is not None
        assert (found.items.cut_short, found.items.answered) == (60, 59)

    def test_count_an_unfinished_answer_as_none(self) -> None:
        task = prepared()
        asked = asked_of(task)
        lost = [an_outcome(text=str(r.expected), is_finished=False) for r in asked.requests]
        found = task.result(asked, lost)
        assert found.items is not None
        assert found.items.answered == 0

    def test_are_refused_when_a_constrained_answer_is_not_as_allowed(self) -> None:
        with pytest.raises(
            MeasurementInvalid, match=r"2 of 60 answers are not as allowed.*'what\?'.*Free"
        ):
            answered(prepared(), {3: "what?", 5: ""})

    def test_are_not_refused_when_a_constrained_answer_was_cut(self) -> None:
        found = answered(prepared(), {3: "refu"}, reason="length")
        assert found.items is not None
        assert found.items.answered == 59

    def test_say_what_the_items_took(self) -> None:
        found = answered(prepared(limit=2), {})
        assert found.tokens is not None
        assert (found.tokens.prompt, found.tokens.cached, found.tokens.output) == (32, 0, 8)

    def test_stand_one_by_one_for_comparing_models(self) -> None:
        task = prepared(classification=FREE, limit=4)
        found = answered(task, {1: "what?", 2: "refund", 3: "login"})
        right = [str(r.expected) for r in asked_of(task).requests]
        expected = [250, 254, 250 if right[2] == "refund" else 0, 250 if right[3] == "login" else 0]
        assert scores_of(found) == expected

    def test_name_the_items_whatever_the_model_said(self) -> None:
        def named(seed: int, answers: dict[int, str]) -> str | None:
            found = answered(prepared(seed=seed, limit=6, classification=FREE), answers)
            return found.outcomes.items_digest if found.outcomes else None

        assert named(1, {}) == named(1, {0: "what?"})
        assert named(1, {}) != named(2, {})

    def test_of_very_many_items_are_left_to_the_artifacts(self, tmp_path: Path) -> None:
        lines = [json.dumps({"text": f"t{n}", "label": "refund"}) for n in range(30_000)]
        write_lines(tmp_path / "c/t", *lines)
        data = {"test": "pvc://c/t"}
        task = prepared(Folders(claims=tmp_path), data=data, classification=FREE)
        drawn = random.Random(1)
        wrong = {n: "login" for n in range(30_000) if drawn.random() < 0.5}
        found = answered(task, wrong)
        assert found.outcomes is not None
        assert found.outcomes.scores is None

    def test_name_the_data_by_its_bytes(self, tmp_path: Path) -> None:
        def digest(line: str) -> str | None:
            write_lines(tmp_path / "c/t", line)
            task = prepared(Folders(claims=tmp_path), data={"test": "pvc://c/t"})
            return answered(task, {}).data_digest

        one = digest('{"text": "a", "label": "refund"}')
        assert one != digest('{"text": "b", "label": "refund"}')
        assert one is not None
        assert one.startswith("sha256:")


class TestProbabilities:
    def found(self, task: Prepared, **shares: float) -> TaskResult:
        """Return the result when each label has that share in every item."""
        asked = asked_of(task)
        by_word = {
            SimulatedTokenizer().encode(label, with_special_tokens=False)[0]: share
            for label, share in shares.items()
        }
        outcomes: list[Outcome] = [
            an_outcome(next_log_probabilities=tuple(math.log(by_word[i]) for i in r.next_token_ids))
            for r in asked.requests
        ]
        return task.result(asked, outcomes)

    def test_need_one_request_an_item_where_labels_are_one_token(self) -> None:
        asked = asked_of(prepared(classification=PROBABLE))
        assert len(asked.requests) == 60
        assert {len(r.next_token_ids) for r in asked.requests} == {6}
        assert {r.max_tokens for r in asked.requests} == {1}
        assert not asked.requests[0].choices

    def test_make_the_most_probable_label_the_answer_and_say_how_sure(self) -> None:
        shares = dict.fromkeys(LABELS, 0.02) | {"refund": 0.1}
        found = self.found(prepared(classification=PROBABLE), **shares)
        assert found.score is not None
        assert found.score.value == "0.166667"
        metrics = {metric.name: float(metric.value) for metric in found.metrics}
        # Each answer is sure by 0.1 / 0.2, and 10 of 60 are right.
        assert metrics["brierScore"] == pytest.approx(0.25)
        assert metrics["expectedCalibrationError"] == pytest.approx(0.5 - 1 / 6, abs=1e-6)
        assert metrics["auroc"] == pytest.approx(0.5)

    def test_of_a_label_that_begins_another_are_refused(self) -> None:
        task = prepared(classification={**PROBABLE, "labels": [*LABELS, "refund please"]})
        with pytest.raises(TaskUnusable, match=r"one of the candidates begins another .*Constrain"):
            asked_of(task)
