"""SLMEvaluations whose workloads or tasks must be refused, with what the API server says."""

from typing import Any

from builders import a_load, a_model, a_task, a_workload, evaluation_body

from verdicts.cases import Bad, Json, changed


def _batch(**batch: object) -> Json:
    return evaluation_body(workloads=[a_workload("chat", **batch)])


def _load(kind: str, **load: Any) -> Json:
    return evaluation_body(workloads=[a_load(kind, **load)])


def _search(**rate: object) -> Json:
    asked: dict[str, Any] = {
        "search": {},
        "objectives": {"latencySeconds": "1"},
        "requestsPerSecond": None,
    }
    return evaluation_body(workloads=[a_load("rate", **asked | rate)])


def _task(**overrides: object) -> Json:
    return evaluation_body(tasks=[a_task("intents", **overrides)])


def _data(**data: object) -> Json:
    return _task(data={"test": "builtin://support-intents/test", **data})


def _typed(**types: object) -> Json:
    """Return an evaluation of a task without its usual type, but with these."""
    task = {name: value for name, value in a_task("intents").items() if name != "classification"}
    return evaluation_body(tasks=[task | types])


def _harness(**overrides: object) -> Json:
    return evaluation_body(tasks=[{"name": "arc", "lmEval": {"task": "arc_easy"}, **overrides}])


def _labels(*labels: object) -> Json:
    return _task(classification={"labels": list(labels)})


WORKLOADS = (
    Bad(
        "a workload of no kind",
        evaluation_body(workloads=[{"name": "chat"}]),
        "spec.workloads[0]",
        "exactly one of batch, concurrency, rate, http must be set",
    ),
    Bad(
        "a workload of two kinds",
        evaluation_body(workloads=[a_load("batch") | a_load("rate")]),
        "spec.workloads[0]",
        "exactly one of batch, concurrency, rate, http must be set",
    ),
    Bad(
        "prompts of one's own and random ones",
        _batch(prompts={"source": "configmap://prompts/chat.jsonl"}),
        "spec.workloads[0].batch",
        "name inputTokens for random prompts, or prompts for your own",
    ),
    Bad(
        "prompts of no kind",
        _batch(inputTokens=None),
        "spec.workloads[0].batch",
        "name inputTokens for random prompts, or prompts for your own",
    ),
    Bad(
        "a spread of lengths that are one's own",
        _batch(inputTokens=None, prompts={"source": "file:///p.jsonl"}, lengthSpreadPercent=10),
        "spec.workloads[0].batch",
        "lengthSpreadPercent is for random prompts",
    ),
    Bad(
        "prompts above the folder",
        _batch(inputTokens=None, prompts={"source": "file:///data/../p.jsonl"}),
        "spec.workloads[0].batch.prompts",
        "must not contain '..'",
    ),
    Bad("a sweep without levels", _load("concurrency", levels=[]), "levels", "at least 1 items"),
    Bad("a level twice", _load("concurrency", levels=[4, 4]), "levels[1]", "Duplicate value"),
    Bad(
        "nothing in flight",
        _load("concurrency", levels=[0]),
        "levels[0]",
        "greater than or equal to 1",
    ),
    Bad(
        "neither rates nor a search",
        _load("rate", requestsPerSecond=None),
        "spec.workloads[0].rate",
        "name requestsPerSecond, the rates to measure, or search",
    ),
    Bad(
        "a rate of nothing",
        _load("rate", requestsPerSecond=["0"]),
        "spec.workloads[0].rate.requestsPerSecond[0]",
        "should match",
    ),
    Bad(
        "a search for nothing",
        _load("rate", requestsPerSecond=None, search={}),
        "spec.workloads[0].rate",
        "search needs objectives",
    ),
    Bad(
        "a search from above to below",
        _search(search={"lowest": "9", "highest": "8.5"}),
        "spec.workloads[0].rate.search",
        "search.lowest must be below search.highest",
    ),
    Bad(
        "objectives without a limit",
        _search(objectives={"attainmentPercent": 90}),
        "spec.workloads[0].rate.objectives",
        "name at least one of timeToFirstTokenSeconds",
    ),
    Bad(
        "requests over HTTP at no pace",
        _load("http", concurrency=None),
        "spec.workloads[0].http",
        "name concurrency, the requests in flight, or requestsPerSecond",
    ),
    Bad(
        "requests over HTTP at two paces",
        _load("http", requestsPerSecond="2"),
        "spec.workloads[0].http",
        "name concurrency, the requests in flight, or requestsPerSecond",
    ),
    Bad(
        "no user of the endpoint",
        _load("http", concurrency=0),
        "spec.workloads[0].http.concurrency",
        "greater than or equal to 1",
    ),
    Bad(
        "a spread that is longer than the context that was asked for",
        evaluation_body(
            models=[a_model(engine={"maxModelLen": 2048})],
            workloads=[a_load("rate", inputTokens=1900, outputTokens=100, lengthSpreadPercent=3)],
        ),
        "spec",
        "exceed a model's engine.maxModelLen",
    ),
    Bad(
        "two workloads of one name",
        evaluation_body(workloads=[a_workload(), a_workload()]),
        "spec.workloads[1]",
        "Duplicate value",
    ),
    Bad(
        "no request",
        _batch(requests=0),
        "spec.workloads[0].batch.requests",
        "greater than or equal to 1",
    ),
    Bad(
        "requests with a thousands separator",
        _batch(requests="1,000"),
        "spec.workloads[0].batch.requests",
        'must be of type integer: "string"',
    ),
    Bad(
        "more repetitions than are kept",
        _batch(repetitions=21),
        "spec.workloads[0].batch.repetitions",
        "less than or equal to 20",
    ),
    Bad(
        "a request longer than the context that was asked for",
        evaluation_body(
            models=[a_model(engine={"maxModelLen": 2048})],
            workloads=[a_workload(inputTokens=2000, outputTokens=49)],
        ),
        "spec",
        "raise maxModelLen or shorten the workload",
    ),
)

