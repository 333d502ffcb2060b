r"""How fast examples that are like the item are found, and how well they fit it.

    python benchmarks/similar_examples.py --model /models/smollm2-135m-instruct --data FOLDER

FOLDER holds train.jsonl and test.jsonl of a classification: `text`, `label`. The static embedding
model is made of the token vectors of --model, as no trained one ships with the project: those of
model2vec find better examples. Its peer is a transformer of all-MiniLM-L6-v2's shape (6 layers of
384, batches of 64 by length, random weights: its speed alone is meant), on the same cores.

Prints for --items of the test set and all of the training set:
- seconds of each to embed both sets, and the ratio `speedup=S`;
- how often an example has its item's label, for `Similar` and as often as chance has it (Random).
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from slmeval_runner.folders import Folders
from slmeval_runner.tasks.sampling import Item
from slmeval_runner.tasks.similar import EmbeddingModel, Similar, embedding_model

import benchmarks.plans  # noqa: F401 - finds the runner's code

SHOTS = 8
BATCH = 64
MINILM = {
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
}


def static_model(model: Path, folder: Path) -> EmbeddingModel:
    """Return a static embedding model of the token vectors of `model`, written into `folder`."""
    from model2vec import StaticModel
    from safetensors import safe_open
    from tokenizers import Tokenizer

    with safe_open(model / "model.safetensors", framework="pt") as weights:
        vectors = weights.get_tensor("model.embed_tokens.weight").float().numpy()
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    StaticModel(vectors[: tokenizer.get_vocab_size()], tokenizer).save_pretrained(folder)
    return embedding_model(f"file://{folder}", Folders())


def transformer_seconds(model: Path, texts: Sequence[str]) -> float:
    """Return how long a transformer of MiniLM's shape takes for the vectors of `texts`."""
    import torch
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(256)
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), **MINILM)
    bert = BertModel(config).eval()
    begun_s = time.monotonic()
    with torch.inference_mode():
        ordered = sorted(texts, key=len)
        for first in range(0, len(ordered), BATCH):
            read = tokenizer.encode_batch(ordered[first : first + BATCH])
            mask = torch.tensor([one.attention_mask for one in read])
            states: Any = bert(torch.tensor([one.ids for one in read]), mask).last_hidden_state
            (states * mask[..., None]).sum(1)
    return time.monotonic() - begun_s


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--model", type=Path, required=True, help="folder in Hugging Face's layout")
    made.add_argument("--data", type=Path, required=True, help="with train.jsonl and test.jsonl")
    made.add_argument("--items", type=int, default=200)
    args = made.parse_args(argv)
    train, test = (
        [
            Item(str(number), row["text"], row["label"], None)
            for number, row in enumerate(map(json.loads, path.read_text().splitlines()))
        ]
        for path in (args.data / "train.jsonl", args.data / "test.jsonl")
    )
    test = random.Random(1).sample(test, min(args.items, len(test)))
    texts = [item.text for item in (*train, *test)]
    with tempfile.TemporaryDirectory() as folder:
        model = static_model(args.model, Path(folder) / "static")
    begun_s = time.monotonic()
    model.vectors(texts)
    embedded_s = time.monotonic() - begun_s
    begun_s = time.monotonic()
    similar = Similar(train, test, SHOTS, model)
    similar_s = time.monotonic() - begun_s
    peer_s = transformer_seconds(args.model, texts)
    labels = Counter(item.label for item in train)
    chance = sum(labels[item.label] for item in test) / len(test) / len(train)
    same = sum(
        example.label == item.label
        for number, item in enumerate(test)
        for example in similar.for_item(number)
    )
    print(f"{len(texts)} texts: static {embedded_s:.2f} s, transformer {peer_s:.2f} s")
    print(f"{SHOTS} examples for {len(test)} items of {len(train)}: {similar_s:.2f} s in all")
    print(f"same label: Similar {same / len(test) / SHOTS:.3f}, Random {chance:.3f}")
    print(f"speedup={peer_s / embedded_s:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
