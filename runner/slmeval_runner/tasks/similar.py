"""Examples that are like the item: its nearest neighbours by a static embedding model.

Such a model has a vector for each token, and a text's vector is their mean: thousands of texts a
second on one core, so that no GPU waits for it. docs/adr/0016 says why no other kind.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias

from slmeval_api.result import EmbeddingFacts

from slmeval_runner.failures import ModelUnusable, TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.models import LocatedModel, find_folder, located_at

from .sampling import Content, Item

if TYPE_CHECKING:
    import numpy as np

DECIMALS = 9
"""Similarities that differ by less are equal: no machine's way of adding up is to decide."""
COMPARED_TOGETHER = 64
"""Items: their similarities to a hundred thousand others take 50 MB."""
Vectors: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


class EmbeddingModel(NamedTuple):
    """A static embedding model."""

    located: LocatedModel
    model: Any
    """model2vec's StaticModel."""

    @property
    def facts(self) -> EmbeddingFacts:
        """What tells which model it was."""
        return EmbeddingFacts(revision=self.located.revision, digest=self.located.digest)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return a row of length 1 for each text; of length 0 where no token of it is known.

        Shape (texts, dimensions). Texts are not cut.

        Raises:
            TaskUnusable: a text's vector is not finite.

        """
        import numpy as np

        found = self.model.encode(list(texts), max_length=None, use_multiprocessing=False)
        rows = np.asarray(found, dtype=np.float64)
        if not np.isfinite(rows).all():
            raise TaskUnusable(
                "fewShot.embeddingModel: the model has values that are no numbers: name another"
            )
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(lengths > 0.0, lengths, 1.0)
        return rows


def embedding_model(source: str, folders: Folders) -> EmbeddingModel:
    """Return the model at `source`, downloaded if it is on the hub.

    Raises:
        TaskUnusable: it is not there, not allowed, or no static embedding model.

    """
    try:
        folder = find_folder(source, folders)
    except ModelUnusable as error:
        raise TaskUnusable(f"fewShot.embeddingModel {error}", may_pass=error.may_pass) from error
    from model2vec import StaticModel

    try:
        model = StaticModel.from_pretrained(folder.path)
    # Also tokenizers' and safetensors' own errors, which are of no other class.
    except Exception as error:
        raise TaskUnusable(
            f"fewShot.embeddingModel {source}: {type(error).__name__}: {str(error)[:300]}: it must "
            "be a static embedding model (of model2vec, or a StaticEmbedding of "
            "sentence-transformers): name one, as hf://minishlab/potion-base-8M@main"
        ) from error
    return EmbeddingModel(located_at(folder), model)


class Similar(Generic[Content]):
    """The `count` examples most like each item, the most similar last: next to the question.

    (Liu et al. 2022, "What Makes Good In-Context Examples for GPT-3?".) By cosine similarity; of
    equals the first ones. Nothing is drawn: there is nothing to seed.
    """

    def __init__(
        self,
        pool: Sequence[Item[Content]],
        items: Sequence[Item[Content]],
        count: int,
        model: EmbeddingModel,
    ) -> None:
        """Find them all: at least `count` in `pool`, for each of `items`."""
        import numpy as np

        self._pool = list(pool)
        known = model.vectors([item.text for item in pool])
        asked = model.vectors([item.text for item in items])
        self._nearest = list[list[int]]()
        for first in range(0, len(items), COMPARED_TOGETHER):
            alike = np.round(asked[first : first + COMPARED_TOGETHER] @ known.T, DECIMALS)
            self._nearest += [_highest(row, count)[::-1] for row in alike]

    def for_item(self, number: int) -> list[Item[Content]]:
        """Return the examples for the item with that number, all different."""
        return [self._pool[place] for place in self._nearest[number]]


def _highest(values: Vectors, count: int) -> list[int]:
    """Return the places of the `count` highest, the highest first, of equals the first ones."""
    import numpy as np

    least = np.partition(values, len(values) - count)[len(values) - count]
    places = np.flatnonzero(values >= least)
    order = np.argsort(-values[places], kind="stable")
    found: list[int] = places[order][:count].tolist()
    return found
