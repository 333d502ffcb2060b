"""The host of a worker's trials: a thin Ray actor in front of the fork server."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Pipe

from slmeval_api.plan import LIVE_PORT, Plan

from slmeval_runner.live import FOLDER
from slmeval_runner.live.serving import TrialsCollector, serve
from slmeval_runner.logs import output_of_container

from .events import Event
from .forks import End, Start, ended_with


class ForkServerLost(Exception):
    """The process that starts a worker's trials ended, and all of them with it."""


class Host:
    """Ray makes one actor of it on each worker. It imports no engine.

    Its methods need two threads: `events` keeps one, the other starts and ends trials in order.
    """

    def __init__(self, plan_json: str, live_port: int | None = LIVE_PORT) -> None:
        """Start the fork server, which begins to import at once.

        Args:
            plan_json: the plan.
            live_port: where the engines' own metrics are served; None: nowhere.

        """
        self._commands, commands = Pipe()
        self._events, events = Pipe(duplex=False)
        descriptors = commands.fileno(), events.fileno()
        options = f"--commands={descriptors[0]}", f"--events={descriptors[1]}"
        # It inherits what Ray set for this actor: CUDA_VISIBLE_DEVICES, OMP_NUM_THREADS, which
        # must be there before OpenMP is loaded. In a pod it writes to the pod's log, not to Ray's.
        log = output_of_container()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "slmeval_runner.driver.forkserver", *options],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        if log:
            log.close()
        commands.close()
        events.close()
        self._commands.send(plan_json)
        if live_port is None:
            return
        plan = Plan.model_validate_json(plan_json)
        models = {trial.name: trial.model.name for trial in plan.trials}
        serve(TrialsCollector(FOLDER, models=models, pool=plan.pool), live_port)

    def start(self, trial: str, gpus: tuple[int, ...]) -> None:
        """Start the trial's process once the engine is imported; `gpus` are those of the worker's.

        Raises:
            OSError: the fork server has ended.

        """
        self._commands.send(Start(trial, gpus, time.monotonic()))

    def end(self, trial: str) -> Sequence[str]:
        """Kill the trial's processes; when they are gone, return the last lines they printed.

        There being none is no error.

        Raises:
            OSError, EOFError: the fork server has ended.

        """
        self._commands.send(End(trial))
        lines: Sequence[str] = self._commands.recv()
        return lines

    def events(self) -> Iterator[Event]:
        """Yield what happens to the worker's trials, for as long as the worker is there.

        Raises:
            ForkServerLost: the fork server has ended.

        """
        while True:
            try:
                event: Event = self._events.recv()
            except EOFError:
                code = self._process.wait()
                text = f"the process that starts the worker's trials {ended_with(code)}"
                raise ForkServerLost(text) from None
            yield event
