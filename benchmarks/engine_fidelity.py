r"""Is what a trial reports what the engine can do? The same batch by a trial and by vLLM itself.

    python benchmarks/engine_fidelity.py --shape llama-3.2-1b --shape qwen2.5-1.5b \
        --requests 500 --input-tokens 2000 --output-tokens 100     random weights, no download
    python benchmarks/engine_fidelity.py --model /models/llama-3.2-1b ...
    python benchmarks/engine_fidelity.py --model ... --against-status trial.json
                                                    a figure of SLMTrial.status, measured before

Sides, each in processes of its own and with the engine arguments and prompts of the trial:

- trial: the host on a Ray worker forks it, as the driver has it done. All models in one job.
- offline: `LLM.generate`, what the ratio is to.
- with --peers, once each, on random prompts of the same lengths but their own: `vllm bench
  throughput`, which is offline too, and `vllm bench serve`, all requests at once over HTTP.

All use the sizes that `vllm serve` takes: left alone, offline vLLM schedules twice as
many tokens at a time on a large card, and one would compare these.

Trial and offline take turns in going first, model by model. The last line is `ratio=R`: requests a
second of the trial ÷ of offline vLLM, each in its median repetition, the lowest of all models. On a
machine that does other work too, look at the best repetitions instead.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.peers import serving
from benchmarks.plans import Json, gpu_count, plan_of, worker
from benchmarks.shapes import SHAPES, write_model

MARK = "FIDELITY "
"""Before the one line of a side's output that is for its parent."""

SIZES = ("max_num_seqs", "max_num_batched_tokens")
"""Engine arguments whose defaults differ between `vllm serve` and offline vLLM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds of each repetition of one side."""

    model: str
    side: str
    requests: int
    seconds: list[float]

    @property
    def rate(self) -> float:
        """Requests a second in the median repetition: one disturbed repetition changes nothing."""
        return self.requests / median(self.seconds)

    @property
    def best_rate(self) -> float:
        """Requests a second in the best repetition: what a busy machine can be judged by."""
        return self.requests / min(self.seconds)

    def show(self) -> None:
        """Print a line of the table."""
        seconds = " ".join(f"{second:8.3f}" for second in self.seconds)
        print(f"{self.model:<14} {self.side:<18} {self.rate:9.3f} requests/s  {seconds} s")
        sys.stdout.flush()


def models_of(args: argparse.Namespace, folder: Path) -> dict[str, Json]:
    """Return source and engine of each candidate, by name; shapes are written into `folder`."""
    engine: Json = {
        "dtype": args.dtype,
        "enforceEager": args.enforce_eager,
        "loadFormat": "dummy" if args.shape else "auto",
    }
    if args.max_model_len:
        engine["maxModelLen"] = args.max_model_len
    paths = {shape: write_model(shape, folder / shape) for shape in args.shape}
    paths |= {args.model.name.lower(): args.model.resolve()} if args.model else {}
    if not paths:
        raise SystemExit("name --model FOLDER or --shape NAME")
    return {name: {"source": f"file://{path}", "engine": engine} for name, path in paths.items()}


def batch_of(args: argparse.Namespace) -> Json:
    """Return the workload in the API's form."""
    return {
        "requests": args.requests,
        "inputTokens": args.input_tokens,
        "outputTokens": args.output_tokens,
        "repetitions": args.repetitions,
        "warmupRequests": args.warmup_requests,
        "maxVariationPercent": 100,
    }


# ------------------------------------------------------------------------------------- offline


