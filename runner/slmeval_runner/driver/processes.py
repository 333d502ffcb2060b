"""The trials' processes, as the driver sees them: a Protocol, and Ray behind it."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from slmeval_api.plan import WORKER_RESOURCE, Plan, PlannedTrial

from .actor import TrialProcess, Word
from .placing import Placement, gpus_needed, share_of_worker

log = logging.getLogger(__name__)


class Died(NamedTuple):
    """A process that ended without a result."""

    message: str


class Crashed(NamedTuple):
    """A trial that raised an error nobody expected."""

    message: str


class Event(NamedTuple):
    """Something that a trial's process said, or that became of it."""

    trial: str
    what: Word | Died | Crashed


class Processes(Protocol):
    """The trials' processes on the workers."""

    def nodes(self) -> Collection[str]:
        """Return the workers that are there."""

    def start(self, placement: Placement) -> None:
        """Make the process and let it begin."""

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """Return what happened, after at most `timeout_s`."""

    def end(self, trial: str) -> None:
        """End the process, at once."""


@dataclass(slots=True)
class _Running:
    actor: Any
    stream: Any


def actor_options(plan: Plan, trial: PlannedTrial, *, worker_cpus: int) -> dict[str, Any]:
    """Return what Ray is to give the trial's actor, and that it is not to start it again.

    In a pool without GPUs that is all of the worker's CPUs: Ray lets OpenMP start as many threads
    as an actor has CPUs, and one thread for an actor without, which halved vLLM's speed on two
    cores. With GPUs, one thread is what vLLM itself wants.
    """
    has_gpus = plan.gpus_per_worker > 0
    is_real = plan.engine == "vllm"  # the simulated engine needs no GPU, nor a node with any
    return {
        "num_cpus": 0 if has_gpus else worker_cpus,
        "num_gpus": gpus_needed(plan, trial) if is_real else 0,
        "resources": {WORKER_RESOURCE: share_of_worker(plan, trial)},
        "max_restarts": 0,
        "max_task_retries": 0,
    }


class RayProcesses:
    """One actor a trial. Connects to the cluster that this process runs in."""

    def __init__(self, plan: Plan) -> None:
        import ray

        self._ray = ray
        self._plan = plan
        self._plan_json = plan.model_dump_json(by_alias=True, exclude_none=True)
        self._running = dict[str, _Running]()
        ray.init(address="auto", log_to_driver=True, configure_logging=False)

    def nodes(self) -> Collection[str]:
        """Return the ids of the live nodes that offer the workers' resource: never the head's."""
        return {
            node["NodeID"]
            for node in self._ray.nodes()
            if node["Alive"] and node["Resources"].get(WORKER_RESOURCE)
        }

    def start(self, placement: Placement) -> None:
        """Make the actor on the worker that was chosen, and nowhere else."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        trial = placement.trial
        resources = [n["Resources"] for n in self._ray.nodes() if n["NodeID"] == placement.node]
        cpus = resources[0].get("CPU", 0) if resources else 0
        options = actor_options(self._plan, trial, worker_cpus=int(cpus)) | {
            "scheduling_strategy": NodeAffinitySchedulingStrategy(placement.node, soft=False)
        }
        actor = self._ray.remote(TrialProcess).options(**options).remote()
        stream = actor.run.options(num_returns="streaming").remote(self._plan_json, trial.name)
        self._running[trial.name] = _Running(actor, stream)

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """Return the next word of each process that has one."""
        if not self._running:
            return []
        by_stream = {running.stream: name for name, running in self._running.items()}
        ready, _ = self._ray.wait(
            list(by_stream), num_returns=1, timeout=timeout_s, fetch_local=False
        )
        return [Event(by_stream[stream], self._next(stream)) for stream in ready]

    def _next(self, stream: Any) -> Word | Died | Crashed:  # noqa: ANN401 - Ray has no types
        errors = self._ray.exceptions
        try:
            kind, report = self._ray.get(next(stream))
        except StopIteration:
            return Died("the trial's process ended without a result")
        except (errors.RayActorError, errors.OutOfMemoryError, errors.NodeDiedError) as error:
            return Died(str(error))
        except errors.RayTaskError as error:
            log.error("a trial raised an error: %s", error)
            cause = error if error.cause is None else error.cause
            return Crashed(f"{type(cause).__name__}: {cause}")
        except errors.RayError as error:
            return Died(f"{type(error).__name__}: {error}")
        return Word(kind, report)

    def end(self, trial: str) -> None:
        """Kill the actor, which frees its GPUs; one that is dead already is no error."""
        running = self._running.pop(trial, None)
        if running:
            self._ray.kill(running.actor, no_restart=True)
