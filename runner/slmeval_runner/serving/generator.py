"""GuideLLM, the load generator: what it is asked to send, and what it says of each request."""

import asyncio
import importlib.metadata
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from slmeval_runner.engines.base import Outcome, Pacing, Request
from slmeval_runner.failures import MeasurementInvalid, cut

from .preloaded import PACKAGE, WORDS, Run

Json = dict[str, Any]
Samples = dict[int, list[tuple[float, float]]]
"""Time of the clock on the wall and CPU seconds, by process."""
COMMAND = (sys.executable, "-P", "-m", "slmeval_runner.serving.preloaded")
FOLDER = "SLMEVAL_GENERATOR"
"""Variable of the image: a folder with the generator's packages. Not set: they are the runner's."""
END_LIMIT_S = 5.0
SAMPLE_S = 0.25
LEAST_SAMPLES = 4
MOST_PROCESSES = 10
"""GuideLLM's own limit."""
LEAD_S = 2.0
"""From the first requests of an open loop, which only make each process open its connection, until
the first that counts: else that one would be late by what a connection takes."""
OPENING = {"prompt": "Hello", "output_tokens_count": 1, "relative_timestamp": 0.0}
"""Too short for the prefix cache to keep anything of it."""
REPORT_LIMIT = 8_192
REPORTED = (
    "requests_per_second",
    "request_concurrency",
    "request_latency",
    "time_to_first_token_ms",
    "time_per_output_token_ms",
    "inter_token_latency_ms",
    "prompt_token_count",
    "output_token_count",
    "output_tokens_per_second",
)
"""Its metrics that are kept."""
STATISTICS = ("count", "mean", "std_dev", "min", "median", "max", "percentiles")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requests are sent."""

    url: str
    """Without /v1."""
    model: str
    is_streaming: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """What came of one set. Times are seconds on this machine's monotonic clock."""

    outcomes: tuple[Outcome, ...]
    """Sorted by tokens of prompt and answer; those of requests that failed last, without times."""
    finished: int
    """Requests that the server finished, also those that only opened a connection."""
    late_s: tuple[float, ...]
    """How much later than due each request was sent; empty: nothing was due."""
    cpu_share: float | None
    """Of one core, by the generator's busiest process while it sent; None: too short to tell."""
    report: str
    errors: tuple[str, ...]
    """What failed requests say, each text once."""


def version() -> str:
    """Return the generator's name and version."""
    paths = [os.environ[FOLDER]] if FOLDER in os.environ else sys.path
    found = next(iter(importlib.metadata.distributions(name=PACKAGE, path=paths)), None)
    if found is None:
        raise MeasurementInvalid(
            "the load generator GuideLLM is not in the worker's image, so nothing was measured "
            "over HTTP: use the project's runner image, or install guidellm in yours and name its "
            f"folder in the variable {FOLDER}"
        )
    return f"GuideLLM {found.version}"


