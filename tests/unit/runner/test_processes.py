"""What Ray is asked for."""

from runner_builders import a_plan
from slmeval_api.plan import WORKER_RESOURCE
from slmeval_runner.driver.processes import actor_options


class TestActorOptions:
    def test_without_gpus_take_the_whole_worker_with_its_cpus(self) -> None:
        found = actor_options(a_plan("a", engine="vllm"), worker_cpus=6)
        assert (found["num_cpus"], found["num_gpus"]) == (6, 0)
        assert found["resources"] == {WORKER_RESOURCE: 1}

    def test_with_gpus_take_all_of_them(self) -> None:
        found = actor_options(a_plan("a", engine="vllm", gpusPerWorker=4), worker_cpus=6)
        assert (found["num_cpus"], found["num_gpus"]) == (0, 4)
        assert found["resources"] == {WORKER_RESOURCE: 1}

    def test_of_the_simulated_engine_hold_no_gpu(self) -> None:
        assert actor_options(a_plan("a", gpusPerWorker=4), worker_cpus=6)["num_gpus"] == 0

    def test_never_let_ray_start_a_host_again(self) -> None:
        found = actor_options(a_plan("a"), worker_cpus=1)
        assert (found["max_restarts"], found["max_task_retries"]) == (0, 0)

    def test_let_one_method_stream_while_another_works(self) -> None:
        assert actor_options(a_plan("a"), worker_cpus=1)["max_concurrency"] == 2
