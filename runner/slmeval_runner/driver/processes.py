"""The trials' processes, as the driver sees them: a Protocol, and Ray behind it."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from slmeval_api.plan import LIVE_PORT, WORKER_RESOURCE, Plan

from .events import Died, Event
from .forks import END_LIMIT_S
from .host import Host
from .placing import Placement

log = logging.getLogger(__name__)

OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Ray would take 30% of the machine's memory; only small messages pass through it here."""
ANSWER_LIMIT_S = END_LIMIT_S + 30.0
"""Longest wait for a worker to say that a trial has ended. It may be importing the engine."""


class Processes(Protocol):
    """The trials' processes on the workers."""

    def nodes(self) -> Collection[str]:
        """Return the workers that are there."""

    def start(self, placement: Placement) -> None:
        """Make the process and let it begin."""

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """Return what happened, after at most `timeout_s`."""

    def end(self, trial: str) -> Sequence[str]:
        """End the process at once; when its GPUs are free, return the last lines it printed."""


@dataclass(frozen=True, slots=True)
class _OnNode:
    actor: Any
    stream: Any


def actor_options(plan: Plan, *, worker_cpus: int) -> dict[str, Any]:
    """Return what Ray is to give a worker's host: all of the worker. It is not to start it again.

    In a pool without GPUs that includes the CPUs: Ray lets OpenMP start as many threads as an actor
    has CPUs, and one thread for an actor without, which halved vLLM's speed on two cores. With
    GPUs, one thread is what vLLM itself wants.
    """
    gpus = plan.gpus_per_worker
    is_real = plan.engine == "vllm"  # the simulated engine needs no GPU, nor a node with any
    return {
        "num_cpus": 0 if gpus else worker_cpus,
        "num_gpus": gpus if is_real else 0,
        "resources": {WORKER_RESOURCE: 1},
        "max_concurrency": 2,  # see Host
        "max_restarts": 0,
        "max_task_retries": 0,
    }


@dataclass(frozen=True, slots=True)
class OwnRay:
    """A Ray of this machine alone, which begins and ends with the driver; see docs/adr/0017."""

    cpus: int
    """What it offers to the engine."""
    folder: Path
    """Where Ray keeps sockets and logs. Its path must be short: that of a socket has 107 bytes."""


def options_of(plan: Plan, own: OwnRay | None) -> dict[str, Any]:
    """Return what ray.init is told: to join the cluster that this process runs in, or to start."""
    if own is None:
        return {"address": "auto"}
    return {
        "address": "local",  # whatever RAY_ADDRESS says
        "num_cpus": own.cpus,
        "num_gpus": plan.gpus_per_worker if plan.engine == "vllm" else 0,
        "resources": {WORKER_RESOURCE: 1},
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
        "_node_ip_address": "127.0.0.1",  # nobody else has to reach it
        "_temp_dir": str(own.folder),
    }


class RayProcesses:
    """One host a worker, made when its first trial starts."""

    def __init__(self, plan: Plan, own: OwnRay | None = None) -> None:
        """Join the cluster that this process runs in, or start `own`."""
        import ray

        self._ray = ray
        self._plan = plan
        self._plan_json = plan.model_dump_json(by_alias=True, exclude_none=True)
        self._hosts = dict[str, _OnNode]()
        self._running = dict[str, str]()  # node by trial
        self._lost = list[Event]()
        self._live_port = LIVE_PORT if own is None else None
        ray.init(**options_of(plan, own), log_to_driver=True, configure_logging=False)

    def nodes(self) -> Collection[str]:
        """Return the ids of the live nodes that offer the workers' resource: never the head's."""
        return {
            node["NodeID"]
            for node in self._ray.nodes()
            if node["Alive"] and node["Resources"].get(WORKER_RESOURCE)
        }

    def start(self, placement: Placement) -> None:
        """Let the worker that was chosen start the process."""
        node, name = placement.node, placement.trial.name
        if node not in self._hosts:
            self._hosts[node] = self._made(node)
        self._running[name] = node
        gpus = placement.gpus if self._plan.engine == "vllm" else ()
        self._hosts[node].actor.start.remote(name, gpus)

    def _made(self, node: str) -> _OnNode:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        resources = [n["Resources"] for n in self._ray.nodes() if n["NodeID"] == node]
        cpus = resources[0].get("CPU", 0) if resources else 0
        options = actor_options(self._plan, worker_cpus=int(cpus)) | {
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)
        }
        actor = self._ray.remote(Host).options(**options).remote(self._plan_json, self._live_port)
        return _OnNode(actor, actor.events.options(num_returns="streaming").remote())

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """Return the next event of each worker that has one."""
        lost, self._lost = self._lost, []
        if lost or not self._hosts:
            return lost
        by_stream = {host.stream: node for node, host in self._hosts.items()}
        ready, _ = self._ray.wait(
            list(by_stream), num_returns=1, timeout=timeout_s, fetch_local=False
        )
        return [event for stream in ready for event in self._next(by_stream[stream])]

    def _next(self, node: str) -> list[Event]:
        errors = self._ray.exceptions
        try:
            event: Event = self._ray.get(next(self._hosts[node].stream))
        except errors.RayTaskError as error:
            return self._lose(node, str(error if error.cause is None else error.cause))
        except errors.RayError as error:
            return self._lose(node, f"{type(error).__name__}: {error}")
        return [event] if event.trial in self._running else []  # else it was ended meanwhile

    def _lose(self, node: str, why: str) -> list[Event]:
        """Give the worker's host up and return the end of its trials; the next gets a new one."""
        host = self._hosts.pop(node)
        self._ray.kill(host.actor, no_restart=True)
        log.error("Lost the host of a worker's trials", extra={"node": node, "error": why})
        names = [name for name, its in self._running.items() if its == node]
        for name in names:
            del self._running[name]
        return [Event(name, Died(why)) for name in names]

    def end(self, trial: str) -> Sequence[str]:
        """Kill the trial's processes and wait until they are gone; none is no error.

        A worker that cannot do that is given up, with all of its trials: beside one that still
        runs nothing can be measured.
        """
        self._lost = [event for event in self._lost if event.trial != trial]
        node = self._running.pop(trial, None)
        if node is None:
            return ()
        try:
            lines: Sequence[str] = self._ray.get(
                self._hosts[node].actor.end.remote(trial), timeout=ANSWER_LIMIT_S
            )
        except self._ray.exceptions.RayError as error:
            self._lost += self._lose(node, f"{type(error).__name__}: {error}")
            return ()
        return lines

    def close(self) -> None:
        """End every trial, then Ray's part in this process; a Ray of its own ends altogether."""
        for trial in list(self._running):
            self.end(trial)
        self._ray.shutdown()
