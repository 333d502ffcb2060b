"""What `slmeval run` refuses before anything starts, and what it says of what it does otherwise."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import a_load, a_model, a_task, evaluation_body, pool_body
from cli_builders import A_MACHINE, FakeAttempt, FakeHere, slmeval
from slmeval_cli.exits import ExitCode
from slmeval_cli.local.fitting import ENGINE, INSTALL
from slmeval_cli.local.processes import ThisMachine
from tools import ROOT

Json = dict[str, Any]
HUB_MODEL = a_model(source="hf://x/small@main")
GPUS = {"perWorker": 2, "memoryGiB": 48}
SPEED = {"workload": "chat", "figure": "requestsPerSecond"}
A_GATE = {"name": "fast-enough", "speed": SPEED, "atLeast": "1"}


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    for name in ("HF_TOKEN", "SLMEVAL_GENERATOR", "LD_PRELOAD"):
        monkeypatch.delenv(name, raising=False)


def written(folder: Path, *bodies: Json) -> str:
    path = folder / "question.yaml"
    path.write_text(yaml.safe_dump_all(bodies))
    return str(path)


def refusal(
    folder: Path, *args: str, here: FakeHere | None = None, pool: Json | None = None, **asked: Any
) -> str:
    """Return why a question is not asked on a machine, all of it without line breaks."""
    body = evaluation_body(**{"models": [HUB_MODEL], **asked})
    file = written(folder, body, *([pool] if pool else []))
    output = ["--output", str(folder / "saved.yaml")]
    answer = slmeval("run", file, *args, *output, here=here or FakeHere())
    assert answer.exit_code == ExitCode.USAGE, answer.output
    assert not (folder / "saved.yaml").exists()
    return answer.stderr


class TestWhatIsNoQuestionForOneMachine:
    def test_two_evaluations(self, tmp_path: Path) -> None:
        file = written(tmp_path, evaluation_body(), evaluation_body("other", uid="uid-2"))
        answer = slmeval("run", file)
        assert "holds 2 SLMEvaluations: demo, other. Choose one: --evaluation demo." in (
            answer.stderr
        )
        answer = slmeval("run", file, "--evaluation", "third")
        assert "holds no SLMEvaluation third; it holds: demo, other." in answer.stderr
        answer = slmeval("run", file, "--evaluation", "other")
        assert "Nothing describes the pool gpu" in answer.stderr

    def test_one_name_in_two_namespaces(self, tmp_path: Path) -> None:
        other = evaluation_body(seed=2)
        other["metadata"]["namespace"] = "other"
        answer = slmeval("run", written(tmp_path, evaluation_body(), other))
        assert answer.exit_code == ExitCode.USAGE
        assert "holds the SLMEvaluation demo in several namespaces" in answer.stderr

    def test_a_configmap_of_another_namespace(self, tmp_path: Path) -> None:
        configmap = {
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "tickets", "namespace": "other"}, "data": {"test.jsonl": "{}"},
        }  # fmt: skip
        tasks = [a_task(data={"test": "configmap://tickets/test.jsonl"})]
        body = evaluation_body(models=[HUB_MODEL], tasks=tasks)
        answer = slmeval("run", written(tmp_path, body, pool_body(), configmap), here=FakeHere())
        assert "names the ConfigMap tickets, and there is none of that name" in answer.stderr

    def test_none(self, tmp_path: Path) -> None:
        answer = slmeval("run", written(tmp_path, pool_body()))
        assert "holds no SLMEvaluation. Name a file that does." in answer.stderr

    def test_a_file_with_faults(self, tmp_path: Path) -> None:
        answer = slmeval("run", written(tmp_path, evaluation_body(models=[])))
        assert answer.exit_code == ExitCode.FAILED
        assert "spec.models: found []" in answer.stderr

    def test_one_that_is_suspended(self, tmp_path: Path) -> None:
        said = refusal(tmp_path, pool=pool_body(), suspend=True)
        assert "spec.suspend of demo is true, so nothing would run." in said

    def test_several_pools_unless_one_is_chosen(self, tmp_path: Path) -> None:
        said = refusal(tmp_path, pool=pool_body(), pools=["gpu", "other"])
        assert "names 2 pools, gpu, other, and this machine is one. Choose it: --pool gpu." in said

    def test_a_model_that_no_worker_has_the_gpus_for(self, tmp_path: Path) -> None:
        models = [{**HUB_MODEL, "engine": {"tensorParallelSize": 4}}]
        said = refusal(tmp_path, pool=pool_body(gpus=GPUS), models=models)
        assert "asks for engine.tensorParallelSize 4, and pool 'gpu' has 2 per worker" in said


class TestAPoolThatNothingDescribes:
    def test_is_looked_for_beside_the_question(self, tmp_path: Path) -> None:
        (tmp_path / "pools").mkdir()
        near = tmp_path / "pools" / "gpu.yaml"
        near.write_text(yaml.safe_dump(pool_body()))
        assert f"Add --pool-file {near}, if that is what" in refusal(tmp_path)

    def test_is_described_as_this_machine_in_a_line_to_save(self, tmp_path: Path) -> None:
        facts = replace(A_MACHINE, gpus=2, gpu_gib=24)
        said = refusal(tmp_path, here=FakeHere(facts=facts))
        line = said.rpartition("--pool-file: ")[2]
        assert yaml.safe_load(line) == {
            "apiVersion": "slmeval.dev/v1alpha1",
            "kind": "SLMPool",
            "metadata": {"name": "gpu"},
            "spec": {
                "workerResources": {"cpu": 4, "memory": "16Gi"},
                "gpus": {"perWorker": 2, "memoryGiB": 24},
            },
        }
        (tmp_path / "gpu.yaml").write_text(line)
        assert slmeval("validate", str(tmp_path / "gpu.yaml")).exit_code == ExitCode.OK


class TestWhatThisMachineHasNot:
    @pytest.mark.parametrize(
        ("pool", "asked", "missing", "said"),
        [
            ({"gpus": GPUS}, {}, (), "perWorker of SLMPool gpu is 2, and this machine may use 1 "),
            (
                {"workerResources": {"cpu": "4500m", "memory": "1Gi"}},
                {},
                (),
                "workerResources.cpu of SLMPool gpu is 4500m, and this machine has 4 CPUs",
            ),
            ({}, {}, ("ray", "vllm"), "this Python has no ray, vllm, which the runner needs: in "),
            (
                {},
                {"workloads": [a_load("http")]},
                ("guidellm",),
                "workloads of the kind http need GuideLLM",
            ),
            (
                {},
                {"models": [a_model(source="pvc://team/small")]},
                (),
                "say which folder stands for it by --claim team=FOLDER",
            ),
            (
                {},
                {"artifacts": {"url": "pvc://out/kept"}},
                (),
                "say which folder stands for it by --claim out=FOLDER",
            ),
            (
                {},
                {"tasks": [a_task(data={"test": "configmap://tickets/test.jsonl"})]},
                (),
                "names the ConfigMap tickets, and there is none of that name in the files",
            ),
            (
                {},
                {"models": [a_model(source="file:///no/such")]},
                (),
                "names file:///no/such, a path of the runner image, and here /no/such is not there",
            ),
            (
                {},
                {"huggingFace": {"secretName": "hub"}},
                (),
                "spec.huggingFace names the Secret hub, and there are none here: set HF_TOKEN",
            ),
        ],
    )
    def test_is_named_with_what_to_do(
        self, tmp_path: Path, pool: Json, asked: Json, missing: tuple[str, ...], said: str
    ) -> None:
        facts = replace(A_MACHINE, gpus=1, gpu_gib=48)
        here = FakeHere(facts=facts, missing=frozenset(missing))
        found = refusal(tmp_path, here=here, pool=pool_body(**pool), **asked)
        assert said in found.lower() or said in found
        assert found.endswith(
            "cannot be run on this machine as it is asked. Nothing was started.\n"
        )

    def test_is_named_all_at_once(self, tmp_path: Path) -> None:
        here = FakeHere(missing=frozenset({"ray"}))
        found = refusal(tmp_path, here=here, pool=pool_body(gpus=GPUS))
        assert len(found.splitlines()) == 3

    @pytest.mark.parametrize(
        ("claim", "said"),
        [
            ("team", "--claim team is not NAME=FOLDER."),
            ("other=/", "--claim other: the question names no such claim"),
            ("team=/no/such", "--claim team=/no/such: there is no such folder"),
        ],
    )
    def test_is_no_claim_that_cannot_be_meant(self, tmp_path: Path, claim: str, said: str) -> None:
        models = [a_model(source="pvc://team/small")]
        assert said in refusal(tmp_path, "--claim", claim, pool=pool_body(), models=models)

    def test_is_no_file_that_would_leave_its_configmap(self, tmp_path: Path) -> None:
        configmap = {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tickets"},
            "data": {"../test.jsonl": ""},
        }  # fmt: skip
        tasks = [a_task(data={"test": "configmap://tickets/test.jsonl"})]
        body = evaluation_body(models=[HUB_MODEL], tasks=tasks)
        answer = slmeval("run", written(tmp_path, body, pool_body(), configmap), here=FakeHere())
        assert answer.exit_code == ExitCode.FAILED
        assert "ConfigMap tickets: data.../test.jsonl: found '../test.jsonl'" in answer.stderr

    @pytest.mark.parametrize("part", [{"metadata": "tickets"}, {"data": "text"}])
    def test_is_no_configmap_of_another_shape(self, tmp_path: Path, part: Json) -> None:
        head = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tickets"}}
        tasks = [a_task(data={"test": "configmap://tickets/test.jsonl"})]
        body = evaluation_body(models=[HUB_MODEL], tasks=tasks)
        answer = slmeval("run", written(tmp_path, body, pool_body(), head | part), here=FakeHere())
        assert (answer.exit_code, "Nothing was done." in answer.stderr) == (1, True)

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("configmap://tickets/test.json", "ConfigMap has no key test.json; it has: a.jsonl"),
            ("builtin://intents/test", "no sample intents; it has: shop-questions, su"),
            ("pvc://team/sets/b.jsonl", "sets/b.jsonl is not there; beside it: a.jsonl"),
            ("pvc://team/other/b.jsonl", "other/b.jsonl is not there; beside it: nothing"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("part", ["test", "prompts"])
    def test_is_no_data_that_are_known_to_be_missing(
        self, tmp_path: Path, source: str, said: str, part: str
    ) -> None:
        (tmp_path / "sets").mkdir()
        (tmp_path / "sets" / "a.jsonl").touch()
        configmap = {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tickets"},
            "data": {"a.jsonl": "{}"},
        }  # fmt: skip
        load = {"requests": 1, "prompts": {"source": source}, "outputTokens": 1}
        asked: Json = {
            "test": {"tasks": [a_task(data={"test": source})]},
            "prompts": {"tasks": [], "workloads": [{"name": "own", "batch": load}]},
        }[part]
        body = evaluation_body(models=[HUB_MODEL], **asked)
        claim = ["--claim", f"team={tmp_path}"] if source.startswith("pvc") else []
        file = written(tmp_path, body, pool_body(), configmap)
        answer = slmeval("run", file, *claim, here=FakeHere())
        assert answer.exit_code == ExitCode.USAGE
        first = answer.stderr.splitlines()[0]
        assert first.startswith(f"{source}: ")
        assert said in first

    def test_does_not_matter_where_the_simulated_engine_needs_it_not(self, tmp_path: Path) -> None:
        here = FakeHere(missing=frozenset({"vllm", "ray"}))
        pool = pool_body(engine="simulated", gpus=GPUS)
        found = refusal(tmp_path, here=here, pool=pool, models=[a_model(source="pvc://team/a")])
        assert found.splitlines()[0].startswith("this Python has no ray, which")
        assert len(found.splitlines()) == 2


class TestTheRunnersSamples:
    def test_are_found_without_an_import(self) -> None:
        assert "support-intents" in ThisMachine().samples()


class TestTheInstallation:
    @pytest.mark.parametrize("lock", ["engine-gpu.in", "ray-gpu.in"])
    def test_that_is_advised_is_the_images_pair(self, lock: str) -> None:
        pins = (ROOT / "requirements" / lock).read_text().splitlines()
        pinned = [pin for pin in pins if "==" in pin and not pin.startswith("#")]
        assert pinned
        assert all(pin in f"{INSTALL} {ENGINE}" for pin in pinned)

    def test_is_from_a_checkout_with_the_engine_only_where_it_is_asked_for(
        self, tmp_path: Path
    ) -> None:
        here = FakeHere(missing=frozenset({"ray"}))
        real = refusal(tmp_path, here=here, pool=pool_body())
        simulated = refusal(tmp_path, here=here, pool=pool_body(engine="simulated"))
        assert "in a checkout of slmeval, pip install '.[cli,runner]'" in real
        assert "vllm==" in real
        assert "pip install '.[cli,runner]'" in simulated
        assert "vllm" not in simulated


class TestWhatIsDoneOtherwise:
    def notes(self, folder: Path, pool: Mapping[str, object], here: FakeHere, **spec: Any) -> str:
        def act(launch: Any) -> FakeAttempt:
            return FakeAttempt(launch=launch, results=[], ends=None, interrupts=True)

        models = [a_model(name, source=f"hf://x/{name}@main") for name in "abc"]
        body = pool_body()
        body["spec"] |= pool
        here.act = act
        file = written(folder, evaluation_body(models=models, **spec), body)
        answer = slmeval("run", file, "--output", str(folder / "saved.yaml"), here=here)
        assert answer.exit_code == ExitCode.INTERRUPTED
        return answer.stderr

    def test_workers_that_do_not_fit_are_said(self, tmp_path: Path) -> None:
        facts = replace(A_MACHINE, gpus=2, gpu_gib=48)
        pool = {"gpus": {**GPUS, "perWorker": 1}, "workers": 4}
        said = self.notes(tmp_path, pool, FakeHere(facts=facts))
        assert "SLMPool gpu has workers: 4; this machine is 2: 2 run at a time." in said

    def test_workers_that_fit_are_not(self, tmp_path: Path) -> None:
        facts = replace(A_MACHINE, gpus=4, gpu_gib=48)
        said = self.notes(tmp_path, {"gpus": GPUS, "workers": 4}, FakeHere(facts=facts))
        assert "SLMPool" not in said

    def test_trials_on_cpus_run_one_after_the_other(self, tmp_path: Path) -> None:
        said = self.notes(tmp_path, {"workers": 2}, FakeHere())
        assert "SLMPool gpu has workers: 2; this machine is 1: trials run one after" in said

    def test_fields_of_pods_are_not_used(self, tmp_path: Path) -> None:
        said = self.notes(tmp_path, {"nodeSelector": {"a": "b"}, "cacheClaim": "c"}, FakeHere())
        assert "Not used, for it is about pods: nodeSelector, cacheClaim of SLMPool gpu." in said

    def test_so_are_those_of_an_evaluation_that_is_asked_again(self, tmp_path: Path) -> None:
        asked = {"schedule": {"cron": "0 3 * * 1"}, "onChange": "Wait"}
        said = self.notes(tmp_path, {}, FakeHere(), **asked)
        assert "Not used, for the question is asked once, now: schedule, onChange." in said

    def test_regressions_cannot_be_told(self, tmp_path: Path) -> None:
        gates = [A_GATE, A_GATE | {"name": "no-slower", "regression": {}}]
        said = self.notes(tmp_path, {}, FakeHere(), gates=gates)
        assert "regressions cannot be told: no-slower of spec.gates." in said

    def test_what_is_done_as_in_a_cluster_is_not_said(self, tmp_path: Path) -> None:
        said = self.notes(tmp_path, {}, FakeHere(), gates=[A_GATE])
        assert "Not used" not in said
        assert "gates" not in said

    def test_a_secrets_variable_is_this_environments(self, tmp_path: Path) -> None:
        source = {"secretKeyRef": {"name": "s3", "key": "key"}}
        env = {"env": [{"name": "SOME_S3_KEY", "valueFrom": source}]}
        assert "SOME_S3_KEY of SLMPool gpu comes from a Secret." in (
            self.notes(tmp_path, env, FakeHere())
        )

    def test_a_slower_engine_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "LD_PRELOAD does not name tcmalloc" in self.notes(tmp_path, {}, FakeHere())
        monkeypatch.setenv("LD_PRELOAD", "libtcmalloc_minimal.so.4:libiomp5.so")
        (tmp_path / "saved.yaml").unlink()
        assert "LD_PRELOAD" not in self.notes(tmp_path, {}, FakeHere())
