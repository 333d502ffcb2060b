"""Where trials, runs and evaluations stand."""

from datetime import timedelta
from typing import Any

import pytest
from builders import an_evaluation
from slmeval_api.conditions import Condition, ConditionType, Reason, condition
from slmeval_api.evaluation import EvaluationStatus, RunRef, TrialCounts
from slmeval_api.run import Attempt, Run, RunStatus
from slmeval_api.trial import Trial, TrialStatus
from slmeval_decisions.comparison import Comparison
from slmeval_decisions.statuses import (
    counts_of,
    evaluation_status,
    run_standing,
    run_status,
    trial_standing,
    trial_status,
)
from slmeval_decisions.verdict import Standing, State, superseded
from unit.operator.test_scores import trial_of
from unit.operator.worlds import (
    NOW,
    a_failure,
    a_run,
    a_trial,
    ago,
    conditions_of,
    progress_json,
    result_json,
    workload_json,
)


def standing(state: State, reason: str, message: str = "m") -> Standing:
    """Return a standing."""
    return Standing(state=state, reason=reason, message=message)


MEASURED = standing(State.SUCCEEDED, Reason.MEASURED, "Everything that was asked was measured.")
PENDING = standing(State.IN_PROGRESS, Reason.PENDING, "waits")
STARTING = standing(State.IN_PROGRESS, Reason.STARTING)
RUNNING = standing(State.IN_PROGRESS, Reason.RUNNING)
RETRYING = standing(State.IN_PROGRESS, Reason.RETRYING)
SUSPENDED = standing(State.WAITING, Reason.SUSPENDED)
REFUSED = standing(State.STALLED, Reason.RAYJOB_REFUSED)
LOST = standing(State.FAILED, Reason.WORKER_LOST, "it died")
GIVEN_UP = standing(State.FAILED, Reason.ATTEMPTS_EXHAUSTED, "No attempt is left.")


def of_trial(
    trial: Trial, unfinished: Standing = PENDING, *, engine: str = "vllm", attempt: int = 1
) -> Standing:
    """Return where a trial stands."""
    return trial_standing(trial, unfinished, engine=engine, attempt=attempt)


class TestAResultSaysWhereItsTrialStands:
    def test_a_full_one_wins_over_everything(self) -> None:
        given_up = conditions_of(State.FAILED, Reason.DEADLINE_EXCEEDED)
        late = a_trial(result=result_json(), conditions=given_up)
        for unfinished in (PENDING, GIVEN_UP, SUSPENDED, superseded()):
            assert of_trial(late, unfinished) == MEASURED

    def test_invented_figures_say_simulated(self) -> None:
        found = of_trial(a_trial(result=result_json()), engine="simulated")
        assert found == standing(
            State.SUCCEEDED,
            Reason.SIMULATED,
            "The pool's engine is simulated: the figures are invented and mean nothing.",
        )

    def test_a_failure_for_good_is_the_trials_own(self) -> None:
        failure = a_failure("ModelUnusable", may_pass=False)
        assert of_trial(a_trial(result=result_json(failure=failure)), RETRYING) == standing(
            State.FAILED, Reason.MODEL_UNUSABLE, "it died"
        )

    def test_a_failure_that_may_pass_shows_that_it_is_retried(self) -> None:
        assert of_trial(a_trial(result=result_json(failure=a_failure())), RETRYING) == standing(
            State.IN_PROGRESS, Reason.RETRYING, "WorkerLost: it died. m"
        )

    @pytest.mark.parametrize("rest", [PENDING, RUNNING], ids=["others wait", "others run"])
    def test_also_while_its_attempt_still_measures_others(self, rest: Standing) -> None:
        assert of_trial(a_trial(result=result_json(failure=a_failure())), rest) == standing(
            State.IN_PROGRESS,
            Reason.RETRYING,
            "WorkerLost: it died. The next attempt, if one is left, repeats it.",
        )

    def test_but_not_in_the_next_one(self) -> None:
        trial = a_trial(result=result_json(failure=a_failure()))
        assert of_trial(trial, PENDING, attempt=2) == PENDING

    def test_and_when_no_attempt_is_left_both_causes(self) -> None:
        trial = a_trial(result=result_json(failure=a_failure()))
        assert of_trial(trial, GIVEN_UP) == standing(
            State.FAILED, Reason.WORKER_LOST, "it died No attempt is left."
        )

    def test_but_an_edit_is_the_cause_when_an_edit_stopped_it(self) -> None:
        trial = a_trial(result=result_json(failure=a_failure()))
        assert of_trial(trial, superseded()) == superseded()


