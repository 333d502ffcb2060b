"""The RayJob of an attempt, and its two kinds of pod.

Everything here is accepted under the restricted Pod Security Standard. The reporter container
alone mounts a token: any code that Ray runs, also a task placed on the head, could read what the
Ray container of the head mounts.
"""

import json
from typing import Any

from slmeval_api.evaluation import Question
from slmeval_api.plan import (
    ARTIFACT_FOLDER,
    CACHE_FOLDER,
    CLAIM_FOLDER,
    CONFIGMAP_FOLDER,
    FINISHED_FOLDER,
    LIVE_PORT,
    LIVE_PORT_NAME,
    LOG_FORMAT_VARIABLE,
    LOG_LEVEL_VARIABLE,
    PLAN_FOLDER,
    REPORT_FOLDER,
    SECRETS_VARIABLE,
    WORKER_RESOURCE,
    Plan,
)
from slmeval_api.pool import EnvVar, PoolSpec, Resources
from slmeval_decisions.sources import claims_of, configmaps_of

from slmeval_operator.settings import Settings

DRIVER = "python -m slmeval_runner.driver"
REPORTER = ["python", "-m", "slmeval_runner.reporter"]
REPORTER_RESOURCES = Resources(cpu="50m", memory="256Mi")
LINGER_SECONDS = 10
"""How long the cluster outlives its job, for the reporter's last words."""
OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Ray would take 30% of the pod's memory; only small messages pass through it here."""
SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


def desired_rayjob(
    plan: Plan,
    pool: PoolSpec,
    question: Question,
    *,
    meta: dict[str, Any],
    account: str,
    settings: Settings,
) -> dict[str, Any]:
    """Return the RayJob that carries out `plan`.

    Args:
        plan: what the driver is told; it stands in the ConfigMap that has the RayJob's name.
        pool: the nodes.
        question: deadlines, sources and access to the hub.
        meta: the RayJob's metadata; its labels are put on the pods as well.
        account: ServiceAccount of the reporter.
        settings: the operator's.

    """
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": meta,
        "spec": {
            "entrypoint": DRIVER,
            # K8sJobMode needs a third pod, SidecarMode cannot run under restricted Pod Security.
            "submissionMode": "HTTPMode",
            "backoffLimit": 0,  # attempts are ours: KubeRay would repeat the finished trials too
            "shutdownAfterJobFinishes": True,  # KubeRay's default keeps the GPUs
            "ttlSecondsAfterFinished": LINGER_SECONDS,
            "activeDeadlineSeconds": question.deadline_seconds,
            "preRunningDeadlineSeconds": question.start_deadline_seconds,
            "suspend": False,
            "rayClusterSpec": {
                "rayVersion": settings.ray_version,
                "headGroupSpec": {
                    "rayStartParams": {
                        "num-cpus": "0",  # nothing of a trial runs on the head
                        "num-gpus": "0",
                        "dashboard-host": "0.0.0.0",
                        "log-color": "false",
                        "object-store-memory": str(OBJECT_STORE_BYTES),
                    },
                    "template": _head(plan, pool, meta=meta, account=account, settings=settings),
                },
                "workerGroupSpecs": [
                    {
                        "groupName": "worker",
                        "replicas": plan.workers,
                        "minReplicas": plan.workers,
                        "maxReplicas": plan.workers,
                        "rayStartParams": {
                            # KubeRay tells GPUs by the resource's name, which may be any.
                            "num-gpus": str(plan.gpus_per_worker),
                            "log-color": "false",
                            "resources": _quoted({WORKER_RESOURCE: 1}),
                            "object-store-memory": str(OBJECT_STORE_BYTES),
                        },
                        "template": _worker(plan, pool, question, meta=meta, settings=settings),
                    }
                ],
            },
        },
    }


def _quoted(resources: dict[str, int]) -> str:
    """Return Ray's resources as a shell word: other quoting makes the worker crash for ever."""
    return json.dumps(json.dumps(resources))


