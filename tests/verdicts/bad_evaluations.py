"""SLMEvaluations whose object or models must be refused, with what the API server says."""

from builders import a_load, a_model, a_task, a_workload, evaluation_body

from verdicts.cases import Bad, Json, without


def _model(**overrides: object) -> Json:
    return evaluation_body(models=[a_model("small", **overrides)])


def _engine(**engine: object) -> Json:
    return _model(engine=engine)


def _source(source: str) -> Json:
    return _model(source=source)


SPEED: Json = {"speed": {"workload": "chat", "figure": "requestsPerSecond"}}
SCORE: Json = {"score": {}}


def _gates(gate: Json) -> Json:
    return evaluation_body(gates=[{"name": "g"} | gate])


def _schedule(**schedule: object) -> Json:
    return evaluation_body(schedule=schedule)


OBJECTS = (
    Bad(
        "a name too long for the names that are made from it",
        evaluation_body(name="a" * 41),
        "metadata.name",
        "must be at most 40",
    ),
    Bad(
        "a name that starts with a digit",
        evaluation_body(name="1-of-many"),
        "metadata.name",
        "start with a letter",
    ),
    Bad(
        "a name with a dot",
        evaluation_body(name="a.b"),
        "metadata.name",
        "lower-case letters, digits and '-'",
    ),
    Bad("no spec", without(evaluation_body(), "spec"), "spec", "Required value"),
    Bad("an unknown key in the spec", evaluation_body(modells=[]), "spec.modells", "unknown field"),
    Bad(
        "an unknown key deep in the spec",
        _engine(gpuMemoryUtilization=90),
        "spec.models[0].engine.gpuMemoryUtilization",
        "unknown field",
    ),
    Bad(
        "the Python spelling of a key",
        evaluation_body(trial_deadline_seconds=60),
        "spec.trial_deadline_seconds",
        "unknown field",
    ),
    Bad(
        "nothing to measure",
        evaluation_body(workloads=[], tasks=[]),
        "spec",
        "nothing to measure: name at least one entry in workloads or tasks",
    ),
    Bad(
        "suspend as text",
        evaluation_body(suspend="true"),
        "spec.suspend",
        'must be of type boolean: "string"',
    ),
    Bad(
        "a schedule without a cron",
        _schedule(timeZone="Etc/UTC"),
        "spec.schedule.cron",
        "Required value",
    ),
    *(
        Bad(
            f"a schedule of {what}",
            _schedule(cron=cron),
            "spec.schedule",
            "cron must be five fields in a CronJob's form, as '0 3 * * 1' for Mondays at three",
        )
        for what, cron in {
            "minute 60": "60 * * * *",
            "hour 24": "0 24 * * *",
            "day 0": "0 0 0 * *",
            "month 13": "0 0 1 13 *",
            "weekday 8": "0 0 * * 8",
            "four fields": "0 0 * *",
            "six fields": "0 0 0 * * *",
            "an interval": "@every 1h",
            "Quartz' last day": "0 0 L * *",
            "a time zone of its own": "TZ=Etc/UTC 0 0 * * *",
            "two lines": "0 0 * * *\n",
            "words": "every monday",
        }.items()
    ),
    Bad(
        "a time zone that is a path",
        _schedule(cron="@daily", timeZone="../../etc/localtime"),
        "spec.schedule.timeZone",
        "should match",
    ),
    Bad(
        "a concurrency policy that CronJob has not",
        _schedule(cron="@daily", concurrencyPolicy="Queue"),
        "spec.schedule.concurrencyPolicy",
        "Unsupported value",
    ),
    Bad(
        "a starting deadline that no operator could keep",
        _schedule(cron="@daily", startingDeadlineSeconds=9),
        "spec.schedule.startingDeadlineSeconds",
        "greater than or equal to 10",
    ),
    Bad(
        "a history of less than nothing",
        _schedule(cron="@daily", failedRunsHistoryLimit=-1),
        "spec.schedule.failedRunsHistoryLimit",
        "greater than or equal to 0",
    ),
    *(
        Bad(f"a gate {what}", _gates(gate), field, says)
        for what, gate, field, says in (
            ("of nothing", {"atLeast": "1"}, "spec.gates[0]", "name score or speed"),
            (
                "of two things",
                SPEED | {"score": {}, "atLeast": "1"},
                "spec.gates[0]",
                "name score or speed",
            ),
            (
                "that demands nothing",
                SPEED,
                "spec.gates[0]",
                "name at least one of atLeast, atMost, regression",
            ),
            (
                "with a score's tolerance for speed",
                SPEED | {"regression": {"tolerance": "0.1"}},
                "spec.gates[0]",
                "tolerance is for score",
            ),
            (
                "with percent of a score",
                SCORE | {"regression": {"tolerancePercent": "1"}},
                "spec.gates[0]",
                "tolerancePercent is for speed",
            ),
            (
                "of a figure that nobody measures",
                {"speed": {"workload": "chat", "figure": "tokens"}, "atLeast": "1"},
                "spec.gates[0].speed.figure",
                "Unsupported value",
            ),
            (
                "of a workload that is not asked",
                {"speed": {"workload": "other", "figure": "requestsPerSecond"}, "atLeast": "1"},
                "spec",
                "a gate names a workload or a task that is not in",
            ),
            (
                "of a task that is not asked",
                {"score": {"task": "t"}, "atLeast": "1"},
                "spec",
                "a gate names a workload or a task that is not in",
            ),
            (
                "of a task and of all that are held out",
                {"score": {"task": "t", "heldOut": True}, "atLeast": "1"},
                "spec.gates[0].score",
                "name task, or heldOut",
            ),
            (
                "of all tasks where there is none",
                SCORE | {"atLeast": "1"},
                "spec",
                "a gate judges the score over all tasks",
            ),
            (
                "of a model that is no candidate",
                SPEED | {"models": ["x"], "atLeast": "1"},
                "spec",
                "a gate names a model or a pool that is not in",
            ),
            (
                "on a pool that is not asked",
                SPEED | {"pools": ["x"], "atLeast": "1"},
                "spec",
                "a gate names a model or a pool that is not in",
            ),
            (
                "with a number as a number",
                SPEED | {"atLeast": 1},
                "spec.gates[0].atLeast",
                "must be of type string",
            ),
        )
    ),
    *(
        Bad(
            f"a gate {what}",
            evaluation_body(
                workloads=[a_load(kind, repetitions=2)],
                gates=[{"name": "g", "atLeast": "1", "speed": SPEED["speed"] | {"load": load}}],
            ),
            "spec",
            "speed.load is no level or rate",
        )
        for what, kind, load in (
            ("on a level that is not asked", "concurrency", "3"),
            ("on a rate that is not asked", "rate", "0.33"),
            ("on a load of what has none", "batch", "8"),
        )
    ),
    Bad(
        "a gate on what is measured once",
        evaluation_body(
            workloads=[a_workload(repetitions=1)],
            gates=[{"name": "g", "atLeast": "1"} | SPEED],
        ),
        "spec",
        "has one repetition, which tells no interval",
    ),
    *(
        Bad(
            f"a score's {what} in percent",
            evaluation_body(tasks=[a_task()], gates=[{"name": "g", "score": {}} | demand]),
            "spec.gates[0]",
            "a score lies between 0 and 1",
        )
        for what, demand in (
            ("least", {"atLeast": "85"}),
            ("most", {"atMost": "1.01"}),
            ("tolerance", {"regression": {"tolerance": "2"}}),
        )
    ),
    Bad(
        "two gates of one name",
        evaluation_body(gates=[{"name": "g", "atLeast": "1"} | SPEED] * 2),
        "spec.gates[1]",
        "Duplicate value",
    ),
    Bad(
        "an edit that does something else",
        evaluation_body(onChange="Ignore"),
        "spec.onChange",
        "Unsupported value",
    ),
    Bad(
        "a seed as text",
        evaluation_body(seed="1"),
        "spec.seed",
        'must be of type integer: "string"',
    ),
    Bad(
        "a seed with a fraction", evaluation_body(seed=1.5), "spec.seed", "must be of type integer"
    ),
    Bad("a negative seed", evaluation_body(seed=-1), "spec.seed", "greater than or equal to 0"),
    Bad(
        "a deadline shorter than a start",
        evaluation_body(deadlineSeconds=59),
        "spec.deadlineSeconds",
        "greater than or equal to 60",
    ),
    Bad(
        "a deadline beyond a week",
        evaluation_body(deadlineSeconds=604_801),
        "spec.deadlineSeconds",
        "less than or equal to 604800",
    ),
    Bad(
        "a trial that may take longer than its attempt",
        evaluation_body(deadlineSeconds=3600, trialDeadlineSeconds=3601),
        "spec",
        "startDeadlineSeconds and trialDeadlineSeconds must not exceed deadlineSeconds",
    ),
    Bad(
        "a start that may take longer than its attempt, by default",
        evaluation_body(deadlineSeconds=600, trialDeadlineSeconds=600),
        "spec",
        "startDeadlineSeconds and trialDeadlineSeconds must not exceed deadlineSeconds",
    ),
    Bad(
        "more attempts than sense",
        evaluation_body(backoffLimit=11),
        "spec.backoffLimit",
        "less than or equal to 10",
    ),
    Bad(
        "a hub token without a Secret",
        evaluation_body(huggingFace={}),
        "spec.huggingFace.secretName",
        "Required value",
    ),
    Bad(
        "a Secret's key with a slash",
        evaluation_body(huggingFace={"secretName": "hub", "secretKey": "a/b"}),
        "spec.huggingFace.secretKey",
        "should match",
    ),
    Bad("no pool", evaluation_body(pools=[]), "spec.pools", "should have at least 1 items"),
    Bad(
        "a pool named twice",
        evaluation_body(pools=["gpu", "gpu"]),
        "spec.pools[1]",
        "Duplicate value",
    ),
    Bad(
        "a pool with a capital letter",
        evaluation_body(pools=["A6000"]),
        "spec.pools[0]",
        "should match",
    ),
    Bad(
        "a pool that is null",
        evaluation_body(pools=[None]),
        "spec.pools[0]",
        "must be of type string",
    ),
)

