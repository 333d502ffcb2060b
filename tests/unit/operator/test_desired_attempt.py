"""What an attempt needs besides its RayJob: the plan, and the reporter's access."""

import json
from collections.abc import Sequence

import pytest
from builders import Json, a_model, a_pool, a_task, a_workload, an_evaluation, pool_spec
from slmeval_api.model import ModelEntry
from slmeval_api.plan import Plan, PlannedTrial
from slmeval_api.run import Run, RunPool, Trigger
from slmeval_api.task import Task
from slmeval_api.trial import Trial
from slmeval_api.workload import Workload
from slmeval_decisions.objects import desired_run, desired_trials
from slmeval_decisions.plans import workers_needed
from slmeval_decisions.runs import NextRun
from slmeval_operator.desired.attempt import desired_attempt
from unit.operator.worlds import SETTINGS, a_new_attempt, a_run, a_run_pool, a_trial

KINDS = ["ServiceAccount", "Role", "RoleBinding", "ConfigMap", "RayJob"]


def an_attempt(
    run: Run, trials: Sequence[Trial], *, number: int = 1, all_trials: Sequence[str] = ()
) -> dict[str, Json]:
    """Return the objects of an attempt by kind."""
    names = tuple(all_trials or (t.meta.name for t in trials))
    attempt = a_new_attempt(run, *trials, number=number, all_trials=names)
    made = desired_attempt(attempt, SETTINGS)
    assert [m["kind"] for m in made] == KINDS
    return {m["kind"]: m for m in made}


def plan_in(attempt: dict[str, Json]) -> Plan:
    """Return the plan that the driver will read."""
    (text,) = attempt["ConfigMap"]["data"].values()
    return Plan.from_json_data(json.loads(text))


class TestThePlanTellsTheDriverEverything:
    def test_in_the_form_that_the_driver_reads(self) -> None:
        run = a_run(
            pools=[a_run_pool(gpus={"perWorker": 2, "memoryGiB": 24}, workers=3)],
            tasks=[a_task()],
            seed=7,
            trialDeadlineSeconds=900,
        )
        trials = [a_trial("big", tensor_parallel=2), a_trial("small")]
        assert plan_in(an_attempt(run, trials, number=2)) == Plan(
            namespace="team",
            evaluation="demo",
            run="demo-1",
            pool="gpu",
            attempt=2,
            engine="vllm",
            gpus_per_worker=2,
            workers=2,
            image="runner:1",
            seed=7,
            trial_deadline_seconds=900,
            workloads=[Workload.from_json_data(a_workload())],
            tasks=[Task.from_json_data(a_task())],
            trials=[
                PlannedTrial(
                    name="demo-1-big-gpu",
                    model=ModelEntry.from_json_data(
                        a_model("big", engine={"tensorParallelSize": 2})
                    ),
                ),
                PlannedTrial(name="demo-1-small-gpu", model=ModelEntry.from_json_data(a_model())),
            ],
        )

    def test_it_lies_in_the_configmap_that_has_the_rayjobs_name_and_never_changes(self) -> None:
        made = an_attempt(a_run(), [a_trial()])
        assert made["ConfigMap"]["metadata"]["name"] == made["RayJob"]["metadata"]["name"]
        assert made["ConfigMap"]["immutable"] is True
        assert list(made["ConfigMap"]["data"]) == ["plan.json"]

    def test_sixty_four_models_fit_into_a_configmap_many_times(self) -> None:
        models = [a_model(f"model-{i:02}", engine={"maxModelLen": 4096}) for i in range(64)]
        run = a_run(models=models, workloads=[a_workload(f"w{i}") for i in range(16)])
        trials = [a_trial(m["name"]) for m in models]
        made = an_attempt(run, trials)
        assert len(plan_in(made).trials) == 64
        assert len(json.dumps(made["ConfigMap"])) < 100_000


