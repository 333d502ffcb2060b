r"""What Ray Serve's OpenAI endpoint costs: the same requests over HTTP and to the engine itself.

    python benchmarks/http_overhead.py --shape llama-3.2-1b --concurrency 32
    python benchmarks/http_overhead.py --model FOLDER --dtype float32 --enforce-eager \
        --requests 32 --concurrency 4 --input-tokens 64 --output-tokens 16

Both ways in turns, in one trial, by the workload `http`: streamed, whole, and beside them the most
that the engine serves (`batch`). Needs GuideLLM (requirements/generator.in), whose folder the
variable SLMEVAL_GENERATOR names. With --shape weights are RANDOM. The last line is `ratio=R`:
requests a second over HTTP ÷ of the engine itself at the same concurrency, of the first line.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.plans import plan_of, worker
from benchmarks.shapes import SHAPES, write_model

ANSWERS = ("streamed", "whole")


def main(argv: Sequence[str]) -> int:
    """Parse, measure, print."""
    args = parser().parse_args(argv)
    load: dict[str, Any] = {
        "requests": args.requests,
        "inputTokens": args.input_tokens,
        "outputTokens": args.output_tokens,
        "repetitions": args.repetitions,
        "warmupRequests": args.warmup_requests,
        "maxVariationPercent": 100,
    }
    paced = load | {"concurrency": args.concurrency}
    workloads = [
        {"name": answers, "http": paced | {"streaming": answers == "streamed"}}
        for answers in args.answers or ANSWERS
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.model or write_model(args.shape, Path(temporary) / args.shape)
        engine = {
            "dtype": args.dtype,
            "loadFormat": "auto" if args.model else "dummy",
            "maxModelLen": args.input_tokens + args.output_tokens,
            "enforceEager": args.enforce_eager,
        }
        models = {"model": {"source": f"file://{folder.resolve()}", "engine": engine}}
        batch = {"name": "batch", "batch": load}
        with worker(plan_of(models, *workloads, batch)) as host:
            result = host.run("model")
    ratios = list[str]()
    for workload in result.workloads[:-1]:
        figures, http = workload.figures, workload.http
        if figures is None or http is None:
            raise SystemExit(f"{workload.name}: {workload.failure}")
        for side, shown in (("over HTTP", figures), ("the engine", http.engine)):
            first = shown.time_to_first_token_seconds
            print(
                f"{workload.name:<9} {side:<11} {float(shown.requests_per_second):8.2f} requests/s"
                f", latency p50 {shown.latency_seconds.p50} p99 {shown.latency_seconds.p99} s, "
                f"first token p50 {first.p50 if first else '-'} s, "
                f"spread {shown.variation_percent or '-'}%"
            )
        print(
            f"{workload.name:<9} ratio {http.requests_per_second_ratio}, "
            f"latency {float(http.added_latency_seconds):+.3f} s, "
            f"busiest process of {http.generator}: {http.generator_cpu_percent or '-'}% of a core, "
            f"Ray Serve started in {float(http.start_seconds):.1f} s",
            flush=True,
        )
        ratios.append(http.requests_per_second_ratio)
    figures = result.workloads[-1].figures
    if figures:
        print(f"all at once, no HTTP: {float(figures.requests_per_second):.2f} requests/s")
    print(f"ratio={ratios[0]}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = made.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", type=Path, help="folder in Hugging Face's layout")
    which.add_argument("--shape", choices=sorted(SHAPES), help="random weights")
    made.add_argument("--answers", choices=ANSWERS, action="append", help="default: both")
    made.add_argument("--requests", type=int, default=300)
    made.add_argument("--concurrency", type=int, default=64)
    made.add_argument("--input-tokens", type=int, default=1000)
    made.add_argument("--output-tokens", type=int, default=100)
    made.add_argument("--repetitions", type=int, default=3)
    made.add_argument("--warmup-requests", type=int, default=64)
    made.add_argument("--dtype", default="auto")
    made.add_argument("--enforce-eager", action="store_true")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
