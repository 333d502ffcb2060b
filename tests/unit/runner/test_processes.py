"""What Ray is asked for."""

from builders import a_model
from runner_builders import a_plan
from slmeval_api.plan import WORKER_RESOURCE
from slmeval_runner.driver.processes import actor_options


class TestActorOptions:
    def test_without_gpus_take_the_whole_worker_with_its_cpus(self) -> None:
        plan = a_plan("a", engine="vllm")
        found = actor_options(plan, plan.trials[0], worker_cpus=6)
        assert (found["num_cpus"], found["num_gpus"]) == (6, 0)
        assert found["resources"] == {WORKER_RESOURCE: 1.0}

    def test_with_gpus_take_theirs_and_their_share_of_the_worker(self) -> None:
        model = a_model("a", engine={"tensorParallelSize": 2})
        plan = a_plan(engine="vllm", gpusPerWorker=4, trials=[{"name": "t", "model": model}])
        found = actor_options(plan, plan.trials[0], worker_cpus=6)
        assert (found["num_cpus"], found["num_gpus"]) == (0, 2)
        assert found["resources"] == {WORKER_RESOURCE: 0.5}

    def test_of_the_simulated_engine_hold_no_gpu(self) -> None:
        plan = a_plan("a", gpusPerWorker=4)
        assert actor_options(plan, plan.trials[0], worker_cpus=6)["num_gpus"] == 0

    def test_never_let_ray_start_a_trial_again(self) -> None:
        plan = a_plan("a")
        found = actor_options(plan, plan.trials[0], worker_cpus=1)
        assert (found["max_restarts"], found["max_task_retries"]) == (0, 0)
