"""How a classification item is put to the model, as a conversation or as plain text. Pure."""

from collections.abc import Sequence

from slmeval_api.task import ClassificationTask

from slmeval_runner.engines.base import Message, Tokenizer
from slmeval_runner.items import Item


def instruction_of(task: ClassificationTask) -> str:
    """Return what the model is told to do; always with the labels."""
    told = task.instruction or "Classify the text: pick the one label that fits it best."
    return f"{told}\n\nAnswer with the label alone. Labels: {', '.join(task.labels)}"


def prompt_ids(
    task: ClassificationTask, examples: Sequence[Item], text: str, tokenizer: Tokenizer
) -> list[int]:
    """Return the prompt for `text`, with special tokens exactly once.

    A chat template puts them in itself; plain text gets those the tokenizer puts around a text.
    """
    chat = tokenizer.encode_chat(conversation(task, examples, text))
    if chat is not None:
        return chat
    return tokenizer.encode(plain(task, examples, text), with_special_tokens=True)


def conversation(task: ClassificationTask, examples: Sequence[Item], text: str) -> list[Message]:
    """Return turns of user and assistant.

    The instruction is in the first one: some models' templates refuse a system turn.
    """
    turns = list[Message]()
    for item in examples:
        turns += [Message("user", f"Text: {item.text}"), Message("assistant", item.label)]
    turns.append(Message("user", f"Text: {text}"))
    first = f"{instruction_of(task)}\n\n{turns[0].content}"
    return [Message("user", first), *turns[1:]]


def plain(task: ClassificationTask, examples: Sequence[Item], text: str) -> str:
    """Return the same as a text that the label continues."""
    shown = [f"Text: {item.text}\nLabel: {item.label}" for item in examples]
    return "\n\n".join([instruction_of(task), *shown, f"Text: {text}\nLabel:"])
