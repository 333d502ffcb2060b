"""Manifests at the edge of what is allowed: both judges must take them."""

from builders import (
    a_load,
    a_model,
    a_task,
    a_workload,
    evaluation_body,
    pool_body,
    pool_spec,
    run_body,
    trial_body,
)

from verdicts.cases import Good, Json, changed

LONGEST = "a" * 40


def _source(source: str) -> Json:
    return evaluation_body(models=[a_model(source=source)])


def _data(test: str, train: str | None = None) -> Json:
    data = {"test": test} | ({"train": train} if train else {})
    return evaluation_body(tasks=[a_task(data=data)])


def _typed(**types: object) -> Json:
    task = {name: value for name, value in a_task().items() if name != "classification"}
    return evaluation_body(tasks=[task | types])


def _labels(*labels: str) -> Json:
    return evaluation_body(tasks=[a_task(classification={"labels": list(labels)})])


def _cpu(cpu: object) -> Json:
    return pool_body(workerResources={"cpu": cpu, "memory": "4Gi"})


def _memory(memory: str) -> Json:
    return pool_body(workerResources={"cpu": "1", "memory": memory})


EVALUATIONS = (
    Good("the smallest", evaluation_body()),
    Good("the longest name", evaluation_body(name=LONGEST)),
    Good("a name of one letter", evaluation_body(name="a")),
    Good("a whole number written with a point", evaluation_body(seed=7.0)),
    Good("nulls where a default is", evaluation_body(seed=None, tasks=None, huggingFace=None)),
    Good("nulls below", evaluation_body(models=[a_model(engine={"maxModelLen": None})])),
    Good("deadlines that are equal", evaluation_body(
        deadlineSeconds=60, startDeadlineSeconds=60, trialDeadlineSeconds=60)),
    Good("the largest seed", evaluation_body(seed=2_147_483_647)),
    Good("no further attempt", evaluation_body(backoffLimit=0)),
    Good("the most models", evaluation_body(models=[a_model(f"m{i}") for i in range(64)])),
    Good("the most pools", evaluation_body(pools=[f"p{i}" for i in range(16)])),
    Good("two candidates of one source", evaluation_body(
        models=[a_model("a", source="file:///m"), a_model("b", source="file:///m")])),
    Good("a request that fills the context", evaluation_body(
        models=[a_model(engine={"maxModelLen": 2048})],
        workloads=[a_workload(inputTokens=2000, outputTokens=48)])),
    Good("a spread that fills the context", evaluation_body(
        models=[a_model(engine={"maxModelLen": 2060})],
        workloads=[a_load("concurrency", inputTokens=1900, outputTokens=100,
                          lengthSpreadPercent=3)])),
    Good("prompts of one's own", evaluation_body(workloads=[a_load(
        "batch", inputTokens=None, prompts={"source": "configmap://prompts/chat.jsonl"})])),
    Good("the most levels", evaluation_body(workloads=[a_load(
        "concurrency", levels=list(range(1, 13)))])),
    Good("a search", evaluation_body(workloads=[a_load(
        "rate", requestsPerSecond=None, search={"lowest": "0.5", "highest": "10"},
        objectives={"timeToFirstTokenSeconds": "0.5", "timePerOutputTokenSeconds": "0.05"})])),
    Good("a chat over HTTP", evaluation_body(workloads=[a_load("http")])),
    Good("whole answers to independent users over HTTP", evaluation_body(workloads=[a_load(
        "http", concurrency=None, requestsPerSecond="2.5", streaming=False)])),
    Good("the most workloads, models and levels", evaluation_body(
        models=[a_model(f"m{i}", engine={"maxModelLen": 2048}) for i in range(64)],
        workloads=[a_load("concurrency", f"w{i}", levels=list(range(1, 13)))
                   for i in range(16)])),
    Good("random weights without a task", evaluation_body(
        models=[a_model(engine={"loadFormat": "dummy"})])),
    Good("tasks alone", evaluation_body(workloads=[], tasks=[a_task()])),
    Good("a hub branch with a slash", _source("hf://org/model@refs/pr/1")),
    Good("a hub commit", _source("hf://Qwen/Qwen2.5-1.5B-Instruct@" + "0" * 40)),
    Good("a whole claim", _source("pvc://models")),
    Good("a claim's folder", _source("pvc://models/llama/3.2")),
    Good("a label of one letter", _labels("a", "b")),
    Good("labels of many words", _labels("wants a refund", "where is my parcel?")),
    Good("labels in other scripts", _labels("退款", "配送")),
    Good("a label that ends with a no-break space", _labels("a\u00a0", "b")),
    Good("data in a ConfigMap", _data("configmap://my.items/test.jsonl")),
    Good("data in a claim", _data("pvc://data/a/b/test.jsonl", "pvc://data/a/b/train.jsonl")),
    Good("data in the image", _data("file:///data/test.jsonl")),
    Good("data in object stores", _data("s3://my.bucket-1/year=2026/test.parquet",
                                        "gs://my_bucket/a/train.csv")),
    Good("data in Azure", _data("abfs://items@account1.dfs.core.windows.net/a/test.csv")),
    Good("data on the web", _data("https://data.example.com:8443/v1.0/test+more.csv")),
    Good("a dataset of the hub", _data("hf://datasets/SetFit/sst2@main/test",
                                       "hf://datasets/SetFit/sst2@main/train")),
    Good("a dataset's configuration at a commit", _data(
        "hf://datasets/cais/mmlu@" + "0" * 40 + "/high_school-1.2/dev.part_2")),
    Good("a proposed change of a dataset", _data("hf://datasets/o/n@refs/pr/12/test")),
    Good("the hub's own conversion of a dataset", _data(
        "hf://datasets/o/n@refs/convert/parquet/en/test")),
    Good("prompts in an object store", evaluation_body(workloads=[a_load(
        "batch", inputTokens=None, prompts={"source": "s3://bucket/prompts.parquet"})])),
    Good("examples", evaluation_body(tasks=[a_task(
        data={"test": "builtin://a/test", "train": "builtin://a/train"},
        fewShot={"count": 64, "strategy": "Random"})])),
    Good("examples like the item", evaluation_body(tasks=[a_task(
        data={"test": "builtin://a/test", "train": "builtin://a/train"},
        fewShot={"count": 8, "strategy": "Similar",
                 "embeddingModel": "hf://minishlab/potion-base-8M@main"})])),
    Good("artifacts on a claim", evaluation_body(artifacts={"url": "pvc://kept"})),
    Good("artifacts in a bucket", evaluation_body(artifacts={"url": "s3://kept/slm/eval"})),
    Good("several labels a text", _typed(multilabel={"labels": ["a", "b"], "answer": "Free"})),
    Good("records with labels of their own", _typed(
        entityMatching={"matchLabel": "1", "noMatchLabel": "0", "answer": "LogProbability"})),
    Good("attributes and spans", _typed(extraction={"keys": [
        {"name": "city", "description": "where"}, {"name": "dish", "multiple": True}]})),
    Good("questions without an answer", _typed(questionAnswering={"unanswerable": True})),
    Good("choices", _typed(multipleChoice={})),
    Good("numbers after thinking aloud", _typed(numeric={"reasoning": True,
                                                        "tolerancePercent": 1})),
    Good("summaries that are held out", _typed(
        summarization={}, heldOut=True, maxOutputTokens=128)),
    Good("a task of the harness, with examples and held out", evaluation_body(tasks=[{
        "name": "arc", "lmEval": {"task": "arc_easy", "numFewShot": 5}, "limit": 100,
        "heldOut": True}])),
    Good("a task of the harness with dots and marks in its name", evaluation_body(tasks=[{
        "name": "arc", "lmEval": {"task": "a_b.C-1+(x)"}}])),
    Good("columns with names of their own", _typed(
        questionAnswering={},
        data={"test": "pvc://squad/dev.jsonl", "train": "pvc://squad/train.jsonl",
              "fields": {"answers": "answers.text", "id": "uid"}, "overlap": "Drop"})),
)  # fmt: skip

