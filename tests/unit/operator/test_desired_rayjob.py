"""The RayJob of an attempt: what it may hold, see and cost, and that it always ends."""

import json
from typing import Any

import pytest
from builders import Json, a_load, a_model, a_task
from slmeval_operator.desired.attempt import desired_attempt
from slmeval_operator.settings import Settings
from unit.operator.worlds import SETTINGS, a_new_attempt, a_run, a_run_pool, a_trial

GPUS = {"perWorker": 2, "resourceName": "example.com/gpu", "memoryGiB": 48}


def a_rayjob(pool: Json | None = None, *, settings: Settings = SETTINGS, **question: Any) -> Json:
    """Return the first RayJob on a pool with such a spec."""
    run = a_run(pools=[a_run_pool(**(pool or {}))], **question)
    return desired_attempt(a_new_attempt(run, a_trial()), settings)[-1]


def head_of(job: Json) -> Json:
    """Return the head's pod template."""
    template: Json = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]
    return template


def workers_of(job: Json) -> Json:
    """Return the worker group."""
    (group,) = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    made: Json = group
    return made


def worker_of(job: Json) -> Json:
    """Return the workers' container."""
    (container,) = workers_of(job)["template"]["spec"]["containers"]
    made: Json = container
    return made


def containers_of(job: Json) -> list[Json]:
    """Return all containers: Ray's of the head, the reporter, the worker's."""
    return [*head_of(job)["spec"]["containers"], worker_of(job)]


def env_of(container: Json) -> dict[str, Any]:
    """Return the environment by name."""
    return {e["name"]: e.get("value", e.get("valueFrom")) for e in container["env"]}


def volumes_of(pod_spec: Json) -> dict[str, Json]:
    """Return the volumes by name."""
    return {v["name"]: {k: x for k, x in v.items() if k != "name"} for v in pod_spec["volumes"]}


def mounts_of(container: Json) -> dict[str, Json]:
    """Return the mounts by path."""
    return {m["mountPath"]: m for m in container["volumeMounts"]}


def mounted_at(pod_spec: Json, path: str) -> Json:
    """Return the volume that the first container has at `path`."""
    return volumes_of(pod_spec)[mounts_of(pod_spec["containers"][0])[path]["name"]]


class TestGpusAreAlwaysReleased:
    def test_kuberay_ends_the_cluster_when_the_job_or_its_time_is_over(self) -> None:
        spec = a_rayjob(deadlineSeconds=7200, startDeadlineSeconds=600)["spec"]
        assert {k: v for k, v in spec.items() if k != "rayClusterSpec"} == {
            "entrypoint": "python -m slmeval_runner.driver",
            "submissionMode": "HTTPMode",
            "backoffLimit": 0,
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 10,
            "activeDeadlineSeconds": 7200,
            "preRunningDeadlineSeconds": 600,
            "suspend": False,
        }

    def test_it_goes_with_its_run(self) -> None:
        assert a_rayjob()["metadata"]["ownerReferences"] == [
            {
                "apiVersion": "slmeval.dev/v1alpha1",
                "kind": "SLMRun",
                "name": "demo-1",
                "uid": "uid-run",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]

    def test_its_pods_are_found_by_the_labels_of_the_rayjob(self) -> None:
        job = a_rayjob()
        labels = job["metadata"]["labels"]
        assert labels == {
            "app.kubernetes.io/managed-by": "slmeval",
            "slmeval.dev/evaluation": "demo",
            "slmeval.dev/evaluation-uid": "uid-demo",
            "slmeval.dev/run": "demo-1",
            "slmeval.dev/pool": "gpu",
            "slmeval.dev/attempt": "1",
            "slmeval.dev/rayjob": "demo-1-gpu-1",
        }
        for template in (head_of(job), workers_of(job)["template"]):
            assert template["metadata"]["labels"] == labels

    def test_workers_are_of_a_fixed_number(self) -> None:
        group = workers_of(a_rayjob({"workers": 4}))
        assert [group[k] for k in ("replicas", "minReplicas", "maxReplicas")] == [1, 1, 1]
        assert "enableInTreeAutoscaling" not in a_rayjob()["spec"]["rayClusterSpec"]


class TestPodsAreRestricted:
    def test_every_container(self) -> None:
        for container in containers_of(a_rayjob()):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }

    def test_both_pods_run_as_the_user_of_the_settings(self) -> None:
        job = a_rayjob(settings=Settings(runner_image="runner:1", run_as_user=2000))
        for template in (head_of(job), workers_of(job)["template"]):
            assert template["spec"]["securityContext"] == {
                "runAsNonRoot": True,
                "runAsUser": 2000,
                "runAsGroup": 2000,
                "fsGroup": 2000,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            }

    def test_what_they_write_to_is_an_empty_dir(self) -> None:
        job = a_rayjob({"sharedMemory": "3Gi"})
        for spec in (head_of(job)["spec"], workers_of(job)["template"]["spec"]):
            volumes = volumes_of(spec)
            assert volumes["tmp"] == {"emptyDir": {}}
            assert volumes["shm"] == {"emptyDir": {"medium": "Memory", "sizeLimit": "3Gi"}}
        for container in containers_of(job):
            assert "/tmp" in mounts_of(container)
            assert env_of(container)["HOME"] == "/tmp"

    def test_every_mount_has_its_volume(self) -> None:
        job = a_rayjob(tasks=[a_task(data={"test": "pvc://data/test.jsonl"})])
        for spec in (head_of(job)["spec"], workers_of(job)["template"]["spec"]):
            names = [v["name"] for v in spec["volumes"]]
            mounted = [m["name"] for c in spec["containers"] for m in c["volumeMounts"]]
            assert len(set(names)) == len(names)
            assert set(mounted) <= set(names)


