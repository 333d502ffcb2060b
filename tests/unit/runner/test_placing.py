"""Which trial starts where."""

import pytest
from builders import a_model
from runner_builders import a_plan
from slmeval_api.plan import Plan
from slmeval_runner.driver.placing import fits_any_worker, placements, share_of_worker


def plan(gpus: int, *parallel: int) -> Plan:
    """Return a plan with one trial for each number of GPUs in `parallel`: t0, t1, ..."""
    trials = [
        {"name": f"t{n}", "model": a_model(f"m{n}", engine={"tensorParallelSize": size})}
        for n, size in enumerate(parallel)
    ]
    return a_plan(gpusPerWorker=gpus, trials=trials)


def placed(
    plan: Plan, nodes: set[str], running: dict[str, str] | None = None
) -> list[tuple[str, str]]:
    running = running or {}
    waiting = [trial for trial in plan.trials if trial.name not in running]
    return [(p.trial.name, p.node) for p in placements(plan, waiting, running, nodes)]


class TestPoolsWithoutGpus:
    def test_take_one_trial_a_worker(self) -> None:
        assert placed(plan(0, 1, 1, 1), {"a", "b"}) == [("t0", "a"), ("t1", "b")]

    def test_start_the_next_one_only_when_a_worker_is_free(self) -> None:
        assert placed(plan(0, 1, 1), {"a"}, running={"t0": "a"}) == []

    def test_wait_without_workers(self) -> None:
        assert placed(plan(0, 1), set()) == []


class TestPoolsWithGpus:
    def test_take_as_many_trials_as_a_worker_has_gpus(self) -> None:
        assert placed(plan(4, 1, 1, 1, 1, 1), {"a"}) == [(f"t{n}", "a") for n in range(4)]

    def test_give_a_trial_all_its_gpus_on_one_worker(self) -> None:
        assert placed(plan(4, 3, 2, 1), {"a", "b"}) == [("t0", "a"), ("t1", "b"), ("t2", "a")]

    def test_let_a_small_trial_pass_a_large_one_that_has_no_room(self) -> None:
        assert placed(plan(4, 2, 4, 1), {"a"}, running={"t0": "a"}) == [("t2", "a")]

    def test_forget_the_room_on_a_worker_that_is_gone(self) -> None:
        assert placed(plan(1, 1, 1), {"b"}, running={"t0": "a"}) == [("t1", "b")]

    def test_tell_what_fits_no_worker(self) -> None:
        made = plan(2, 2, 3)
        assert [fits_any_worker(made, trial) for trial in made.trials] == [True, False]


class TestShares:
    @pytest.mark.parametrize("gpus", range(1, 17))
    def test_of_single_gpus_fit_as_often_as_there_are_gpus(self, gpus: int) -> None:
        made = plan(gpus, 1)
        assert 1 - 0.01 < gpus * share_of_worker(made, made.trials[0]) <= 1

    def test_of_a_cpu_trial_is_the_whole_worker(self) -> None:
        made = plan(0, 1)
        assert share_of_worker(made, made.trials[0]) == 1.0