class TestATrialThatHasEndedStaysEnded:
    def test_whatever_its_pool_does_afterwards(self) -> None:
        given_up = conditions_of(State.FAILED, Reason.DEADLINE_EXCEEDED, "too long")
        for unfinished in (PENDING, RETRYING, SUSPENDED, GIVEN_UP):
            assert of_trial(a_trial(conditions=given_up), unfinished) == standing(
                State.FAILED, Reason.DEADLINE_EXCEEDED, "too long"
            )

    def test_also_for_a_reason_of_another_version(self) -> None:
        ended = a_trial(conditions=conditions_of(State.FAILED, "OutOfBudget", "broke"))
        assert of_trial(ended) == standing(State.FAILED, "OutOfBudget", "broke")

    def test_also_when_somebody_removed_the_cause(self) -> None:
        ended = [c for c in conditions_of(State.FAILED, "WorkerLost") if c.type != "Ready"]
        found = of_trial(a_trial(conditions=ended))
        assert (found.state, found.message) == (State.FAILED, "cause unknown")


class TestProgressIsASignOfLife:
    ALIVE = a_trial(progress=progress_json(attempt=2))

    @pytest.mark.parametrize(
        "reason", [Reason.PENDING, Reason.WAITING_FOR_NODES, Reason.WAITING_FOR_IMAGE]
    )
    def test_while_other_trials_of_the_attempt_wait(self, reason: Reason) -> None:
        found = of_trial(self.ALIVE, standing(State.IN_PROGRESS, reason), attempt=2)
        assert found.reason == Reason.RUNNING

    def test_but_not_that_of_an_older_attempt(self) -> None:
        assert of_trial(self.ALIVE, PENDING, attempt=3) == PENDING

    @pytest.mark.parametrize("other", [RETRYING, STARTING, SUSPENDED, GIVEN_UP, REFUSED])
    def test_nor_once_the_attempt_is_over(self, other: Standing) -> None:
        assert of_trial(self.ALIVE, other, attempt=2) == other


class TestNoiseIsShown:
    def noisy(self, *workloads: dict[str, Any]) -> Condition | None:
        """Return the Noisy condition of a trial with such workloads."""
        trial = a_trial(result=result_json(workloads=list(workloads)))
        status = trial_status(trial, MEASURED, NOW)
        return condition(status.conditions, ConditionType.NOISY)

    def test_with_the_workloads_whose_repetitions_differ(self) -> None:
        found = self.noisy(
            workload_json("a", isNoisy=True), workload_json("b"), workload_json("c", isNoisy=True)
        )
        assert found is not None
        assert (found.status, found.reason) == ("True", "Measured")
        assert found.message.startswith("Repetitions of a, c differ by more than")

    def test_as_false_where_they_agree(self) -> None:
        found = self.noisy(workload_json())
        assert found is not None
        assert (found.status, found.message) == (
            "False",
            "Repetitions agree within maxVariationPercent.",
        )

    def test_not_at_all_where_nothing_was_repeated(self) -> None:
        once = workload_json()
        del once["isNoisy"]
        assert self.noisy(once) is None
        assert self.noisy() is None


AGREES = Comparison(is_comparable=True, reason=Reason.SAME_PROVENANCE, message="as others")
DIFFERS = Comparison(is_comparable=False, reason=Reason.VERSIONS_DIFFER, message="vllm is 2 here")


class TestATrialSaysWhetherItMayBeCompared:
    def of(self, comparison: Comparison | None, before: Trial | None = None) -> TrialStatus:
        """Return the status of a measured trial as of NOW."""
        trial = before or a_trial(result=result_json())
        return trial_status(trial, MEASURED, NOW, comparison=comparison)

    def after(self, comparison: Comparison) -> Trial:
        """Return a trial on which that was written."""
        trial = a_trial(result=result_json())
        return trial.model_copy(update={"status": self.of(comparison)})

    @pytest.mark.parametrize(("comparison", "status"), [(AGREES, "True"), (DIFFERS, "False")])
    def test_in_a_condition_of_its_own(self, comparison: Comparison, status: str) -> None:
        conditions = self.of(comparison).conditions
        found = condition(conditions, ConditionType.COMPARABLE)
        assert found is not None
        assert (found.status, found.reason, found.message) == (
            status,
            comparison.reason,
            comparison.message,
        )
        assert (found.observed_generation, found.last_transition_time) == (1, ago(0))

    def test_and_succeeded_all_the_same(self) -> None:
        marked, alone = self.of(DIFFERS).conditions, self.of(None).conditions
        assert [c for c in marked if c.type != ConditionType.COMPARABLE] == alone

    def test_not_at_all_where_there_is_nothing_to_compare(self) -> None:
        assert condition(self.of(None).conditions, ConditionType.COMPARABLE) is None

    def test_nor_any_longer_when_the_others_are_gone(self) -> None:
        assert self.of(None, self.after(DIFFERS)) == self.of(None)

    def test_in_the_same_words_an_hour_later(self) -> None:
        before = self.after(DIFFERS)
        later = trial_status(before, MEASURED, NOW + timedelta(hours=1), comparison=DIFFERS)
        assert later == before.status


