r"""Seconds until a model can be measured: cold, with caches, as a job's second model; `vllm serve`.

    python benchmarks/engine_start.py --shape llama-3.2-1b --second llama-3.2-3b
    python benchmarks/engine_start.py ... --only trials        leave `vllm serve` out

Each line is a trial's `startSeconds`, from its start on a worker to its engine's first answer:

1. cold: the first trial of a job, empty caches;
2. second model: another shape in the same job, never compiled before;
3. same model again, in the same job: what its caches leave;
4. with caches: the first trial of a new job, for the same model;
5. `vllm serve`, with caches too: its process to its first answer.

Caches are folders of this run, as a pool's cacheClaim would hold them. The last line is `ratio=R`:
seconds of 3 ÷ of `vllm serve`, both with caches.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.peers import serving
from benchmarks.plans import Json, plan_of, worker
from benchmarks.shapes import SHAPES, write_model

BATCH = {"requests": 64, "inputTokens": 256, "outputTokens": 64, "repetitions": 1}
"""Long enough for a fast card: the client-is-the-bottleneck gate refuses a batch of a few ms."""
PARTS = (
    "libraries", "model", "process", "device", "weights", "compile", "kvCache", "graphs", "warmup",
)  # fmt: skip


def show(title: str, seconds: Json) -> float:
    """Print a line of the table and return the total."""
    total = float(seconds["total"])
    parts = "  ".join(f"{part} {float(seconds[part]):.1f}" for part in PARTS if part in seconds)
    print(f"{title:<28} {total:7.1f} s   {parts}", flush=True)
    return total


def job(models: dict[str, Json], titles: dict[str, str]) -> dict[str, float]:
    """Run one job with these trials and return the seconds of each."""
    found = dict[str, float]()
    with worker(plan_of(models, {"name": "batch", "batch": BATCH})) as host:
        for name in models:
            start = host.run(name).to_json_data()["startSeconds"]
            found[name] = show(titles[name], start)
    return found


def main(argv: Sequence[str]) -> int:
    """Parse, measure, print."""
    args = parser().parse_args(argv)
    engine = {"loadFormat": "dummy", "enforceEager": args.enforce_eager}
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for variable in ("VLLM_CACHE_ROOT", "TRITON_CACHE_DIR", "FLASHINFER_WORKSPACE_BASE"):
            os.environ[variable] = str(root / variable.lower())
        folders = {s: write_model(s, root / s) for s in {args.shape, args.second}}
        model, other = (
            {"source": f"file://{folders[shape]}", "engine": engine}
            for shape in (args.shape, args.second)
        )
        found = job(
            {"first": model, "second": other, "again": model},
            {
                "first": f"cold {args.shape}",
                "second": f"second model {args.second}",
                "again": f"same again {args.shape}",
            },
        )
        job({"first": model}, {"first": f"with caches {args.shape}"})
        if args.only == "trials":
            return 0
        arguments = ["--model", str(folders[args.shape]), "--load-format", "dummy"]
        arguments += ["--enforce-eager"] if args.enforce_eager else []
        with serving(arguments) as server:
            print(f"{'vllm serve, with caches':<28} {server.start_s:7.1f} s", flush=True)
            print(f"ratio={found['again'] / server.start_s:.3f}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--shape", choices=sorted(SHAPES), default="llama-3.2-1b")
    made.add_argument("--second", choices=sorted(SHAPES), default="llama-3.2-3b")
    made.add_argument("--enforce-eager", action="store_true")
    made.add_argument("--only", choices=["trials"])
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
