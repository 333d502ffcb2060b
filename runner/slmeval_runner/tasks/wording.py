"""How an item is put to the model, as a conversation or as plain text. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from slmeval_runner.engines.base import Message, Tokenizer


class Shown(NamedTuple):
    """A worked example."""

    question: str
    answer: str


class Prompt(NamedTuple):
    """A prompt's text, and how it becomes ids with special tokens exactly once."""

    text: str
    is_chat: bool
    """Then special tokens stand in the text: the template put them there."""

    def encode(self, tokenizer: Tokenizer, continued: str = "") -> list[int]:
        """Return the ids of the text, with an answer after it that begins with `continued`."""
        before = "" if self.is_chat or not continued else " "
        text = f"{self.text}{before}{continued}"
        return tokenizer.encode(text, with_special_tokens=not self.is_chat)


def encoded(prompts: Sequence[Prompt], tokenizer: Tokenizer) -> list[list[int]]:
    """Return the ids of each of `prompts`, of one model, as its `encode` does."""
    with_special_tokens = not any(prompt.is_chat for prompt in prompts)
    texts = [prompt.text for prompt in prompts]
    return tokenizer.encode_many(texts, with_special_tokens=with_special_tokens)


def prompt_of(
    instruction: str, shown: Sequence[Shown], question: str, cue: str, tokenizer: Tokenizer
) -> Prompt:
    """Return the prompt for `question`: in the model's chat template, or as plain text."""
    chat = tokenizer.chat_text(conversation(instruction, shown, question))
    if chat is not None:
        return Prompt(chat, is_chat=True)
    return Prompt(plain(instruction, shown, question, cue), is_chat=False)


def conversation(instruction: str, shown: Sequence[Shown], question: str) -> list[Message]:
    """Return turns of user and assistant.

    The instruction is in the first one: some models' templates refuse a system turn.
    """
    turns = list[Message]()
    for example in shown:
        turns += [Message("user", example.question), Message("assistant", example.answer)]
    turns.append(Message("user", question))
    first = f"{instruction}\n\n{turns[0].content}"
    return [Message("user", first), *turns[1:]]


def plain(instruction: str, shown: Sequence[Shown], question: str, cue: str) -> str:
    """Return the same as a text that the answer continues."""
    parts = [f"{example.question}\n{cue}: {example.answer}" for example in shown]
    return "\n\n".join([instruction, *parts, f"{question}\n{cue}:"])
