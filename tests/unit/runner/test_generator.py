"""What GuideLLM is asked to send, and what is read from its report."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from slmeval_runner.engines.base import AT_ONCE, Pacing, Request
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.serving import generator
from slmeval_runner.serving.generator import (
    COMMAND,
    FOLDER,
    LEAD_S,
    Generated,
    Generator,
    Target,
    cpu_share,
    environment,
    generated,
    processes_of,
    profile,
    rows,
    scenario,
)

Json = dict[str, Any]
CLOSED = Pacing(in_flight=4)
OPEN = Pacing(offsets_s=(0.0, 0.5))
TARGET = Target(url="http://127.0.0.1:8000", model="small", is_streaming=True)


def a_request(text: str = "one two", tokens: int = 2, output: int = 3) -> Request:
    return Request(
        prompt_token_ids=list(range(tokens)), max_tokens=output, is_exact=True, text=text
    )


def a_row(start: float = 100.0, *, due: float | None = None, **overrides: Any) -> Json:
    """Return a request of the report: 16 in and 4 out, first token after 1 s, last after 4."""
    return {
        "info": {
            "timings": {
                "request_start": start,
                "first_token_iteration": start + 1,
                "last_token_iteration": start + 4,
                "request_end": start + 4.5,
                "targeted_start": start if due is None else due,
                **overrides.pop("timings", {}),
            },
            "settings": {"relative_timestamp": overrides.pop("offset", None)},
            "error": None,
        },
        "input_metrics": {"text_tokens": overrides.pop("prompt", 16), "cached_tokens": 0},
        "output_metrics": {"text_tokens": overrides.pop("output", 4)},
    }


def a_report(*done: Json, failed: tuple[Json, ...] = ()) -> Json:
    latency = {"count": len(done), "mean": 4.123456789, "percentiles": {"p50": 4.0}, "pdf": None}
    nothing = {"count": 0, "mean": 0.0}
    return {
        "benchmarks": [
            {
                "requests": {"successful": list(done), "errored": list(failed)},
                "metrics": {
                    "request_totals": {"successful": len(done), "errored": len(failed)},
                    "request_latency": {"successful": latency, "errored": nothing},
                    "inter_token_latency_ms": {"successful": nothing},
                    "time_to_first_token_ms": None,
                    "text": {"successful": latency},
                },
            }
        ]
    }


class TestWhatIsAsked:
    def test_a_fixed_number_in_flight(self) -> None:
        assert profile(CLOSED, 20, 1) == {"kind": "concurrent", "streams": [4]}

    def test_all_at_once_is_as_many_in_flight_as_there_are(self) -> None:
        assert profile(AT_ONCE, 20, 1) == {"kind": "concurrent", "streams": [20]}

    def test_arrivals_are_those_of_the_engines_own_sets(self) -> None:
        asked = rows([a_request(), a_request("three")], OPEN, processes=2)
        assert [row["relative_timestamp"] for row in asked] == [0.0, 0.0, LEAD_S, LEAD_S + 0.5]
        assert [row["prompt"] for row in asked[2:]] == ["one two", "three"]

    def test_requests_that_open_connections_are_not_among_its_figures(self) -> None:
        assert profile(OPEN, 2, 3)["warmup"] == {"mode": "requests", "value": 3}

    def test_each_request_says_its_lengths(self) -> None:
        (row,) = rows([a_request(tokens=7, output=5)], CLOSED, processes=4)
        assert row == {"prompt": "one two", "prompt_tokens_count": 7, "output_tokens_count": 5}

    @pytest.mark.parametrize("is_streaming", [True, False])
    def test_the_rest_is_how_the_endpoint_is_called(
        self, tmp_path: Path, *, is_streaming: bool
    ) -> None:
        target = Target(url="http://h:1", model="m", is_streaming=is_streaming)
        spec = scenario({"kind": "concurrent", "streams": [1]}, 9, target, tmp_path)["spec"]
        assert spec["backend"]["stream"] is is_streaming
        assert (spec["backend"]["target"], spec["backend"]["model"]) == ("http://h:1", "m")
        assert spec["backend"]["extras"]["body"] == {"temperature": 0, "add_special_tokens": False}
        assert spec["constraints"] == [{"kind": "max_requests", "count": 9}]

    @pytest.mark.parametrize(("cores", "processes"), [(1, 1), (2, 1), (4, 2), (16, 8), (128, 10)])
    def test_every_second_core_has_a_process(self, cores: int, processes: int) -> None:
        assert processes_of(cores) == processes

    def test_its_packages_come_before_the_runners_and_nothing_is_preloaded(self) -> None:
        given = {FOLDER: "/generator", "PYTHONPATH": "/lib", "LD_PRELOAD": "libx.so", "A": "b"}
        found = environment(given, 3)
        assert found["PYTHONPATH"] == f"/generator{os.pathsep}/lib"
        assert (found["LD_PRELOAD"], found["A"]) == ("", "b")
        assert found["GUIDELLM__MAX_WORKER_PROCESSES"] == "3"

    def test_no_proxy_and_no_hub_stand_between_it_and_the_endpoint(self) -> None:
        found = environment({"HTTP_PROXY": "http://proxy:3128", "no_proxy": "internal"}, 1)
        assert (found["NO_PROXY"], found["no_proxy"]) == ("*", "*")
        assert found["HF_HUB_OFFLINE"] == "1"


class TestWhatIsRead:
    def test_times_of_each_request(self) -> None:
        found = generated(a_report(a_row(100.0)), 1, CLOSED, {})
        (outcome,) = found.outcomes
        assert outcome.is_finished
        assert (outcome.prompt_tokens, outcome.output_tokens, outcome.cached_tokens) == (16, 4, 0)
        assert outcome.arrival_s is not None
        assert outcome.first_token_s is not None
        assert outcome.last_token_s is not None
        assert outcome.first_token_s - outcome.arrival_s == pytest.approx(1.0)
        assert outcome.last_token_s - outcome.arrival_s == pytest.approx(4.0)

    def test_an_answer_that_came_whole_ends_when_it_was_there(self) -> None:
        whole = {"first_token_iteration": None, "last_token_iteration": None}
        found = generated(a_report(a_row(timings=whole)), 1, CLOSED, {})
        (outcome,) = found.outcomes
        assert outcome.first_token_s is None
        assert outcome.arrival_s is not None
        assert outcome.last_token_s is not None
        assert outcome.last_token_s - outcome.arrival_s == pytest.approx(4.5)

    def test_outcomes_stand_by_their_lengths_and_lost_ones_last(self) -> None:
        report = a_report(a_row(prompt=20), a_row(prompt=10, output=9), a_row(prompt=10, output=2))
        found = generated(report, 4, CLOSED, {})
        assert [(o.prompt_tokens, o.output_tokens) for o in found.outcomes] == [
            (10, 2), (10, 9), (20, 4), (0, 0)
        ]  # fmt: skip
        assert [o.is_finished for o in found.outcomes] == [True, True, True, False]

    def test_requests_that_only_opened_a_connection_are_no_outcomes(self) -> None:
        opening = a_row(98.0, prompt=2, output=1, offset=0.0)
        asked = a_row(100.0, due=99.75, offset=LEAD_S)
        found = generated(a_report(opening, asked), 1, OPEN, {})
        assert [o.prompt_tokens for o in found.outcomes] == [16]
        assert found.finished == 2
        assert found.late_s == (0.25,)

    def test_nothing_is_late_that_had_no_time(self) -> None:
        assert generated(a_report(a_row(100.0, due=90.0)), 1, CLOSED, {}).late_s == ()

    def test_what_failed_says_why_once(self) -> None:
        refused = a_row()
        refused["info"]["error"] = "HTTP 503"
        found = generated(a_report(failed=(refused, refused)), 2, CLOSED, {})
        assert found.errors == ("HTTP 503",)
        assert found.cpu_share is None

    def test_its_report_is_kept_without_what_it_did_not_measure(self) -> None:
        kept = json.loads(generated(a_report(a_row()), 1, CLOSED, {}).report)
        assert kept == {
            "request_totals": {"successful": 1, "errored": 0},
            "request_latency": {"count": 1, "mean": 4.12346, "percentiles": {"p50": 4.0}},
        }

    @pytest.mark.parametrize("report", [{}, {"benchmarks": []}, {"benchmarks": [{"requests": 1}]}])
    def test_a_report_of_another_form_is_refused(self, report: Json) -> None:
        with pytest.raises(MeasurementInvalid, match="GuideLLM's report is not as expected"):
            generated(report, 1, CLOSED, {})


class TestItsShareOfACore:
    def test_is_that_of_the_busiest_process_while_it_sent(self) -> None:
        idle = [(float(t), 0.0) for t in range(10)]
        busy = [(float(t), 5.0 + 0.5 * t) for t in range(10)]
        starting = [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]  # before the first request
        assert cpu_share({1: idle, 2: busy, 3: starting}, 3.0, 9.0) == pytest.approx(0.5)

    def test_is_unknown_of_a_moment(self) -> None:
        assert cpu_share({1: [(0.0, 0.0), (1.0, 1.0)]}, 0.0, 1.0) is None


@pytest.fixture
def stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return what writes a package that only has GuideLLM's name, and gives a run's folder."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    (tmp_path / "guidellm").mkdir()
    (tmp_path / "run").mkdir()

    def write(body: str, *, imported: str = "") -> Path:
        (tmp_path / "guidellm/__init__.py").touch()
        (tmp_path / "guidellm/cli.py").write_text(imported)
        (tmp_path / "guidellm/__main__.py").write_text(f"import guidellm.cli\n{body}")
        return tmp_path / "run"

    return write


@asynccontextmanager
async def running() -> AsyncIterator[Generator]:
    generator = await Generator.start()
    try:
        yield generator
    finally:
        await generator.stop()
        await generator.stop()  # does nothing


async def generated_by(generator: Generator, folder: Path) -> Generated:
    return await generator.generate([a_request()], CLOSED, TARGET, folder)


REPORT = f"open('report.json', 'w').write({json.dumps(a_report(a_row()))!r})"
HANGS = """
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "60"])
open("pids.new", "w").write(f"{os.getppid()} {os.getpid()} {child.pid}")
os.rename("pids.new", "pids")
time.sleep(60)
"""


async def pids(folder: Path) -> list[int]:
    """Return the processes of HANGS: what forked it, itself, and what it started."""
    for _ in range(1_000):
        if (folder / "pids").exists():
            break
        await asyncio.sleep(0.01)
    return [int(pid) for pid in (folder / "pids").read_text().split()]


async def gone(pid: int) -> bool:
    for _ in range(500):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        await asyncio.sleep(0.01)
    return False


class TestItsProcess:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("import sys; print('no such profile'); sys.exit(3)", r"exit code 3.*no such profile"),
            ("raise ValueError('no rows')", r"exit code 1.*ValueError: no rows"),
            ("import os; os.kill(os.getpid(), 9)", r"exit code -9"),
            ("print('done')", r"exit code 0.*done"),  # without a report
        ],
    )
    async def test_that_fails_is_told_with_its_words(
        self, stands_in: Callable[..., Path], body: str, message: str
    ) -> None:
        folder = stands_in(body)
        async with running() as generator:
            with pytest.raises(MeasurementInvalid, match=f"(?s){message}"):
                await generated_by(generator, folder)

    async def test_that_cannot_be_imported_is_told(self, stands_in: Callable[..., Path]) -> None:
        folder = stands_in("", imported="import no_such_module")
        async with running() as generator:
            with pytest.raises(MeasurementInvalid, match=r"exit code 1(?s:.*)no_such_module"):
                await generated_by(generator, folder)

    async def test_reads_what_was_asked_and_is_read(self, stands_in: Callable[..., Path]) -> None:
        folder = stands_in(REPORT)
        async with running() as generator:
            found = await generated_by(generator, folder)
        assert found.finished == 1
        (row,) = (folder / "requests.jsonl").read_text().splitlines()
        assert json.loads(row)["prompt"] == "one two"

    async def test_is_another_for_each_set_and_imports_once(
        self, stands_in: Callable[..., Path]
    ) -> None:
        told = "import os; open('{}', 'a').write(f'{{os.getpid()}}\\n')"
        folder = stands_in(
            f"{told.format('ran')}; {REPORT}",
            imported=told.format(f"{os.environ[FOLDER]}/imported"),
        )
        async with running() as generator:
            await generated_by(generator, folder)
            await generated_by(generator, folder)
        assert len((folder.parent / "imported").read_text().splitlines()) == 1
        assert len(set((folder / "ran").read_text().splitlines())) == 2

    async def test_is_called_as_on_the_command_line(self, stands_in: Callable[..., Path]) -> None:
        folder = stands_in(f"import sys; print(sys.argv[1:], __name__); {REPORT}")
        async with running() as generator:
            await generated_by(generator, folder)
        config = str(folder / "scenario.json")
        said = (folder / "words.txt").read_text()
        assert said == f"{['run', '--config', config, '--disable-console']} __main__\n"

    async def test_that_nobody_waits_for_is_ended_with_all_it_started(
        self, stands_in: Callable[..., Path]
    ) -> None:
        folder = stands_in(HANGS)
        async with running() as generator:
            sending = asyncio.create_task(generated_by(generator, folder))
            started = await pids(folder)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert [await gone(pid) for pid in started] == [True, True, True]

    async def test_ends_with_what_forked_it(self, stands_in: Callable[..., Path]) -> None:
        folder = stands_in(HANGS)
        async with running() as generator:
            sending = asyncio.create_task(generated_by(generator, folder))
            forker, *started = await pids(folder)
            os.kill(forker, signal.SIGKILL)
            with pytest.raises(MeasurementInvalid, match="exit code -9"):
                await sending
            assert [await gone(pid) for pid in started] == [True, True]
            with pytest.raises(MeasurementInvalid, match="exit code -9"):
                await generated_by(generator, folder)

    async def test_ends_with_the_trial(self, stands_in: Callable[..., Path]) -> None:
        folder = stands_in(HANGS)
        run = json.dumps({"arguments": [], "folder": str(folder)})
        process = await asyncio.create_subprocess_exec(
            *COMMAND, stdin=PIPE, stdout=DEVNULL, env=environment(os.environ, 1)
        )
        assert process.stdin is not None
        process.stdin.write(f"{run}\n".encode())
        _, sender, child = await pids(folder)
        process.stdin.close()
        assert await process.wait() == 0
        assert await gone(sender)
        os.kill(child, signal.SIGKILL)  # else the trial's group ends it


class TestItsVersion:
    def test_is_missing_in_an_image_without_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(FOLDER, str(tmp_path))
        with pytest.raises(MeasurementInvalid, match="GuideLLM is not in the worker's image"):
            generator.version()

    def test_is_named_with_its_version(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        facts = tmp_path / "guidellm-9.9.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: guidellm\nVersion: 9.9\n")
        monkeypatch.setenv(FOLDER, str(tmp_path))
        assert generator.version() == "GuideLLM 9.9"