MODELS = (
    Bad("no model", evaluation_body(models=[]), "spec.models", "should have at least 1 items"),
    Bad(
        "models left out",
        without(evaluation_body(), "spec.models"),
        "spec.models",
        "Required value",
    ),
    Bad("models that are null", evaluation_body(models=None), "spec.models", "Required value"),
    Bad(
        "more models than a run may hold",
        evaluation_body(models=[a_model(f"m{i}") for i in range(65)]),
        "spec.models",
        "must have at most 64 items",
    ),
    Bad(
        "two candidates of one name",
        evaluation_body(models=[a_model("twin"), a_model("twin")]),
        "spec.models[1]",
        'Duplicate value: {"name":"twin"}',
    ),
    Bad(
        "a candidate without a source",
        evaluation_body(models=[{"name": "small"}]),
        "spec.models[0].source",
        "Required value",
    ),
    Bad(
        "a candidate's name with a dot",
        evaluation_body(models=[a_model("llama-3.2-1b", source="file:///m")]),
        "spec.models[0].name",
        "should match",
    ),
    Bad(
        "a hub name without a revision",
        _source("hf://Qwen/Qwen2.5-1.5B-Instruct"),
        "spec.models[0].source",
        "should match",
    ),
    Bad(
        "a hub name without an organisation",
        _source("hf://gpt2@main"),
        "spec.models[0].source",
        "should match",
    ),
    Bad(
        "a web address",
        _source("https://huggingface.co/Qwen/Qwen2.5-1.5B-Instruct"),
        "spec.models[0].source",
        "should match",
    ),
    Bad("a relative file", _source("file://models/small"), "spec.models[0].source", "should match"),
    Bad(
        "a way out of the claim",
        _source("pvc://models/../other"),
        "spec.models[0]",
        "source must not contain '..'",
    ),
    Bad(
        "a line break after the source",
        _source("file:///models/small\n"),
        "spec.models[0].source",
        "should match",
    ),
    Bad(
        "a number format that no engine has",
        _engine(dtype="int3"),
        "spec.models[0].engine.dtype",
        'supported values: "auto", "bfloat16", "float16", "float32"',
    ),
    Bad(
        "a context shorter than the engine takes",
        _engine(maxModelLen=15),
        "spec.models[0].engine.maxModelLen",
        "greater than or equal to 16",
    ),
    Bad(
        "GPU memory as a share of one",
        _engine(gpuMemoryUtilizationPercent=0.9),
        "spec.models[0].engine.gpuMemoryUtilizationPercent",
        "must be of type integer",
    ),
    Bad(
        "no GPU for a replica",
        _engine(tensorParallelSize=0),
        "spec.models[0].engine.tensorParallelSize",
        "greater than or equal to 1",
    ),
    Bad(
        "a task on random weights",
        evaluation_body(models=[a_model(engine={"loadFormat": "dummy"})], tasks=[a_task()]),
        "spec",
        "tasks cannot be scored on random weights",
    ),
)

BAD_EVALUATIONS = (*OBJECTS, *MODELS)
