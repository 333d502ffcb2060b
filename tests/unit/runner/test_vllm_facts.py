"""What is made of vLLM's config and of its workers' answers. The real ones: tests/cpu."""

from types import SimpleNamespace
from typing import Any

from slmeval_runner.engines.vllm_facts import Counted, memory_of, shape_of, start_parts


def a_worker(made_s: float = 12.0, weight_bytes: int | None = 1000, **seconds: float) -> Any:
    return {"made_s": made_s, "seconds": seconds, "weight_bytes": weight_bytes}


def a_config(cache_dtype: str = "auto", ranks: int = 1) -> Any:
    model = SimpleNamespace(
        dtype=SimpleNamespace(itemsize=2),
        get_total_num_hidden_layers=lambda: 4,
        get_num_attention_heads=lambda _: 8 // ranks,
        get_total_num_kv_heads=lambda: 2,
        get_head_size=lambda: 64,
        get_vocab_size=lambda: 100,
        get_hidden_size=lambda: 512,
    )
    return SimpleNamespace(
        model_config=model,
        parallel_config=SimpleNamespace(tensor_parallel_size=ranks),
        cache_config=SimpleNamespace(num_gpu_blocks=10, block_size=16, cache_dtype=cache_dtype),
    )


COUNT = Counted(parameters=900, has_own_output_layer=False)


class TestStartParts:
    def test_are_those_of_the_slowest_worker(self) -> None:
        workers = [a_worker(12.0, weights=3.0, graphs=1.0), a_worker(13.0, weights=2.0, graphs=2.0)]
        parts = start_parts(workers, begun_s=10.0)
        assert (parts.process_s, parts.weights_s, parts.graphs_s) == (3.0, 3.0, 2.0)


class TestMemory:
    def test_is_added_up_over_the_workers(self) -> None:
        memory = memory_of(a_config(), [a_worker(), a_worker()], COUNT)
        assert (memory.parameters, memory.weights_bytes) == (900, 2000)

    def test_of_the_cache_is_keys_and_values_of_every_layer(self) -> None:
        memory = memory_of(a_config(), [a_worker()], COUNT)
        assert memory.kv_cache_tokens == 160
        assert memory.kv_cache_bytes == 160 * 2 * 4 * 2 * 64 * 2

    def test_of_an_fp8_cache_is_half(self) -> None:
        memory = memory_of(a_config("fp8_e4m3"), [a_worker()], COUNT)
        assert memory.kv_cache_bytes == 160 * 2 * 4 * 2 * 64

    def test_that_one_worker_does_not_know_is_absent(self) -> None:
        workers = [a_worker(), a_worker(weight_bytes=None)]
        assert memory_of(a_config(), workers, COUNT).weights_bytes is None


class TestShape:
    def test_is_that_of_the_whole_model(self) -> None:
        shape = shape_of(a_config(ranks=2), [a_worker(), a_worker()], COUNT)
        assert shape is not None
        assert (shape.attention_heads, shape.key_value_heads) == (8, 2)
        assert shape.embedding_parameters == 51_200
        assert shape.weight_bytes == 2000

    def test_is_unknown_where_the_weights_were_not_counted(self) -> None:
        assert shape_of(a_config(), [a_worker()], None) is None
        assert shape_of(a_config(), [a_worker(weight_bytes=None)], COUNT) is None