class TestNoRayProcessHoldsAToken:
    TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"

    def test_none_is_mounted_by_itself(self) -> None:
        job = a_rayjob()
        for template in (head_of(job), workers_of(job)["template"]):
            assert template["spec"]["automountServiceAccountToken"] is False

    def test_the_reporter_alone_mounts_one(self) -> None:
        job = a_rayjob()
        holders = [
            c["name"]
            for c in containers_of(job)
            if any(m["name"] == "token" for m in c["volumeMounts"])
        ]
        assert holders == ["reporter"]
        reporter = head_of(job)["spec"]["containers"][1]
        assert mounts_of(reporter)[self.TOKEN]["readOnly"] is True
        assert "token" not in volumes_of(workers_of(job)["template"]["spec"])
        sources = volumes_of(head_of(job)["spec"])["token"]["projected"]["sources"]
        assert sources[0] == {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}

    def test_the_head_has_the_reporters_account_and_the_worker_the_default_one(self) -> None:
        job = a_rayjob()
        assert head_of(job)["spec"]["serviceAccountName"] == "demo-1-gpu-reporter"
        assert "serviceAccountName" not in workers_of(job)["template"]["spec"]

    def test_the_driver_writes_reports_and_the_reporter_only_reads_them(self) -> None:
        ray, reporter = head_of(a_rayjob())["spec"]["containers"]
        assert "readOnly" not in mounts_of(ray)["/report"]
        assert mounts_of(reporter)["/report"]["readOnly"] is True
        assert mounts_of(ray)["/finished"]["readOnly"] is True
        assert "readOnly" not in mounts_of(reporter)["/finished"]

    def test_they_share_no_other_folder_that_either_may_write(self) -> None:
        ray, reporter = head_of(a_rayjob())["spec"]["containers"]
        shared = {m["name"] for m in ray["volumeMounts"]} & {
            m["name"] for m in reporter["volumeMounts"]
        }
        assert shared == {"plan", "report", "finished"}


