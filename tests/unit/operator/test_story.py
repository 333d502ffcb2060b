"""The story of a run, as events on its objects and lines in the log: each of them once."""

import logging
from typing import Any

import pytest
from builders import Json, a_model, pool_body
from slmeval_api.objects import RUN_REQUESTED_AT
from slmeval_decisions.event_reasons import EVENT_KINDS, EventReason
from unit.operator.stage import DEMO, Stage
from unit.operator.worlds import UNSCHEDULABLE, a_failure, ago, workload_json

TWO = [a_model("big"), a_model("small")]
FIGURES = {"requestsPerSecond": "4", "latencyP50Seconds": "0.1", "score": "0.5"}


class Story(Stage):
    """A stage on which ten seconds pass between two things that happen."""

    async def then(self) -> None:
        """Let everybody learn what has just happened."""
        self.hear()
        await self.settle()
        self.wait(10)

    def trial(self, model: str) -> str:
        """Return the name of the newest trial of a model."""
        run = self.runs[-1].meta.name
        return next(n for n in self.trials if n == f"{run}-{model}-gpu")

    @property
    def rayjob(self) -> str:
        """The name of the newest attempt's RayJob."""
        return self.runs[-1].status.attempts[-1].name

    def progress(self, model: str, stage: str) -> None:
        """Let the runner say where a trial stands."""
        progress = {"stage": stage, "attempt": 1, "updatedAt": ago(0)}
        self.api.set_status(("slmtrials", "team", self.trial(model)), progress=progress)

    def told(self, kind: str = "SLMEvaluation", name: str = "demo") -> list[tuple[str, str]]:
        """Return reason and message of an object's events, as kubectl sorts them."""
        events = [
            e
            for e in self.api.of("events")
            if (e["involvedObject"]["kind"], e["involvedObject"]["name"]) == (kind, name)
        ]
        events.sort(key=lambda e: (e["lastTimestamp"], e["metadata"]["name"]))
        return [(e["reason"], e["message"]) for e in events]

    def reasons(self, kind: str = "SLMEvaluation", name: str = "demo") -> list[str]:
        """Return the reasons of an object's events in their order."""
        return [reason for reason, _ in self.told(kind, name)]

    def newest(self, reason: EventReason) -> str:
        """Return the message of the evaluation's newest event of a reason."""
        return [message for told, message in self.told() if told == reason][-1]


async def begun(**spec: Any) -> Story:
    """Return a story whose first attempt has its pods."""
    story = Story(models=TWO, **spec)
    await story.then()
    return story


async def whole_life() -> Story:
    """Waits for nodes, measures one, fails, is suspended, resumed, fails, is edited, succeeds."""
    story = await begun(backoffLimit=1)
    story.kuberay.block(story.rayjob, **UNSCHEDULABLE)
    await story.then()
    story.kuberay.block(story.rayjob, phase="Running", conditions=[])
    story.progress("big", "LoadingModel")
    story.progress("small", "Queued")
    await story.then()
    story.measure(story.trial("big"), summary=FIGURES)
    story.progress("small", "Starting")
    await story.then()
    story.measure(story.trial("small"), failure=a_failure())
    story.kuberay.end(story.rayjob, "Failed", reason="AppFailed", message="exit 1")
    await story.then()
    story.edit(suspend=True)
    await story.then()
    story.edit(suspend=False)
    await story.then()
    small = story.trial("small")
    story.measure(small, attempt=2, failure=a_failure("ModelUnusable", may_pass=False))
    story.kuberay.end(story.rayjob)
    await story.then()
    story.edit(models=[a_model("big")])
    await story.then()
    story.measure(story.trial("big"), summary=FIGURES)
    story.kuberay.end(story.rayjob)
    await story.then()
    return story


LIFE = [
    "RunCreated", "AttemptStarted", "WaitingForNodes", "TrialStarted", "TrialStarted",
    "TrialMeasured", "AttemptStarted", "AttemptFailed", "NodesReleased", "Retrying",
    "Suspended", "NodesReleased", "Resumed",
    "TrialFailed", "AttemptEnded", "RunFailed", "NodesReleased",
    "RunCreated", "AttemptStarted", "TrialMeasured", "AttemptEnded", "RunSucceeded",
    "NodesReleased",
]  # fmt: skip
OF_TRIALS = ("TrialStarted", "TrialMeasured", "TrialFailed", "Retrying")


