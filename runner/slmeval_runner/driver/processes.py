"""The trials' processes, as the driver sees them: a Protocol, and Ray behind it."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from slmeval_api.plan import WORKER_RESOURCE, Plan

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

        trial, plan = placement.trial, self._plan
        has_gpus = plan.engine == "vllm"  # the simulated engine needs none, nor a node with any
        options = {
            "num_cpus": 0,  # a worker's CPUs may be less than one; the share below is what counts
            "num_gpus": gpus_needed(plan, trial) if has_gpus else 0,
            "resources": {WORKER_RESOURCE: share_of_worker(plan, trial)},
            "max_restarts": 0,
            "max_task_retries": 0,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(placement.node, soft=False),
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
