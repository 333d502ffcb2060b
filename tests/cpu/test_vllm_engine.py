"""vLLM itself, on the CPU with a small real model: the runner's oracle.

Runs where vLLM is installed; SLMEVAL_TEST_MODEL names the model's folder.
"""

import asyncio
import math
import os
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from builders import Json, a_load, a_workload
from runner_builders import a_classification, a_plan, write_lines
from slmeval_api.model import EngineOptions
from slmeval_api.result import WorkloadResult
from slmeval_api.task import Task
from slmeval_api.task_types import LmEvalTask
from slmeval_api.workload import Workload
from slmeval_runner.devices.monitor import NoDevice
from slmeval_runner.engines.base import EngineFacts, Message, Request, Served
from slmeval_runner.engines.vllm import VllmEngine
from slmeval_runner.failures import ModelUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.live import socket_of
from slmeval_runner.live.serving import TrialsCollector
from slmeval_runner.tasks.lm_eval import load
from slmeval_runner.trial import TrialRun
from slmeval_runner.workloads.measure import measure
from slmeval_runner.workloads.points import Bench
from tools import cache

DEFAULT_MODEL = cache() / "models/smollm2-135m-instruct"
MODEL = Path(os.environ.get("SLMEVAL_TEST_MODEL", DEFAULT_MODEL))
OPTIONS = EngineOptions(dtype="float32", enforce_eager=True, max_model_len=1024)

pytestmark = [
    pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed in this Python"),
    pytest.mark.skipif(
        not (MODEL / "config.json").is_file(),
        reason=f"no model in {MODEL}: set SLMEVAL_TEST_MODEL or run hack/demo_model.py",
    ),
    pytest.mark.filterwarnings("default"),  # vLLM and torch warn of themselves
]


class Started:
    """An engine that runs, for tests that are no coroutines."""

    def __init__(self) -> None:
        os.environ["CXX"] = "no-such-compiler"  # as in the images
        self.live = Path(tempfile.mkdtemp())
        live = socket_of(self.live, "trial")
        self.engine = VllmEngine(has_gpu=False, is_in_process=True, live=live)
        self.facts: EngineFacts = asyncio.run(self.engine.start(MODEL, OPTIONS))

    def serve(self, *requests: Request) -> Served:
        return asyncio.run(self.engine.serve(requests))

    def hits(self) -> int:
        return asyncio.run(self.engine.counters()).prefix_cache_hits

    def ask(self, text: str, choices: tuple[str, ...] = (), tokens: int = 16) -> str:
        tokenizer = self.engine.tokenizer
        chat = tokenizer.chat_text([Message("user", text)])
        assert chat is not None
        ids = tokenizer.encode(chat, with_special_tokens=False)
        request = Request(prompt_token_ids=ids, max_tokens=tokens, choices=choices)
        return self.serve(request).outcomes[0].text


class Lent:
    """The engine that runs already, for a trial that would start and stop one."""

    def __init__(self, started: Started) -> None:
        self._started = started
        self.tokenizer = started.engine.tokenizer
        self.serve = started.engine.serve
        self.forget = started.engine.forget
        self.ceilings = started.engine.ceilings
        self.counters = started.engine.counters
        self.check_running = started.engine.check_running
        self.attachment = None

    async def start(self, model: Path | None, options: EngineOptions, **_: Any) -> EngineFacts:
        return self._started.facts

    async def stop(self) -> None:
        """Leave it to the fixture."""


@pytest.fixture(scope="module")
def vllm() -> Iterator[Started]:
    made = Started()
    yield made
    asyncio.run(made.engine.stop())


def exact(vllm: Started, count: int, tokens: int, output: int = 4, first: int = 0) -> list[Request]:
    ids = list(vllm.engine.tokenizer.vocabulary)
    return [
        Request(
            prompt_token_ids=ids[first + n * 7 : first + n * 7 + tokens],
            max_tokens=output,
            is_exact=True,
        )
        for n in range(count)
    ]


