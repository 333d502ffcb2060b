"""Counting the work of a set: floating-point operations and bytes, from shapes and lengths. Pure.

Both are lower bounds: what any engine must compute and move. docs/guides/speed.md has the formulas.
"""

from collections.abc import Iterable
from typing import NamedTuple

from .base import ModelShape, Outcome


class Work(NamedTuple):
    """Of the whole model, over all of its GPUs."""

    flops: float
    """Floating-point operations; a multiply-add counts two."""
    moved_bytes: float
    """Bytes between the GPUs' memory and their multiprocessors."""


def count(shape: ModelShape, outcomes: Iterable[Outcome], steps: int) -> Work:
    """Return the work of serving `outcomes` in `steps` steps of the engine.

    A token costs 2 FLOPs a weight of the layers, an answer's token 2 FLOPs a weight of the output
    layer besides (Kaplan et al. 2020, "Scaling Laws", 2.1), and attention 4 FLOPs a head's
    dimension for each earlier position, for scores and for values. The weights are read once a
    step, the KV cache once a generated token, and written once a token. Prompt tokens that came
    from the prefix cache cost nothing.
    """
    body = shape.parameters - shape.embedding_parameters * (1 + shape.has_own_output_layer)
    width = shape.attention_heads * shape.head_size
    kv_token_bytes = 2 * shape.layers * shape.key_value_heads * shape.head_size
    kv_token_bytes *= shape.kv_bytes_each
    flops = kv_bytes = 0.0
    for outcome in outcomes:
        cached = outcome.cached_tokens or 0
        end = outcome.prompt_tokens + outcome.output_tokens - 1  # the last token is not put in
        computed = end - cached
        pairs = (end * (end + 1) - cached * (cached + 1)) / 2
        flops += 2.0 * body * computed
        flops += 2.0 * shape.embedding_parameters * outcome.output_tokens
        flops += 4.0 * shape.layers * width * pairs
        prompt, output = outcome.prompt_tokens, outcome.output_tokens
        read = (output - 1) * prompt + (output - 1) * output / 2
        kv_bytes += kv_token_bytes * (computed + read)
    bytes_each = shape.weight_bytes / shape.parameters
    read_weights = body + shape.embedding_parameters  # of the embedding only single rows are read
    return Work(flops, kv_bytes + bytes_each * read_weights * steps)