TASKS = (
    Bad(
        "a task of no type",
        evaluation_body(tasks=[{"name": "t", "data": {"test": "builtin://support-intents/test"}}]),
        "spec.tasks[0]",
        "exactly one of classification, multilabel, entityMatching, extraction, questionAnswering",
    ),
    Bad(
        "a task of two types",
        _task(numeric={}),
        "spec.tasks[0]",
        "must be set: they are the types of task",
    ),
    Bad(
        "a type of task that does not exist",
        _typed(translation={}),
        "spec.tasks[0].translation",
        "unknown field",
    ),
    Bad(
        "balanced examples of items that have no label",
        changed(
            _typed(numeric={}),
            "spec.tasks.0.fewShot",
            {"strategy": "LabelBalanced"},
        ),
        "spec.tasks[0]",
        "fewShot.strategy: LabelBalanced is for classification, entityMatching, multipleChoice",
    ),
    Bad(
        "a column that the type does not read",
        changed(_typed(numeric={}), "spec.tasks.0.data.fields", {"label": "answer"}),
        "spec.tasks[0]",
        "data.fields of numeric may name context, question, solution, answer, id",
    ),
    Bad(
        "test items left out for a train set that there is not",
        _data(overlap="Drop"),
        "spec.tasks[0].data",
        "overlap: Drop needs train",
    ),
    Bad(
        "an extraction of nothing",
        _typed(extraction={"keys": []}),
        "spec.tasks[0].extraction.keys",
        "should have at least 1 items",
    ),
    Bad(
        "a key named twice",
        _typed(extraction={"keys": [{"name": "city"}, {"name": "city"}]}),
        "spec.tasks[0].extraction.keys[1]",
        "Duplicate value",
    ),
    Bad(
        "one label for the same and for another thing",
        _typed(entityMatching={"matchLabel": "yes", "noMatchLabel": "yes"}),
        "spec.tasks[0].entityMatching",
        "matchLabel and noMatchLabel must differ",
    ),
    Bad(
        "probabilities of many labels at once",
        _typed(multilabel={"labels": ["a", "b"], "answer": "LogProbability"}),
        "spec.tasks[0].multilabel.answer",
        'supported values: "Constrained", "Free"',
    ),
    Bad(
        "more tolerance than sense",
        _typed(numeric={"tolerancePercent": 60}),
        "spec.tasks[0].numeric.tolerancePercent",
        "less than or equal to 50",
    ),
    Bad(
        "a single label",
        _labels("refund"),
        "spec.tasks[0].classification.labels",
        "should have at least 2 items",
    ),
    Bad(
        "a label named twice",
        _labels("refund", "refund"),
        "spec.tasks[0].classification.labels[1]",
        "Duplicate value",
    ),
    Bad(
        "a label that YAML took for a boolean",
        _labels(True, False),
        "spec.tasks[0].classification.labels[0]",
        'must be of type string: "boolean"',
    ),
    Bad(
        "a label with a blank at its end",
        _labels("refund ", "delivery"),
        "spec.tasks[0].classification.labels[0]",
        "should match",
    ),
    Bad(
        "an empty label",
        _labels("", "delivery"),
        "spec.tasks[0].classification.labels[0]",
        "should be at least 1 chars long",
    ),
    Bad(
        "a way of answering that does not exist",
        _task(classification={"labels": ["a", "b"], "answer": "free"}),
        "spec.tasks[0].classification.answer",
        'supported values: "Constrained", "Free", "LogProbability"',
    ),
    Bad(
        "examples without data to take them from",
        _task(fewShot={"count": 3}),
        "spec.tasks[0]",
        "fewShot.count needs data.train",
    ),
    Bad(
        "more examples than a prompt may hold",
        changed(
            _data(train="builtin://support-intents/train"), "spec.tasks.0.fewShot", {"count": 65}
        ),
        "spec.tasks[0].fewShot.count",
        "less than or equal to 64",
    ),
    Bad(
        "examples like the item without a model to find them by",
        _task(fewShot={"strategy": "Similar"}),
        "spec.tasks[0].fewShot",
        "embeddingModel goes with strategy: Similar, which needs it",
    ),
    Bad(
        "an embedding model for examples that are drawn",
        _task(fewShot={"embeddingModel": "pvc://team/potion"}),
        "spec.tasks[0].fewShot",
        "and with no other strategy",
    ),
    Bad(
        "an embedding model without a revision",
        _task(
            fewShot={
                "strategy": "Similar",
                "embeddingModel": "hf://minishlab/potion-base-8M",
            }
        ),
        "spec.tasks[0].fewShot.embeddingModel",
        "should match",
    ),
    Bad(
        "an embedding model outside of its claim",
        _task(fewShot={"strategy": "Similar", "embeddingModel": "pvc://team/../potion"}),
        "spec.tasks[0].fewShot",
        "must not contain '..'",
    ),
    Bad(
        "examples taken from the test set",
        _data(train="builtin://support-intents/test"),
        "spec.tasks[0].data",
        "train and test must differ",
    ),
    Bad(
        "a part of a sample that does not exist",
        _data(test="builtin://support-intents/dev"),
        "spec.tasks[0].data.test",
        "should match",
    ),
    Bad(
        "a way out of the claim of the data",
        _data(test="pvc://data/../secrets.jsonl"),
        "spec.tasks[0].data",
        "must not contain '..'",
    ),
    Bad(
        "a way out of a bucket",
        _data(test="s3://bucket/a/../../test.jsonl"),
        "spec.tasks[0].data",
        "must not contain '..'",
    ),
    Bad(
        "a column without a name",
        _data(fields={"text": ""}),
        "spec.tasks[0].data.fields.text",
        "should be at least 1 chars long",
    ),
    Bad(
        "artifacts on a web server",
        evaluation_body(artifacts={"url": "https://example.com/kept"}),
        "spec.artifacts.url",
        "should match",
    ),
    Bad(
        "artifacts outside of their claim",
        evaluation_body(artifacts={"url": "pvc://kept/../weights"}),
        "spec.artifacts",
        "must not contain '..'",
    ),
    Bad(
        "a task without data",
        changed(_task(), "spec.tasks.0.data", None),
        "spec.tasks[0]",
        "data must be set: it names the items; only lmEval brings its own",
    ),
    Bad(
        "data for a task of the harness, which has its own",
        _typed(lmEval={"task": "arc_easy"}),
        "spec.tasks[0]",
        "only lmEval brings its own, and must not have it",
    ),
    Bad(
        "examples of ours for a task of the harness",
        _harness(fewShot={"count": 2}),
        "spec.tasks[0]",
        "lmEval has no fewShot and no maxOutputTokens: set lmEval.numFewShot",
    ),
    Bad(
        "a strategy of ours for a task of the harness",
        _harness(fewShot={"strategy": "Random"}),
        "spec.tasks[0]",
        "lmEval has no fewShot",
    ),
    Bad(
        "room for answers of a task of the harness",
        _harness(maxOutputTokens=8),
        "spec.tasks[0]",
        "the task itself says how long an answer may be",
    ),
    Bad(
        "a task of the harness by a path",
        _harness(lmEval={"task": "../mine.yaml"}),
        "spec.tasks[0].lmEval.task",
        "should match",
    ),
    Bad(
        "a task of the harness without a name",
        _harness(lmEval={}),
        "spec.tasks[0].lmEval.task",
        "Required value",
    ),
    Bad(
        "more of the harness's examples than a prompt may hold",
        _harness(lmEval={"task": "arc_easy", "numFewShot": 65}),
        "spec.tasks[0].lmEval.numFewShot",
        "less than or equal to 64",
    ),
    Bad("no item", _task(limit=0), "spec.tasks[0].limit", "greater than or equal to 1"),
)

