r"""What a scrape costs with very many evaluations.

    python benchmarks/metrics_scale.py --evaluations 1000 --models 5 --pools 4

Fills the operator's store with stored objects as the API server sends them (each trial's result
with everything that a GPU trial measures: a batch, a sweep of four levels, five tasks) and asks the
operator's own server for /metrics over HTTP, as Prometheus does, with and without gzip. Beside each
scrape runs what it must not hold up: the loop's own work, here a tick every 10 ms.

Prints series, bytes, seconds of each scrape, the longest time that the loop was held, and as its
limit `ratio=R`: seconds of the slowest scrape but the first ÷ Prometheus' default scrape_timeout,
10 s.
"""

import argparse
import asyncio
import copy
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
for root in (".", "api", "operator", "runner", "tests"):
    sys.path.insert(0, str(ROOT / root))

from aiohttp import ClientSession  # noqa: E402
from builders import a_model, evaluation_body, pool_spec, run_body, trial_body  # noqa: E402
from full_result import full_result  # noqa: E402
from prometheus_client import CollectorRegistry  # noqa: E402
from slmeval_decisions import names  # noqa: E402
from slmeval_operator.series.exposition import Exposition  # noqa: E402
from slmeval_operator.server import Health, Server  # noqa: E402
from slmeval_operator.store import Store  # noqa: E402

Json = dict[str, Any]
TIMEOUT_S = 10.0
TICK_S = 0.01
TASKS = 5


def filled(evaluations: int, models: int, pools: int) -> Store:
    """Return a store with so many evaluations, each of one run with models × pools trials."""
    store, result = Store(), _result()
    for number in range(evaluations):
        name, uid = f"evaluation-{number}", f"uid-{number}"
        run = f"{name}-run"
        spec: Json = {
            "models": [a_model(f"model-{m}") for m in range(models)],
            "pools": [f"pool-{p}" for p in range(pools)],
        }
        status = {"status": {"currentRun": {"name": run}}}
        _put(store, "slmevaluations", evaluation_body(name, uid=uid, **spec) | status)
        labels = {names.EVALUATION_UID: uid}
        body = run_body(run, uid=f"{uid}-run", pools=[
            {"name": f"pool-{p}", "spec": pool_spec()} for p in range(pools)
        ])  # fmt: skip
        _put(store, "slmruns", _owned(body, "SLMEvaluation", uid, labels))
        for model in range(models):
            for pool in range(pools):
                trial = trial_body(
                    f"{run}-{model}-{pool}",
                    uid=f"{uid}-{model}-{pool}",
                    evaluation=name,
                    run=run,
                    model=a_model(f"model-{model}"),
                    pool=f"pool-{pool}",
                )
                body = _owned(trial, "SLMRun", f"{uid}-run", labels)
                _put(store, "slmtrials", body | {"status": {"result": copy.deepcopy(result)}})
    return store


def _result() -> Json:
    full = full_result().to_json_data()
    wanted = [w for w in full["workloads"] if w["kind"] in ("batch", "concurrency")]
    (task,) = full["tasks"]
    tasks = [{**task, "name": f"task-{number}"} for number in range(TASKS)]
    points = [w for w in wanted if w["kind"] == "concurrency"]
    for workload in points:
        (first, *_) = workload["points"]
        workload["points"] = [{**first, "concurrency": 2**n} for n in range(4)]
    del full["failure"]  # one of its workloads is made to fail
    return full | {"workloads": wanted, "tasks": tasks}


def _owned(body: Json, kind: str, uid: str, labels: Json) -> Json:
    owner = {"kind": kind, "name": "owner", "uid": uid, "controller": True}
    meta = body["metadata"] | {"ownerReferences": [owner], "labels": labels}
    return body | {"metadata": meta}


def _put(store: Store, kind: str, body: Json) -> None:
    meta = body["metadata"] | {"resourceVersion": "1"}
    store.put(kind, body | {"metadata": meta})


async def longest_hold(done: asyncio.Event) -> float:
    """Return the longest time in seconds that the loop did nothing else, until `done` is set."""
    longest = 0.0
    while not done.is_set():
        begun_s = time.monotonic()
        await asyncio.sleep(TICK_S)
        longest = max(longest, time.monotonic() - begun_s - TICK_S)
    return longest


async def scrape(url: str, *, is_zipped: bool) -> tuple[float, float, int, int]:
    """Return seconds, longest hold in seconds, bytes sent and series of one scrape."""
    done = asyncio.Event()
    watch = asyncio.create_task(longest_hold(done))
    await asyncio.sleep(5 * TICK_S)
    headers = {"Accept-Encoding": "gzip" if is_zipped else "identity"}
    async with ClientSession(auto_decompress=False, headers=headers) as session:
        begun_s = time.monotonic()
        async with session.get(url) as response:
            body = await response.read()
        seconds = time.monotonic() - begun_s
    done.set()
    lines = 0 if is_zipped else sum(not line.startswith(b"#") for line in body.splitlines())
    return seconds, await watch, len(body), lines


async def measured(store: Store, repetitions: int) -> int:
    """Measure and print."""
    exposition = Exposition(store)
    exposition.is_complete = True
    server = Server(CollectorRegistry(), Health(), 0, text=exposition)
    port = await server.start()
    worst_s = 0.0
    for number in range(repetitions):
        for is_zipped in (False, True):
            seconds, held_s, size, lines = await scrape(
                f"http://127.0.0.1:{port}/metrics", is_zipped=is_zipped
            )
            what = "gzip" if is_zipped else f"{lines} series"
            print(f"scrape {number}: {seconds:6.2f} s, loop held {held_s:5.2f} s, "
                  f"{size / 1e6:8.2f} MB, {what}", flush=True)  # fmt: skip
            worst_s = (
                max(worst_s, seconds) if number else 0.0
            )  # the first reads objects into their form
    await server.stop()
    print(f"ratio={worst_s / TIMEOUT_S:.3f}")
    return 0


def main(argv: Sequence[str]) -> int:
    """Parse, measure, print."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--evaluations", type=int, default=1_000)
    made.add_argument("--models", type=int, default=5)
    made.add_argument("--pools", type=int, default=4)
    made.add_argument("--repetitions", type=int, default=3)
    args = made.parse_args(argv)
    begun_s = time.monotonic()
    store = filled(args.evaluations, args.models, args.pools)
    count = args.evaluations * args.models * args.pools
    print(f"{count} trials made in {time.monotonic() - begun_s:.1f} s", flush=True)
    return asyncio.run(measured(store, args.repetitions))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
