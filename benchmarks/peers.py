"""`vllm serve` on this machine, and `vllm bench serve` against it: what a trial is held against."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_LIMIT_S = 600.0
NAME = "served"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    port: int
    tokenizer: str
    start_s: float
    """Seconds from its process to its first answer."""

    def bench(self, requests: int, input_tokens: int, output_tokens: int) -> dict[str, Any]:
        """Return the report of `vllm bench serve`: all requests at once, streamed.

        Says on stderr what its server read from the prefix cache: that was not computed.
        """
        cached = self._cached_tokens()
        with tempfile.TemporaryDirectory() as folder:
            command = [
                *("vllm", "bench", "serve", "--port", str(self.port), "--model", NAME),
                *("--tokenizer", self.tokenizer, "--dataset-name", "random", "--ignore-eos"),
                *("--num-prompts", str(requests), "--random-input-len", str(input_tokens)),
                *("--random-output-len", str(output_tokens), "--random-range-ratio", "0"),
                *("--save-result", "--result-dir", folder, "--result-filename", "r.json"),
            ]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            try:
                report: dict[str, Any] = json.loads((Path(folder) / "r.json").read_text())
            except FileNotFoundError:
                sys.stdout.write(done.stdout[-4000:])
                raise SystemExit(f"vllm bench serve failed with code {done.returncode}") from None
        if report["completed"] != requests:
            raise SystemExit(f"vllm bench serve: {report['completed']} of {requests} completed")
        if cached := self._cached_tokens() - cached:
            print(
                f"vllm bench serve: {cached:.0f} of {report['total_input_tokens']} prompt tokens "
                "came from the prefix cache",
                file=sys.stderr,
            )
        return report

    def _cached_tokens(self) -> float:
        """Return the prompt tokens that the server has read from its prefix cache so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        hits = [line for line in lines if line.startswith("vllm:prefix_cache_hits_total")]
        if not hits:
            raise SystemExit("vllm serve: its /metrics have no vllm:prefix_cache_hits_total")
        return sum(float(line.rsplit(" ", 1)[1]) for line in hits)


@contextmanager
def serving(arguments: Sequence[str]) -> Iterator[Server]:
    """Give a server with these engine arguments, and end it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    at = list(arguments).index("--model")
    model = arguments[at + 1]
    rest = [*arguments[:at], *arguments[at + 2 :]]
    command = ["vllm", "serve", model, *rest, "--port", str(port), "--served-model-name", NAME]
    begun_s = time.monotonic()
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        _await_answer(process, port, begun_s)
        yield Server(port, model, time.monotonic() - begun_s)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_answer(process: "subprocess.Popen[bytes]", port: int, begun_s: float) -> None:
    """Return when the server has answered a completion of one token."""
    body = json.dumps({"model": NAME, "prompt": [5, 6, 7], "max_tokens": 1}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/completions",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    while time.monotonic() - begun_s < START_LIMIT_S:
        if process.poll() is not None:
            raise SystemExit(f"vllm serve ended with code {process.returncode}")
        try:
            with urllib.request.urlopen(request, timeout=60):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise SystemExit(f"vllm serve did not answer within {START_LIMIT_S:.0f} s")
