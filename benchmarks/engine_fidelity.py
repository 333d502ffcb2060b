r"""Is what a trial reports what the engine can do? The same batch by offline vLLM and by a trial.

    python benchmarks/engine_fidelity.py --model /models/llama-3.2-1b --requests 500 \
        --input-tokens 2000 --output-tokens 100 --repetitions 3
    python benchmarks/engine_fidelity.py --shape llama-3.2-1b ...     random weights, no download
    python benchmarks/engine_fidelity.py --model ... --ray            the trial as on a Ray worker
    python benchmarks/engine_fidelity.py --model ... --against-status trial.json
                                                    a figure of SLMTrial.status, measured before

Both sides get the same engine arguments and prompts, run in processes of their own, and take
turns. The last line is `ratio=R`: requests a second of the trial ÷ of offline vLLM, each in its
median repetition. On a machine that does other work too, look at the best repetitions instead.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
for root in (".", "api", "runner"):
    sys.path.insert(0, str(REPOSITORY / root))

from slmeval_api.plan import WORKER_RESOURCE, Plan, TrialReport  # noqa: E402
from slmeval_api.result import TrialResult, WorkloadResult  # noqa: E402
from slmeval_api.trial import TrialStatus  # noqa: E402
from slmeval_runner.prompts import WARMUP, PromptSource  # noqa: E402

from benchmarks.shapes import SHAPES, write_model  # noqa: E402

TRIAL = "fidelity"
MARK = "FIDELITY "
"""Before the one line of a side's output that is for its parent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one process measured."""

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


def has_gpu() -> bool:
    """Return whether there is an NVIDIA GPU, without starting CUDA in this process."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def plan_of(args: argparse.Namespace) -> Plan:
    """Return the plan of one trial that measures the batch."""
    engine: dict[str, Any] = {
        "dtype": args.dtype,
        "enforceEager": args.enforce_eager,
        "loadFormat": "dummy" if args.shape else "auto",
        "tensorParallelSize": args.tensor_parallel_size,
    }
    if args.max_model_len:
        engine["maxModelLen"] = args.max_model_len
    batch = {
        "requests": args.requests,
        "inputTokens": args.input_tokens,
        "outputTokens": args.output_tokens,
        "repetitions": args.repetitions,
        "warmupRequests": args.warmup_requests,
    }
    model = {"name": "model", "source": f"file://{args.model.resolve()}", "engine": engine}
    return Plan.from_json_data(
        {
            "namespace": "none",
            "run": "none",
            "pool": "here",
            "attempt": 1,
            "engine": "vllm",
            "gpusPerWorker": args.tensor_parallel_size if has_gpu() else 0,
            "workers": 1,
            "image": "none",
            "seed": args.seed,
            "trialDeadlineSeconds": 86_400,
            "workloads": [{"name": "batch", "batch": batch}],
            "tasks": [],
            "trials": [{"name": TRIAL, "model": model}],
        }
    )


# ------------------------------------------------------------------------------- the two sides


def offline(plan: Plan) -> list[float]:
    """Return the seconds of each repetition by vllm.LLM.generate, as its users call it."""
    from slmeval_runner.engines import vllm as ours

    gpu = plan.gpus_per_worker > 0
    os.environ.setdefault(ours.MULTIPROCESSING, "1" if gpu else "0")
    from vllm import LLM, SamplingParams
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.inputs import TokensPrompt
    from vllm.usage.usage_lib import UsageContext

    entry, batch = plan.trials[0].model, plan.workloads[0].batch
    folder = Path(entry.source.removeprefix("file://"))
    arguments = ours.engine_arguments(folder, entry.engine, has_gpu=gpu)
    config = AsyncEngineArgs(**arguments).create_engine_config(UsageContext.OPENAI_API_SERVER)
    scheduler = config.scheduler_config  # `vllm serve` and LLM have other defaults here
    llm = LLM(
        **arguments
        | {
            "max_num_seqs": scheduler.max_num_seqs,
            "max_num_batched_tokens": scheduler.max_num_batched_tokens,
        }
    )
    tokenizer = ours.VllmTokenizer(llm.get_tokenizer(), config.model_config.get_vocab_size())
    source = PromptSource(
        tokenizer.vocabulary, tokens=batch.input_tokens, seed=plan.seed, workload="batch"
    )
    params = SamplingParams(
        temperature=0.0,
        ignore_eos=True,
        max_tokens=batch.output_tokens,
        min_tokens=batch.output_tokens,
    )

    def served(count: int, purpose: str) -> float:
        prompts = [TokensPrompt(prompt_token_ids=ids) for ids in source.take(count, purpose)]
        begun_s = time.monotonic()
        llm.generate(prompts, params, use_tqdm=False)
        return time.monotonic() - begun_s

    served(8, "engine warm-up")
    if batch.warmup_requests:
        served(batch.warmup_requests, WARMUP)
    return [served(batch.requests, f"repetition {n + 1}") for n in range(batch.repetitions)]


def trial(plan: Plan) -> list[float]:
    """Return the same by the trial's own code, in this process."""
    from slmeval_runner.driver.trial_process import engine_for
    from slmeval_runner.folders import Folders
    from slmeval_runner.trial import TrialRun

    planned = plan.trials[0]
    run = TrialRun(plan, planned, engine_for(plan, planned), folders=Folders(), emit=lambda _: None)
    return seconds_of(asyncio.run(run.run()))


