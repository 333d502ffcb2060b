"""A run whose trials were not all measured alike, from the first result to the last."""

from dataclasses import replace

from builders import Json, a_model
from slmeval_api.conditions import ConditionType, Reason, condition
from slmeval_decisions.decide import decide
from unit.operator.stage import KEY, Stage
from unit.operator.worlds import SETTINGS, a_failure, provenance_json

MODELS = [a_model("big"), a_model("mid"), a_model("small")]
SAME = provenance_json()
OTHER = provenance_json({"vllm": "0.11.1"}, image="runner:2")


async def measured(*provenances: Json | None) -> Stage:
    """Return a stage on which the models were measured in turn, with that; None: not yet."""
    stage = Stage(models=MODELS)
    await stage.settle()
    for provenance, name in zip(provenances, list(stage.trials), strict=True):
        if provenance is not None:
            stage.measure(name, provenance=provenance)
            stage.hear()
            await stage.settle()
    if None not in provenances:
        stage.kuberay.end(stage.rayjobs[0])
        await stage.settle()
    return stage


def marks(stage: Stage) -> list[str | None]:
    """Return the status of Comparable of each trial; None: it has no such condition."""
    found = [
        condition(t.status.conditions, ConditionType.COMPARABLE) for t in stage.trials.values()
    ]
    return [c.status if c else None for c in found]


def of_the_run(stage: Stage) -> str | None:
    """Return the same of the run."""
    found = condition(stage.runs[0].status.conditions, ConditionType.COMPARABLE)
    return found.status if found else None


DIFFER = ("EnginesDiffer", "VersionsDiffer", "ImagesDiffer", "DevicesDiffer")


def told(stage: Stage) -> list[Json]:
    """Return the evaluation's events that tell of differences."""
    return [e for reason in DIFFER for e in stage.events(reason)]


class TestMarksFollowWhatIsStored:
    async def test_none_before_there_are_two(self) -> None:
        stage = await measured(SAME, None, None)
        assert (marks(stage), of_the_run(stage)) == ([None, None, None], None)

    async def test_on_those_that_have_a_result(self) -> None:
        stage = await measured(SAME, SAME, None)
        assert (marks(stage), of_the_run(stage)) == (["True", "True", None], "True")

    async def test_against_the_first_while_there_is_one_of_each(self) -> None:
        stage = await measured(OTHER, SAME, None)
        assert (marks(stage), of_the_run(stage)) == (["True", "False", None], "False")

    async def test_and_against_most_in_the_end(self) -> None:
        stage = await measured(OTHER, SAME, SAME)
        assert (marks(stage), of_the_run(stage)) == (["False", "True", "True"], "False")

    async def test_in_the_runs_order_whatever_order_the_store_has(self) -> None:
        stage = await measured(OTHER, SAME, None)
        world = stage.store.world(KEY, now=stage.now(), refusals={})
        plan = decide(replace(world, trials=world.trials[::-1]))
        assert plan.statuses == []


class TestTheAnswerStandsAndSaysThatItIsMixed:
    async def test_in_a_few_words_also_on_the_evaluation(self) -> None:
        stage = await measured(SAME, OTHER, SAME)
        run = stage.runs[0].meta.name
        assert (stage.reason, stage.message) == (
            Reason.MEASURED,
            "All 3 trials were measured. Not comparable with the rest: 1 of 3; see Comparable of "
            f"SLMRun {run}.",
        )
        assert stage.evaluation.status.last_successful_run is not None

    async def test_not_where_all_agree(self) -> None:
        stage = await measured(SAME, SAME, SAME)
        assert stage.message == "All 3 trials were measured."


class TestDifferencesAreToldOnce:
    async def test_when_the_first_is_seen(self) -> None:
        stage = await measured(SAME, OTHER, provenance_json({"vllm": "0.9.0"}))
        (event,) = told(stage)
        assert (event["reason"], event["type"]) == ("VersionsDiffer", "Warning")
        assert "vllm is 0.11.1 here, 0.11.0 there" in event["message"]

    async def test_and_never_where_all_agree(self) -> None:
        assert told(await measured(SAME, SAME, SAME)) == []

    async def test_not_of_a_run_that_nobody_asks_about_any_more(self) -> None:
        stage = await measured(SAME, None, None)
        late = list(stage.trials)[1]
        stage.edit(seed=2)
        stage.hear()
        await stage.settle()
        stage.measure(late, provenance=OTHER)
        stage.hear()
        await stage.settle()
        assert (of_the_run(stage), told(stage)) == ("False", [])


class TestAPassThatLearnsNothingWritesNothing:
    async def test_where_trials_differ_also_an_hour_later_and_in_a_new_process(self) -> None:
        stage = await measured(SAME, OTHER, SAME)
        assert await stage.reconcile() == []
        stage.wait(3600)
        stage.boot()
        assert await stage.reconcile() == []

    async def test_and_a_result_that_agrees_writes_no_other_trial(self) -> None:
        stage = await measured(SAME, SAME, None)
        *others, last = stage.trials
        stage.measure(last, provenance=SAME)
        stage.hear()
        writes = await stage.reconcile()
        assert f"APPLY slmtrials {last}" in writes
        assert not {f"APPLY slmtrials {name}" for name in others} & set(writes)


class TestAnAttemptWithAnotherImageIsSeen:
    async def test_when_the_operator_was_upgraded_before_the_retry(self) -> None:
        stage = Stage(models=MODELS)
        await stage.settle()
        big, mid, small = stage.trials
        for name in (big, mid):
            stage.measure(name, provenance=SAME)
        stage.measure(small, failure=a_failure(), provenance=SAME)
        stage.boot()
        stage.reconciler.settings = SETTINGS.model_copy(update={"runner_image": "runner:2"})
        stage.kuberay.end(stage.rayjobs[0], "Failed", reason="AppFailed")
        stage.hear()
        await stage.settle()
        assert marks(stage) == ["True", "True", "True"]
        stage.measure(small, attempt=2, provenance=provenance_json(image="runner:2"))
        stage.kuberay.end(stage.rayjobs[1])
        stage.hear()
        await stage.settle()
        assert marks(stage) == ["True", "True", "False"]
        assert [e["reason"] for e in told(stage)] == ["ImagesDiffer"]