class TestAWholeLifeIsToldInOrder:
    async def test_on_the_evaluation(self) -> None:
        story = await whole_life()
        in_their_seconds = sorted(LIFE[:10]) + LIFE[10:]
        told = story.reasons()
        assert sorted(told[:10]) + told[10:] == in_their_seconds

    async def test_the_runs_part_on_the_run(self) -> None:
        story = await whole_life()
        first, second = (run.meta.name for run in story.runs)
        assert sorted(story.reasons("SLMRun", first)) == sorted(
            reason for reason in LIFE[:17] if reason not in OF_TRIALS
        )
        assert story.reasons("SLMRun", second) == [
            reason for reason in LIFE[17:] if reason not in OF_TRIALS
        ]

    async def test_the_trials_part_on_the_trial(self) -> None:
        story = await whole_life()
        first = story.runs[0].meta.name
        assert story.reasons("SLMTrial", f"{first}-small-gpu") == [
            "WaitingForNodes", "TrialStarted", "Retrying", "Suspended", "TrialFailed",
        ]  # fmt: skip

    async def test_nothing_twice_by_a_new_process_or_an_hour_later(self) -> None:
        story = await whole_life()
        before = story.api.of("events")
        story.wait(3600)
        story.boot()
        await story.settle()
        assert story.api.of("events") == before

    async def test_and_as_warnings_what_somebody_should_look_at(self) -> None:
        story = await whole_life()
        warnings = {e["reason"] for e in story.api.of("events") if e["type"] == "Warning"}
        assert warnings == {
            "WaitingForNodes", "Retrying", "AttemptFailed", "TrialFailed", "RunFailed",
        }  # fmt: skip

    async def test_on_the_kinds_that_the_reference_names(self) -> None:
        story = await whole_life()
        for event in story.api.of("events"):
            on = {info.kind for info in EVENT_KINDS[EventReason(event["reason"])].on}
            assert event["involvedObject"]["kind"] in on


class TestTheMessagesAreEnoughToActOn:
    async def test_a_first_run_says_what_it_measures(self) -> None:
        story = await begun()
        assert story.newest(EventReason.RUN_CREATED) == (
            f"SLMRun {story.runs[0].meta.name} measures 2 models on 1 pool: 2 trials. It is the "
            "first run of this evaluation."
        )

    async def test_a_later_one_what_was_edited(self) -> None:
        story = await whole_life()
        first, second = (run.meta.name for run in story.runs)
        assert story.newest(EventReason.RUN_CREATED) == (
            f"SLMRun {second} measures 1 model on 1 pool: 1 trial. Since SLMRun {first} changed: "
            "models[small] (removed)."
        )

    async def test_one_that_takes_an_edit_back_that_it_asks_the_same(self) -> None:
        story = await begun(seed=1)
        story.edit(seed=2)
        await story.then()
        story.edit(seed=1)
        await story.then()
        assert story.newest(EventReason.RUN_CREATED).endswith("changed: seed.")
        ended = [r for r in story.reasons() if r in ("Superseded", "AttemptFailed", "RunFailed")]
        assert ended == ["Superseded", "Superseded"]

    async def test_one_by_hand_or_by_schedule_so(self) -> None:
        story = await begun(schedule={"cron": "0 3 * * *"})
        meta = story.api.objects[DEMO]["metadata"]
        story.api.put_metadata(DEMO, meta | {"annotations": {RUN_REQUESTED_AT: "now"}})
        story.kuberay.end(story.rayjob, "Failed", reason="DeadlineExceeded")
        await story.then()
        assert story.newest(EventReason.RUN_CREATED).endswith(
            f"It was asked for by hand (now). It asks the same as SLMRun {story.runs[0].meta.name}."
        )
        story.kuberay.end(story.rayjob, "Failed", reason="DeadlineExceeded")
        story.wait(16 * 3600)
        await story.then()
        assert "spec.schedule asks for it at 2026-11-02T03:00:00Z." in story.newest(
            EventReason.RUN_CREATED
        )

    async def test_a_wait_quotes_the_scheduler(self) -> None:
        story = await whole_life()
        assert "1 Insufficient nvidia.com/gpu" in story.newest(EventReason.WAITING_FOR_NODES)

    async def test_a_measured_trial_says_its_figures(self) -> None:
        story = await whole_life()
        assert story.newest(EventReason.TRIAL_MEASURED) == (
            "big on gpu: 4 requests/s, p50 0.1 s, score 0.5."
        )

    async def test_and_that_they_are_noisy(self) -> None:
        story = await begun()
        noisy = [workload_json(isNoisy=True)]
        story.measure(story.trial("big"), summary=FIGURES, workloads=noisy)
        await story.then()
        assert "Repetitions of chat differ" in story.newest(EventReason.TRIAL_MEASURED)

    async def test_or_invented(self) -> None:
        story = Story(with_pool=False, models=TWO)
        story.api.put("slmpools", a_simulated_pool())
        await story.then()
        story.measure(story.trial("big"), summary=FIGURES)
        await story.then()
        assert "the figures are invented" in story.newest(EventReason.TRIAL_MEASURED)

    async def test_a_failed_one_why(self) -> None:
        story = await whole_life()
        assert story.newest(EventReason.TRIAL_FAILED) == "small on gpu: ModelUnusable: it died"

    async def test_one_that_is_tried_again_what_it_failed_of(self) -> None:
        story = await whole_life()
        assert story.newest(EventReason.RETRYING).startswith("small on gpu: WorkerLost: it died. ")

    async def test_where_the_attempt_failed_no_trial_repeats_it(self) -> None:
        story = await begun()
        story.kuberay.end(story.rayjob, "Failed", reason="AppFailed", message="exit 1")
        await story.then()
        assert "AttemptFailed" in story.reasons()
        assert "Retrying" not in story.reasons()
        assert "Retrying" in story.reasons("SLMTrial", story.trial("big"))

    async def test_a_failed_attempt_kuberays_words_and_what_is_left(self) -> None:
        story = await whole_life()
        assert story.newest(EventReason.ATTEMPT_FAILED) == (
            "Attempt 1 of 2 on pool gpu failed (AppFailed): exit 1. 1 of 2 trials measured."
        )

    async def test_a_failed_run_how_much_of_it_and_the_first_cause(self) -> None:
        story = await whole_life()
        run = story.runs[0].meta.name
        assert story.newest(EventReason.RUN_FAILED) == (
            f"1 of 2 trials failed; {run}-small-gpu: ModelUnusable: it died. "
            f"See: kubectl get slmtrial -l slmeval.dev/run={run}"
        )

    async def test_a_good_one_where_to_look(self) -> None:
        story = await whole_life()
        assert story.newest(EventReason.RUN_SUCCEEDED) == (
            "All 1 trials were measured. See: kubectl get slmtrial -l "
            f"slmeval.dev/run={story.runs[-1].meta.name}"
        )


