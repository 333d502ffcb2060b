"""What lm-evaluation-harness would send, as tokens; and how it reads answers."""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from slmeval_runner.engines.base import Tokenizer
from slmeval_runner.failures import TaskUnusable

DEFAULT_MAX_TOKENS = 256
"""As the harness has it for a task that does not say how long an answer may be."""
WITHOUT_EFFECT = {"do_sample", "temperature", "top_p", "top_k"}
"""Options of an answer that change nothing where it is greedy."""


class Continuation(NamedTuple):
    """How probable is a text after another? By the tokens of both."""

    before_ids: list[int]
    ids: list[int]


class Generation(NamedTuple):
    """What is written after a prompt? Until one of `stop`, at most `max_tokens`."""

    prompt_ids: list[int]
    stop: list[str]
    max_tokens: int


Wanted = Continuation | Generation
Answer = tuple[float, bool] | str
"""Of a Continuation its log-probability, and whether the model would write it; else a text."""


def wanted_of(instances: Sequence[Any], tokenizer: Tokenizer) -> list[Wanted]:
    """Return what each of the harness's instances asks, as its vLLM backend would send it.

    Raises:
        TaskUnusable: the tokenizer has no token to put where there is no text.

    """
    texts = _Texts(tokenizer)
    texts.read({text for one in instances for text in _texts_of(one)})
    compared = [one for one in instances if one.request_type == "loglikelihood"]
    pairs = iter(_encoder()(texts).loglikelihood(compared, disable_tqdm=True))
    return [
        Continuation(*next(pairs))
        if one.request_type == "loglikelihood"
        else _generation(one.args, texts)
        for one in instances
    ]


def _texts_of(instance: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield what the harness is about to encode; were it something else, it would be read then."""
    context, *others = instance.args
    if instance.request_type == "loglikelihood":
        yield context.rstrip()
        yield context + others[0]
    else:
        yield context


def _generation(args: Sequence[Any], texts: "_Texts") -> Generation:
    from lm_eval.models.utils import handle_stop_sequences

    context, options = args
    known = _normalized(options)
    stop = handle_stop_sequences(list(known["until"]), eos=texts.end)
    return Generation(
        texts.encode(context), [text for text in stop if text], int(known["max_gen_toks"])
    )


class _Texts:
    """Texts as ids; those that were read together were encoded together, which is faster."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.end = None if tokenizer.end is None else tokenizer.decode([tokenizer.end])
        self._known = dict[str, list[int]]()

    @functools.cached_property
    def prefix(self) -> int:
        """What is put where there is no text. Raises TaskUnusable."""
        prefix = self.tokenizer.end if self.tokenizer.begin is None else self.tokenizer.begin
        if prefix is None:
            raise TaskUnusable(
                "this model's tokenizer has no token that begins or ends a text, which the harness "
                "puts where there is no text: drop the model or the task"
            )
        return prefix

    @functools.cached_property
    def _beginning(self) -> str:
        return self.tokenizer.decode([self.prefix])

    def read(self, texts: Iterable[str]) -> None:
        """Encode `texts`, for `encode` to have them."""
        by_begun = dict[bool, list[str]]()
        for text in filter(None, texts):
            by_begun.setdefault(text.startswith(self._beginning), []).append(text)
        for is_begun, some in by_begun.items():
            found = self.tokenizer.encode_many(some, with_special_tokens=not is_begun)
            self._known |= zip(some, found, strict=True)

    def encode(self, text: str, *, is_special: bool = True) -> list[int]:
        """Return the ids of `text`; one that begins as a prompt does gets no second beginning."""
        if not text:
            return []
        if not is_special:
            return self.tokenizer.encode(text, with_special_tokens=False)
        if text not in self._known:
            self.read([text])
        return self._known[text]


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise TaskUnusable if the task `name` asks for answers that are not greedy."""
    is_random = options.get("do_sample") or float(options.get("temperature") or 0) > 0
    if is_random and options.get("do_sample") is not False:
        raise TaskUnusable(
            f"{name} asks for answers drawn at random (do_sample: {options.get('do_sample')}, "
            f"temperature: {options.get('temperature')}), and all answers here are greedy: take "
            "another task"
        )
    others = set(_normalized(options)) - {"until", "max_gen_toks"} - WITHOUT_EFFECT
    if others:
        raise TaskUnusable(
            f"{name} sets {', '.join(sorted(others))} for its answers, which the engine is not "
            "asked for: take another task"
        )


def cut_at_stops(text: str, stop: Sequence[str]) -> str:
    """Return what the harness takes for the answer."""
    from lm_eval.models.utils import postprocess_generated_text

    return str(postprocess_generated_text(text, list(stop), None))


def _normalized(options: Mapping[str, Any]) -> dict[str, Any]:
    from lm_eval.models.utils import normalize_gen_kwargs

    return dict(normalize_gen_kwargs(dict(options), default_max_gen_toks=DEFAULT_MAX_TOKENS))


@functools.cache
def _encoder() -> Any:  # noqa: ANN401 - the harness has no types for us
    """Return the harness's own base class of models, up to where a model would be asked.

    So what goes to the context and what to the continuation is its own decision. Made in a
    function, for the harness is imported late.
    """
    from lm_eval.api.model import TemplateLM

    class Encoder(TemplateLM):  # type: ignore[misc]
        def __init__(self, texts: _Texts) -> None:
            super().__init__()
            self._texts = texts

        @property
        def eot_token_id(self) -> int | None:
            return self._texts.tokenizer.end

        @property
        def prefix_token_id(self) -> int:
            return self._texts.prefix

        def tok_encode(
            self,
            string: str,
            add_special_tokens: bool | None = None,
            **_: Any,  # noqa: ANN401
        ) -> list[int]:
            return self._texts.encode(string, is_special=add_special_tokens is not False)

        def _loglikelihood_tokens(self, requests: list[Any], **_: Any) -> list[Any]:  # noqa: ANN401
            """Return the tokens themselves: they are asked of the engine elsewhere."""
            return [(before, ids) for _, before, ids in requests]

        def loglikelihood_rolling(self, requests: Any, **_: Any) -> Any:  # noqa: ANN401
            raise NotImplementedError

        def generate_until(self, requests: Any, **_: Any) -> Any:  # noqa: ANN401
            raise NotImplementedError

    return Encoder