def processes_of(cores: int) -> int:
    """Return how many processes may send where there are so many cores."""
    return max(1, min(MOST_PROCESSES, cores // 2))


def profile(pacing: Pacing, requests: int, processes: int) -> Json:
    """Return how GuideLLM is to send so many requests."""
    if pacing.offsets_s is None:
        return {"kind": "concurrent", "streams": [pacing.in_flight or requests]}
    opening = {"mode": "requests", "value": processes}  # not among its figures
    return {"kind": "replay", "schedule_turn": "timestamp", "warmup": opening}


def scenario(profile: Json, requests: int, target: Target, folder: Path) -> Json:
    """Return GuideLLM's own description of a benchmark of so many requests."""
    return {
        "spec": {
            "backend": {
                "kind": "openai_http",
                "target": target.url,
                "model": target.model,
                "request_format": "/v1/completions",
                "stream": target.is_streaming,
                "http2": False,  # Ray Serve's proxy speaks HTTP/1.1
                "validate_backend": False,  # its endpoint is known to answer
                # Special tokens stand in the text where they belong.
                "extras": {"body": {"temperature": 0, "add_special_tokens": False}},
            },
            "profile": profile,
            "constraints": [{"kind": "max_requests", "count": requests}],
            "data": [{"kind": "json_file", "path": str(folder / "requests.jsonl")}],
            "outputs": [{"kind": "json", "path": str(folder / "report.json")}],
            "metrics": {"kind": "generative", "sample_size": 0},
        }
    }


def rows(requests: Sequence[Request], pacing: Pacing, processes: int) -> list[Json]:
    """Return GuideLLM's data, a row a request; before an open loop, one more for each process."""
    asked = [
        {
            "prompt": request.text,
            "prompt_tokens_count": len(request.prompt_token_ids),
            "output_tokens_count": request.max_tokens,
        }
        for request in requests
    ]
    if pacing.offsets_s is None:
        return asked
    timed = [
        row | {"relative_timestamp": LEAD_S + offset}
        for row, offset in zip(asked, pacing.offsets_s, strict=True)
    ]
    return [OPENING] * processes + timed


class Generator:
    """GuideLLM in a process that has imported it: each set is sent by a fork of that."""

    def __init__(self, process: Process, processes: int) -> None:
        self._process = process
        self._processes = processes

    @classmethod
    async def start(cls) -> "Generator":
        """Start the process and return at once: what it imports, it imports meanwhile."""
        processes = processes_of(len(os.sched_getaffinity(0)))
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=PIPE,
            stdout=PIPE,
            cwd="/",  # a run has a folder of its own
            env=environment(os.environ, processes),
        )
        return cls(process, processes)

    async def stop(self) -> None:
        """End it. Does nothing the second time."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), END_LIMIT_S)
        except TimeoutError:  # it may be importing still
            self._process.kill()
            await self._process.wait()

    async def generate(
        self, requests: Sequence[Request], pacing: Pacing, target: Target, folder: Path
    ) -> Generated:
        """Send `requests` and return what came of them; `folder` is empty, and written into.

        Raises:
            MeasurementInvalid: the generator failed.

        """
        data = rows(requests, pacing, self._processes)
        (folder / "requests.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in data))
        config = folder / "scenario.json"
        how = profile(pacing, len(requests), self._processes)
        config.write_text(json.dumps(scenario(how, len(data), target, folder)))
        report, words = folder / "report.json", folder / WORDS
        code, samples = await self._ran(
            Run(arguments=["run", "--config", str(config), "--disable-console"], folder=str(folder))
        )
        if code or not report.is_file():
            said = words.read_text(errors="replace") if words.is_file() else "none"
            raise MeasurementInvalid(
                f"GuideLLM, which sends the requests over HTTP, failed with exit code {code}: see "
                f"the worker's log. Its last words: {cut(said[-800:], 800)}",
                may_pass=True,
            )
        found = await asyncio.to_thread(lambda: json.loads(report.read_text()))
        return generated(found, len(requests), pacing, samples)

    async def _ran(self, run: Run) -> tuple[int, Samples]:
        """Return the exit code of a run, and what its processes used meanwhile."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the generator's process has no pipes")
        samples: Samples = {}
        with suppress(ConnectionError):
            stdin.write(f"{json.dumps(asdict(run))}\n".encode())
            await stdin.drain()
        pid = code = b""
        try:
            if pid := await stdout.readline():
                sampling = asyncio.ensure_future(_sampled(int(pid), samples))
                try:
                    code = await stdout.readline()
                finally:
                    sampling.cancel()
        finally:
            if not code:  # nobody waits for it any more, or the process that has forked it is gone
                stdin.close()
                _end(pid)
        return int(code) if code else await self._process.wait(), samples


def _end(pid: bytes) -> None:
    """Kill a run and what it has started, if it is there."""
    with suppress(psutil.Error, ValueError):
        run = psutil.Process(int(pid))
        for one in (*run.children(recursive=True), run):
            with suppress(psutil.Error):
                one.kill()


def environment(ours: Mapping[str, str], processes: int) -> dict[str, str]:
    """Return the variables of the generator's process."""
    folders = [ours[name] for name in (FOLDER, "PYTHONPATH") if ours.get(name)]
    return dict(ours) | {
        "PYTHONPATH": os.pathsep.join(folders),
        "GUIDELLM__MAX_WORKER_PROCESSES": str(processes),
        # 0.8.1 stops listening to its workers this long after the end, by default before the last
        # request of an open loop is in its report.
        "GUIDELLM__MP_POLL_INTERVAL": "0.5",
        "LD_PRELOAD": "",  # what vLLM wants of memory and OpenMP
        "HF_HUB_OFFLINE": "1",  # it has the lengths, and needs no tokenizer
        "NO_PROXY": "*",  # the endpoint is on this machine
        "no_proxy": "*",
    }


