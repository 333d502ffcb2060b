"""What Ray is asked for."""

from pathlib import Path

from runner_builders import a_plan
from slmeval_api.plan import WORKER_RESOURCE
from slmeval_runner.driver.processes import OwnRay, actor_options, options_of


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


class TestARayOfOnesOwn:
    OWN = OwnRay(cpus=3, folder=Path("/tmp/x/ray"))

    def test_is_started_only_without_a_cluster(self) -> None:
        assert options_of(a_plan("a"), None) == {"address": "auto"}

    def test_joins_no_other_and_is_reached_by_no_other(self) -> None:
        found = options_of(a_plan("a"), self.OWN)
        assert (found["address"], found["_node_ip_address"]) == ("local", "127.0.0.1")
        assert found["include_dashboard"] is False
        assert found["_temp_dir"] == "/tmp/x/ray"

    def test_is_one_worker_with_what_it_was_given(self) -> None:
        found = options_of(a_plan("a", engine="vllm", gpusPerWorker=2), self.OWN)
        assert (found["num_cpus"], found["num_gpus"]) == (3, 2)
        assert found["resources"] == {WORKER_RESOURCE: 1}

    def test_needs_no_gpu_for_the_simulated_engine(self) -> None:
        assert options_of(a_plan("a", gpusPerWorker=2), self.OWN)["num_gpus"] == 0