class TestNoMoreWorkersThanHaveWork:
    @pytest.mark.parametrize(
        ("per_worker", "most", "asked", "needed"),
        [
            (None, 4, [1], 1),
            (None, 4, [1, 1, 1], 3),
            (None, 2, [1, 1, 1], 2),
            (1, 64, [1] * 5, 5),
            (2, 64, [1, 1], 1),
            (2, 64, [1, 1, 1], 2),
            (4, 64, [1, 2, 1], 1),
            (4, 64, [3, 2, 1, 2], 2),
            (4, 64, [4, 4, 1], 3),
            (2, 64, [8], 1),
        ],
    )
    def test_first_fit_of_gpus_within_the_pools_limit(
        self, per_worker: int | None, most: int, asked: list[int], needed: int
    ) -> None:
        gpus = {"gpus": {"perWorker": per_worker, "memoryGiB": 24}} if per_worker else {}
        pool = RunPool.from_json_data({"name": "gpu", "spec": pool_spec(workers=most, **gpus)})
        assert workers_needed(pool, asked) == needed


class TestTheReporterReachesItsOwnTrialsOnly:
    def test_to_read_them_and_write_their_status(self) -> None:
        made = an_attempt(a_run(), [a_trial("b")], all_trials=["a", "b"])
        api = {"apiGroups": ["slmeval.dev"], "resourceNames": ["a", "b"]}
        assert made["Role"]["rules"] == [
            api | {"resources": ["slmtrials"], "verbs": ["get"]},
            api | {"resources": ["slmtrials/status"], "verbs": ["patch"]},
        ]

    def test_by_an_account_that_mounts_no_token_by_itself(self) -> None:
        made = an_attempt(a_run(), [a_trial()])
        assert made["ServiceAccount"]["automountServiceAccountToken"] is False
        assert made["RoleBinding"]["roleRef"]["name"] == made["Role"]["metadata"]["name"]
        assert made["RoleBinding"]["subjects"] == [
            {"kind": "ServiceAccount", "name": "demo-1-gpu-reporter", "namespace": "team"}
        ]

    def test_the_next_attempt_uses_the_same_one(self) -> None:
        trials = [a_trial("a"), a_trial("b")]
        names = [t.meta.name for t in trials]
        first = an_attempt(a_run(), trials, all_trials=names)
        second = an_attempt(a_run(), trials[1:], number=2, all_trials=names)
        for kind in ("ServiceAccount", "Role", "RoleBinding"):
            assert first[kind] == second[kind]

    def test_everything_belongs_to_the_run(self) -> None:
        for body in an_attempt(a_run(), [a_trial()]).values():
            assert body["metadata"]["ownerReferences"][0]["uid"] == "uid-run"
            assert body["metadata"]["namespace"] == "team"


class TestARunIsACopyOfTheQuestion:
    EVALUATION = an_evaluation(generation=3, suspend=True)

    def test_with_the_pools_as_they_are_now(self) -> None:
        pool = a_pool(workers=2)
        due = NextRun(
            number=7,
            trigger=Trigger(reason="Requested", request="x"),
            replaces=True,
            waits_for=None,
        )
        body = desired_run(self.EVALUATION, {"gpu": pool, "other": a_pool("other")}, due)
        run = Run.from_body(body)
        assert run.spec.question == self.EVALUATION.spec.question
        assert run.spec.pools == [RunPool(name="gpu", spec=pool.spec)]
        assert run.spec.evaluation_generation == 3
        assert (run.spec.number, run.spec.trigger, run.spec.replaces) == (7, due.trigger, True)
        assert "suspend" not in body["spec"]["question"]
        assert body["metadata"]["ownerReferences"][0]["uid"] == "uid-demo"

    def test_its_trials_carry_what_they_are_found_by(self) -> None:
        (trial,) = desired_trials(a_run(), "uid-demo").values()
        assert trial["metadata"]["labels"] == {
            "app.kubernetes.io/managed-by": "slmeval",
            "slmeval.dev/evaluation": "demo",
            "slmeval.dev/evaluation-uid": "uid-demo",
            "slmeval.dev/run": "demo-1",
            "slmeval.dev/pool": "gpu",
            "slmeval.dev/model": "small",
        }
        assert Trial.from_body(trial).spec.model.name == "small"