POOLS = (
    Good("the smallest", pool_body()),
    Good("the longest name", pool_body(name=LONGEST)),
    Good("a name that starts with a digit", pool_body(name="2xa10")),
    Good("CPUs as a number", _cpu(4)),
    Good("CPUs as text", _cpu("4")),
    Good("CPUs with a fraction", _cpu("1.5")),
    Good("half a CPU", _cpu("0.50")),
    Good("thousandths of a CPU", _cpu("100m")),
    Good("the most CPUs", _cpu(999_999)),
    Good("memory with a fraction", _memory("1.5Gi")),
    Good("half a gibibyte", _memory("0.5Gi")),
    Good("memory in powers of ten", _memory("16G")),
    Good("an empty label's value", pool_body(nodeSelector={"slmeval.dev/pool": ""})),
    Good("labels with and without a prefix", pool_body(
        nodeSelector={"nvidia.com/gpu.product": "NVIDIA-A10", "Zone_1": "eu.west"})),
    Good("a label that is null", pool_body(nodeSelector=None)),
    Good("a label whose value is null", pool_body(nodeSelector={"a": "b", "c": None})),
    Good("a taint of any key", pool_body(tolerations=[{"operator": "Exists"}])),
    Good("a taint with a value", pool_body(tolerations=[{"key": "gpu", "value": "a10"}])),
    Good("the same taint twice", pool_body(tolerations=[{"operator": "Exists"}] * 2)),
    Good("a free pool", pool_body(pricePerHour="0")),
    Good("a price to the last digit", pool_body(pricePerHour="1.123456789")),
    Good("an empty variable", pool_body(env=[{"name": "VLLM_USE_V1", "value": ""}])),
    Good("a variable from a Secret", pool_body(env=[
        {"name": "AWS_SECRET_ACCESS_KEY",
         "valueFrom": {"secretKeyRef": {"name": "s3.login", "key": "secret.key"}}}])),
    Good("an image by digest", pool_body(image="registry:5000/a/b:v1@sha256:" + "0" * 64)),
    Good("another vendor's GPU", pool_body(gpus={"memoryGiB": 64, "resourceName": "amd.com/gpu"})),
)  # fmt: skip