def offline(model: Json, batch: Json, seed: int) -> list[float]:
    """Return the seconds of each repetition by vllm.LLM.generate, as its users call it."""
    from slmeval_api.model import EngineOptions
    from slmeval_api.workload import Workload
    from slmeval_runner.engines import vllm as ours
    from slmeval_runner.folders import Folders
    from slmeval_runner.workloads.requests import WARMUP, RequestSource

    gpu = gpu_count() > 0
    os.environ.setdefault(ours.MULTIPROCESSING, "1" if gpu else "0")
    from vllm import LLM, SamplingParams
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.inputs import TokensPrompt
    from vllm.usage.usage_lib import UsageContext

    folder = Path(model["source"].removeprefix("file://"))
    options = EngineOptions.from_json_data(model["engine"])
    arguments = ours.engine_arguments(folder, options, has_gpu=gpu)
    config = AsyncEngineArgs(**arguments).create_engine_config(UsageContext.OPENAI_API_SERVER)
    llm = LLM(**arguments | {name: getattr(config.scheduler_config, name) for name in SIZES})
    source = RequestSource(
        Workload.from_json_data({"name": "batch", "batch": batch}).load,
        ours.VllmTokenizer(llm.get_tokenizer(), config.model_config.get_vocab_size()),
        seed=seed,
        workload="batch",
        max_model_len=config.model_config.max_model_len,
        folders=Folders(),
    )
    tokens = batch["outputTokens"]
    params = SamplingParams(temperature=0.0, ignore_eos=True, max_tokens=tokens, min_tokens=tokens)

    def served(count: int, purpose: str) -> float:
        requests = source.take(count, purpose)
        prompts = [TokensPrompt(prompt_token_ids=r.prompt_token_ids) for r in requests]
        llm.reset_prefix_cache()
        begun_s = time.monotonic()
        llm.generate(prompts, params, use_tqdm=False)
        return time.monotonic() - begun_s

    served(1, "engine warm-up")
    if batch["warmupRequests"]:
        served(batch["warmupRequests"], WARMUP)
    return [served(batch["requests"], f"repetition {n + 1}") for n in range(batch["repetitions"])]


def offline_apart(name: str, model: Json, args: argparse.Namespace) -> Measured:
    """Return the same, measured in a process of its own."""
    asked = json.dumps([model, batch_of(args), args.seed])
    command = [sys.executable, __file__, "--offline-side", asked]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not lines:
        sys.stdout.write(done.stdout[-4000:])
        raise SystemExit(f"offline vLLM failed with exit code {done.returncode}")
    seconds = json.loads(lines[-1].removeprefix(MARK))
    return Measured(model=name, side="offline", requests=args.requests, seconds=seconds)


# --------------------------------------------------------------------------------------- peers


