"""SLMPools that must be refused, each with what the API server says about it."""

from builders import pool_body

from verdicts.cases import Bad, Json, without


def _worker(**resources: object) -> Json:
    return pool_body(workerResources={"cpu": "1", "memory": "4Gi", **resources})


def _toleration(**toleration: object) -> Json:
    return pool_body(tolerations=[toleration])


def _secret(**key: str) -> Json:
    return {"secretKeyRef": {"name": "login", **key}}


def _gpus(**gpus: object) -> Json:
    return pool_body(gpus={"memoryGiB": 48, **gpus})


def _env(name: str, value: object = "1") -> Json:
    return pool_body(env=[{"name": name, "value": value}])


OBJECTS = (
    Bad("a name that is too long", pool_body(name="a" * 41), "metadata.name", "at most 40"),
    Bad("a name with a dot", pool_body(name="a10.large"), "metadata.name", "digits and '-'"),
    Bad("an unknown key", pool_body(gpu=1), "spec.gpu", "unknown field"),
    Bad(
        "no resources",
        without(pool_body(), "spec.workerResources"),
        "spec.workerResources",
        "Required value",
    ),
    Bad(
        "an engine that does not exist",
        pool_body(engine="tgi"),
        "spec.engine",
        'supported values: "vllm", "simulated"',
    ),
    Bad("no worker", pool_body(workers=0), "spec.workers", "greater than or equal to 1"),
    Bad("an image with a blank", pool_body(image="a b"), "spec.image", "should match"),
    Bad(
        "a pull secret named twice",
        pool_body(imagePullSecrets=["a", "a"]),
        "spec.imagePullSecrets[1]",
        "Duplicate value",
    ),
    Bad(
        "a price as a number",
        pool_body(pricePerHour=1.5),
        "spec.pricePerHour",
        'must be of type string: "number"',
    ),
    Bad("a price with a sign", pool_body(pricePerHour="$1.50"), "spec.pricePerHour", "match"),
    Bad("a negative price", pool_body(pricePerHour="-1"), "spec.pricePerHour", "should match"),
    Bad("a currency in lower case", pool_body(currency="usd"), "spec.currency", "should match"),
)

NODES = (
    Bad(
        "a label that YAML took for a boolean",
        pool_body(nodeSelector={"gpu": True}),
        "spec.nodeSelector.gpu",
        'must be of type string: "boolean"',
    ),
    Bad(
        "a label's key with a blank",
        pool_body(nodeSelector={"gpu product": "a"}),
        "spec.nodeSelector",
        "a label's key is a name of at most 63 letters",
    ),
    Bad(
        "a label's key with two slashes",
        pool_body(nodeSelector={"a/b/c": "a"}),
        "spec.nodeSelector",
        "after an optional prefix",
    ),
    Bad(
        "a label's key with a long name",
        pool_body(headNodeSelector={"a" * 64: "a"}),
        "spec.headNodeSelector",
        "at most 63",
    ),
    Bad(
        "a label's value with a slash",
        pool_body(nodeSelector={"gpu": "a/b"}),
        "spec.nodeSelector.gpu",
        "should match",
    ),
    Bad(
        "no label at all",
        pool_body(nodeSelector={}),
        "spec.nodeSelector",
        "should have at least 1 properties",
    ),
    Bad(
        "a taint that must exist with a value",
        _toleration(key="gpu", operator="Exists", value="yes"),
        "spec.tolerations[0]",
        "value must be left out when operator is Exists",
    ),
    Bad(
        "a taint to be equal to without a key",
        _toleration(value="yes"),
        "spec.tolerations[0]",
        "key is needed when operator is Equal",
    ),
    Bad(
        "a taint's effect in lower case",
        _toleration(key="gpu", operator="Exists", effect="noschedule"),
        "spec.tolerations[0].effect",
        "Unsupported value",
    ),
)

COMPUTE = (
    Bad("a CPU pool that says so", pool_body(gpus={}), "spec.gpus.memoryGiB", "Required value"),
    Bad("no GPU", _gpus(perWorker=0), "spec.gpus.perWorker", "greater than or equal to 1"),
    Bad(
        "GPU memory with a unit",
        _gpus(memoryGiB="48Gi"),
        "spec.gpus.memoryGiB",
        'must be of type integer: "string"',
    ),
    Bad("a GPU resource with a blank", _gpus(resourceName="my gpu"), "resourceName", "match"),
    Bad(
        "CPUs with a fraction, unquoted",
        _worker(cpu=1.5),
        "spec.workerResources.cpu",
        'must be of type integer,string: "number"',
    ),
    Bad("no CPU", _worker(cpu=0), "spec.workerResources.cpu", "greater than or equal to 1"),
    Bad("no CPU, as text", _worker(cpu="0.0"), "spec.workerResources.cpu", "should match"),
    Bad("CPUs as a boolean", _worker(cpu=True), "spec.workerResources.cpu", "boolean"),
    Bad(
        "CPUs with a unit of memory",
        _worker(cpu="4Gi"),
        "spec.workerResources.cpu",
        "should match",
    ),
    Bad("a million CPUs", _worker(cpu=1_000_000), "spec.workerResources.cpu", "less than or equal"),
    Bad("memory without a unit", _worker(memory="16"), "spec.workerResources.memory", "match"),
    Bad(
        "memory as a number",
        _worker(memory=16),
        "spec.workerResources.memory",
        'must be of type string: "integer"',
    ),
    Bad("memory in thousandths", _worker(memory="16m"), "spec.workerResources.memory", "match"),
    Bad("no shared memory", pool_body(sharedMemory="0Gi"), "spec.sharedMemory", "should match"),
    Bad(
        "a head without memory",
        pool_body(headResources={"cpu": "1"}),
        "spec.headResources.memory",
        "Required value",
    ),
)

ENVIRONMENT = (
    Bad("a variable that is a number", _env("A", 1), "spec.env[0].value", "must be of type string"),
    Bad("a variable in lower case", _env("http_proxy"), "spec.env[0].name", "should match"),
    Bad("a variable of Ray's", _env("RAY_ADDRESS"), "spec.env[0]", "cannot be overridden"),
    Bad("the hub's token", _env("HF_TOKEN"), "spec.env[0]", "cannot be overridden"),
    Bad(
        "a variable without a value",
        pool_body(env=[{"name": "A"}]),
        "spec.env[0]",
        "name value, or valueFrom for a key of a Secret: exactly one of them",
    ),
    Bad(
        "a variable with two values",
        pool_body(env=[{"name": "A", "value": "1", "valueFrom": _secret(key="a")}]),
        "spec.env[0]",
        "name value, or valueFrom for a key of a Secret: exactly one of them",
    ),
    Bad(
        "a variable of Ray's from a Secret",
        pool_body(env=[{"name": "RAY_ADDRESS", "valueFrom": _secret(key="a")}]),
        "spec.env[0]",
        "cannot be overridden",
    ),
    Bad(
        "a Secret without a key",
        pool_body(env=[{"name": "A", "valueFrom": _secret()}]),
        "spec.env[0].valueFrom.secretKeyRef.key",
        "Required value",
    ),
    Bad(
        "a variable from a ConfigMap",
        pool_body(env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "a"}}}]),
        "spec.env[0].valueFrom.configMapKeyRef",
        "unknown field",
    ),
    Bad(
        "a variable named twice",
        pool_body(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
        "spec.env[1]",
        "Duplicate value",
    ),
)

BAD_POOLS = (*OBJECTS, *NODES, *COMPUTE, *ENVIRONMENT)
