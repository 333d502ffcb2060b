"""The OpenAI endpoint of a running engine, as the trial sees it: starts it, asks it, ends it."""

import asyncio
import json
import os
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from slmeval_api.plan import LOG_FORMAT_VARIABLE

from slmeval_runner.engines.base import Attachment, Steps
from slmeval_runner.failures import MeasurementInvalid, cut

from .generator import Generator
from .protocol import BEGIN, Deployed, Ready

COMMAND = (sys.executable, "-m", "slmeval_runner.serving")
START_LIMIT_S = 300.0
ANSWER_LIMIT_S = 60.0
END_LIMIT_S = 60.0
LINE_LIMIT_BYTES = 64 * 2**20
"""Of a reply: each gap between two tokens is a number in it, and there may be millions."""
LAST_LINES = 5
LAST_LIMIT = 800
KEPT_RAY_SETTINGS = (
    "RAY_USAGE_STATS_ENABLED",
    "RAY_process_group_cleanup_enabled",
    "RAY_worker_niceness",
)
"""Every other RAY_… speaks of the job's cluster, which the endpoint's own Ray has no part in."""


class Endpoint:
    """Ray Serve on this machine, in front of one engine, and what loads it.

    Raises MeasurementInvalid where it does not do as it is told: the engine may well be sound.
    """

    def __init__(
        self,
        process: Process,
        generator: Generator,
        model: str,
        last: deque[str],
        passing_on: "asyncio.Task[None]",
    ) -> None:
        self._process = process
        self.generator = generator
        """Ends with the endpoint."""
        self.model = model
        """What requests call the model."""
        self._last = last
        self._passing_on = passing_on
        self.url = ""
        """Without /v1."""
        self.start_s = 0.0
        """Seconds from its process until it took requests."""

    @classmethod
    async def start(cls, attachment: Attachment, name: str) -> "Endpoint":
        """Serve the engine of `attachment`, which requests call `name`."""
        begun_s = time.monotonic()
        generator = await Generator.start()  # it imports while Ray Serve starts, which takes longer
        try:
            process = await asyncio.create_subprocess_exec(
                *COMMAND,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=environment(os.environ),
                limit=LINE_LIMIT_BYTES,
            )
        except BaseException:
            await generator.stop()
            raise
        last = deque[str](maxlen=LAST_LINES)
        passing_on = asyncio.create_task(_pass_on(process, last))
        endpoint = cls(process, generator, name, last, passing_on)
        deployed = Deployed(name=name, port=free_port(), attachment=attachment)
        try:
            ready = Ready(**await endpoint._ask(json.dumps(asdict(deployed)), START_LIMIT_S))
        except BaseException:
            await endpoint.stop()
            raise
        endpoint.url = ready.url
        endpoint.start_s = time.monotonic() - begun_s
        return endpoint

    async def begin(self) -> None:
        """Forget the engine's steps so far."""
        await self._ask(BEGIN, ANSWER_LIMIT_S)

    async def steps(self, requests: int) -> Steps:
        """Return the engine's steps since `begin`, in which `requests` requests ended."""
        return Steps(**await self._ask(str(requests), ANSWER_LIMIT_S))

    async def stop(self) -> None:
        """End it and all that it started. Does nothing the second time."""
        await self.generator.stop()
        if self._process.stdin:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), END_LIMIT_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await self._passing_on

    async def _ask(self, line: str, limit_s: float) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the endpoint's process has no pipes")
        try:
            stdin.write(f"{line}\n".encode())
            await stdin.drain()
            answer = await asyncio.wait_for(stdout.readline(), limit_s)
        except TimeoutError as error:
            self._process.kill()  # its answer may still come, and would pass for another's
            raise self._failed(f"did not answer within {limit_s:.0f} s") from error
        except ConnectionError:
            answer = b""
        if not answer:
            raise self._failed("ended")
        found: dict[str, Any] = json.loads(answer)
        return found

    def _failed(self, how: str) -> MeasurementInvalid:
        last = cut("\n".join(self._last), LAST_LIMIT)
        return MeasurementInvalid(
            f"Ray Serve, which was to serve the model over HTTP, {how}: see the worker's log. It "
            f"needs about 4 GiB of the worker's memory. Its last words: {last or 'none'}",
            may_pass=True,
        )


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the endpoint's process."""
    kept = {k: v for k, v in ours.items() if not k.startswith("RAY_") or k in KEPT_RAY_SETTINGS}
    # Its processes ask Ray for no GPU, so Ray would hide them all: vLLM's front end asks what card
    # there is, as it does in every API server.
    # What it logs is passed on as text that was printed: JSON would stand in JSON.
    return kept | {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", LOG_FORMAT_VARIABLE: "text"}


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _pass_on(process: Process, last: deque[str]) -> None:
    """Write what the process says to this one's log, and keep its last lines."""
    if process.stderr is None:
        return
    while line := await process.stderr.readline():
        text = line.decode(errors="replace")
        sys.stderr.write(text)
        if text.strip():
            last.append(text.strip())
