"""What of a question cannot be asked on this machine, and what is asked otherwise than in pods."""

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from slmeval_api.evaluation import Question
from slmeval_api.pool import PoolSpec
from slmeval_api.run import RunPool
from slmeval_decisions.plans import workers_needed
from slmeval_decisions.sources import claims_of, configmaps_of, files_of

from .asked import Asked, fields_set
from .data import missing_files
from .here import Here, Machine, Site

MOST_GPUS = 16
"""Of a worker, as the plan has it."""
LIBRARIES = ("ray", "scipy", "sklearn", "datasets", "fsspec", "huggingface_hub", "psutil")
"""What the runner imports, of which some are no part of every Python."""
OF_PODS = (
    "node_selector", "tolerations", "runtime_class_name", "priority_class_name", "image",
    "image_pull_secrets", "head_resources", "head_node_selector", "shared_memory", "cache_claim",
)  # fmt: skip
"""Fields of an SLMPool that are about pods alone."""
INSTALL = "in a checkout of slmeval, pip install '.[cli,runner]' 'ray[default,serve]==2.60.0'"
ENGINE = "vllm==0.29.0; without a GPU as docs/guides/without-a-cluster.md says"
"""What goes on from INSTALL where the engine is vLLM."""
GENERATOR = "SLMEVAL_GENERATOR"
ENGINE_LIBRARIES = ("tcmalloc", "iomp5")


def obstacles(asked: Asked, site: Site, here: Here) -> list[str]:
    """Return everything that keeps the question from being asked here, each with its cure."""
    return [
        *_of_machine(asked, site.machine),
        *_of_libraries(asked, here),
        *_of_claims(asked, site.claims),
        *_of_data(asked, site.image),
        *missing_files(_read(asked), site=site, configmaps=asked.configmaps, here=here),
        *_of_hub(asked),
    ]


def cpus_of(pool: PoolSpec) -> int:
    """Return the CPUs of a worker as Ray counts them in a pod: rounded up."""
    text = pool.worker_resources.cpu
    cpus = float(text[:-1]) / 1000 if text.endswith("m") else float(text)
    return max(1, math.ceil(cpus))


