"""What vLLM is told, and what is read of it, without vLLM."""

from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from slmeval_api.model import EngineOptions
from slmeval_runner.engines.base import Request
from slmeval_runner.engines.vllm import (
    VllmTokenizer,
    engine_arguments,
    is_in_process_by_default,
)
from slmeval_runner.engines.vllm_driving import outcome_of
from slmeval_runner.engines.vllm_facts import arguments_of

ASKED = Request(prompt_token_ids=[5, 6, 7], max_tokens=1)


class TestArguments:
    def test_leave_to_vllm_what_the_options_leave_out(self) -> None:
        assert engine_arguments(Path("/m"), EngineOptions(), has_gpu=True) == {
            "model": "/m",
            "dtype": "auto",
            "tensor_parallel_size": 1,
            "kv_cache_dtype": "auto",
            "enforce_eager": False,
            "load_format": "auto",
            "enable_prefix_caching": True,
        }

    def test_carry_every_option(self) -> None:
        options = EngineOptions(
            dtype="bfloat16",
            max_model_len=4096,
            tensor_parallel_size=2,
            gpu_memory_utilization_percent=85,
            max_num_seqs=64,
            max_num_batched_tokens=2048,
            quantization="fp8",
            kv_cache_dtype="fp8",
            enforce_eager=True,
            load_format="dummy",
            cuda_graphs="Workload",
        )
        found = engine_arguments(Path("/m"), options, has_gpu=True, most_in_flight=8)
        assert found == {
            "model": "/m",
            "dtype": "bfloat16",
            "max_model_len": 4096,
            "tensor_parallel_size": 2,
            "gpu_memory_utilization": 0.85,
            "max_num_seqs": 64,
            "max_num_batched_tokens": 2048,
            "quantization": "fp8",
            "kv_cache_dtype": "fp8",
            "enforce_eager": True,
            "load_format": "dummy",
            "max_cudagraph_capture_size": 8,
            "enable_prefix_caching": True,
            "distributed_executor_backend": "mp",
        }
        of_ours = {"tune", "tuning", "cuda_graphs"}  # the last one stands for another above
        assert len(EngineOptions.model_fields.keys() - of_ours) == 10  # a new one needs a line

    def test_of_gpus_are_not_given_to_a_cpu(self) -> None:
        options = EngineOptions(gpu_memory_utilization_percent=50)
        found = engine_arguments(Path("/m"), options, has_gpu=False)
        assert "gpu_memory_utilization" not in found