def vllm_throughput(
    name: str, model: Json, sizes: dict[str, str], args: argparse.Namespace
) -> Measured:
    """Return what `vllm bench throughput` reports for as many random prompts of these lengths."""
    arguments = [
        *("--dataset-name", "random", "--num-prompts", str(args.requests)),
        *("--random-input-len", str(args.input_tokens)),
        *("--random-output-len", str(args.output_tokens), "--random-range-ratio", "0"),
    ]
    command = ["vllm", "bench", "throughput", *arguments, *vllm_arguments(model, sizes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    found = re.search(r"Throughput: ([0-9.]+) requests/s", done.stdout)
    if not found:
        sys.stdout.write(done.stdout[-4000:])
        raise SystemExit(f"vllm bench throughput failed with exit code {done.returncode}")
    seconds = args.requests / float(found[1])
    return Measured(model=name, side="bench throughput", requests=args.requests, seconds=[seconds])


def vllm_serve(name: str, model: Json, args: argparse.Namespace) -> Measured:
    """Return what `vllm bench serve` reports of `vllm serve` for the same, all at once."""
    with serving(vllm_arguments(model)) as server:
        report = server.bench(args.requests, args.input_tokens, args.output_tokens)
    return Measured(
        model=name, side="bench serve", requests=args.requests, seconds=[report["duration"]]
    )


def vllm_arguments(model: Json, sizes: dict[str, str] | None = None) -> list[str]:
    """Return the trial's engine arguments for vLLM's command line; `sizes` where it has others."""
    from slmeval_api.model import EngineOptions
    from slmeval_runner.engines.vllm import engine_arguments

    folder = Path(model["source"].removeprefix("file://"))
    options = EngineOptions.from_json_data(model["engine"])
    found = engine_arguments(folder, options, has_gpu=gpu_count() > 0)
    arguments = list[str]()
    for key, value in (found | (sizes or {})).items():
        flag = "--" + key.replace("_", "-")
        if isinstance(value, bool):
            arguments += [flag] if value else []
        else:
            arguments += [flag, str(value)]
    return arguments


# --------------------------------------------------------------------------------- comparing them


def compare(args: argparse.Namespace, models: dict[str, Json]) -> float:
    """Measure and print both sides of all models; return the lowest trial ÷ offline."""
    ratios = list[float]()
    sizes = dict[str, dict[str, str]]()
    workload = {"name": "batch", "batch": batch_of(args)}
    with worker(plan_of(models, workload, seed=args.seed)) as host:
        for number, (name, model) in enumerate(models.items()):
            sides = list[Measured]()
            for side in ("offline", "trial") if number % 2 == 0 else ("trial", "offline"):
                if side == "offline":
                    sides.append(offline_apart(name, model, args))
                else:
                    result = host.run(name)
                    figures = result.workloads[0].figures
                    resolved = result.provenance.engine_arguments if result.provenance else []
                    sizes[name] = {one.name: one.value for one in resolved if one.name in SIZES}
                    seconds = [float(s) for s in figures.repetition_seconds] if figures else []
                    sides.append(
                        Measured(model=name, side=side, requests=args.requests, seconds=seconds)
                    )
                sides[-1].show()
            by_side = {measured.side: measured for measured in sides}
            ours, theirs = by_side["trial"], by_side["offline"]
            ratios.append(ours.rate / theirs.rate)
            print(f"{name:<14} trial ÷ offline = {ratios[-1]:.3f}", end="")
            print(f" (best repetitions {ours.best_rate / theirs.best_rate:.3f})", flush=True)
    if args.peers:
        for name, model in models.items():
            vllm_throughput(name, model, sizes[name], args).show()
            vllm_serve(name, model, args).show()
    return min(ratios)


def against_status(args: argparse.Namespace, models: dict[str, Json]) -> float:
    """Return a stored figure ÷ offline vLLM's now."""
    from slmeval_api.trial import TrialStatus

    body = json.loads(args.against_status.read_text())
    status = TrialStatus.from_json_data(body.get("status", body))
    workloads = status.result.workloads if status.result else []
    found = [w for w in workloads if w.figures and args.workload in (None, w.name)]
    if not found or found[0].figures is None:
        raise SystemExit(f"{args.against_status} has no figures of {args.workload or 'a workload'}")
    stored, figures = found[0], found[0].figures
    args.requests = figures.requests // stored.repetitions
    args.input_tokens, args.output_tokens = stored.input_tokens, stored.output_tokens
    (name, model), *_ = models.items()
    theirs = offline_apart(name, model, args)
    seconds = [float(s) for s in figures.repetition_seconds]
    ours = Measured(model=name, side="stored", requests=args.requests, seconds=seconds)
    theirs.show()
    ours.show()
    return ours.rate / theirs.rate


def main(argv: Sequence[str]) -> int:
    """Parse, measure, print."""
    args = parser().parse_args(argv)
    if args.offline_side:
        seconds = offline(*json.loads(args.offline_side))
        print(MARK + json.dumps(seconds), flush=True)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        models = models_of(args, Path(temporary))
        ratio = (against_status if args.against_status else compare)(args, models)
    print(f"ratio={ratio:.3f}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--model", type=Path, help="folder in Hugging Face's layout")
    made.add_argument(
        "--shape", choices=sorted(SHAPES), action="append", default=[], help="random weights"
    )
    made.add_argument("--requests", type=int, default=100)
    made.add_argument("--input-tokens", type=int, default=500)
    made.add_argument("--output-tokens", type=int, default=50)
    made.add_argument("--repetitions", type=int, default=3)
    made.add_argument("--warmup-requests", type=int, default=8)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--dtype", default="auto")
    made.add_argument("--max-model-len", type=int)
    made.add_argument("--enforce-eager", action="store_true")
    made.add_argument("--peers", action="store_true", help="vLLM's own benchmarks beside it")
    made.add_argument("--against-status", type=Path, metavar="FILE", help="SLMTrial as JSON")
    made.add_argument("--workload", help="its workload; left out: the first with figures")
    made.add_argument("--offline-side", help=argparse.SUPPRESS)
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
