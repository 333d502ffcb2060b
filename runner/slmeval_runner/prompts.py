"""Prompts for measuring speed: random tokens, all different, the same for the same seed. Pure."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slmeval_runner.failures import MeasurementInvalid

if TYPE_CHECKING:
    import numpy as np

WARMUP = "warm-up"


class PromptSource:
    """Prompts of one length for one workload; none is given out twice."""

    def __init__(self, vocabulary: Sequence[int], *, tokens: int, seed: int, workload: str) -> None:
        self._vocabulary = list(vocabulary)
        self._tokens = tokens
        self._seed = seed
        self._workload = workload
        self._given = set[bytes]()

    def take(self, count: int, purpose: str) -> list[list[int]]:
        """Return `count` prompts that `purpose`, the seed and the workload's name draw.

        Raises:
            MeasurementInvalid: there are not that many different prompts of this length.

        """
        possible = len(self._vocabulary) ** min(self._tokens, 8)
        if len(self._given) + count > possible // 2:
            raise MeasurementInvalid(
                f"{len(self._given) + count} different prompts are needed, but {self._tokens} "
                f"tokens of a vocabulary of {len(self._vocabulary)} make only {possible}: "
                "raise inputTokens or lower requests"
            )
        generator = _generator(self._seed, self._workload, purpose)
        prompts = list[list[int]]()
        while len(prompts) < count:
            missing = count - len(prompts)
            drawn = generator.integers(len(self._vocabulary), size=(missing, self._tokens))
            prompts += [self._ids(row) for row in drawn if self._is_new(row.tobytes())]
        return prompts

    def _is_new(self, key: bytes) -> bool:
        digest = hashlib.blake2b(key, digest_size=16).digest()
        if digest in self._given:
            return False
        self._given.add(digest)
        return True

    def _ids(self, row: "np.ndarray[Any, Any]") -> list[int]:
        return [self._vocabulary[index] for index in row.tolist()]


def _generator(*what: object) -> "np.random.Generator":
    import numpy as np

    digest = hashlib.sha256("/".join(map(str, what)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest)))
