r"""The article's first experiment on this machine: the time to serve 500 requests, model by model.

    python benchmarks/article.py
    python benchmarks/article.py --shape llama-3.2-1b --shape llama-3.2-3b --repetitions 2

"Finding the right SLM for your needs" (October 2024): temperature 0, 2,000 tokens in, 100 out. Its
card was an A6000; its words are that a 3B takes about three times the time of a 1B, that small
models take 10% to 50% of a large one's, and that between families time does not follow size. The
weights here are RANDOM: time is that of the shape. All models run as trials of one job. The last
line is `ratio=R`: seconds of Llama 3B ÷ of Llama 1B, which the article gives as about 3.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.plans import plan_of, worker
from benchmarks.shapes import SHAPES, write_model

RATIOS = (
    ("llama-3.2-3b", "llama-3.2-1b", "about 3"),
    ("llama-3.2-1b", "llama-3.1-8b", "0.1 to 0.5"),
    ("qwen2.5-1.5b", "qwen2.5-7b", "0.1 to 0.5"),
    ("gemma-2-2b", "gemma-2-9b", "0.1 to 0.5"),
)


def main(argv: Sequence[str]) -> int:
    """Parse, measure, print."""
    args = parser().parse_args(argv)
    shapes = args.shape or [shape for shape in SHAPES if shape != "tiny"]
    batch = {
        "requests": args.requests,
        "inputTokens": args.input_tokens,
        "outputTokens": args.output_tokens,
        "repetitions": args.repetitions,
        "maxVariationPercent": 100,
    }
    seconds = dict[str, float]()
    with tempfile.TemporaryDirectory() as temporary:
        engine = {
            "loadFormat": "dummy",
            "maxModelLen": args.input_tokens + args.output_tokens,
            "enforceEager": args.enforce_eager,
        }
        models = {
            shape: {"source": f"file://{write_model(shape, Path(temporary) / shape)}",
                    "engine": engine}
            for shape in shapes
        }  # fmt: skip
        with worker(plan_of(models, {"name": "batch", "batch": batch})) as host:
            for shape in shapes:
                result = host.run(shape)
                figures = result.workloads[0].figures
                if figures is None or result.start_seconds is None:
                    raise SystemExit(f"{shape}: {result.failure}")
                seconds[shape] = float(figures.seconds)
                print(
                    f"{shape:<14} {seconds[shape]:8.2f} s for {args.requests} requests, "
                    f"{float(figures.requests_per_second):7.2f} requests/s, "
                    f"start {float(result.start_seconds.total):5.1f} s, "
                    f"spread {figures.variation_percent or '-'}%",
                    flush=True,
                )
    for one, other, words in RATIOS:
        if one in seconds and other in seconds:
            ratio = seconds[one] / seconds[other]
            print(f"{one} ÷ {other} = {ratio:.2f} (the article: {words})")
    if {"llama-3.2-3b", "llama-3.2-1b"} <= seconds.keys():
        print(f"ratio={seconds['llama-3.2-3b'] / seconds['llama-3.2-1b']:.3f}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--shape", choices=sorted(SHAPES), action="append", help="default: all")
    made.add_argument("--requests", type=int, default=500)
    made.add_argument("--input-tokens", type=int, default=2000)
    made.add_argument("--output-tokens", type=int, default=100)
    made.add_argument("--repetitions", type=int, default=3)
    made.add_argument("--enforce-eager", action="store_true")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
