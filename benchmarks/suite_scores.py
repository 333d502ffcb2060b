r"""Scores of one model on a suite's tasks, beside what guessing and the commonest answer get.

    python benchmarks/suite_scores.py --suite examples/suites/refuel-open.yaml --claims FOLDER \
        --model FOLDER --dtype float32 --enforce-eager --limit 24

The suite's tasks as its file has them, on files that lie here: FOLDER holds what a worker finds
below its claims (`pvc://refuel-open/banking77/test.jsonl` is
FOLDER/refuel-open/banking77/test.jsonl). --limit lowers the items of each task. The last line is
`ratio=R`: the mean score ÷ the mean of what always giving the commonest right answer gets, of the
tasks that have such an answer. 1 is what a parrot gets.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.plans import Json, gpu_count, plan_of


def main(argv: Sequence[str]) -> int:
    """Parse, measure, print."""
    args = parser().parse_args(argv)
    from slmeval_api.evaluation import Evaluation
    from slmeval_api.plan import TrialReport
    from slmeval_api.result import TaskResult
    from slmeval_runner.devices.monitor import NoDevice
    from slmeval_runner.engines.vllm import VllmEngine
    from slmeval_runner.folders import Folders
    from slmeval_runner.trial import TrialRun

    def show(report: TrialReport) -> None:
        if report.progress:
            print(report.progress.stage, report.progress.detail or "", file=sys.stderr)

    suite = Evaluation.from_body(yaml.safe_load(args.suite.read_text())).spec
    tasks = [
        task.model_copy(update={"limit": min(args.limit, task.limit or args.limit)})
        for task in suite.tasks
    ]
    engine: Json = {
        "dtype": args.dtype,
        "enforceEager": args.enforce_eager,
        "maxModelLen": args.max_model_len,
    }
    models = {"model": {"source": f"file://{args.model.resolve()}", "engine": engine}}
    plan = plan_of(models, seed=suite.seed).model_copy(update={"tasks": tasks})
    run = TrialRun(
        plan,
        plan.trials[0],
        VllmEngine(has_gpu=gpu_count() > 0),
        folders=Folders(claims=args.claims.resolve()),
        tell=show,
        monitor=NoDevice(),
    )
    result = asyncio.run(run.run())
    if result.failure:
        raise SystemExit(result.failure.message)

    def line(task: TaskResult) -> str:
        score, items = task.score, task.items
        if score is None or items is None:
            raise SystemExit(f"{task.name}: {task.failure}")
        further = ", ".join(f"{m.name} {float(m.value):.3f}" for m in task.metrics)
        return (
            f"| {task.name}{' *' if task.held_out else ''} | {task.metric} | "
            f"**{float(score.value):.3f}** | {float(score.low):.3f} to {float(score.high):.3f} | "
            f"{_short(task.majority_score)} | {_short(task.random_score)} | {items.asked} | "
            f"{items.answered} | {items.skipped_too_long} | {items.also_in_train} | {further} |"
        )

    columns = (
        "task | metric | score | 95% interval | commonest | guess | items | answered | too long | "
        "test items also in train | further"
    )
    print(f"| {columns} |\n{'| --- ' * len(columns.split(' | '))}|")
    for task in result.tasks:
        print(line(task))
    if result.suite:
        for name, score in (("all", result.suite.score), ("held out *", result.suite.held_out)):
            if score:
                print(f"{name}: {score.value} ({score.low} to {score.high}), {score.n} items")
        print(f"{float(result.suite.seconds):.1f} s for all items")
    pairs = [
        (float(task.score.value), float(task.majority_score))
        for task in result.tasks
        if task.score and task.majority_score
    ]
    print(f"ratio={mean(own for own, _ in pairs) / mean(common for _, common in pairs):.3f}")
    return 0


def _short(value: str | None) -> str:
    return "" if value is None else f"{float(value):.3f}"


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--suite", type=Path, required=True, help="SLMEvaluation as YAML")
    made.add_argument("--claims", type=Path, default=Path("/claims"), help="folder of claims")
    made.add_argument("--model", type=Path, required=True, help="folder in Hugging Face's layout")
    made.add_argument("--limit", type=int, default=200, help="items of each task at most")
    made.add_argument("--dtype", default="auto")
    made.add_argument("--max-model-len", type=int, default=8192)
    made.add_argument("--enforce-eager", action="store_true")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
