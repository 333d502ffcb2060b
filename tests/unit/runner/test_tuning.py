"""The search for faster engine arguments, on a made-up landscape and on the simulated engine."""

from typing import Any

from builders import a_model, a_workload
from runner_builders import FakeClock, a_plan, a_simulated_engine, an_outcome, served
from slmeval_api.model import EngineOptions
from slmeval_api.result import TrialResult, TuningResult, WorkloadResult
from slmeval_runner.devices.monitor import NoDevice
from slmeval_runner.devices.readings import DeviceReadings
from slmeval_runner.failures import ModelUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.times import Clock
from slmeval_runner.trial import TrialRun
from slmeval_runner.tuning import tune
from slmeval_runner.workloads.figures import Repetition, figures_of


def a_result(rate: float, repetitions: int = 1, noise: str | None = None) -> WorkloadResult:
    one = Repetition(served=served([an_outcome()]), cache_hits=0, readings=DeviceReadings())
    made = figures_of([one], card=None, may_hit=False)
    figures = made.model_copy(
        update={"requests_per_second": f"{rate:g}", "variation_percent": noise}
    )
    return WorkloadResult(name="chat", kind="batch", repetitions=repetitions, figures=figures)


class Landscape:
    """Rates by batched tokens and sequences; each try takes `seconds`. Records what was asked."""

    def __init__(self, seconds: float = 10.0) -> None:
        self.clock = FakeClock()
        self.seconds = seconds
        self.asked: list[tuple[int | None, int | None, int]] = []

    async def __call__(self, options: EngineOptions, repetitions: int) -> WorkloadResult:
        tokens, seqs = options.max_num_batched_tokens, options.max_num_seqs
        self.asked.append((tokens, seqs, repetitions))
        self.clock.sleep(self.seconds)
        if seqs == 4096:
            raise ModelUnusable("too many")
        better = {None: 0, 2048: -1, 8192: 2, 16384: 1}[tokens] + {None: 0, 64: -2, 512: 3}[seqs]
        return a_result(10.0 + better, repetitions)

    async def tuned(
        self, *, noise: str | None = None, limit_s: float = 1e9, **tuning: Any
    ) -> TuningResult:
        asked = {"tune": True, "tuning": {"maxNumSeqs": [64, 512, 4096], **tuning}}
        found = await tune(
            EngineOptions.from_json_data(asked),
            a_result(10.0, repetitions=3, noise=noise),
            self,
            resolved={"max_num_batched_tokens": "16384", "max_num_seqs": "256"},
            limit_s=limit_s,
            estimate_s=self.seconds,
            monotonic=self.clock.monotonic,
        )
        assert found is not None
        return found


def named(values: Any) -> dict[str, str]:
    return {value.name: value.value for value in values}


class TestTheSearch:
    async def test_takes_one_argument_after_the_other_with_the_best_so_far(self) -> None:
        land = Landscape()
        found = await land.tuned()
        assert land.asked == [
            (2048, None, 1),
            (8192, None, 1),  # 16384 is what the engine made of the declared ones
            (8192, 64, 1),
            (8192, 512, 1),
            (8192, 4096, 1),
            (8192, 512, 3),
        ]
        assert named(found.best_arguments) == {
            "max_num_batched_tokens": "8192",
            "max_num_seqs": "512",
        }
        assert found.figures is not None
        assert found.figures.requests_per_second == "15"
        assert found.is_complete
        assert found.seconds == "60"

    async def test_takes_no_gain_within_the_noise_for_one(self) -> None:
        land = Landscape()
        steady = await land.tuned(maxNumBatchedTokens=[8192], maxNumSeqs=[])
        assert named(steady.best_arguments) == {"max_num_batched_tokens": "8192"}  # 20% faster
        noisy = await land.tuned(maxNumBatchedTokens=[8192], maxNumSeqs=[], noise="25")
        assert noisy.best_arguments == []

    async def test_shows_every_candidate_the_declared_one_first(self) -> None:
        found = await Landscape().tuned()
        assert [c.requests_per_second for c in found.candidates] == [
            "10", "9", "12", "10", "15", None,
        ]  # fmt: skip
        assert found.candidates[0].arguments == []
        refused = found.candidates[-1].failure
        assert refused is not None
        assert "too many" in refused.message

    async def test_measures_nothing_again_when_the_declared_arguments_are_the_best(self) -> None:
        found = await Landscape().tuned(maxNumBatchedTokens=[2048], maxNumSeqs=[64])
        assert found.best_arguments == []
        assert found.figures is None

    async def test_leaves_time_for_the_measurement_at_the_end(self) -> None:
        land = Landscape(seconds=25.0)
        found = await land.tuned(budgetSeconds=80)
        assert not found.is_complete
        assert land.asked == [(2048, None, 1), (8192, None, 1), (8192, None, 3)]
        assert found.seconds == "75"

    async def test_ends_before_the_trial_would_be_ended(self) -> None:
        land = Landscape(seconds=25.0)
        found = await land.tuned(limit_s=80)
        assert not found.is_complete
        assert float(found.seconds) <= 80
        assert (await Landscape().tuned(limit_s=-5)).candidates[1:] == []

    async def test_has_nothing_to_better_where_nothing_was_measured(self) -> None:
        nothing = WorkloadResult(name="chat", kind="batch", repetitions=0)
        options = EngineOptions(tune=True)
        clock = FakeClock()
        found = await tune(
            options,
            nothing,
            Landscape(),
            resolved={},
            limit_s=1e9,
            estimate_s=0.0,
            monotonic=clock.monotonic,
        )
        assert found is None


class TestInATrial:
    @staticmethod
    async def tried(**engine: Any) -> TrialResult:
        clock = FakeClock()
        plan = a_plan(
            workloads=[a_workload(requests=600, repetitions=2)],
            trials=[{"name": "t", "model": a_model(engine=engine)}],
        )
        run = TrialRun(
            plan,
            plan.trials[0],
            a_simulated_engine(clock),
            folders=Folders(),
            tell=lambda _: None,
            monitor=NoDevice(),
            clock=Clock(clock.now, clock.monotonic),
        )
        return await run.run()

    async def test_more_slots_serve_the_simulated_batch_faster(self) -> None:
        tuning = {"maxNumBatchedTokens": [], "maxNumSeqs": [128, 1024]}
        result = await self.tried(tune=True, tuning=tuning)
        declared, tuned = result.workloads[0].figures, result.tuning and result.tuning.figures
        assert declared is not None
        assert tuned is not None
        # 600 requests go in three waves of 256, and in one of 1,024.
        ratio = float(declared.seconds) / float(tuned.seconds)
        assert 2.9 < ratio < 3.1
        assert result.tuning is not None
        assert named(result.tuning.best_arguments) == {"max_num_seqs": "1024"}

    async def test_is_not_done_unless_it_is_asked(self) -> None:
        assert (await self.tried()).tuning is None
