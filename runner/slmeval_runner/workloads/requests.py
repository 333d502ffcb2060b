"""The requests of a workload: random prompts or the user's own, all with their lengths. Pure."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from slmeval_api.workload import HttpWorkload, Load, PromptFile

from slmeval_runner.engines.base import Message, Request, Tokenizer
from slmeval_runner.failures import MeasurementInvalid, TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.sources import Cell, load

if TYPE_CHECKING:
    import numpy as np

WARMUP = "warm-up"
TEXT_TURNS = 32
Lengths = list[tuple[int, int]]
Prompt = tuple[list[int], str | None]
"""Token ids, and their text where it is sent."""


class RequestSource:
    """Requests of one workload for one engine; those of the kind http have their text as well.

    Random prompts: none is given out twice. The user's own: taken in turns, in the file's order,
    from where the last set ended; warm-up requests are random ones of the same lengths.
    """

    def __init__(
        self,
        load: Load,
        tokenizer: Tokenizer,
        *,
        seed: int,
        workload: str,
        max_model_len: int,
        folders: Folders,
    ) -> None:
        self._load = load
        self._seed = seed
        self._workload = workload
        self._vocabulary = list(tokenizer.vocabulary)
        self._given = set[bytes]()
        self._tokenizer = tokenizer
        self._is_text = isinstance(load, HttpWorkload)
        self._own = _own_requests(load, tokenizer, folders) if load.prompts else []
        if self._is_text:
            self._own = [_with_text(n, r, tokenizer) for n, r in enumerate(self._own, start=1)]
        self._next = 0
        _check_context(load, self._own, max_model_len)

    @property
    def lengths(self) -> tuple[int | None, int | None]:
        """Tokens of each prompt and of each answer; None: they differ."""
        if self._own:
            inputs = {len(request.prompt_token_ids) for request in self._own}
            outputs = {request.max_tokens for request in self._own}
            return _only(inputs), _only(outputs)
        if self._load.length_spread_percent:
            return None, None
        return self._load.input_tokens, self._load.output_tokens

    def take(self, count: int, purpose: str) -> list[Request]:
        """Return the requests that `purpose`, the seed and the workload's name draw.

        Raises:
            MeasurementInvalid: there are not that many different prompts of these lengths.

        """
        if self._own and purpose != WARMUP:
            taken = [self._own[(self._next + n) % len(self._own)] for n in range(count)]
            self._next += count
            return taken
        generator = _generator(self._seed, self._workload, purpose)
        lengths = self._drawn_lengths(count, generator)
        prompts = self._prompts([inputs for inputs, _ in lengths], generator)
        return [
            Request(prompt_token_ids=prompt, max_tokens=outputs, is_exact=True, text=text)
            for (prompt, text), (_, outputs) in zip(prompts, lengths, strict=True)
        ]

    def arrivals(self, count: int, rate: float, purpose: str) -> tuple[float, ...]:
        """Return when each of `count` requests is sent, in seconds: a Poisson process.

        Args:
            count: at least 1.
            rate: mean requests a second.
            purpose: draws the gaps, with the seed and the workload's name.

        """
        gaps = _generator(self._seed, self._workload, purpose, "arrivals").exponential(
            1.0 / rate, size=count
        )
        return tuple(float(moment) for moment in gaps.cumsum() - gaps[0])

    def _drawn_lengths(self, count: int, generator: "np.random.Generator") -> Lengths:
        if self._own:
            turns = [self._own[n % len(self._own)] for n in range(count)]
            return [(len(request.prompt_token_ids), request.max_tokens) for request in turns]
        inputs, outputs = self._load.input_tokens or 1, self._load.output_tokens
        spread = self._load.length_spread_percent
        if not spread:
            return [(inputs, outputs)] * count
        drawn = (_spread(mean, spread, count, generator) for mean in (inputs, outputs))
        return list(zip(*drawn, strict=True))

    def _prompts(self, lengths: Sequence[int], generator: "np.random.Generator") -> list[Prompt]:
        shortest = min(lengths, default=1)
        possible = len(self._vocabulary) ** min(shortest, 8)
        if len(self._given) + len(lengths) > possible // 2:
            raise MeasurementInvalid(
                f"{len(self._given) + len(lengths)} different prompts are needed, but {shortest} "
                f"tokens of a vocabulary of {len(self._vocabulary)} make only {possible}: "
                "raise inputTokens or lower requests"
            )
        return [self._prompt(length, generator) for length in lengths]

    def _prompt(self, length: int, generator: "np.random.Generator") -> Prompt:
        while True:
            row = generator.integers(len(self._vocabulary), size=length)
            digest = hashlib.blake2b(row.tobytes(), digest_size=16).digest()
            if digest not in self._given:
                self._given.add(digest)
                prompt = [self._vocabulary[index] for index in row.tolist()]
                return self._written(prompt, generator) if self._is_text else (prompt, None)

    def _written(self, prompt: list[int], generator: "np.random.Generator") -> Prompt:
        """Return as many ids that their own text stands for: few texts of random ids are read so.

        Raises:
            MeasurementInvalid: none was found.

        """
        length = len(prompt)
        for _ in range(TEXT_TURNS):
            text, read = _read_again(prompt, self._tokenizer)
            if read == prompt:
                return prompt, text
            more = generator.integers(len(self._vocabulary), size=max(0, length - len(read)))
            prompt = read[:length] + [self._vocabulary[index] for index in more.tolist()]
        raise MeasurementInvalid(
            f"no random text of exactly {length} tokens was found for this model's tokenizer, as "
            "the kind http needs it: raise inputTokens, or name prompts of your own"
        )


def _read_again(ids: Sequence[int], tokenizer: Tokenizer) -> tuple[str, list[int]]:
    """Return the text of `ids`, and what a server makes of it."""
    text = tokenizer.decode(ids)
    return text, tokenizer.encode(text, with_special_tokens=False)


def _with_text(number: int, request: Request, tokenizer: Tokenizer) -> Request:
    """Return the request with its text.

    Raises:
        MeasurementInvalid: the tokenizer reads that text as other tokens.

    """
    text, read = _read_again(request.prompt_token_ids, tokenizer)
    if read != request.prompt_token_ids:
        raise MeasurementInvalid(
            f"prompt {number} becomes other tokens when it is sent as text, so it cannot be "
            "compared with the engine: leave it out, or measure it by another kind than http"
        )
    return replace(request, text=text)


def _only(values: set[int]) -> int | None:
    return values.pop() if len(values) == 1 else None


def _spread(mean: int, percent: int, count: int, generator: "np.random.Generator") -> list[int]:
    low, high = mean * (100 - percent) // 100, mean * (100 + percent) // 100
    drawn: list[int] = generator.integers(max(1, low), max(1, high) + 1, size=count).tolist()
    return drawn


def _generator(*what: object) -> "np.random.Generator":
    import numpy as np

    digest = hashlib.sha256("/".join(map(str, what)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest)))


def _check_context(load: Load, own: Sequence[Request], max_model_len: int) -> None:
    """Raise MeasurementInvalid when a request is longer than the model's context."""
    if own:
        sizes = [len(request.prompt_token_ids) + request.max_tokens for request in own]
        too_long = [(n, size) for n, size in enumerate(sizes, start=1) if size > max_model_len]
        if too_long:
            number, size = too_long[0]
            raise MeasurementInvalid(
                f"{len(too_long)} of {len(own)} prompts do not fit the model's context of "
                f"{max_model_len} tokens; prompt {number} with its answer has {size}: shorten "
                "them, lower outputTokens, or raise the model's engine.maxModelLen if the model "
                "allows it"
            )
        return
    needed = load.longest_tokens or 0
    if needed > max_model_len:
        spread = load.length_spread_percent
        raise MeasurementInvalid(
            f"inputTokens {load.input_tokens} + outputTokens {load.output_tokens}"
            f"{f', {spread}% longer,' if spread else ''} = {needed} tokens, but the model's "
            f"context has {max_model_len}: shorten the workload, or raise the model's "
            "engine.maxModelLen if the model allows it"
        )


