"""A question's identity, and what can be wrong with it that the API server cannot see. Pure."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slmeval_api.base import ApiModel
from slmeval_api.conditions import Reason
from slmeval_api.evaluation import Question
from slmeval_api.pool import Pool, PoolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a question cannot be asked, and what to do."""

    reason: Reason
    message: str


def question_digest(question: Question) -> str:
    """Return a digest that is equal for equal questions, whatever the order of their keys."""
    text = json.dumps(Question.to_json_data(question), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def changes(before: ApiModel, after: ApiModel) -> list[str]:
    """Return the fields in which two of a kind differ, as models[small].engine.dtype, sorted."""
    return sorted(_changes(before.to_json_data(), after.to_json_data(), ""))


def _changes(before: Any, after: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    if before == after:
        return
    old, new = _by_key(before), _by_key(after)
    if old is None or new is None:
        yield path
        return
    for key in {*old, *new}:
        mark = f"[{key}]" if isinstance(after, list) else f".{key}"
        place = f"{path}{mark}".lstrip(".")
        if key not in old or key not in new:
            yield f"{place} ({'added' if key in new else 'removed'})"
        else:
            yield from _changes(old[key], new[key], place)
    if list(old) != list(new) and set(old) == set(new) and isinstance(after, list):
        yield f"{path} (order)"


def _by_key(value: object) -> dict[str, Any] | None:
    """Return a dict, or a list of named entries as one; None: it is compared as a whole."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(v, dict) and "name" in v for v in value):
        return {v["name"]: v for v in value}
    return None


def problem_of(question: Question, pools: Mapping[str, Pool]) -> Problem | None:
    """Return the first thing that keeps `question` from being asked on `pools`, or None."""
    return next(_problems(question, pools), None)


def _problems(question: Question, pools: Mapping[str, Pool]) -> Iterator[Problem]:
    for name in question.pools:
        if name not in pools:
            known = ", ".join(sorted(pools)) or "none"
            yield Problem(
                reason=Reason.POOL_NOT_FOUND,
                message=(
                    f"spec.pools names {name!r}, and there is no such SLMPool (there are: "
                    f"{known}). Correct the name, or ask the cluster's admin to create the pool; "
                    "the run starts when it exists."
                ),
            )
    for name in question.pools:
        for model in question.models:
            if name in pools:
                yield from _model_on_pool(
                    model.name, model.engine.tensor_parallel_size, name, pools[name].spec
                )


def _model_on_pool(model: str, gpus: int, pool: str, spec: PoolSpec) -> Iterator[Problem]:
    have = spec.gpus.per_worker if spec.gpus else 1
    if gpus > have:
        what = f"{have} per worker" if spec.gpus else "none (its spec.gpus is not set)"
        yield Problem(
            reason=Reason.INVALID_SPEC,
            message=(
                f"model {model!r} asks for engine.tensorParallelSize {gpus}, and pool {pool!r} has "
                f"{what} GPUs. Lower tensorParallelSize, name another pool, or raise "
                "spec.gpus.perWorker of the SLMPool."
            ),
        )