class TestRequests:
    def test_come_back_in_order_with_exact_counts_and_a_clock(self, vllm: Started) -> None:
        requests = exact(vllm, 3, 40, first=1000)
        served = vllm.serve(*requests)
        for outcome in served.outcomes:
            assert outcome.is_finished
            assert (outcome.prompt_tokens, outcome.output_tokens) == (40, 4)
            times = (
                outcome.arrival_s,
                outcome.scheduled_s,
                outcome.first_token_s,
                outcome.last_token_s,
            )
            known = [time_s for time_s in times if time_s is not None]
            assert len(known) == 4
            assert known == sorted(known)
            # The two clocks are one: all of it lies between sending and having the answer.
            assert served.submitted_s - 0.01 <= known[0]
            assert known[-1] <= served.finished_s + 0.01

    def test_move_the_cache_counter_when_prompts_repeat(self, vllm: Started) -> None:
        request = exact(vllm, 1, 300, first=5000)
        vllm.serve(*request)
        before = vllm.hits()
        again = vllm.serve(*request)
        assert vllm.hits() - before == again.outcomes[0].cached_tokens
        assert vllm.hits() > before

    def test_give_the_same_answer_twice(self, vllm: Started) -> None:
        assert vllm.ask("Name a colour.") == vllm.ask("Name a colour.")


class TestLogProbabilities:
    """Two ways to the same numbers: token by token, and a prompt's end read whole."""

    def test_are_the_same_by_next_tokens_and_by_the_whole(self, vllm: Started) -> None:
        ids = vllm.engine.tokenizer.encode(
            "The capital of France is Paris", with_special_tokens=True
        )
        whole = Request(prompt_token_ids=ids, max_tokens=1, scored_from=2)
        steps = [
            Request(prompt_token_ids=ids[:n], max_tokens=1, next_token_ids=(ids[n],))
            for n in range(2, len(ids))
        ]
        read, *asked = vllm.serve(whole, *steps).outcomes
        assert len(read.prompt_log_probabilities) == len(ids) - 2
        for n, step in enumerate(asked):
            assert step.next_log_probabilities == pytest.approx(
                [read.prompt_log_probabilities[n]], abs=1e-4
            )
            assert step.highest_log_probabilities == pytest.approx(
                [read.highest_log_probabilities[n]], abs=1e-4
            )
            assert step.highest_log_probabilities[0] >= step.next_log_probabilities[0]

    def test_of_what_the_model_writes_itself_are_the_highest(self, vllm: Started) -> None:
        ids = vllm.engine.tokenizer.encode("One, two, three,", with_special_tokens=True)
        text = vllm.serve(Request(prompt_token_ids=ids, max_tokens=1)).outcomes[0].text
        (token,) = vllm.engine.tokenizer.encode(text, with_special_tokens=False)
        asked = Request(prompt_token_ids=ids, max_tokens=1, next_token_ids=(token,))
        found = vllm.serve(asked).outcomes[0]
        assert found.next_log_probabilities == found.highest_log_probabilities


class TestConstrainedAnswers:
    def test_are_held_even_to_labels_that_no_model_would_say(self, vllm: Started) -> None:
        labels = ("qzx-17", "VÖLLIG/anders", "no such: label")
        assert vllm.ask("What is the capital of France?", labels, tokens=20) in labels

    def test_stop_at_the_label(self, vllm: Started) -> None:
        answers = {vllm.ask(f"Is {n} even?", ("yes", "yes, it is"), tokens=40) for n in range(4)}
        assert answers <= {"yes", "yes, it is"}


class TestProbabilities:
    def test_are_those_of_the_whole_vocabulary_and_need_no_compiler(self, vllm: Started) -> None:
        tokenizer = vllm.engine.tokenizer
        ids = tokenizer.encode("The capital of France is", with_special_tokens=False)
        asked = tuple(
            tokenizer.encode(word, with_special_tokens=False)[0] for word in (" Paris", " banana")
        )
        request = Request(prompt_token_ids=ids, max_tokens=1, next_token_ids=asked)
        paris, banana = vllm.serve(request).outcomes[0].next_log_probabilities
        assert banana < paris < 0.0
        every = [tuple(range(n, n + 128)) for n in range(0, 49_152, 128)]
        outcomes = vllm.serve(
            *(Request(prompt_token_ids=ids, max_tokens=1, next_token_ids=some) for some in every)
        ).outcomes
        logs = [log for outcome in outcomes for log in outcome.next_log_probabilities]
        assert sum(map(math.exp, logs)) == pytest.approx(1.0, abs=1e-3)