def trial_in_ray(plan: Plan) -> list[float]:
    """Return the same by the host that the driver makes, in a Ray cluster of this process."""
    import ray
    from slmeval_runner.driver.events import Word
    from slmeval_runner.driver.host import Host
    from slmeval_runner.driver.processes import actor_options

    path = ":".join(str(REPOSITORY / root) for root in ("api", "runner"))
    os.environ["PYTHONPATH"] = f"{path}:{os.environ.get('PYTHONPATH', '')}"
    ray.init(resources={WORKER_RESOURCE: 1}, include_dashboard=False, log_to_driver=False)
    options = actor_options(plan, worker_cpus=int(ray.cluster_resources()["CPU"]))
    text = plan.model_dump_json(by_alias=True, exclude_none=True)
    host = ray.remote(Host).options(**options).remote(text)
    stream = host.events.options(num_returns="streaming").remote()
    host.start.remote(TRIAL, tuple(range(plan.gpus_per_worker)))
    said = (ray.get(event).what for event in stream)
    last = next(what for what in said if not (isinstance(what, Word) and what.kind == "progress"))
    ray.shutdown()
    if not isinstance(last, Word):
        raise SystemExit(last.message)
    result = TrialReport.model_validate_json(last.report).result
    if result is None:
        raise SystemExit("the trial ended without a result")
    return seconds_of(result)


def seconds_of(result: TrialResult) -> list[float]:
    """Return the repetitions' seconds, or leave with the failure's message."""
    figures = result.workloads[0].figures if result.workloads else None
    if figures is None:
        raise SystemExit(result.failure.message if result.failure else "no figures")
    return [float(text) for text in figures.repetition_seconds]


SIDES = {"offline": offline, "trial": trial, "trial in Ray": trial_in_ray}


# --------------------------------------------------------------------------------- comparing them


def measured(side: str, args: argparse.Namespace, argv: Sequence[str]) -> Measured:
    """Return what a process of its own measured on `side`."""
    command = [sys.executable, __file__, *argv, "--model", str(args.model), "--side", side]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not lines:
        sys.stdout.write(done.stdout[-4000:])
        raise SystemExit(f"the side {side!r} failed with exit code {done.returncode}")
    seconds = json.loads(lines[-1].removeprefix(MARK))
    return Measured(side=side, requests=args.requests, seconds=seconds)


