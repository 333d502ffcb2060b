"""The command line against a real API server, as a user calls it: a process with a kubeconfig."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_status import OPERATOR, REPORTER, progress, result
from builders import a_model, evaluation_body, pool_body, run_body, to_create, trial_body
from cli_builders import BUSY, DONE, conditions, score_result
from cluster_client import Kubectl, Objects
from full_result import full_result
from slmeval_api.objects import Meta, owner_reference
from slmeval_cli.exits import ExitCode

Json = dict[str, Any]
NAMESPACE = "cli"
CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
from slmeval_cli.main import main
main()
"""
SLMEVAL = (sys.executable, "-c", CODE)


class Slmeval:
    """`slmeval` with the administrator's kubeconfig, or another one."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def start(self, *args: str) -> "subprocess.Popen[str]":
        """Start a command; its streams are pipes."""
        env = os.environ | {
            "KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": os.pathsep.join(sys.path)
        }  # fmt: skip
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*SLMEVAL, *args, "-n", NAMESPACE], env=env, stdout=pipe, stderr=pipe, text=True
        )

    def __call__(self, *args: str, code: ExitCode = ExitCode.OK) -> str:
        """Run a command that ends with `code`; return what it wrote, errors last."""
        process = self.start(*args)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, (out, err)
        return out + err


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl) -> str:
    kubectl("create", "namespace", NAMESPACE)
    return NAMESPACE


@pytest.fixture
def slmeval(kubectl: Kubectl, namespace: str) -> Iterator[Slmeval]:
    yield Slmeval(kubectl.kubeconfig)
    for kind in ("slmtrials", "slmruns", "slmevaluations"):
        kubectl("delete", kind, "--all", "-n", namespace)
    kubectl("delete", "slmpools", "--all")


def asked(tmp_path: Path, *bodies: Json) -> str:
    file = tmp_path / "asked.yaml"
    file.write_text(yaml.safe_dump_all(to_create(body) for body in bodies))
    return str(file)


def without_namespace(**spec: object) -> Json:
    body = evaluation_body(**spec)  # type: ignore[arg-type]
    del body["metadata"]["namespace"]
    return body


class TestApply:
    def test_creates_changes_and_leaves_alone(
        self, slmeval: Slmeval, kubectl: Kubectl, tmp_path: Path
    ) -> None:
        file = asked(tmp_path, pool_body(), without_namespace())
        assert slmeval("apply", file) == "slmpool/gpu created\nslmevaluation/demo created\n"
        assert slmeval("apply", file) == "slmpool/gpu unchanged\nslmevaluation/demo unchanged\n"
        edited = asked(tmp_path, without_namespace(seed=2))
        assert slmeval("apply", edited) == "slmevaluation/demo changed\n"
        stored = kubectl.json("get", "slmeval", "demo", "-n", NAMESPACE, "--show-managed-fields")
        assert (stored["spec"]["seed"], stored["metadata"]["generation"]) == (2, 2)
        managers = [entry["manager"] for entry in stored["metadata"]["managedFields"]]
        assert managers == ["slmeval"]

    def test_a_dry_run_stores_nothing(
        self, slmeval: Slmeval, kubectl: Kubectl, tmp_path: Path
    ) -> None:
        file = asked(tmp_path, without_namespace())
        assert slmeval("apply", "--dry-run", file) == "slmevaluation/demo created (dry run)\n"
        assert kubectl.json("get", "slmeval", "-n", NAMESPACE)["items"] == []
        slmeval("apply", file)
        edited = asked(tmp_path, without_namespace(seed=2))
        assert slmeval("apply", "--dry-run", edited) == "slmevaluation/demo changed (dry run)\n"
        assert kubectl.json("get", "slmeval", "demo", "-n", NAMESPACE)["spec"]["seed"] == 1

    def test_what_another_tool_manages_is_taken_only_on_demand(
        self, slmeval: Slmeval, kubectl: Kubectl, tmp_path: Path
    ) -> None:
        first = asked(tmp_path, without_namespace(seed=5))
        kubectl("apply", "--server-side", "--field-manager=flux", "-n", NAMESPACE, "-f", first)
        mine = asked(tmp_path, without_namespace(seed=6))
        said = slmeval("apply", mine, code=ExitCode.CLUSTER)
        assert 'conflict with "flux"' in said
        assert "--force-conflicts" in said
        assert slmeval("apply", "--force-conflicts", mine) == "slmevaluation/demo changed\n"

    def test_kinds_of_others_are_applied_too(
        self, slmeval: Slmeval, kubectl: Kubectl, tmp_path: Path
    ) -> None:
        items = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "items"},
                 "data": {"test.jsonl": "{}"}}  # fmt: skip
        assert slmeval("apply", asked(tmp_path, items)) == "configmap/items created\n"
        assert kubectl.json("get", "configmap", "items", "-n", NAMESPACE)["data"] == items["data"]

    def test_a_namespace_that_is_not_there(self, slmeval: Slmeval, tmp_path: Path) -> None:
        said = slmeval("apply", asked(tmp_path, evaluation_body(namespace="nowhere")),
                       code=ExitCode.CLUSTER)  # fmt: skip
        assert 'namespaces "nowhere" not found' in said


@pytest.fixture
def stored(slmeval: Slmeval, kubectl: Kubectl, objects: Objects, tmp_path: Path) -> list[Json]:
    """Return an evaluation that `slmeval apply` made, and a run and two trials as an operator's."""
    models = [a_model("large"), a_model("small")]
    slmeval("apply", asked(tmp_path, pool_body(), without_namespace(models=models)))
    evaluation = kubectl.json("get", "slmeval", "demo", "-n", NAMESPACE)
    run = owned(objects, run_body(namespace=NAMESPACE, models=models), "SLMEvaluation", evaluation)
    trials = [
        owned(
            objects,
            trial_body(f"demo-1-{m['name']}-gpu", NAMESPACE, model=m),
            "SLMRun",
            run,
        )
        for m in models
    ]
    return [evaluation, run, *trials]


