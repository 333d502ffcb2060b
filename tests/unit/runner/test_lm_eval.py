"""Tasks of lm-evaluation-harness: asked as it would, scored as it does, without its two faults."""

import base64
import hashlib
import json
import math
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from slmeval_api.result import TaskResult
from slmeval_api.task import Task
from slmeval_runner.engines.base import Outcome, Request
from slmeval_runner.engines.simulated import SimulatedTokenizer
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.tasks.lm_eval.harness import HarnessTask, _manager
from slmeval_runner.tasks.lm_eval.prepared import Prepared, load

pytest.importorskip("lm_eval")
pytestmark = pytest.mark.filterwarnings("default")  # its libraries warn of themselves

BEGIN = 1
END = 2
VOCABULARY = range(32, 127)
LONG = 10_000


class CharacterTokenizer(SimulatedTokenizer):
    """One token a character."""

    begin: int | None = BEGIN
    end: int | None = END

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        return ([BEGIN] if with_special_tokens else []) + [ord(c) for c in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join({BEGIN: "<s>", END: "</s>"}.get(i, chr(i)) for i in ids)


TOKENIZER = CharacterTokenizer()


def log_probabilities(prompt_ids: Sequence[int]) -> dict[int, float]:
    """Return a made-up model's, of the next token."""
    weights = {
        token: 1.0 + int.from_bytes(hashlib.sha256(bytes([*prompt_ids[-40:], token])).digest()[:2])
        for token in (ord("\n"), *VOCABULARY)
    }
    total = math.log(sum(weights.values()))
    return {token: math.log(weight) - total for token, weight in weights.items()}


def written(prompt_ids: Sequence[int], stop: Sequence[str], max_tokens: int) -> tuple[str, str]:
    """Return what the model says, by echoing the last word but one of every other prompt."""
    words = TOKENIZER.decode(prompt_ids).split()
    text = f" {words[-2]}\nand more" if len(words[-2]) % 2 else f" {words[-2]}s too long"
    text = text[:max_tokens]
    ends = [text.index(s) for s in stop if s in text]
    return (text[: min(ends)], "stop") if ends else (text, "length")


def answer(request: Request) -> Outcome:
    facts: dict[str, Any] = {"prompt_tokens": len(request.prompt_token_ids), "output_tokens": 1}
    if request.scored_from is not None:
        ids = request.prompt_token_ids
        steps = [(log_probabilities(ids[:n]), ids[n]) for n in range(request.scored_from, len(ids))]
        return Outcome(
            is_finished=True,
            prompt_log_probabilities=tuple(known[i] for known, i in steps),
            highest_log_probabilities=tuple(max(known.values()) for known, _ in steps),
            **facts,
        )
    if not request.next_token_ids:
        text, reason = written(request.prompt_token_ids, request.stop, request.max_tokens)
        return Outcome(is_finished=True, text=text, finish_reason=reason, **facts)
    known = log_probabilities(request.prompt_token_ids)
    return Outcome(
        is_finished=True,
        next_log_probabilities=tuple(known[i] for i in request.next_token_ids),
        highest_log_probabilities=(max(known.values()),),
        **facts,
    )


@pytest.fixture(scope="module")
def manager() -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager(
        include_path=str(Path(__file__).parent / "lm_eval_tasks"), include_defaults=False
    )


class Asker:
    """Loads tasks of the folder beside this file and asks the made-up model."""

    def __init__(self, manager: Any) -> None:
        self.manager = manager

    def load(
        self, name: str, shots: int | None = None, limit: int | None = None, seed: int = 1234
    ) -> Prepared:
        body: dict[str, Any] = {"name": "t", "lmEval": {"task": name}}
        body["lmEval"] |= {} if shots is None else {"numFewShot": shots}
        body |= {} if limit is None else {"limit": limit}
        task = Task.from_json_data(body)
        assert task.lm_eval is not None
        return load(task, task.lm_eval, seed=seed, manager=self.manager)

    def requests(self, prepared: Prepared, room: int = LONG) -> list[Request]:
        return prepared.ask(TOKENIZER, max_model_len=room).requests

    def result(self, prepared: Prepared, room: int = LONG) -> TaskResult:
        asked = prepared.ask(TOKENIZER, max_model_len=room)
        return asked.result([answer(request) for request in asked.requests])

    def theirs(self, name: str, shots: int = 0, limit: int | None = None) -> dict[str, Any]:
        """Return what the harness's own evaluate() says of the same model."""
        from lm_eval.evaluator import evaluate

        loaded = self.manager.load([name])
        task = loaded["tasks"][name]
        task.set_config("num_fewshot", shots)
        task.set_fewshot_seed(1234)
        found = evaluate(lm=_reference(), task_dict=loaded, limit=limit, bootstrap_iters=0)
        assert found is not None
        return dict(found)


def _reference() -> Any:
    from lm_eval.api.model import TemplateLM

    class Reference(TemplateLM):  # type: ignore[misc]
        """The made-up model as the harness would have it: every continuation to its end."""

        eot_token_id = END
        prefix_token_id = BEGIN

        def tok_encode(self, string: str, add_special_tokens: Any = None, **_: Any) -> list[int]:
            return TOKENIZER.encode(string, with_special_tokens=add_special_tokens is not False)

        def _loglikelihood_tokens(self, requests: Any, **_: Any) -> list[tuple[float, bool]]:
            return [self._sum(before, ids) for _, before, ids in requests]

        def _sum(self, before: list[int], ids: list[int]) -> tuple[float, bool]:
            total, is_greedy = 0.0, True
            for place, token in enumerate(ids):
                known = log_probabilities([*before, *ids[:place]])
                total += known[token]
                is_greedy = is_greedy and known[token] == max(known.values())
            return total, is_greedy

        def loglikelihood_rolling(self, requests: Any, **_: Any) -> Any:
            raise NotImplementedError

        def generate_until(self, requests: Any, **_: Any) -> list[str]:
            return [written(self.tok_encode(r.args[0]), r.args[1]["until"], 8)[0] for r in requests]

    return Reference()


@pytest.fixture
def asker(manager: Any) -> Asker:
    return Asker(manager)


def scores_of(result: TaskResult) -> list[int]:
    assert result.outcomes is not None
    assert result.outcomes.scores is not None
    return list(zlib.decompress(base64.b64decode(result.outcomes.scores)))


class TestScores:
    @pytest.mark.parametrize(
        ("name", "shots", "metric"),
        [
            ("choices", 0, "acc,none"),
            ("letters", 0, "acc,none"),
            ("last_word", 0, "acc,none"),
            ("written", 0, "exact_match,first-word"),
            ("written", 2, "exact_match,first-word"),
        ],
    )
    def test_are_those_of_the_harness_itself(
        self, asker: Asker, name: str, shots: int, metric: str
    ) -> None:
        ours = asker.result(asker.load(name, shots))
        theirs = asker.theirs(name, shots)
        assert ours.metric == metric
        assert ours.score is not None
        assert float(ours.score.value) == pytest.approx(theirs["results"][name][metric], abs=1e-6)
        filter_ = metric.partition(",")[2]
        samples = [s for s in theirs["samples"][name] if s["filter"] == filter_]
        each = [round(250 * s[metric.partition(",")[0]]) for s in samples]
        assert scores_of(ours) == each
        for further in ours.metrics:
            assert float(further.value) == pytest.approx(
                theirs["results"][name][further.name], abs=1e-6
            )

    def test_of_the_made_up_model_are_neither_all_nor_nothing(self, asker: Asker) -> None:
        scores = [asker.result(asker.load(name)).score for name in ("choices", "written")]
        assert all(score and 0 < float(score.value) < 1 for score in scores)

    def test_have_the_further_metrics_beside_them(self, asker: Asker) -> None:
        assert [m.name for m in asker.result(asker.load("choices")).metrics] == ["acc_norm,none"]
        names = [m.name for m in asker.result(asker.load("written")).metrics]
        assert names == ["exact_match,as-is"]

    def test_have_denominators_an_interval_and_what_a_guess_would_give(self, asker: Asker) -> None:
        found = asker.result(asker.load("choices", limit=6))
        assert found.items is not None
        assert found.score is not None
        assert (found.items.asked, found.items.answered, found.score.n) == (6, 6, 6)
        assert found.random_score == "0.333333"
        assert float(found.score.low) < float(found.score.value) < float(found.score.high)

    def test_count_an_unfinished_item_as_unanswered(self, asker: Asker) -> None:
        asked = asker.load("written").ask(TOKENIZER, max_model_len=LONG)
        lost = Outcome(is_finished=False, prompt_tokens=0, output_tokens=0)
        found = asked.result([lost, *(answer(r) for r in asked.requests[1:])])
        assert found.items is not None
        assert (found.items.asked, found.items.answered) == (12, 11)
        assert scores_of(found)[0] == 254

    def test_say_what_the_harness_was_asked(self, asker: Asker) -> None:
        found = asker.result(asker.load("choices", 0)).lm_eval
        assert found is not None
        assert (found.version, found.task_version, found.seed) == ("0.4.13", "2.0", 1234)

    def test_have_a_digest_of_all_that_is_asked(self, asker: Asker) -> None:
        def digest(**options: Any) -> str:
            found = asker.result(asker.load("written", **options)).lm_eval
            assert found is not None
            return found.task_digest

        assert digest() == digest()
        assert len({digest(), digest(shots=1), digest(limit=3), digest(seed=1)}) == 4


class TestRequests:
    def test_ask_for_what_continuations_of_a_long_prompt_share_once(self, asker: Asker) -> None:
        requests = asker.requests(asker.load("choices", 8))[-3:]
        # " ab", " ac", " b": the blank; "a" or "b" after it; "b" or "c" after " a".
        assert [len(r.next_token_ids) for r in requests] == [1, 2, 2]
        assert {r.max_tokens for r in requests} == {1}

    def test_read_continuations_whole_where_the_prompt_is_short(self, asker: Asker) -> None:
        requests = asker.requests(asker.load("choices", limit=1))
        continuations = [
            TOKENIZER.decode(r.prompt_token_ids[r.scored_from or 0 :]) for r in requests
        ]
        assert continuations == [" ab", " ac", " b"]
        assert not any(r.next_token_ids for r in requests)

    def test_are_greedy_where_the_task_does_not_say_how(self, asker: Asker) -> None:
        request = asker.requests(asker.load("written", limit=1))[0]
        assert (request.stop, request.max_tokens) == (("\n", "</s>"), 8)
        assert request.shows_special_tokens

    def test_have_the_begin_token_once(self, asker: Asker) -> None:
        ids = asker.requests(asker.load("written", limit=1))[0].prompt_token_ids
        assert ids.count(BEGIN) == 1
        assert ids[0] == BEGIN

    def test_are_the_first_items_in_the_harness_s_order(self, asker: Asker) -> None:
        some, every = asker.load("written", limit=4), asker.load("written")
        assert asker.requests(some) == asker.requests(every)[:4]

    def test_draw_other_examples_by_another_seed(self, asker: Asker) -> None:
        def drawn(seed: int) -> list[Request]:
            return asker.requests(asker.load("written", 2, seed=seed))

        assert drawn(1) == drawn(1) != drawn(2)


class TestItemsThatDoNotFit:
    def test_are_skipped_and_counted_and_have_no_part_in_the_score(self, asker: Asker) -> None:
        room = 60
        whole, some = asker.load("choices"), asker.load("choices")
        found = asker.result(some, room=room)
        assert found.items is not None
        assert found.score is not None
        skipped = found.items.skipped_too_long
        assert 0 < skipped < 12
        assert found.items.asked == found.score.n == 12 - skipped
        left, full = scores_of(found), scores_of(asker.result(whole))
        assert left.count(255) == skipped
        assert all(one in (255, other) for one, other in zip(left, full, strict=True))
        assert max(len(r.prompt_token_ids) for r in asker.requests(some, room=room)) < room

    def test_change_no_other_item_s_prompt(self, asker: Asker) -> None:
        every = asker.requests(asker.load("written", 2))
        room = sorted(len(r.prompt_token_ids) for r in every)[6] + 8
        fitting = asker.requests(asker.load("written", 2), room=room)
        assert fitting == [r for r in every if len(r.prompt_token_ids) + 8 <= room]

    def test_end_the_task_when_they_are_all(self, asker: Asker) -> None:
        with pytest.raises(TaskUnusable, match=r"none of the 12 items fits the context of 10"):
            asker.load("choices").ask(TOKENIZER, max_model_len=10)


class TestRecords:
    @pytest.mark.parametrize(
        ("name", "metric"), [("choices", "acc,none"), ("written", "exact_match,first-word")]
    )
    def test_hold_every_item_with_what_was_asked_answered_and_scored(
        self, asker: Asker, name: str, metric: str
    ) -> None:
        asked = asker.load(name).ask(TOKENIZER, max_model_len=60)
        outcomes = [answer(request) for request in asked.requests]
        result = asked.result(outcomes)
        records = list(asked.records(outcomes))
        assert result.items is not None
        assert len(records) == result.items.asked + result.items.skipped_too_long
        skipped = [255 if record.get("skipped") else None for record in records]
        each = [
            skip or round(250 * record[metric])
            for skip, record in zip(skipped, records, strict=True)
        ]
        assert each == scores_of(result)
        kept = [record for record in records if not record.get("skipped")]
        assert all(len(record["asked"]) == len(record["answers"]) for record in kept)
        assert json.loads(json.dumps(records, default=str))[0]["id"] == "0"


class TestNoItemIsAnExampleOfItself:
    def own(self, asker: Asker, prepared: Prepared) -> int:
        """Return in how many prompts the tested question stands twice."""
        prompts = [TOKENIZER.decode(r.prompt_token_ids) for r in asker.requests(prepared)]
        firsts = [p for p in prompts if p.endswith("\nA:")]
        return sum(p[: p.rindex("Q: ")].count(p[p.rindex("Q: ") :]) for p in firsts)

    def test_though_the_harness_draws_some(self, asker: Asker) -> None:
        samples = asker.theirs("choices", 3)["samples"]["choices"]
        contexts = [s["arguments"][0][0] for s in samples]
        leaked = [c for c in contexts if c[c.rindex("Q: ") :] in c[: c.rindex("Q: ")]]
        guarded = asker.load("choices", 3)
        assert len(leaked) > 0
        assert guarded.harness.leaks_prevented == len(leaked)
        assert self.own(asker, guarded) == 0

    def test_and_the_prompts_of_all_other_items_are_the_harness_s(self, asker: Asker) -> None:
        samples = asker.theirs("choices", 3)["samples"]["choices"]
        theirs = [s["arguments"][0][0] for s in samples]
        ours = [item.instances[0].args[0] for item in asker.load("choices", 3).harness.items]
        different = sum(a != b for a, b in zip(ours, theirs, strict=True))
        assert different == asker.load("choices", 3).harness.leaks_prevented
        assert all(len(a.split("Q: ")) == 5 for a in ours)

    def test_nor_where_it_is_a_row_of_train_too(self, asker: Asker) -> None:
        prepared = asker.load("written", 2)
        assert prepared.harness.leaks_prevented > 0
        for item in prepared.harness.items:
            assert item.instances[0].args[0].count(item.doc["text"] + "\n") == 1

    def test_and_too_few_others_are_said(self, asker: Asker) -> None:
        with pytest.raises(TaskUnusable, match=r"numFewShot is 3, but the task has fewer"):
            asker.load("written", 3)


class TestTasksThatCannotBeUsed:
    @pytest.mark.parametrize(
        ("name", "shots", "words"),
        [
            ("choises", None, r"'choises' is no task .* 0\.4\.13: did you mean choices\?"),
            ("some", None, r"'some' is a group of tasks: name those that you mean"),
            ("sampled", None, r"drawn at random \(do_sample: True, temperature: 0\.7\)"),
            ("penalised", None, r"sets repetition_penalty for its answers"),
            ("unsafe", None, r"runs code that the model wrote"),
            ("rolling", None, r"perplexity, which is no score"),
            ("translated", None, r"none of its metrics \(bleu\) is a mean over items"),
            ("pinned", 2, r"numFewShot is 2, but pinned is only ever asked without"),
            ("written", 9, r"could not make its prompts with 9 examples: .* Lower"),
        ],
    )
    def test_are_refused_before_an_engine_starts(
        self, asker: Asker, name: str, shots: int | None, words: str
    ) -> None:
        with pytest.raises(TaskUnusable, match=words):
            asker.load(name, shots)

    def test_name_the_hub_when_it_cannot_be_reached(
        self, asker: Asker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import datasets

        def fails(*_: Any, **__: Any) -> None:
            raise ConnectionError("Couldn't reach the Hub")

        monkeypatch.setattr(datasets, "load_dataset", fails)
        with pytest.raises(TaskUnusable, match=r"could not load away: .*HF_ENDPOINT") as caught:
            asker.load("away")
        assert caught.value.may_pass

    def test_may_be_asked_without_examples_where_they_are_pinned_to_none(
        self, asker: Asker
    ) -> None:
        assert asker.load("pinned", 0).harness.num_few_shot == 0

    def test_are_found_when_a_continuation_has_no_token(self, asker: Asker) -> None:
        class Melting(CharacterTokenizer):
            def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
                return super().encode(text.rstrip(" abc"), with_special_tokens=with_special_tokens)

        prepared = asker.load("choices")
        with pytest.raises(TaskUnusable, match=r"continuation of item 0 melts"):
            prepared.ask(Melting(), max_model_len=LONG)


class TestTheList:
    def test_is_missed_by_its_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _manager.cache_clear()
        monkeypatch.setitem(sys.modules, "lm_eval.tasks", None)
        with pytest.raises(TaskUnusable, match=r"the runner's image does not have .*name an image"):
            HarnessTask("arc_easy", num_few_shot=None, limit=None, seed=1)

    def test_of_tasks_that_it_ships_is_used_without_another(self) -> None:
        with pytest.raises(TaskUnusable, match=r"'arc_esay' is no task .*arc_easy"):
            HarnessTask("arc_esay", num_few_shot=None, limit=None, seed=1)


def test_what_is_digested_is_json(asker: Asker) -> None:
    items = asker.load("choices", limit=2).harness.items
    assert json.loads(items[0].identity[1])["label"] == 1
