"""compare, apply, list, plan, logs: what they say, ask of a cluster, and end with."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_status import quantiles
from builders import (
    a_load,
    a_model,
    a_task,
    an_evaluation,
    evaluation_body,
    pool_body,
    to_create,
    trial_body,
)
from cli_builders import (
    BUSY,
    FakeCluster,
    a_stored_trial,
    a_verdict,
    gated,
    measured,
    slmeval,
    stored,
)
from slmeval_api.pool import Pool
from slmeval_cli.asking import trials_asked
from slmeval_cli.exits import ClusterError, ExitCode
from tools import ROOT

Json = dict[str, Any]


def lines_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def comparison(**parts: object) -> Json:
    return {
        "pool": "gpu", "model": "large", "against": "small", "difference": "0.051", "low": "0.012",
        "high": "0.09", "items": 300, "pValue": "0.004", "adjustedPValue": "0.008",
        "isTied": False, **parts,
    }  # fmt: skip


def fast(model: str, rate: str, pool: str = "gpu") -> Json:
    trial = measured(model, pool)
    trial["status"]["result"]["workloads"][0]["figures"]["requestsPerSecond"] = rate
    return trial


def at_a_rate(model: str, *, latency: str, good: str, highest: str) -> Json:
    """Return a trial that was offered four requests a second, and served four."""
    trial = measured(model)
    (workload,) = trial["status"]["result"]["workloads"]
    figures = workload.pop("figures") | {
        "requestsPerSecond": "4", "latencySeconds": quantiles(48, latency),
    }  # fmt: skip
    goodput = {"requestsPerSecond": good, "attainedPercent": "75", "isMet": False}
    point = {"offeredRequestsPerSecond": "4", "figures": figures, "goodput": goodput}
    workload |= {"kind": "rate", "points": [point], "highestRequestsPerSecond": highest}
    return trial


def compared(*args: str, comparisons: list[Json] | None = None, **run: Any) -> str:
    trials = [fast("large", "4"), fast("small", "10"), fast("small", "99", "other")]
    bodies = stored(*trials, comparisons=comparisons)
    bodies[1]["status"] |= run
    answer = slmeval("compare", "demo", *args, cluster=FakeCluster(bodies=bodies))
    assert answer.exit_code == ExitCode.OK, answer.output
    return answer.stdout


class TestReport:
    def bodies(self) -> list[Json]:
        return stored(measured("large", "gpu"), measured("small", "gpu"))

    def test_writes_the_page_where_it_says(self, tmp_path: Path) -> None:
        cluster = FakeCluster(bodies=self.bodies())
        answer = slmeval("report", "demo", "-o", str(tmp_path / "out"), cluster=cluster)
        assert answer.exit_code == ExitCode.OK, answer.output
        page = tmp_path / "out/report.html"
        assert answer.stdout.strip() == str(page)
        assert "team/demo" in page.read_text()
        assert list((tmp_path / "out/pictures").glob("*.png"))

    def test_goes_beside_by_default_and_reads_saved_objects(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        saved = tmp_path / "saved.yaml"
        saved.write_text(yaml.safe_dump({"kind": "List", "items": self.bodies()}))
        answer = slmeval("report", "demo", "-n", "team", "-f", str(saved))
        assert answer.exit_code == ExitCode.OK, answer.output
        assert (tmp_path / "demo-report/report.html").is_file()

    def test_says_where_it_cannot_write(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        cluster = FakeCluster(bodies=self.bodies())
        answer = slmeval("report", "demo", "-o", str(tmp_path / "file/x"), cluster=cluster)
        assert answer.exit_code == ExitCode.USAGE
        assert "cannot be written" in answer.stderr
        assert "name another folder" in answer.stderr


class TestCompare:
    def test_in_words_and_tables(self) -> None:
        text = compared("large", "small", comparisons=[comparison(), comparison(task="intents")])
        assert lines_of(text) == [
            "On gpu, large serves chat at 0.4 times the rate of small: 4 against 10 requests a "
            "second.",
            "On gpu, all tasks: large is better than small (difference 0.051, 95% interval "
            "[0.012, 0.090], adjusted p 0.008).",
            "On gpu, intents: large is better than small (difference 0.051, 95% interval "
            "[0.012, 0.090], adjusted p 0.008).",
            "",
            "POOL    WORKLOAD   FIGURE   large   small   RATIO",
            "gpu     chat       req/s        4      10     0.4",
            "other   chat       req/s               99",
            "",
            "POOL   TASK        large - small     95% INTERVAL   ADJUSTED P   ITEMS   VERDICT",
            "gpu    all tasks           0.051   [0.012, 0.090]        0.008     300   differ",
            "gpu    intents             0.051   [0.012, 0.090]        0.008     300   differ",
        ]

    def test_at_a_given_rate_it_says_what_models_that_keep_up_differ_in(self) -> None:
        bodies = stored(
            at_a_rate("large", latency="2", good="3", highest="5"),
            at_a_rate("small", latency="0.5", good="4", highest="10"),
            workloads=[a_load("rate")],
        )
        answer = slmeval("compare", "demo", "large", "small", cluster=FakeCluster(bodies=bodies))
        assert lines_of(answer.output)[:10] == [
            "On gpu, large meets the objectives of chat up to 0.5 times the rate of small: "
            "5 against 10 requests a second.",
            "On gpu, large serves chat at 4 requests/s within the objectives at 0.75 times the "
            "rate of small: 3 against 4 requests a second.",
            "On gpu, large answers chat at 4 requests/s in 4 times the time of small: "
            "2 against 0.5 s (p50).",
            "On gpu, large answers chat at 4 requests/s in 4 times the time of small: "
            "2 against 0.5 s (p99).",
            "",
            "POOL   WORKLOAD               FIGURE          large   small   RATIO",
            "gpu    chat                   highest req/s       5      10     0.5",
            "gpu    chat at 4 requests/s   good req/s          3       4    0.75",
            "gpu    chat at 4 requests/s   p50 s               2     0.5       4",
            "gpu    chat at 4 requests/s   p99 s               2     0.5       4",
        ]

    def test_so_it_does_over_http(self) -> None:
        load = a_load("http", requestsPerSecond="4")
        del load["http"]["concurrency"]
        bodies = stored(measured("large"), measured("small"), workloads=[load])
        answer = slmeval("compare", "demo", "large", "small", cluster=FakeCluster(bodies=bodies))
        assert "large answers chat in 1 times the time of small: 1.25 against 1.25 s (p50)." in (
            answer.output
        )
        assert "times the rate" not in answer.output

    def test_the_other_way_round_turns_the_signs_and_not_the_verdict(self) -> None:
        text = compared("small", "large", comparisons=[comparison()])
        assert "small serves chat at 2.5 times the rate of large" in text
        assert "large is better than small (difference -0.051" in text
        assert "-0.051   [-0.090, -0.012]" in text

    def test_a_probability_is_never_shown_as_zero(self) -> None:
        text = compared("large", "small", comparisons=[comparison(adjustedPValue="0.0000001")])
        assert "adjusted p <0.001" in text

    def test_a_tie_is_called_one(self) -> None:
        text = compared("large", "small", comparisons=[comparison(isTied=True)])
        assert "300 items do not tell large and small apart" in text
        assert text.rstrip().endswith("tied")
        assert "better" not in text

    def test_one_pool_alone(self) -> None:
        text = compared("large", "small", "--pool", "other", comparisons=[comparison()])
        assert "gpu" not in text

    @pytest.mark.parametrize(
        ("run", "says"),
        [
            ({}, "Scores are compared when the run has ended."),
            ({"completionTime": "2026-11-01T00:00:00Z"}, "The run holds no comparison"),
        ],
    )
    def test_without_comparisons_it_says_why(self, run: Json, says: str) -> None:
        assert says in compared("large", "small", **run)

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("large", "tiny"), "team/demo has no model tiny. It has: large, small."),
            (("large", "small", "--pool", "x"), "team/demo has no pool x. It has: gpu, other."),
            (("small", "small"), "small is named twice. Name two models."),
        ],
    )
    def test_what_is_not_there_is_a_usage_error(self, args: tuple[str, ...], says: str) -> None:
        bodies = stored(fast("large", "4"), fast("small", "10"), fast("small", "99", "other"))
        answer = slmeval("compare", "demo", *args, cluster=FakeCluster(bodies=bodies))
        assert (answer.exit_code, answer.stderr) == (ExitCode.USAGE, f"Error: {says}\n")

    def test_simulated_figures_are_marked(self) -> None:
        provenance = {"engine": "simulated", "runnerVersion": "0.1.0", "seed": 1}
        trials = [measured(name, provenance=provenance) for name in ("a", "b")]
        answer = slmeval("compare", "demo", "a", "b", cluster=FakeCluster(bodies=stored(*trials)))
        assert "SIMULATED: figures of 2 of 2 trials are invented" in answer.stdout


def file_of(tmp_path: Path, *bodies: Json) -> str:
    path = tmp_path / "asked.yaml"
    path.write_text(yaml.safe_dump_all(map(to_create, bodies)))
    return str(path)


class TestApply:
    def test_says_what_became_of_each_object(self, tmp_path: Path) -> None:
        cluster = FakeCluster(bodies=[evaluation_body("same"), evaluation_body("edited")])
        file = file_of(
            tmp_path, pool_body(), evaluation_body("same"), evaluation_body("edited", seed=2)
        )
        answer = slmeval("apply", file, cluster=cluster)
        assert (answer.exit_code, answer.stdout.splitlines()) == (
            ExitCode.OK,
            ["slmpool/gpu created", "slmevaluation/same unchanged", "slmevaluation/edited changed"],
        )
        assert cluster.calls[0] == "apply SLMPool is_dry_run=False is_forced=False"

    def test_a_dry_run_says_so_and_asks_for_one(self, tmp_path: Path) -> None:
        cluster = FakeCluster()
        answer = slmeval("apply", "--dry-run", file_of(tmp_path, pool_body()), cluster=cluster)
        assert answer.stdout == "slmpool/gpu created (dry run)\n"
        assert cluster.calls == ["apply SLMPool is_dry_run=True is_forced=False"]

    def test_nothing_is_sent_when_anything_is_wrong(self, tmp_path: Path) -> None:
        file = file_of(tmp_path, pool_body(), evaluation_body(seed=-1, pools=[]))
        answer = slmeval("apply", file)  # there is no cluster to ask
        assert answer.exit_code == ExitCode.FAILED
        assert "spec.seed: found -1" in answer.stderr
        assert "spec.pools: found []" in answer.stderr

    def test_what_is_the_operators_is_not_applied(self, tmp_path: Path) -> None:
        answer = slmeval("apply", file_of(tmp_path, trial_body()))
        assert answer.exit_code == ExitCode.USAGE
        assert "is the operator's to write" in answer.stderr

    def test_a_file_that_is_not_there(self) -> None:
        answer = slmeval("apply", "nope.yaml")
        assert (answer.exit_code, answer.stderr) == (
            ExitCode.USAGE,
            "Error: nope.yaml cannot be read: No such file or directory.\n",
        )


class TestRunNow:
    def test_asks_for_a_run_by_the_annotation(self) -> None:
        cluster = FakeCluster(bodies=stored(measured("small")))
        done = slmeval("run-now", "demo", cluster=cluster)
        assert (done.exit_code, done.stdout) == (0, "team/demo: a run was asked for.\n")
        (evaluation,) = [b for b in cluster.bodies if b["kind"] == "SLMEvaluation"]
        assert evaluation["metadata"]["annotations"] == {
            "slmeval.dev/run-requested-at": "2026-11-01T00:10:00.000+00:00"
        }

    def test_says_what_the_run_waits_for(self) -> None:
        bodies = stored(a_stored_trial("small", states=BUSY, reason="Running"), states=BUSY)
        done = slmeval("run-now", "demo", cluster=FakeCluster(bodies=bodies))
        assert done.stdout == (
            "team/demo: a run was asked for. It starts when run demo-1 has ended.\n"
        )
        bodies[0]["spec"]["suspend"] = True
        done = slmeval("run-now", "demo", cluster=FakeCluster(bodies=bodies))
        assert "It starts when spec.suspend is false." in done.stdout

    def test_asks_for_none_if_one_of_the_names_is_wrong(self) -> None:
        cluster = FakeCluster(bodies=stored(measured("small")))
        done = slmeval("run-now", "demo", "dmeo", cluster=cluster)
        assert done.exit_code == ExitCode.USAGE
        assert "There is no SLMEvaluation team/dmeo; there are: team/demo." in done.stderr
        assert not any(call.startswith("annotate") for call in cluster.calls)


class TestList:
    def test_has_a_line_for_each(self) -> None:
        second = evaluation_body("another")
        answer = slmeval("list", cluster=FakeCluster(bodies=[*stored(measured("small")), second]))
        assert (answer.exit_code, answer.stdout.splitlines()) == (
            ExitCode.OK,
            [
                "NAME      REASON     TRIALS   GATES   LAST SUCCESS   NEXT   AGE",
                "another   Pending                                           10m",
                "demo      Measured   1/1              10m                   10m",
            ],
        )

    def test_tells_of_gates_and_of_the_schedule(self) -> None:
        bodies = gated(stored(measured("small")), a_verdict("Passed"))
        bodies[0]["status"]["schedule"] = {"nextScheduleTime": "2026-11-03T03:00:00Z"}
        row = slmeval("list", cluster=FakeCluster(bodies=bodies)).stdout.splitlines()[1]
        assert row.split() == ["demo", "Measured", "1/1", "GatesJudged", "10m", "2d", "10m"]

    def test_all_namespaces(self) -> None:
        other = evaluation_body("x", "elsewhere")
        cluster = FakeCluster(bodies=[*stored(), other])
        lines = slmeval("list", "-A", cluster=cluster).stdout.splitlines()
        assert [line.split()[:2] for line in lines] == [
            ["NAMESPACE", "NAME"], ["elsewhere", "x"], ["team", "demo"]
        ]  # fmt: skip
        assert cluster.calls == ["list slmevaluations None"]

    def test_none_is_no_error(self) -> None:
        answer = slmeval("list", "-n", "empty", cluster=FakeCluster())
        assert (answer.exit_code, answer.stdout) == (ExitCode.OK, "")
        assert answer.stderr == "There is no SLMEvaluation in namespace empty.\n"

    def test_one_of_another_version_is_listed_too(self) -> None:
        body = evaluation_body() | {"status": {"verdict": "new"}}
        answer = slmeval("list", cluster=FakeCluster(bodies=[body]))
        assert "demo   UnknownForm" in answer.stdout


class TestPlan:
    def test_shows_trials_measures_and_deadlines_without_a_cluster(self, tmp_path: Path) -> None:
        tp = {"tensorParallelSize": 2}
        body = evaluation_body(
            models=[a_model("a"), a_model("b", engine=tp)],
            workloads=[
                a_load("batch", "all"), a_load("concurrency", "sweep", levels=[1, 8]),
                a_load("rate", "promise"), a_load("http", "chat", lengthSpreadPercent=20),
            ],
            tasks=[a_task(limit=60, heldOut=True)],
        )  # fmt: skip
        pool = pool_body(gpus={"memoryGiB": 24, "perWorker": 2})
        answer = slmeval("plan", file_of(tmp_path, body, pool))
        assert answer.exit_code == ExitCode.OK
        assert [re.split("  +", line) for line in lines_of(answer.stdout)] == [
            ["demo: trials: 2 (models: 2 x pools: 1), each with workloads: 4, tasks: 1"],
            [""],
            ["MODEL", "SOURCE", "POOL", "ENGINE", "GPUS", "NOTE"],
            ["a", "file:///models/a", "gpu", "vllm", "1"],
            ["b", "file:///models/b", "gpu", "vllm", "2"],
            [""],
            ["WORKLOAD", "KIND", "PACE", "REQUESTS", "REPETITIONS", "INPUT TOKENS",
             "OUTPUT TOKENS"],
            ["all", "batch", "all at once", "4", "3", "16", "4"],
            ["sweep", "concurrency", "1, 8 in flight", "4 x level", "3", "16", "4"],
            ["promise", "rate", "10 requests/s", "50", "1", "16", "4"],
            ["chat", "http", "2 in flight", "4", "3", "16 ±20%", "4 ±20%"],
            [""],
            ["TASK", "TYPE", "ITEMS", "EXAMPLES", "HELD OUT"],
            ["intents", "classification", "at most 60", "0", "yes"],
            [""],
            ["Deadlines: 1h00m for a trial, 30m00s for the start of an attempt, 4h00m for an "
             "attempt on a pool; at most 3 attempts on a pool."],
        ]  # fmt: skip

    def test_a_model_that_no_worker_can_hold_is_exit_code_1(self, tmp_path: Path) -> None:
        body = evaluation_body(models=[a_model("b", engine={"tensorParallelSize": 4})])
        answer = slmeval("plan", file_of(tmp_path, body, pool_body(gpus={"memoryGiB": 24})))
        assert answer.exit_code == ExitCode.FAILED
        assert "cannot run: tensorParallelSize is 4, and a worker has 1" in answer.stdout

    def test_missing_pools_are_looked_up_in_the_cluster(self, tmp_path: Path) -> None:
        cluster = FakeCluster(bodies=[pool_body()])
        answer = slmeval("plan", file_of(tmp_path, evaluation_body()), cluster=cluster)
        assert cluster.calls == ["list slmpools None"]
        assert "gpu    vllm        0" in answer.stdout

    def test_what_is_not_known_is_a_question_mark(self, tmp_path: Path) -> None:
        cluster = FakeCluster(error=ClusterError("It cannot be reached."))
        answer = slmeval("plan", file_of(tmp_path, evaluation_body()), cluster=cluster)
        assert answer.exit_code == ExitCode.OK
        assert answer.stderr == "Pools of the cluster are not known: It cannot be reached.\n"
        assert "gpu    ?           ?   pool unknown" in answer.stdout

    def test_every_example_can_be_planned(self) -> None:
        pools = [f"--pool-file={p}" for p in sorted((ROOT / "examples/pools").glob("*.yaml"))]
        for path in sorted((ROOT / "examples").glob("*.yaml")):
            answer = slmeval("plan", str(path), *pools)
            assert answer.exit_code == ExitCode.OK, answer.output

    def test_a_file_without_an_evaluation(self, tmp_path: Path) -> None:
        answer = slmeval("plan", file_of(tmp_path, pool_body()))
        assert answer.exit_code == ExitCode.USAGE
        assert "holds no SLMEvaluation" in answer.stderr

    def test_a_pool_of_cpus_holds_no_model_of_two_gpus(self) -> None:
        question = an_evaluation(models=[a_model(engine={"tensorParallelSize": 2})]).spec
        (trial,) = trials_asked(question, {"gpu": Pool.from_body(pool_body()).spec})
        assert trial.note == "cannot run: tensorParallelSize is 2, and a worker has none"