def owned(objects: Objects, body: Json, kind: str, owner: Json) -> Json:
    """Store `body` as the operator does: labelled, and owned by `owner`."""
    body["metadata"]["labels"] = {"slmeval.dev/evaluation": "demo"}
    body = to_create(body)
    reference = owner_reference(kind, Meta.from_body(owner["metadata"]))
    body["metadata"]["ownerReferences"] = [reference]
    return objects.create(body)


def stand(objects: Objects, stored: list[Json], states: dict[str, str], reason: str) -> None:
    """Write where all of them stand, evaluation last, as the operator does."""
    done = sum(states is DONE for _ in stored[2:])
    counts = {"total": 2, "succeeded": done, "failed": 0, "unfinished": 2 - done,
              "summary": f"{done}/2"}  # fmt: skip
    status = {"observedGeneration": 1, "conditions": conditions(states, reason)}
    for trial in stored[2:]:
        objects.apply_status(trial, status, manager=OPERATOR)
    objects.apply_status(stored[1], status | {"trials": counts}, manager=OPERATOR)
    whole = status | {"trials": counts, "currentRun": {"name": "demo-1"}}
    objects.apply_status(stored[0], whole, manager=OPERATOR)


def measure(objects: Objects, stored: list[Json]) -> None:
    """Write results of both trials, then that all of them have ended."""
    full = full_result().to_json_data()
    for trial, measured in zip(stored[2:], (full, result(tasks=[score_result()])), strict=True):
        objects.apply_status(trial, {"result": measured}, manager=REPORTER)
    stand(objects, stored, DONE, "Measured")