CRONS = ("0 3 * * 1", "*/5 0-23/2 1,15 JAN-mar mon-fri", "@weekly", "@Daily", "5/15 * ? * 7",
         "00 09  * 01 SUN,TUE-THU/2", "59 23 31 12 0")  # fmt: skip
SCHEDULES = (
    *(Good(f"a schedule of {cron}", evaluation_body(schedule={"cron": cron})) for cron in CRONS),
    Good("all that a schedule has", evaluation_body(onChange="Wait", schedule={
        "cron": "@hourly", "timeZone": "America/Argentina/Buenos_Aires", "suspend": True,
        "concurrencyPolicy": "Replace", "startingDeadlineSeconds": 10,
        "successfulRunsHistoryLimit": 0, "failedRunsHistoryLimit": 100})),
)  # fmt: skip

GATES = (
    Good("gates of all kinds", evaluation_body(
        tasks=[a_task(), a_task(name="other", heldOut=True)],
        workloads=[
            a_workload(), a_load("concurrency", "steps", levels=[1, 8], repetitions=2),
            a_load("rate", "open", requestsPerSecond=["0.50"], repetitions=2),
            {"name": "found", "rate": {
                "inputTokens": 16, "outputTokens": 4, "search": {}, "repetitions": 2,
                "objectives": {"latencySeconds": "1"}}},
        ],
        gates=[
            {"name": "fast", "speed": {"workload": "chat", "figure": "requestsPerSecond"},
             "atLeast": "3.5", "models": ["small"], "pools": ["gpu"]},
            {"name": "steady", "regression": {"tolerancePercent": "5", "baseline": "demo-x.1"},
             "speed": {"workload": "steps", "figure": "latencyP99Seconds", "load": "8"}},
            {"name": "open", "atMost": "9",
             "speed": {"workload": "open", "figure": "latencyP50Seconds", "load": "0.5"}},
            {"name": "found", "atMost": "9",
             "speed": {"workload": "found", "figure": "latencyP50Seconds", "load": "1.5"}},
            {"name": "right", "score": {}, "atLeast": "0.8", "atMost": "1", "regression": {}},
            {"name": "new", "score": {"heldOut": True}, "regression": {"tolerance": "0"}},
            {"name": "one", "score": {"task": "other"}, "atLeast": "0"},
        ])),
    Good("the most gates", evaluation_body(gates=[
        {"name": f"g{i}", "atLeast": "1",
         "speed": {"workload": "chat", "figure": "requestsPerSecond"}} for i in range(16)])),
)  # fmt: skip

RUNS_AND_TRIALS = (
    Good("the smallest run", run_body()),
    Good("a run of a schedule, asked for by hand as well", changed(run_body(), "spec.trigger", {
        "reason": "Scheduled", "scheduledTime": "2026-11-01T03:00:00Z", "request": "now"})),
    Good("a run that takes another's place", changed(run_body(), "spec.replaces", True)),
    Good("the most pools of a run", run_body(
        pools=[{"name": f"p{i}", "spec": pool_spec()} for i in range(16)])),
    Good("the smallest trial", trial_body()),
    Good("the longest trial name", trial_body(name="a" * 253)),
)  # fmt: skip

GOOD = (*EVALUATIONS, *SCHEDULES, *GATES, *POOLS, *RUNS_AND_TRIALS)