class TestTheHeadIsRaysAndNeedsNoGpu:
    def test_rays_container_comes_first(self) -> None:
        names = [c["name"] for c in head_of(a_rayjob())["spec"]["containers"]]
        assert names == ["ray-head", "reporter"]

    def test_no_trial_can_be_placed_on_it(self) -> None:
        params = a_rayjob()["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]
        assert (params["num-cpus"], params["num-gpus"]) == ("0", "0")

    def test_gpus_are_asked_for_by_workers_alone(self) -> None:
        job = a_rayjob({"gpus": GPUS})
        asked = [c["resources"]["limits"].get("example.com/gpu") for c in containers_of(job)]
        assert asked == [None, None, "2"]

    def test_all_but_cpu_is_limited_for_throttling_distorts_figures(self) -> None:
        for container in containers_of(a_rayjob({"gpus": GPUS})):
            requests = dict(container["resources"]["requests"])
            assert requests.pop("cpu")
            assert container["resources"]["limits"] == requests


class TestWorkersOfferTheResourceThatTrialsAskFor:
    def test_as_a_json_string_in_quotes_of_its_own(self) -> None:
        text = workers_of(a_rayjob())["rayStartParams"]["resources"]
        assert text == '"{\\"slmeval_worker\\": 1}"'
        assert json.loads(json.loads(text)) == {"slmeval_worker": 1}


class TestSecretsReachWhoNeedsThem:
    def test_the_hub_token_is_in_the_workers_environment_alone(self) -> None:
        job = a_rayjob(huggingFace={"secretName": "hub", "secretKey": "key"})
        found = [env_of(c).get("HF_TOKEN") for c in containers_of(job)]
        assert found == [None, None, {"secretKeyRef": {"name": "hub", "key": "key"}}]

    def test_a_pools_secret_is_too_and_may_be_missing_in_the_namespace(self) -> None:
        reference = {"name": "s3", "key": "id"}
        variable = {"name": "AWS_ACCESS_KEY_ID", "valueFrom": {"secretKeyRef": reference}}
        found = [
            env_of(c).get("AWS_ACCESS_KEY_ID") for c in containers_of(a_rayjob({"env": [variable]}))
        ]
        assert found == [None, None, {"secretKeyRef": {**reference, "optional": True}}]

    def test_without_one_there_is_none(self) -> None:
        assert "HF_TOKEN" not in json.dumps(a_rayjob())

    def test_are_named_so_that_they_can_be_hidden(self) -> None:
        reference = {"secretKeyRef": {"name": "s3", "key": "id"}}
        variables = [{"name": "KEY", "valueFrom": reference}, {"name": "REGION", "value": "eu"}]
        job = a_rayjob({"env": variables}, huggingFace={"secretName": "hub"})
        assert [env_of(c).get("SLMEVAL_SECRETS") for c in containers_of(job)] == [
            None,
            None,
            "KEY,HF_TOKEN",
        ]
        assert "SLMEVAL_SECRETS" not in json.dumps(a_rayjob())


class TestLogs:
    def test_have_one_form_in_every_container_and_no_colours(self) -> None:
        wanted = {"SLMEVAL_LOG_FORMAT": "text", "SLMEVAL_LOG_LEVEL": "info", "NO_COLOR": "1"}
        for container in containers_of(a_rayjob()):
            env = env_of(container)
            assert {name: env[name] for name in wanted} == wanted

    def test_have_no_progress_bars(self) -> None:
        assert env_of(worker_of(a_rayjob()))["TQDM_DISABLE"] == "1"


POOL: Json = {
    "nodeSelector": {"gpu": "a10"},
    "headNodeSelector": {"role": "cpu"},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "runtimeClassName": "nvidia",
    "priorityClassName": "low",
    "image": "mine:2",
    "imagePullSecrets": ["regcred"],
    "env": [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "1"}],
    "headResources": {"cpu": "1", "memory": "3Gi"},
}


class TestThePoolSaysWhereAndWithWhat:
    def test_for_the_workers(self) -> None:
        spec = workers_of(a_rayjob(POOL))["template"]["spec"]
        assert spec["nodeSelector"] == {"gpu": "a10"}
        assert spec["tolerations"] == POOL["tolerations"]
        assert spec["runtimeClassName"] == "nvidia"
        assert spec["priorityClassName"] == "low"
        assert spec["imagePullSecrets"] == [{"name": "regcred"}]
        assert env_of(spec["containers"][0])["VLLM_CPU_KVCACHE_SPACE"] == "1"

    def test_for_the_head(self) -> None:
        spec = head_of(a_rayjob(POOL))["spec"]
        assert spec["nodeSelector"] == {"role": "cpu"}
        assert "tolerations" not in spec
        assert "runtimeClassName" not in spec
        assert spec["priorityClassName"] == "low"
        assert spec["containers"][0]["resources"]["limits"] == {"memory": "3Gi"}

    @pytest.mark.parametrize(("pool", "image"), [({}, "runner:1"), ({"image": "m:2"}, "m:2")])
    def test_all_containers_run_one_image(self, pool: Json, image: str) -> None:
        assert {c["image"] for c in containers_of(a_rayjob(pool))} == {image}

    def test_what_it_leaves_out_is_left_out(self) -> None:
        text = json.dumps(a_rayjob())
        for key in ("nodeSelector", "runtimeClassName", "priorityClassName", "imagePullSecrets"):
            assert key not in text