def _compute(resources: Resources, gpus: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a container's resources. No CPU limit: being throttled is not what we measure."""
    requests = resources.to_json_data() | (gpus or {})
    return {"requests": requests, "limits": {k: v for k, v in requests.items() if k != "cpu"}}


def _pod(
    plan: Plan, pool: PoolSpec, settings: Settings, *, meta: dict[str, Any], spec: dict[str, Any]
) -> dict[str, Any]:
    """Return the pod template that both kinds share, with `spec` on top."""
    user = settings.run_as_user
    base: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 10,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if pool.image_pull_secrets:
        base["imagePullSecrets"] = [{"name": name} for name in pool.image_pull_secrets]
    if pool.priority_class_name:
        base["priorityClassName"] = pool.priority_class_name
    return {"metadata": {"labels": meta["labels"]}, "spec": base | spec}


def _scratch(pool: PoolSpec) -> list[dict[str, Any]]:
    return [
        {"name": "tmp", "emptyDir": {}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": pool.shared_memory}},
    ]


SCRATCH_MOUNTS = [{"name": "tmp", "mountPath": "/tmp"}, {"name": "shm", "mountPath": "/dev/shm"}]


def _env(settings: Settings, **values: str) -> list[dict[str, Any]]:
    common = {
        "HOME": "/tmp",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",  # logs are read by programs, too
        LOG_FORMAT_VARIABLE: settings.log_format,
        LOG_LEVEL_VARIABLE: settings.log_level,
    }
    return [{"name": k, "value": v} for k, v in (common | values).items()]


def _variable(variable: EnvVar) -> dict[str, Any]:
    """Return a pool's variable as a container has it."""
    if variable.value_from is None:
        return {"name": variable.name, "value": variable.value}
    # Optional: a pool serves namespaces that have no such Secret, and do not need it. The runner
    # can say which source it could not read; a pod that does not start says nothing.
    reference = variable.value_from.secret_key_ref.to_json_data() | {"optional": True}
    return {"name": variable.name, "valueFrom": {"secretKeyRef": reference}}


def _head(
    plan: Plan, pool: PoolSpec, *, meta: dict[str, Any], account: str, settings: Settings
) -> dict[str, Any]:
    """Return the head: Ray and the driver in one container, the reporter in another."""
    image = {"image": plan.image, "imagePullPolicy": settings.runner_image_pull_policy}
    plan_mount = {"name": "plan", "mountPath": PLAN_FOLDER, "readOnly": True}
    ray = image | {
        "name": "ray-head",  # KubeRay takes the first container for Ray's
        "env": _env(settings),
        "resources": _compute(pool.head_resources),
        "securityContext": SECURITY,
        "volumeMounts": [
            *SCRATCH_MOUNTS,
            plan_mount,
            {"name": "report", "mountPath": REPORT_FOLDER},
            {"name": "finished", "mountPath": FINISHED_FOLDER, "readOnly": True},
        ],
    }
    reporter = image | {
        "name": "reporter",
        "command": REPORTER,
        "env": _env(settings, LD_PRELOAD=""),  # the image preloads libraries for the engine only
        "resources": _compute(REPORTER_RESOURCES),
        "securityContext": SECURITY,
        "volumeMounts": [
            {"name": "reporter-tmp", "mountPath": "/tmp"},
            plan_mount,
            {"name": "report", "mountPath": REPORT_FOLDER, "readOnly": True},
            {"name": "finished", "mountPath": FINISHED_FOLDER},
            {"name": "token", "mountPath": TOKEN_FOLDER, "readOnly": True},
        ],
    }
    volumes = [
        *_scratch(pool),
        {"name": "reporter-tmp", "emptyDir": {"sizeLimit": "16Mi"}},
        {"name": "plan", "configMap": {"name": meta["name"]}},
        {"name": "report", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "finished", "emptyDir": {"sizeLimit": "16Mi"}},
        {"name": "token", "projected": _token()},
    ]
    spec: dict[str, Any] = {
        "serviceAccountName": account,
        "containers": [ray, reporter],
        "volumes": volumes,
    }
    if pool.head_node_selector:
        spec["nodeSelector"] = dict(pool.head_node_selector)
    return _pod(plan, pool, settings, meta=meta, spec=spec)


def _token() -> dict[str, Any]:
    """Return what a client in a pod expects to find, for one container instead of all."""
    namespace = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    return {
        "defaultMode": 0o440,
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
            {
                "configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                }
            },
            {"downwardAPI": {"items": [namespace]}},
        ],
    }


def _worker(
    plan: Plan, pool: PoolSpec, question: Question, *, meta: dict[str, Any], settings: Settings
) -> dict[str, Any]:
    """Return a worker: the pool's compute, the models and the data."""
    gpus = {pool.gpus.resource_name: str(pool.gpus.per_worker)} if pool.gpus else {}
    node = {"name": "SLMEVAL_NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    engine_env = _env(
        settings,
        HF_HOME=f"{CACHE_FOLDER}/huggingface",
        VLLM_CACHE_ROOT=f"{CACHE_FOLDER}/vllm",  # what was compiled, by model and arguments
        TRITON_CACHE_DIR=f"{CACHE_FOLDER}/triton",
        FLASHINFER_WORKSPACE_BASE=CACHE_FOLDER,
        VLLM_NO_USAGE_STATS="1",
        TQDM_DISABLE="1",  # a bar is a line of log every tenth of a second
        RAY_worker_niceness="0",  # Ray's 15 would measure how the engine yields to others
    )
    env = [*engine_env, node]
    env += [_variable(e) for e in pool.env]
    if question.hugging_face:
        secret = question.hugging_face
        reference = {"name": secret.secret_name, "key": secret.secret_key}
        env.append({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": reference}})
    secrets = [e["name"] for e in env if "secretKeyRef" in e.get("valueFrom", {})]
    if secrets:
        env.append({"name": SECRETS_VARIABLE, "value": ",".join(secrets)})
    volumes, mounts = _storage(question, pool.cache_claim)
    container = {
        "name": "ray-worker",
        "image": plan.image,
        "imagePullPolicy": settings.runner_image_pull_policy,
        "env": env,
        "ports": [{"name": LIVE_PORT_NAME, "containerPort": LIVE_PORT}],
        "resources": _compute(pool.worker_resources, gpus),
        "securityContext": SECURITY,
        "volumeMounts": [*SCRATCH_MOUNTS, *mounts],
    }
    spec: dict[str, Any] = {
        "containers": [container],
        "volumes": [*_scratch(pool), *volumes],
        "tolerations": [t.to_json_data() for t in pool.tolerations],
    }
    if pool.node_selector:
        spec["nodeSelector"] = dict(pool.node_selector)
    if pool.runtime_class_name:
        spec["runtimeClassName"] = pool.runtime_class_name
    return _pod(plan, pool, settings, meta=meta, spec=spec)


def _storage(
    question: Question, cache_claim: str | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return volumes and mounts of what the question reads, of its artifacts and of the cache."""
    read = claims_of(question)
    written = dict[str, str]()  # mount path -> claim
    if question.artifacts and question.artifacts.claim:
        written[ARTIFACT_FOLDER] = question.artifacts.claim
    if cache_claim:
        written[CACHE_FOLDER] = cache_claim
    volumes, mounts = list[dict[str, Any]](), list[dict[str, Any]]()
    # One volume a claim, wherever it is mounted: a pod with two volumes of one claim never starts,
    # and no event says why (kubernetes#127004).
    for index, claim in enumerate(sorted({*read, *written.values()})):
        name, is_written = f"claim-{index}", claim in written.values()
        source = {"claimName": claim} | ({} if is_written else {"readOnly": True})
        volumes.append({"name": name, "persistentVolumeClaim": source})
        if claim in read:
            path = f"{CLAIM_FOLDER}/{claim}"
            mounts.append({"name": name, "mountPath": path, "readOnly": True})
        mounts += [{"name": name, "mountPath": p} for p, c in written.items() if c == claim]
    if not cache_claim:
        volumes.append({"name": "cache", "emptyDir": {}})
        mounts.append({"name": "cache", "mountPath": CACHE_FOLDER})
    for index, name in enumerate(configmaps_of(question)):
        # Optional: the runner can say which task misses it; a pod without its volume says nothing.
        volumes.append({"name": f"data-{index}", "configMap": {"name": name, "optional": True}})
        path = f"{CONFIGMAP_FOLDER}/{name}"
        mounts.append({"name": f"data-{index}", "mountPath": path, "readOnly": True})
    return volumes, mounts