def _own_requests(load: Load, tokenizer: Tokenizer, folders: Folders) -> list[Request]:
    """Return one request for each row of the user's source.

    Raises:
        MeasurementInvalid: the source or a row is not as declared.

    """
    if load.prompts is None:
        raise ValueError("the workload has no prompts of its own")
    try:
        return list(_read(load.prompts, load.output_tokens, tokenizer, folders))
    except TaskUnusable as error:
        raise MeasurementInvalid(f"prompts: {error}") from error


def _read(
    file: PromptFile, output_tokens: int, tokenizer: Tokenizer, folders: Folders
) -> Iterator[Request]:
    for where, row in load(file.source, folders).rows:
        ids = _ids(row.get(file.text), f"{where}: column {file.text!r}", tokenizer)
        asked = row.get(file.output_tokens)
        asked = asked.parsed() if isinstance(asked, Cell) else asked
        asked = output_tokens if asked is None else asked
        if not isinstance(asked, int) or isinstance(asked, bool) or asked < 1:
            raise TaskUnusable(
                f"{where}: column {file.output_tokens!r} must be a whole number of tokens, at "
                f"least 1, not {json.dumps(asked, default=str)[:64]}"
            )
        yield Request(prompt_token_ids=ids, max_tokens=asked, is_exact=True)


def _ids(value: Any, where: str, tokenizer: Tokenizer) -> list[int]:  # noqa: ANN401 - any JSON
    """Return the ids of a text, or of a conversation in the model's own template."""
    if isinstance(value, str) and value.strip():
        return tokenizer.encode(value, with_special_tokens=True)
    if isinstance(value, list) and value and all(_is_turn(turn) for turn in value):
        turns = [Message(turn["role"], turn["content"]) for turn in value]
        text = tokenizer.chat_text(turns)
        if text is None:
            raise TaskUnusable(
                f"{where} is a conversation, but the model has no chat template: write the prompt "
                "as one text"
            )
        return tokenizer.encode(text, with_special_tokens=False)
    raise TaskUnusable(
        f"{where} must be a text that is not empty, or a list of {{role, content}}, not "
        f"{json.dumps(value, default=str)[:64]}"
    )


def _is_turn(turn: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(turn, dict) and all(isinstance(turn.get(k), str) for k in ("role", "content"))