def trials_at_once(asked: Asked, machine: Machine) -> tuple[int, int]:
    """Return how many workers the question could keep busy, and how many the machine stands for.

    Without GPUs that is one, and with the simulated engine too: trials beside each other would
    share the CPUs.
    """
    pool = asked.pool
    run_pool = RunPool(name=pool.meta.name, spec=pool.spec)
    gpus = [model.engine.tensor_parallel_size for model in asked.spec.models]
    busy = workers_needed(run_pool, gpus)
    per_worker = asked.gpus_per_worker
    if not per_worker:
        return busy, 1
    return busy, max(1, min(busy, machine.gpus // per_worker, MOST_GPUS // per_worker))


def notes(asked: Asked, machine: Machine) -> Iterator[str]:
    """Yield what is done otherwise than in a cluster, and what may surprise."""
    pool, spec = asked.pool.meta.name, asked.pool.spec
    busy, here = trials_at_once(asked, machine)
    if busy > here:
        trials = "trials run one after the other" if here == 1 else f"{here} run at a time"
        yield f"SLMPool {pool} has workers: {spec.workers}; this machine is {here}: {trials}."
    if asked.unused:
        yield f"Not used, for the question is asked once, now: {', '.join(asked.unused)}."
    gates = [gate.name for gate in asked.spec.gates if gate.regression]
    if gates:
        yield (
            f"A run here has none before it, so regressions cannot be told: {', '.join(gates)} of "
            "spec.gates."
        )
    if of_pods := fields_set(spec, OF_PODS):
        yield f"Not used, for it is about pods: {', '.join(of_pods)} of SLMPool {pool}."
    for variable in spec.env:
        if variable.value_from and variable.name not in os.environ:
            yield (
                f"{variable.name} of SLMPool {pool} comes from a Secret. There is none here: set "
                "it in your environment if something needs it."
            )
    if spec.gpus is None and spec.engine == "vllm":
        loaded = os.environ.get("LD_PRELOAD", "")
        if not all(library in loaded for library in ENGINE_LIBRARIES):
            yield (
                "LD_PRELOAD does not name tcmalloc and libiomp5, as the runner image has it: vLLM "
                "may take twice the time on CPUs (docs/guides/without-a-cluster.md)."
            )


def _of_machine(asked: Asked, machine: Machine) -> Iterator[str]:
    pool, name = asked.pool.spec, asked.pool.meta.name
    if machine.gpus < asked.gpus_per_worker:
        yield (
            f"spec.gpus.perWorker of SLMPool {name} is {asked.gpus_per_worker}, and this machine "
            f"may use {machine.gpus} (of NVIDIA's): lower it, see CUDA_VISIBLE_DEVICES, or name "
            "another pool by --pool"
        )
    if cpus_of(pool) > machine.cpus:
        yield (
            f"spec.workerResources.cpu of SLMPool {name} is {pool.worker_resources.cpu}, and this "
            f"machine has {machine.cpus} CPUs: lower it"
        )


def _of_libraries(asked: Asked, here: Here) -> Iterator[str]:
    is_real = asked.pool.spec.engine == "vllm"
    needed = [*LIBRARIES, *(["vllm"] if is_real else [])]
    missing = [name for name in needed if not here.has(name)]
    if missing:
        cure = f"{INSTALL} {ENGINE}" if is_real else INSTALL
        yield f"this Python has no {', '.join(missing)}, which the runner needs: {cure}"
    has_http = any(workload.http for workload in asked.spec.workloads)
    if has_http and GENERATOR not in os.environ and not here.has("guidellm"):
        yield (
            "workloads of the kind http need GuideLLM, and this Python has none: install guidellm "
            f"into a folder of its own, and name that in {GENERATOR}"
        )


def _of_claims(asked: Asked, claims: Mapping[str, Path]) -> Iterator[str]:
    written = asked.spec.artifacts.claim if asked.spec.artifacts else None
    for name in sorted({*claims_of(_read(asked)), *([written] if written else [])}):
        if name not in claims:
            yield (
                f"the question names the claim {name}, and there are no claims here: say which "
                f"folder stands for it by --claim {name}=FOLDER"
            )
        elif not claims[name].is_dir():
            yield f"--claim {name}={claims[name]}: there is no such folder"
        elif name == written and not os.access(claims[name], os.W_OK):
            yield f"--claim {name}={claims[name]}: spec.artifacts cannot write to that folder"
    for name in sorted(claims.keys() - {*claims_of(asked.spec), written}):
        yield f"--claim {name}: the question names no such claim"


def _read(asked: Asked) -> Question:
    """Return the part of the question whose sources are read: no model by a simulated engine."""
    is_real = asked.pool.spec.engine == "vllm"
    return asked.spec if is_real else asked.spec.model_copy(update={"models": []})


def _of_data(asked: Asked, image: Path) -> Iterator[str]:
    for name in configmaps_of(asked.spec):
        if name not in asked.configmaps:
            yield (
                f"the question names the ConfigMap {name}, and there is none of that name in the "
                "files: add it to FILE as a document of its own"
            )
    for path in files_of(_read(asked)):
        found = image / path.lstrip("/")
        if not found.exists():
            yield (
                f"the question names file://{path}, a path of the runner image, and here {found} "
                "is not there: name the folder that stands for the image's root by --image-root, "
                "or another source"
            )


def _of_hub(asked: Asked) -> Iterator[str]:
    if (
        asked.spec.hugging_face
        and "HF_TOKEN" not in os.environ
        and not hub_home().joinpath("token").exists()
    ):
        yield (
            f"spec.huggingFace names the Secret {asked.spec.hugging_face.secret_name}, and there "
            "are none here: set HF_TOKEN, or log in by `hf auth login`"
        )


def hub_home() -> Path:
    """Return where the Hugging Face hub's libraries keep models and the token."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HF_HOME") or Path(caches, "huggingface"))