class TestWhatIsStoredIsShown:
    def test_as_list_tables_csv_and_json(
        self, slmeval: Slmeval, objects: Objects, stored: list[Json]
    ) -> None:
        measure(objects, stored)
        (line,) = slmeval("list").splitlines()[1:]
        assert line.split()[:3] == ["demo", "Measured", "2/2"]
        text = slmeval("results", "demo")
        assert "cli/demo, run demo-1" in text
        assert "[0.700, 0.880]" in text
        rows = json.loads(slmeval("results", "demo", "-o", "json"))["rows"]
        of_small = next(r for r in rows if r["model"] == "small" and r["name"] == "chat")
        assert of_small["requests_per_second"] == 6.4
        assert len(slmeval("results", "demo", "-o", "csv").splitlines()) == 1 + len(rows)

    def test_saved_it_is_the_same_without_the_cluster(
        self, slmeval: Slmeval, objects: Objects, stored: list[Json], tmp_path: Path
    ) -> None:
        measure(objects, stored)
        saved = tmp_path / "saved.yaml"
        saved.write_text(slmeval("results", "demo", "-o", "yaml"))
        offline = Slmeval(tmp_path / "no-kubeconfig")
        for form in ("wide", "csv"):
            again = offline("results", "demo", "-f", str(saved), "-o", form)
            assert again == slmeval("results", "demo", "-o", form)

    def test_what_kubectl_saved_is_read_too(
        self, slmeval: Slmeval, objects: Objects, stored: list[Json], kubectl: Kubectl,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        measure(objects, stored)
        saved = tmp_path / "saved.json"
        kinds = "slmeval,slmrun,slmtrial"
        saved.write_text(json.dumps(kubectl.json("get", kinds, "-n", NAMESPACE)))
        assert slmeval("results", "demo", "-f", str(saved)) == slmeval("results", "demo")


class TestFollowing:
    def test_watch_shows_each_stage_and_ends_with_the_evaluation(
        self, slmeval: Slmeval, objects: Objects, stored: list[Json]
    ) -> None:
        stand(objects, stored, BUSY, "Running")
        process = slmeval.start("watch", "demo")
        try:
            read_until(process, {f"{m} on gpu: Running: In words." for m in ("large", "small")})
            for trial in stored[2:]:
                status = {"progress": progress("Scoring")}
                objects.apply_status(trial, status, manager=REPORTER)
            read_until(process, {"large on gpu: Scoring", "small on gpu: Scoring"})
            measure(objects, stored)
            read_until(process, {"large on gpu: Measured", "small on gpu: Measured"})
            out, err = process.communicate(timeout=30)
        finally:
            end(process)
        assert process.returncode == ExitCode.OK, (out, err)

    def test_wait_returns_when_it_ends(
        self, slmeval: Slmeval, objects: Objects, stored: list[Json]
    ) -> None:
        stand(objects, stored, BUSY, "Running")
        process = slmeval.start("wait", "demo", "--timeout", "60s")
        try:
            time.sleep(3)  # until it watches; were it slower, the end would be there at once
            assert process.poll() is None
            measure(objects, stored)
            out, err = process.communicate(timeout=30)
        finally:
            end(process)
        assert process.returncode == ExitCode.OK, (out, err)
        assert "cli/demo: Measured: In words. | 2/2 ended" in out

    def test_wait_gives_up_in_time(
        self, slmeval: Slmeval, objects: Objects, stored: list[Json]
    ) -> None:
        stand(objects, stored, BUSY, "Running")
        said = slmeval("wait", "demo", "--timeout", "2s", code=ExitCode.TIMED_OUT)
        assert "has not ended within 2s: Running" in said


def read_until(process: "subprocess.Popen[str]", wanted: set[str]) -> None:
    """Read lines, less their stamps, until all that are wanted have come; 30 s at most."""
    assert process.stdout
    deadline = threading.Timer(30, process.kill)
    deadline.start()
    seen = list[str]()
    while wanted - set(seen):
        line = process.stdout.readline()
        assert line, f"it ended, or 30 s were over; seen: {seen}"
        seen.append(line.rstrip("\n").partition("] ")[2])
    deadline.cancel()


def end(process: "subprocess.Popen[str]") -> None:
    """Kill the process if it still runs."""
    with suppress(ProcessLookupError):
        process.kill()
    process.communicate()


class TestErrorsOfARealServer:
    def test_no_such_evaluation(self, slmeval: Slmeval, stored: list[Json]) -> None:
        said = slmeval("results", "dmeo", code=ExitCode.USAGE)
        assert said == "Error: There is no SLMEvaluation cli/dmeo; there are: cli/demo.\n"

    def test_forbidden(self, slmeval: Slmeval, kubectl: Kubectl, namespace: str) -> None:
        kubectl("create", "serviceaccount", "nobody", "-n", namespace)
        nobody = Slmeval(kubectl.as_account(namespace, "nobody").kubeconfig)
        said = nobody("list", code=ExitCode.CLUSTER)
        assert 'User "system:serviceaccount:cli:nobody" cannot list resource' in said
        assert "Ask its admin" in said

    def test_an_interrupt_is_no_traceback(self, slmeval: Slmeval, stored: list[Json]) -> None:
        process = slmeval.start("watch", "demo")
        try:
            assert process.stdout
            process.stdout.readline()
            process.send_signal(2)
            out, err = process.communicate(timeout=30)
        finally:
            end(process)
        assert (process.returncode, "Traceback" in out + err) == (ExitCode.INTERRUPTED, False)


class TestAServerWithoutSlmeval:
    def test_says_how_to_install_it(self, empty_server: Kubectl, tmp_path: Path) -> None:
        slmeval = Slmeval(empty_server.kubeconfig)
        for command in ("list", "results demo", "wait demo"):
            said = slmeval(*command.split(), code=ExitCode.CLUSTER)
            assert said.startswith("Error: slmeval is not installed in this cluster. Install")
        said = slmeval("apply", asked(tmp_path, without_namespace()), code=ExitCode.CLUSTER)
        assert said.startswith("Error: The cluster knows no SLMEvaluation of slmeval.dev/v1alpha1.")
