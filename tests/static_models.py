"""Static embedding models of a few words: real ones, made in a moment."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer, models, pre_tokenizers


def static_model(folder: Path, words: Mapping[str, Sequence[float]]) -> Path:
    """Write a model that knows `words`, by their vectors, into `folder`; return it."""
    vocabulary = {word: number for number, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    unknown = [9.0] * len(next(iter(words.values())))  # what is not known must not count
    vectors = np.array([unknown, *words.values()], dtype=np.float32)
    StaticModel(vectors, tokenizer).save_pretrained(folder)
    return folder