async def _sampled(pid: int, samples: Samples) -> None:
    """Add to `samples` until cancelled."""
    while True:
        await asyncio.to_thread(_sample, pid, samples)
        await asyncio.sleep(SAMPLE_S)


def _sample(pid: int, samples: Samples) -> None:
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return
    for one in family:
        try:
            times = one.cpu_times()
        except psutil.Error:
            continue
        samples.setdefault(one.pid, []).append((time.time(), times.user + times.system))


def generated(report: Json, asked: int, pacing: Pacing, samples: Samples) -> Generated:
    """Return what `report`, GuideLLM's JSON, says of `asked` requests. Pure but for the clock.

    Raises:
        MeasurementInvalid: it is not as expected.

    """
    try:
        benchmark = report["benchmarks"][0]
        requests = benchmark["requests"]
        done, failed = requests["successful"] or [], requests["errored"] or []
        finished = len(done)
        done = [one for one in done if _is_asked(one)]
        wall_to_monotonic_s = time.monotonic() - time.time()
        outcomes = [_outcome(one, wall_to_monotonic_s) for one in done]
        starts = [one["info"]["timings"]["request_start"] for one in done]
        ends = [one["info"]["timings"]["request_end"] for one in done]
        due = [one["info"]["timings"]["targeted_start"] for one in done]
        kept = _kept(benchmark["metrics"])
    except (KeyError, IndexError, TypeError) as error:
        raise MeasurementInvalid(
            f"GuideLLM's report is not as expected ({type(error).__name__}: {error}): report this "
            "with its version"
        ) from error
    outcomes.sort(key=lambda outcome: (outcome.prompt_tokens, outcome.output_tokens))
    lost = Outcome(is_finished=False, prompt_tokens=0, output_tokens=0)
    is_due = pacing.offsets_s is not None
    return Generated(
        outcomes=(*outcomes, *[lost] * (asked - len(outcomes))),
        finished=finished,
        late_s=tuple(s - d for s, d in zip(starts, due, strict=True)) if is_due else (),
        cpu_share=cpu_share(samples, min(starts), max(ends)) if starts else None,
        report=kept,
        errors=tuple(dict.fromkeys(str(one["info"].get("error")) for one in failed)),
    )


def _is_asked(one: Json) -> bool:
    """Return False for a request that only opened a connection."""
    offset = one["info"]["settings"]["relative_timestamp"]
    return offset is None or offset >= LEAD_S


def _outcome(one: Json, wall_to_monotonic_s: float) -> Outcome:
    times = one["info"]["timings"]
    first, last = times["first_token_iteration"], times["last_token_iteration"]
    return Outcome(
        is_finished=True,
        prompt_tokens=one["input_metrics"]["text_tokens"],
        output_tokens=one["output_metrics"]["text_tokens"],
        cached_tokens=one["input_metrics"].get("cached_tokens"),
        arrival_s=times["request_start"] + wall_to_monotonic_s,
        first_token_s=None if first is None else first + wall_to_monotonic_s,
        last_token_s=(last or times["request_end"]) + wall_to_monotonic_s,
    )


def cpu_share(samples: Samples, start_s: float, end_s: float) -> float | None:
    """Return the CPU seconds ÷ seconds of the busiest process between two times on the wall."""
    shares = list[float]()
    for taken in samples.values():
        inside = [(at, used) for at, used in taken if start_s <= at <= end_s]
        if len(inside) >= LEAST_SAMPLES:
            (first_s, first), (last_s, last) = inside[0], inside[-1]
            shares.append((last - first) / (last_s - first_s))
    return max(shares, default=None)


def _kept(metrics: Json) -> str:
    """Return what is kept of its metrics: those of requests that succeeded, as JSON."""
    kept: Json = {"request_totals": metrics["request_totals"]}
    for name in REPORTED:
        found = (metrics.get(name) or {}).get("successful") or {}
        if found.get("count"):
            kept[name] = {key: _rounded(found[key]) for key in STATISTICS if key in found}
    text = json.dumps(kept, separators=(",", ":"))
    if len(text) > REPORT_LIMIT:
        raise MeasurementInvalid(
            f"GuideLLM's report has {len(text)} characters, at most {REPORT_LIMIT} are kept: "
            "report this with its version"
        )
    return text


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value