class TestTheOperatorWritesOnlyItsPartOfATrial:
    def test_never_the_runners(self) -> None:
        trial = a_trial(result=result_json(), progress=progress_json())
        written = trial_status(trial, MEASURED, NOW).to_json_data()
        assert set(written) == {"conditions", "observedGeneration"}


class TestARunStandsWhereItsTrialsStand:
    @pytest.mark.parametrize(
        ("trials", "shown"),
        [
            ([PENDING, RUNNING, MEASURED], RUNNING),
            ([PENDING, STARTING], STARTING),
            ([RETRYING, PENDING], RETRYING),
            ([RUNNING, standing(State.IN_PROGRESS, Reason.WAITING_FOR_NODES)], None),
            ([LOST, PENDING], PENDING),
            ([REFUSED, RUNNING], REFUSED),
            ([SUSPENDED, MEASURED], SUSPENDED),
            ([SUSPENDED, RUNNING], RUNNING),
            ([standing(State.IN_PROGRESS, "Unheard"), PENDING], PENDING),
        ],
        ids=[
            "somebody runs",
            "starts before waits",
            "retries before waits",
            "what somebody can act on comes first",
            "a failure does not end it",
            "stalled wins",
            "suspended with some measured",
            "not suspended yet",
            "a reason of another version comes last",
        ],
    )
    def test_before_the_end(self, trials: list[Standing], shown: Standing | None) -> None:
        found = run_standing({f"t{i}": s for i, s in enumerate(trials)})
        assert found == (shown or trials[1])

    def test_all_measured(self) -> None:
        assert run_standing({"a": MEASURED, "b": MEASURED}) == standing(
            State.SUCCEEDED, Reason.MEASURED, "All 2 trials were measured."
        )

    def test_all_simulated(self) -> None:
        simulated = standing(State.SUCCEEDED, Reason.SIMULATED)
        assert run_standing({"a": simulated}).reason == Reason.SIMULATED
        assert run_standing({"a": simulated, "b": MEASURED}).reason == Reason.MEASURED

    def test_some_failed(self) -> None:
        assert run_standing({"a": MEASURED, "b": LOST, "c": GIVEN_UP}) == standing(
            State.FAILED, Reason.TRIALS_FAILED, "2 of 3 trials failed; b: WorkerLost: it died"
        )

    def test_stopped_by_an_edit_also_when_a_trial_had_failed_before(self) -> None:
        assert run_standing({"a": LOST, "b": superseded(), "c": MEASURED}) == superseded()


class TestTrialsAreCounted:
    def test_by_where_they_stand(self) -> None:
        assert counts_of([MEASURED, MEASURED, LOST, RUNNING, SUSPENDED, REFUSED]) == TrialCounts(
            total=6, succeeded=2, failed=1, unfinished=3, summary="3/6"
        )


ENDED = {"demo-1-small-gpu": MEASURED}