class TestWhatKeepsARunFromBeingMadeIsToldOfTheEvaluation:
    async def test_a_pool_that_is_missing(self) -> None:
        story = Story(with_pool=False)
        await story.then()
        assert story.reasons() == ["PoolNotFound"]

    async def test_also_of_a_later_run(self) -> None:
        story = await whole_life()
        story.api.refusals["slmruns"] = "quota exceeded"
        story.edit(seed=7)
        await story.then()
        assert story.told()[-1] == (
            "RayJobRefused",
            "The API server refused the run: quota exceeded",
        )

    async def test_a_run_that_is_refused(self) -> None:
        story = Story()
        story.api.refusals["slmruns"] = "quota exceeded"
        await story.then()
        assert story.told() == [
            ("RayJobRefused", "The API server refused the run: quota exceeded"),
        ]


class TestTroubleTellsNothingTwice:
    async def test_when_the_process_dies_before_the_status_is_written(self) -> None:
        undisturbed = await begun()
        for call in range(1, undisturbed.api.calls + 1):
            story = Story(models=TWO)
            story.api.fails_at = call
            await story.then()
            assert story.told() == undisturbed.told(), f"dies at call {call}"

    async def test_and_a_deadline_is_said_by_attempt_and_trial(self) -> None:
        story = await begun()
        story.kuberay.end(story.rayjob, "Failed", reason="DeadlineExceeded", message="too long")
        await story.then()
        assert "failed (DeadlineExceeded): too long" in story.newest(EventReason.ATTEMPT_FAILED)
        assert "spec.deadlineSeconds" in story.newest(EventReason.TRIAL_FAILED)


class TestTheLogTellsTheSame:
    async def test_once_with_the_same_keys(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        story = await whole_life()
        lines = [r for r in caplog.records if hasattr(r, "reason")]
        assert sorted(r.__dict__["reason"] for r in lines) == sorted(LIFE)
        first = story.runs[0].meta.name
        (failed,) = [r for r in lines if r.__dict__["reason"] == "TrialFailed"]
        keys = ("namespace", "evaluation", "run", "pool", "attempt", "trial")
        assert [failed.__dict__[k] for k in keys] == [
            "team", "demo", first, "gpu", 2, f"{first}-small-gpu",
        ]  # fmt: skip
        assert failed.levelno == logging.WARNING

    async def test_also_when_the_event_cannot_be_written(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        story = Story(models=TWO)
        story.api.refusals["events"] = "forbidden"
        await story.then()
        assert [r for r in caplog.records if getattr(r, "reason", "") == "RunCreated"]
        assert story.api.of("events") == []


def a_simulated_pool() -> Json:
    """Return the pool gpu with the simulated engine."""
    return pool_body(engine="simulated")