SOURCES = tuple(
    Bad(name, _data(test=source), "spec.tasks[0].data.test", "should match")
    for name, source in (
        ("data on the web without encryption", "http://example.com/test.jsonl"),
        ("a login in a web address", "https://me:secret@example.com/test.jsonl"),
        ("a login in a query", "https://example.com/test.jsonl?token=secret"),
        ("a part of a web page", "https://example.com/test.jsonl#top"),
        ("a web site", "https://example.com"),
        ("a whole bucket", "s3://bucket"),
        ("a bucket with a capital letter", "s3://Bucket/test.jsonl"),
        ("a login to a bucket", "s3://key:secret@bucket/test.jsonl"),
        ("a folder of a bucket", "gs://bucket/folder/"),
        ("a container without an account", "abfs://items/test.jsonl"),
        ("an account of another cloud", "abfs://items@account.example.com/test.jsonl"),
        ("a protocol that is not known", "ftp://example.com/test.jsonl"),
        ("a chain of protocols", "simplecache::s3://bucket/test.jsonl"),
        ("a dataset without a revision", "hf://datasets/org/name/test"),
        ("a dataset without a split", "hf://datasets/org/name@main"),
        ("a dataset without an organisation", "hf://datasets/squad@main/test"),
        ("a model for a dataset", "hf://org/name@main/test"),
        ("a part of a split", "hf://datasets/org/name@main/test[:100]"),
        ("a file of a dataset", "hf://datasets/org/name@main/en/data/test.parquet"),
    )
)

BAD_MEASURES = (*WORKLOADS, *TASKS, *SOURCES)