def compare(args: argparse.Namespace, argv: Sequence[str]) -> float:
    """Measure both sides in turns, print them, and return trial ÷ offline."""
    ours = "trial in Ray" if args.ray else "trial"
    both = ["offline", ours]
    all_measured = list[Measured]()
    for number in range(args.rounds):
        for side in both if number % 2 == 0 else reversed(both):
            all_measured.append(measured(side, args, argv))
            show(all_measured[-1])
    mine, theirs = joined(all_measured, ours), joined(all_measured, "offline")
    print(f"best repetitions: {mine.best_rate:.3f} ÷ {theirs.best_rate:.3f} requests/s", end=" ")
    print(f"= {mine.best_rate / theirs.best_rate:.3f}")
    return mine.rate / theirs.rate


def joined(parts: Sequence[Measured], side: str) -> Measured:
    """Return all repetitions of one side."""
    mine = [part for part in parts if part.side == side]
    seconds = [second for part in mine for second in part.seconds]
    return Measured(side=side, requests=mine[0].requests, seconds=seconds)


def show(one: Measured) -> None:
    """Print a line of the table."""
    seconds = " ".join(f"{second:9.3f}" for second in one.seconds)
    print(f"{one.side:<14} {one.rate:12.3f} requests/s   {seconds} s", flush=True)


def stored_workload(path: Path, name: str | None) -> WorkloadResult:
    """Return a workload's result out of an SLMTrial, as `kubectl get -o json` prints it."""
    body = json.loads(path.read_text())
    status = TrialStatus.from_json_data(body.get("status", body))
    workloads = status.result.workloads if status.result else []
    found = [w for w in workloads if w.figures and name in (None, w.name)]
    if not found:
        raise SystemExit(f"{path} has no figures of {name or 'any workload'}")
    return found[0]


def main(argv: Sequence[str]) -> int:
    """Parse, measure, print."""
    args = parser().parse_args(argv)
    if args.side:
        seconds = SIDES[args.side](plan_of(args))
        print(MARK + json.dumps(seconds), flush=True)
        return 0
    known = args.requests_per_second
    if args.against_status:
        stored = stored_workload(args.against_status, args.workload)
        known = float(stored.figures.requests_per_second) if stored.figures else None
        sizes = (stored.requests, stored.input_tokens, stored.output_tokens)
        args.requests, args.input_tokens, args.output_tokens = sizes
        argv = [*argv, "--requests", str(sizes[0]), "--input-tokens", str(sizes[1])]
        argv += ["--output-tokens", str(sizes[2])]
    with tempfile.TemporaryDirectory() as temporary:
        if args.shape:
            args.model = write_model(args.shape, Path(temporary) / args.shape)
        if args.model is None:
            raise SystemExit("name --model FOLDER or --shape NAME")
        if known is None:
            ratio = compare(args, argv)
        else:
            once = [measured("offline", args, argv) for _ in range(args.rounds)]
            show(joined(once, "offline"))
            print(f"{'stored':<14} {known:12.3f} requests/s")
            ratio = known / joined(once, "offline").rate
    print(f"ratio={ratio:.3f}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--model", type=Path, help="folder in Hugging Face's layout")
    made.add_argument("--shape", choices=sorted(SHAPES), help="random weights of this shape")
    made.add_argument("--requests", type=int, default=100)
    made.add_argument("--input-tokens", type=int, default=500)
    made.add_argument("--output-tokens", type=int, default=50)
    made.add_argument("--repetitions", type=int, default=3)
    made.add_argument("--warmup-requests", type=int, default=8)
    made.add_argument("--rounds", type=int, default=2, help="processes of each side")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--dtype", default="auto")
    made.add_argument("--max-model-len", type=int)
    made.add_argument("--tensor-parallel-size", type=int, default=1)
    made.add_argument("--enforce-eager", action="store_true")
    made.add_argument("--ray", action="store_true", help="the trial as on a Ray worker")
    made.add_argument("--against-status", type=Path, metavar="FILE", help="SLMTrial as JSON")
    made.add_argument("--workload", help="its workload; left out: the first with figures")
    made.add_argument("--requests-per-second", type=float, help="a figure measured before")
    made.add_argument("--side", choices=sorted(SIDES), help=argparse.SUPPRESS)
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