class TestModelsAndDataAreMounted:
    def test_the_cache_is_the_pools_claim_or_lost_with_the_pod(self) -> None:
        spec = workers_of(a_rayjob({"cacheClaim": "models"}))["template"]["spec"]
        claim = {"persistentVolumeClaim": {"claimName": "models"}}
        assert mounted_at(spec, "/cache") == claim
        plain = workers_of(a_rayjob())["template"]["spec"]
        assert volumes_of(plain)["cache"] == {"emptyDir": {}}
        assert env_of(worker_of(a_rayjob()))["HF_HOME"] == "/cache/huggingface"

    def test_each_claim_and_configmap_once_and_read_only(self) -> None:
        job = a_rayjob(
            models=[a_model(source="pvc://weights/small"), a_model("b", source="pvc://weights/b")],
            tasks=[
                a_task("one", data={"test": "pvc://data/a.jsonl", "train": "configmap://few/t"}),
                a_task(
                    "two",
                    data={"test": "configmap://items/t", "train": "configmap://few/u"},
                    fewShot={"strategy": "Similar", "embeddingModel": "pvc://embeddings/potion"},
                ),
            ],
        )
        spec = workers_of(job)["template"]["spec"]
        volumes, mounts = volumes_of(spec), mounts_of(spec["containers"][0])
        assert {n: v for n, v in volumes.items() if n.startswith(("claim-", "data-"))} == {
            "claim-0": {"persistentVolumeClaim": {"claimName": "data", "readOnly": True}},
            "claim-1": {"persistentVolumeClaim": {"claimName": "embeddings", "readOnly": True}},
            "claim-2": {"persistentVolumeClaim": {"claimName": "weights", "readOnly": True}},
            "data-0": {"configMap": {"name": "few", "optional": True}},
            "data-1": {"configMap": {"name": "items", "optional": True}},
        }
        for path in ("/claims/data", "/claims/weights", "/configmaps/few", "/configmaps/items"):
            assert mounts[path]["readOnly"] is True

    def test_the_claim_of_artifacts_to_be_written_to(self) -> None:
        spec = workers_of(a_rayjob(artifacts={"url": "pvc://kept/slm"}))["template"]["spec"]
        claim = {"persistentVolumeClaim": {"claimName": "kept"}}
        assert mounted_at(spec, "/artifacts") == claim
        assert "readOnly" not in mounts_of(spec["containers"][0])["/artifacts"]
        bucket = workers_of(a_rayjob(artifacts={"url": "s3://kept/slm"}))["template"]["spec"]
        assert "/artifacts" not in mounts_of(bucket["containers"][0])

    def test_a_claim_that_serves_for_several_things_by_one_volume(self) -> None:
        """A pod with two volumes of one claim never starts."""
        job = a_rayjob(
            {"cacheClaim": "all"},
            models=[a_model(source="pvc://all/small")],
            tasks=[a_task(data={"test": "pvc://all/a.jsonl"})],
            artifacts={"url": "pvc://all/slm"},
        )
        spec = workers_of(job)["template"]["spec"]
        claims = [v for v in volumes_of(spec).values() if "persistentVolumeClaim" in v]
        assert claims == [{"persistentVolumeClaim": {"claimName": "all"}}]
        mounts = mounts_of(spec["containers"][0])
        of_claim = [mounts[path] for path in ("/claims/all", "/artifacts", "/cache")]
        assert {m["name"] for m in of_claim} == {"claim-0"}
        assert [m.get("readOnly", False) for m in of_claim] == [True, False, False]

    def test_those_of_prompts_too_and_none_for_what_is_read_from_elsewhere(self) -> None:
        prompts = {"source": "pvc://prompts/chat.csv"}
        job = a_rayjob(
            workloads=[a_load("batch", inputTokens=None, prompts=prompts)],
            tasks=[
                a_task(data={"test": "s3://bucket/t.csv", "train": "hf://datasets/o/n@main/train"})
            ],
        )
        volumes = volumes_of(workers_of(job)["template"]["spec"])
        assert [n for n in volumes if n.startswith(("claim-", "data-"))] == ["claim-0"]
        assert volumes["claim-0"]["persistentVolumeClaim"]["claimName"] == "prompts"

    def test_the_head_reads_the_plan_and_no_data(self) -> None:
        job = a_rayjob(tasks=[a_task(data={"test": "configmap://items/t"})])
        volumes = volumes_of(head_of(job)["spec"])
        assert volumes["plan"] == {"configMap": {"name": "demo-1-gpu-1"}}
        assert not [n for n in volumes if n.startswith(("claim-", "data-", "cache"))]


class TestEqualArgumentsGiveEqualRayJobs:
    def test_so_that_a_repeated_pass_makes_nothing_else(self) -> None:
        assert a_rayjob({"gpus": GPUS}) == a_rayjob({"gpus": GPUS})