class TestTheStatusOfARun:
    def of(self, run: Run, trials: dict[str, Standing]) -> RunStatus:
        """Return the status of a run as of NOW."""
        return run_status(run, trials, attempts=(), now=NOW)

    def test_is_complete(self) -> None:
        attempt = Attempt(pool="gpu", number=1, name="j", outcome="Ended")
        found = run_status(a_run(), ENDED, attempts=(attempt,), now=NOW)
        old = conditions_of(State.SUCCEEDED, Reason.MEASURED, "All 1 trials were measured.")
        moved = [c.model_copy(update={"last_transition_time": ago(0)}) for c in old]
        assert found == RunStatus(
            observed_generation=1,
            conditions=moved,
            trials=counts_of([MEASURED]),
            attempts=[attempt],
            completion_time=ago(0),
        )

    def test_has_no_completion_time_before_the_end(self) -> None:
        assert self.of(a_run(), {"a": RUNNING}).completion_time is None

    def test_compares_scores_once_it_has_ended(self) -> None:
        trials = [trial_of("a", t=[250] * 20), trial_of("b", t=[0] * 20)]
        running = run_status(a_run(), {"a": RUNNING}, attempts=(), now=NOW, measured=trials)
        assert running.comparisons == []
        ended = run_status(a_run(), ENDED, attempts=(), now=NOW, measured=trials)
        assert [(one.model, one.against) for one in ended.comparisons] == [("a", "b")]
        run = a_run().model_copy(update={"status": ended})
        later = run_status(run, ENDED, attempts=(), now=NOW + timedelta(hours=1), measured=[])
        assert later == ended

    def test_keeps_the_first_completion_time(self) -> None:
        first = self.of(a_run(), {"a": LOST})
        run = a_run().model_copy(update={"status": first})
        later = run_status(run, {"a": MEASURED}, attempts=(), now=NOW + timedelta(hours=1))
        assert later.completion_time == first.completion_time == ago(0)

    def test_is_the_same_an_hour_later(self) -> None:
        first = self.of(a_run(), ENDED)
        run = a_run().model_copy(update={"status": first})
        later = run_status(run, ENDED, attempts=(), now=NOW + timedelta(hours=1))
        assert later == first


class TestARunSaysWhetherItsTrialsMayBeCompared:
    END = "All 2 trials were measured."
    MARK = "Not comparable with the rest: 1 of 2; see Comparable of SLMRun demo-1."

    def of(
        self, *compared: Comparison, trials: tuple[Standing, ...] = (MEASURED, MEASURED)
    ) -> tuple[list[str], Condition | None]:
        """Return the messages of the five conditions, and Comparable."""
        status = run_status(
            a_run(),
            {f"t{i}": s for i, s in enumerate(trials)},
            attempts=(),
            now=NOW,
            compared={f"t{i}": c for i, c in enumerate(compared)},
        )
        judged = [c for c in status.conditions if c.type != ConditionType.COMPARABLE]
        assert len({c.message for c in judged}) == 1
        return [judged[0].reason, judged[0].message], condition(
            status.conditions, ConditionType.COMPARABLE
        )

    def test_yes(self) -> None:
        ready, comparable = self.of(AGREES, AGREES)
        assert ready == ["Measured", self.END]
        assert comparable is not None
        assert (comparable.status, comparable.reason) == ("True", "SameProvenance")

    def test_no_and_is_measured_all_the_same(self) -> None:
        ready, comparable = self.of(AGREES, DIFFERS)
        assert ready == ["Measured", f"{self.END} {self.MARK}"]
        assert comparable is not None
        assert (comparable.status, comparable.reason, comparable.message) == (
            "False",
            "VersionsDiffer",
            "1 of 2 trials differ from the rest; t1: vllm is 2 here",
        )

    def test_no_beside_a_failure(self) -> None:
        ready, _ = self.of(AGREES, DIFFERS, trials=(MEASURED, LOST))
        failure = "1 of 2 trials failed; t1: WorkerLost: it died"
        assert ready == ["TrialsFailed", f"{failure} {self.MARK}"]

    @pytest.mark.parametrize("other", [RUNNING, SUSPENDED, superseded()])
    def test_not_in_ready_while_that_says_something_else(self, other: Standing) -> None:
        ready, comparable = self.of(AGREES, DIFFERS, trials=(MEASURED, MEASURED, other))
        assert ready == [other.reason, other.message]
        assert comparable is not None

    def test_nothing_where_there_is_nothing_to_compare(self) -> None:
        assert self.of() == (["Measured", self.END], None)


class TestTheStatusOfAnEvaluation:
    def test_mirrors_its_newest_run(self) -> None:
        run = run_status(a_run(), {"a": MEASURED, "b": RUNNING}, attempts=(), now=NOW)
        before = RunRef(name="demo-0", completion_time=ago(600))
        found = evaluation_status(
            an_evaluation(generation=4),
            RUNNING,
            shown=("demo-1", run),
            last_success=before,
            now=NOW,
        )
        assert found == EvaluationStatus(
            observed_generation=4,
            conditions=found.conditions,
            current_run=RunRef(name="demo-1"),
            last_successful_run=before,
            trials=run.trials,
        )
        assert {(c.reason, c.observed_generation) for c in found.conditions} == {("Running", 4)}

    def test_without_a_run_has_neither_counts_nor_a_name(self) -> None:
        found = evaluation_status(an_evaluation(), REFUSED, shown=None, last_success=None, now=NOW)
        assert set(found.to_json_data()) == {"observedGeneration", "conditions"}
