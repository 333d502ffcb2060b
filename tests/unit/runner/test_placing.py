"""Which trial starts where."""

from builders import a_model
from runner_builders import a_plan
from slmeval_api.plan import Plan
from slmeval_runner.driver.placing import Placement, fits_any_worker, placements

Where = tuple[str, str, tuple[int, ...]]


def plan(gpus: int, *parallel: int) -> Plan:
    """Return a plan with one trial for each number of GPUs in `parallel`: t0, t1, ..."""
    trials = [
        {"name": f"t{n}", "model": a_model(f"m{n}", engine={"tensorParallelSize": size})}
        for n, size in enumerate(parallel)
    ]
    return a_plan(gpusPerWorker=gpus, trials=trials)


def placed(plan: Plan, nodes: set[str], *running: tuple[str, str, tuple[int, ...]]) -> list[Where]:
    """Return trial, node and GPUs of what starts now, beside what runs."""
    by_name = {trial.name: trial for trial in plan.trials}
    run = [Placement(by_name[name], node, gpus) for name, node, gpus in running]
    waiting = [trial for trial in plan.trials if trial not in [p.trial for p in run]]
    return [(p.trial.name, p.node, p.gpus) for p in placements(plan, waiting, run, nodes)]


class TestPoolsWithoutGpus:
    def test_take_one_trial_a_worker(self) -> None:
        assert placed(plan(0, 1, 1, 1), {"a", "b"}) == [("t0", "a", ()), ("t1", "b", ())]

    def test_start_the_next_one_only_when_a_worker_is_free(self) -> None:
        assert placed(plan(0, 1, 1), {"a"}, ("t0", "a", ())) == []

    def test_wait_without_workers(self) -> None:
        assert placed(plan(0, 1), set()) == []

    def test_take_no_gpus_whatever_the_model_asks_for(self) -> None:
        assert placed(plan(0, 4), {"a"}) == [("t0", "a", ())]


class TestPoolsWithGpus:
    def test_take_as_many_trials_as_a_worker_has_gpus(self) -> None:
        expected = [(f"t{n}", "a", (n,)) for n in range(4)]
        assert placed(plan(4, 1, 1, 1, 1, 1), {"a"}) == expected

    def test_give_a_trial_all_its_gpus_on_one_worker(self) -> None:
        assert placed(plan(4, 3, 2, 1), {"a", "b"}) == [
            ("t0", "a", (0, 1, 2)),
            ("t1", "b", (0, 1)),
            ("t2", "a", (3,)),
        ]

    def test_let_a_small_trial_pass_a_large_one_that_has_no_room(self) -> None:
        assert placed(plan(4, 2, 4, 1), {"a"}, ("t0", "a", (0, 1))) == [("t2", "a", (2,))]

    def test_forget_the_room_on_a_worker_that_is_gone(self) -> None:
        assert placed(plan(1, 1, 1), {"b"}, ("t0", "a", (0,))) == [("t1", "b", (0,))]

    def test_tell_what_fits_no_worker(self) -> None:
        made = plan(2, 2, 3)
        assert [fits_any_worker(made, trial) for trial in made.trials] == [True, False]


class TestGpus:
    def test_are_the_lowest_that_are_free(self) -> None:
        running = ("t0", "a", (0,)), ("t2", "a", (2,))
        assert placed(plan(4, 1, 2, 1), {"a"}, *running) == [("t1", "a", (1, 3))]

    def test_of_another_worker_are_others(self) -> None:
        assert placed(plan(2, 2, 1), {"a", "b"}, ("t0", "b", (0, 1))) == [("t1", "a", (0,))]

    def test_belong_to_one_trial_at_a_time(self) -> None:
        found = placed(plan(4, 1, 1, 1, 1), {"a"}, ("t0", "a", (3,)))
        assert [gpus for _, _, gpus in found] == [(0,), (1,), (2,)]