class TestTokenizer:
    def test_tells_live_what_it_does(self, vllm: Started) -> None:
        """By the names that dashboards ask for."""
        collector = TrialsCollector(vllm.live, models={"trial": "small"}, pool="cpu")

        def said() -> dict[str, float]:
            samples = (sample for family in collector.collect() for sample in family.samples)
            return {s.name: s.value for s in samples if s.labels["model"] == "small"}

        before = said()
        ids = list(vllm.engine.tokenizer.vocabulary[:24])
        vllm.serve(Request(prompt_token_ids=ids, max_tokens=8, is_exact=True))
        after = said()
        tokens = "vllm:generation_tokens_total"
        assert after[tokens] - before[tokens] == 8
        assert {
            "vllm:num_requests_running",
            "vllm:num_requests_waiting",
            "vllm:kv_cache_usage_perc",
            "vllm:prompt_tokens_total",
            "vllm:e2e_request_latency_seconds_bucket",
            "vllm:time_to_first_token_seconds_bucket",
        } <= set(after)

    @pytest.mark.parametrize("special", [True, False])
    def test_encodes_many_texts_as_it_encodes_each(self, vllm: Started, *, special: bool) -> None:
        tokenizer = vllm.engine.tokenizer
        texts = ["hello", "", " two  words \n", "<|im_start|>user", "\N{SNOWMAN}\0", "a" * 5_000]
        assert tokenizer.encode_many(texts, with_special_tokens=special) == [
            tokenizer.encode(text, with_special_tokens=special) for text in texts
        ]

    def test_puts_special_tokens_where_the_template_says_and_nowhere_else(
        self, vllm: Started
    ) -> None:
        tokenizer = vllm.engine.tokenizer
        text = tokenizer.chat_text([Message("user", "hello")])
        plain = tokenizer.encode("hello", with_special_tokens=False)
        assert text is not None
        chat = tokenizer.encode(text, with_special_tokens=False)
        assert set(plain) <= set(tokenizer.vocabulary)
        assert not set(chat) <= set(tokenizer.vocabulary)  # <|im_start|> and its like

    def test_has_no_word_that_the_model_does_not_know(self, vllm: Started) -> None:
        vocabulary = vllm.engine.tokenizer.vocabulary
        assert len(vocabulary) > 10_000
        assert min(vocabulary) >= 0


def measured(vllm: Started, workload: Json) -> WorkloadResult:
    bench = Bench(engine=vllm.engine, monitor=NoDevice(), card=None, tell=lambda _: None)
    return asyncio.run(
        measure(
            Workload.from_json_data(workload),
            bench,
            max_model_len=vllm.facts.max_model_len,
            seed=1,
            folders=Folders(),
        )
    )


class TestWorkloads:
    def test_a_batch_has_figures_that_agree_with_each_other(self, vllm: Started) -> None:
        asked = a_workload(
            requests=3, inputTokens=32, outputTokens=4, repetitions=2, warmupRequests=1
        )
        result = measured(vllm, asked)
        assert result.failure is None
        figures = result.figures
        assert figures is not None
        seconds = [float(s) for s in figures.repetition_seconds]
        assert float(figures.requests_per_second) == pytest.approx(6 / sum(seconds), rel=0.01)
        assert float(figures.latency_seconds.p99) <= max(seconds) + 0.01
        assert figures.inter_token_seconds is not None
        assert figures.inter_token_seconds.n == 6 * 3
        assert figures.engine is not None
        assert figures.engine.peak_running == 3
        assert figures.engine.steps >= 2 * 4

    def test_a_fixed_number_is_in_flight(self, vllm: Started) -> None:
        result = measured(vllm, a_load("concurrency", levels=[2], repetitions=1))
        figures = result.points[0].figures
        assert figures is not None, result.failure
        assert figures.engine is not None
        assert figures.engine.peak_running == 2
        assert float(figures.mean_concurrency) == pytest.approx(2, rel=0.15)

    def test_requests_come_at_the_rate_that_was_drawn(self, vllm: Started) -> None:
        asked = a_load("rate", requestsPerSecond=["2"], requests=20, warmupRequests=1)
        result = measured(vllm, asked)
        figures = result.points[0].figures
        assert figures is not None, result.failure
        assert figures.engine is not None
        assert figures.engine.peak_running < 20
        assert float(figures.seconds) > 4.0  # 19 gaps of half a second in the mean

    def test_ones_own_prompts_are_measured_again_without_the_cache(
        self, vllm: Started, tmp_path: Path
    ) -> None:
        text = "word " * 40
        file = write_lines(tmp_path / "p.jsonl", *(f'{{"prompt": "{n} {text}"}}' for n in range(3)))
        prompts = {"source": f"file://{file}"}
        asked = a_workload(requests=3, inputTokens=None, prompts=prompts, repetitions=2)
        result = measured(vllm, asked)
        assert result.failure is None
        shared = measured(vllm, a_workload(
            requests=6, inputTokens=None, prompts=prompts, repetitions=1, allowPrefixCaching=True
        ))  # fmt: skip
        assert shared.figures is not None
        assert shared.figures.cached_input_tokens is not None


