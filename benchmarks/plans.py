"""Plans and workers for benchmarks: what the operator and KubeRay would make, on this machine."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
for root in (".", "api", "runner"):
    sys.path.insert(0, str(REPOSITORY / root))

from slmeval_api.plan import WORKER_RESOURCE, Plan, TrialReport  # noqa: E402
from slmeval_api.result import TrialResult  # noqa: E402

Json = dict[str, Any]


def gpu_count() -> int:
    """Return the NVIDIA GPUs of this machine, without starting CUDA in this process."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def plan_of(models: Mapping[str, Json], *workloads: Json, seed: int = 1) -> Plan:
    """Return a plan of one trial a model, that measures `workloads`.

    Args:
        models: `source` and `engine` of each candidate, by name.
        workloads: in the API's form.
        seed: draws the prompts.

    """
    return Plan.from_json_data(
        {
            "namespace": "none",
            "run": "none",
            "pool": "here",
            "attempt": 1,
            "engine": "vllm",
            "gpusPerWorker": min(1, gpu_count()),
            "workers": 1,
            "image": "none",
            "seed": seed,
            "trialDeadlineSeconds": 86_400,
            "workloads": list(workloads),
            "tasks": [],
            "trials": [{"name": name, "model": {"name": "model", **model}}
                       for name, model in models.items()],
        }
    )  # fmt: skip


class Worker:
    """A Ray worker's host, as the driver makes it. Runs trials one after the other."""

    def __init__(self, plan: Plan) -> None:
        """Start Ray on this machine, and the host, which begins to import vLLM."""
        import ray
        from slmeval_runner.driver.host import Host
        from slmeval_runner.driver.processes import actor_options

        paths = [str(REPOSITORY / root) for root in ("api", "runner")]
        os.environ["PYTHONPATH"] = ":".join([*paths, os.environ.get("PYTHONPATH", "")])
        ray.init(resources={WORKER_RESOURCE: 1}, include_dashboard=False, log_to_driver=False)
        self._ray = ray
        self._gpus = tuple(range(plan.gpus_per_worker))
        options = actor_options(plan, worker_cpus=int(ray.cluster_resources()["CPU"]))
        text = plan.model_dump_json(by_alias=True, exclude_none=True)
        self._host = ray.remote(Host).options(**options).remote(text)
        self._stream = self._host.events.options(num_returns="streaming").remote()

    def run(self, trial: str) -> TrialResult:
        """Return what the trial of that name measured, once its processes are gone."""
        from slmeval_runner.driver.events import Word

        self._ray.get(self._host.start.remote(trial, self._gpus))
        for reference in self._stream:
            said = self._ray.get(reference).what
            if isinstance(said, Word) and said.kind == "progress":
                _tell(trial, said.report)
                continue
            self._ray.get(self._host.end.remote(trial))
            if not isinstance(said, Word):
                raise SystemExit(f"{trial}: {said.message}")
            result = TrialReport.model_validate_json(said.report).result
            if result is None or result.failure:
                raise SystemExit(f"{trial}: {result.failure if result else 'no result'}")
            return result
        raise SystemExit(f"{trial}: the worker said nothing more")

    def close(self) -> None:
        """End the host and Ray."""
        self._ray.shutdown()


def _tell(trial: str, report: str) -> None:
    """Print where a trial stands, beside the results: a run of minutes is not silent."""
    progress = TrialReport.model_validate_json(report).progress
    if progress:
        sys.stderr.write(f"{trial}: {progress.stage} {progress.detail or ''}\n")


@contextmanager
def worker(plan: Plan) -> Iterator[Worker]:
    """Give a worker for `plan`, and end it afterwards."""
    made = Worker(plan)
    try:
        yield made
    finally:
        made.close()