class TestTheProcessOfTheEngineCore:
    @pytest.mark.parametrize(
        ("variable", "has_gpu", "expected"),
        [(None, True, False), (None, False, True), ("0", True, True), ("1", False, False)],
    )
    def test_is_chosen_by_vllms_own_variable_else_by_the_pool(
        self,
        variable: str | None,
        has_gpu: bool,
        expected: bool,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.delenv("VLLM_ENABLE_V1_MULTIPROCESSING", raising=False)
        if variable is not None:
            monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", variable)
        assert is_in_process_by_default(has_gpu) is expected


class Dtype(Enum):
    BF16 = 1


class TestResolvedArguments:
    def test_are_read_where_they_are_and_absent_where_not(self) -> None:
        config = SimpleNamespace(
            model_config=SimpleNamespace(
                max_model_len=2048, quantization=None, architectures=["A"]
            ),
            compilation_config=SimpleNamespace(mode=Dtype.BF16),
        )
        assert arguments_of(config) == {
            "max_model_len": "2048",
            "architectures": "A",
            "compilation_mode": "BF16",
        }


def an_output(**overrides: Any) -> SimpleNamespace:
    facts: dict[str, Any] = {
        "finished": True,
        "prompt_token_ids": [1, 2, 3],
        "num_cached_tokens": 0,
        "outputs": [SimpleNamespace(token_ids=[7, 8], text="x", finish_reason="length")],
        "metrics": SimpleNamespace(
            arrival_time=1_000.5, scheduled_ts=51.0, first_token_ts=52.0, last_token_ts=53.0
        ),
    }
    return SimpleNamespace(**(facts | overrides))


class TestOutcomes:
    def test_put_the_arrival_on_the_monotonic_clock(self) -> None:
        found = outcome_of(an_output(), wall_to_monotonic_s=-950.0, request=ASKED)
        assert (found.arrival_s, found.scheduled_s) == (50.5, 51.0)
        assert (found.first_token_s, found.last_token_s) == (52.0, 53.0)
        assert (found.prompt_tokens, found.output_tokens) == (3, 2)
        assert found.is_finished

    @pytest.mark.parametrize("reason", ["abort", None, "error"])
    def test_that_were_cut_off_are_not_finished(self, reason: str | None) -> None:
        cut = [SimpleNamespace(token_ids=[7], text="", finish_reason=reason)]
        assert not outcome_of(an_output(outputs=cut), 0.0, ASKED).is_finished

    def test_without_an_output_are_not_finished(self) -> None:
        assert not outcome_of(None, 0.0, ASKED).is_finished

    def test_have_the_next_tokens_in_their_order_and_the_most_probable_beside_them(self) -> None:
        place = {9: SimpleNamespace(logprob=-0.5), 4: SimpleNamespace(logprob=-2.0),
                 3: SimpleNamespace(logprob=-3.0)}  # fmt: skip
        answer = an_output().outputs[0]
        answer.logprobs = [place]
        asked = Request(prompt_token_ids=[5], max_tokens=1, next_token_ids=(3, 4))
        found = outcome_of(an_output(outputs=[answer]), 0.0, asked)
        assert found.next_log_probabilities == (-3.0, -2.0)
        assert found.highest_log_probabilities == (-0.5,)
        assert found.prompt_log_probabilities == ()

    def test_have_the_prompt_s_own_tokens_from_where_they_are_asked_for(self) -> None:
        places = [
            None,
            {6: SimpleNamespace(logprob=-1.0)},
            {7: SimpleNamespace(logprob=-4.0), 8: SimpleNamespace(logprob=-0.25)},
        ]
        asked = Request(prompt_token_ids=[5, 6, 7], max_tokens=1, scored_from=1)
        found = outcome_of(an_output(prompt_logprobs=places), 0.0, asked)
        assert found.prompt_log_probabilities == (-1.0, -4.0)
        assert found.highest_log_probabilities == (-1.0, -0.25)
        assert found.next_log_probabilities == ()

    def test_without_times_leave_them_absent_never_zero(self) -> None:
        assert outcome_of(an_output(metrics=None), 0.0, ASKED).last_token_s is None
        never = SimpleNamespace(
            arrival_time=1.0, scheduled_ts=0.0, first_token_ts=0.0, last_token_ts=0.0
        )
        assert outcome_of(an_output(metrics=never), 0.0, ASKED).first_token_s is None


class TestVocabulary:
    def test_leaves_out_special_added_and_unembedded_tokens(self) -> None:
        tokenizer = SimpleNamespace(
            all_special_ids=[0],
            added_tokens_decoder={4: "<image>"},
            get_vocab=lambda: {"<s>": 0, "a": 1, "b": 2, "c": 3, "<image>": 4, "padding": 9},
        )
        assert VllmTokenizer(tokenizer, 8).vocabulary == [1, 2, 3]

    def test_of_a_tokenizer_without_template_has_no_chat(self) -> None:
        assert VllmTokenizer(SimpleNamespace(chat_template=None), 8).chat_text([]) is None


class TestBeginToken:
    @staticmethod
    def ids(model_type: str, puts: bool, *, special: bool = True) -> list[int]:
        def put(text: str, *, add_special_tokens: bool) -> list[int]:
            return [2, 7] if puts and add_special_tokens else [7]

        class Fast:
            is_fast, bos_token_id, encode = True, 2, staticmethod(put)

            def __call__(self, texts: list[str], *, add_special_tokens: bool, **_: object) -> Any:
                return {"input_ids": [put(t, add_special_tokens=add_special_tokens) for t in texts]}

        slow = SimpleNamespace(encode=put, bos_token_id=2)
        made = [VllmTokenizer(one, 8, model_type=model_type) for one in (Fast(), slow)]
        found = made[0].encode("x", with_special_tokens=special)
        for one in made:
            assert one.encode_many(["x"] * 1025, with_special_tokens=special) == [found] * 1025
        return found

    @pytest.mark.parametrize("puts", [True, False])
    def test_stands_once_where_the_model_needs_it(self, puts: bool) -> None:
        assert self.ids("gemma2", puts) == [2, 7]

    def test_is_not_put_before_a_chat_which_has_its_own(self) -> None:
        assert self.ids("gemma2", puts=False, special=False) == [7]

    def test_is_the_tokenizers_own_business_elsewhere(self) -> None:
        assert self.ids("llama", puts=False) == [7]
        assert self.ids("llama", puts=True) == [2, 7]


class TestCudaGraphs:
    @staticmethod
    def largest(asked: str, most: int | None, *, has_gpu: bool = True) -> object:
        options = EngineOptions.from_json_data({"cudaGraphs": asked})
        found = engine_arguments(Path("/m"), options, has_gpu=has_gpu, most_in_flight=most)
        return found.get("max_cudagraph_capture_size")

    def test_are_vllms_unless_the_workloads_are_asked_for(self) -> None:
        assert self.largest("All", 16) is None
        assert self.largest("Workload", 16) == 16

    def test_are_vllms_where_the_workloads_do_not_say_or_need_more(self) -> None:
        assert self.largest("Workload", None) is None
        assert self.largest("Workload", 513) is None

    def test_are_not_for_a_cpu(self) -> None:
        assert self.largest("Workload", 16, has_gpu=False) is None