class TestFacts:
    def test_the_parts_of_the_start_are_its_parts(self, vllm: Started) -> None:
        parts = vllm.facts.parts
        assert parts is not None
        known = [parts.process_s, parts.device_s, parts.weights_s, parts.compile_s, parts.graphs_s]
        seconds = [part for part in known if part is not None]
        assert len(seconds) == 5
        assert min(seconds) >= 0.0
        assert sum(seconds) <= vllm.facts.start_s

    def test_the_model_is_counted(self, vllm: Started) -> None:
        memory = vllm.facts.memory
        assert memory is not None
        assert memory.parameters == 134_515_008  # SmolLM2-135M, its embedding counted once
        assert memory.kv_cache_tokens is not None
        assert memory.kv_cache_tokens > 1024


class TestTrial:
    def test_scores_the_sample_with_every_answer_a_label(self, vllm: Started) -> None:
        plan = a_plan(
            engine="vllm",
            workloads=[],
            tasks=[a_classification(limit=4, fewShot={"count": 1})],
            trials=[{"name": "t", "model": {"name": "m", "source": f"file://{MODEL}"}}],
        )
        run = TrialRun(
            plan,
            plan.trials[0],
            Lent(vllm),
            folders=Folders(),
            tell=lambda _: None,
            monitor=NoDevice(),
        )
        result = asyncio.run(run.run())
        assert result.failure is None
        items = result.tasks[0].items
        assert items is not None
        assert (items.asked, items.answered) == (4, 4)


class TestTasksOfTheHarness:
    @pytest.mark.parametrize("name", ["letters", "choices", "written", "last_word"])
    def test_are_answered_to_the_last_item(self, vllm: Started, name: str) -> None:
        tasks = Path(__file__).parents[1] / "unit/runner/lm_eval_tasks"
        manager = pytest.importorskip("lm_eval.tasks").TaskManager(
            include_path=str(tasks), include_defaults=False
        )
        asked = LmEvalTask(task=name)
        prepared = load(Task(name="t", lm_eval=asked), asked, seed=1234, manager=manager)
        sent = prepared.ask(vllm.engine.tokenizer, max_model_len=vllm.facts.max_model_len)
        found = sent.result(vllm.serve(*sent.requests).outcomes)
        assert found.score is not None
        assert found.items is not None
        assert found.items.asked == found.items.answered == found.score.n == 12


class TestModelsThatCannotBeLoaded:
    def test_because_of_a_context_beyond_their_own_name_the_field(self) -> None:
        options = EngineOptions(max_model_len=1_000_000)
        with pytest.raises(ModelUnusable, match=r"1000000.*engine\.maxModelLen"):
            asyncio.run(VllmEngine(has_gpu=False, is_in_process=True).start(MODEL, options))

    def test_because_of_their_architecture_say_so(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text('{"architectures": ["X"], "model_type": "no-such"}')
        with pytest.raises(ModelUnusable, match="cannot load the model"):
            asyncio.run(VllmEngine(has_gpu=False, is_in_process=True).start(tmp_path, OPTIONS))
