"""SLMRuns and SLMTrials that must be refused: the operator's own writing is checked too."""

from builders import a_model, a_workload, pool_spec, run_body, trial_body

from verdicts.cases import Bad, changed, without

BAD_RUNS = (
    Bad(
        "a run of no evaluation",
        without(run_body(), "spec.evaluation"),
        "spec.evaluation",
        "Required value",
    ),
    Bad("a run that asks nothing", run_body(workloads=[]), "spec.question", "nothing to measure"),
    Bad(
        "a question with a key of the evaluation only",
        changed(run_body(), "spec.question.suspend", True),
        "spec.question.suspend",
        "unknown field",
    ),
    Bad(
        "a run that nothing started",
        without(run_body(), "spec.trigger"),
        "spec.trigger",
        "Required value",
    ),
    Bad(
        "a run without its number",
        changed(run_body(), "spec.number", 0),
        "spec.number",
        "greater than or equal to 1",
    ),
    Bad(
        "a run without a pool",
        changed(run_body(), "spec.pools", []),
        "spec.pools",
        "should have at least 1 items",
    ),
    Bad(
        "a pool copied twice",
        run_body(pools=[{"name": "gpu", "spec": pool_spec()}] * 2),
        "spec.pools[1]",
        "Duplicate value",
    ),
    Bad(
        "a pool that could not stand alone",
        run_body(pools=[{"name": "gpu", "spec": pool_spec(workers=0)}]),
        "spec.pools[0].spec.workers",
        "greater than or equal to 1",
    ),
    Bad(
        "a workload beyond a candidate's context",
        run_body(
            models=[a_model(engine={"maxModelLen": 16})],
            workloads=[a_workload(inputTokens=16, outputTokens=1)],
        ),
        "spec.question",
        "raise maxModelLen or shorten the workload",
    ),
)

BAD_TRIALS = (
    Bad("a trial of no model", without(trial_body(), "spec.model"), "spec.model", "Required value"),
    Bad(
        "a trial whose model is only a name",
        trial_body(model="small"),
        "spec.model",
        'must be of type object: "string"',
    ),
    Bad(
        "a trial whose source leaves its folder",
        trial_body(model=a_model(source="file:///models/../etc")),
        "spec.model",
        "source must not contain '..'",
    ),
    Bad("a trial on no pool", trial_body(pool=""), "spec.pool", "should be at least 1 chars long"),
    Bad("a trial with a result in its spec", trial_body(result={}), "spec.result", "unknown field"),
)
