"""Which trials of a run may be compared, and what is said of those that may not."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest
from builders import Json
from slmeval_api.conditions import Reason
from slmeval_api.run import Run
from slmeval_api.trial import Trial
from slmeval_decisions.comparison import Comparison, comparisons, run_comparison
from unit.operator.worlds import a_run, a_run_pool, a_trial, provenance_json, result_json

GPUS: Json = {"memoryGiB": 24}
POOLS = [
    a_run_pool("gpu", gpus=GPUS),
    a_run_pool("h100", gpus=GPUS),
    a_run_pool("cpu"),
    a_run_pool("cpu2"),
]
RUN = a_run(pools=POOLS)
NO_GPU = {"cuda": None, "driver": None}
ANEW = "then delete SLMRun demo-1: it is made and measured anew."
PIN = f"Pin images of the same versions by digest in spec.image of the run's pools, {ANEW}"


Versions = Mapping[str, str | None]


class On(NamedTuple):
    """A trial's pool and what it was measured with; None: that is not known."""

    pool: str
    provenance: Json | None


def on_gpu(versions: Versions | None = None, **more: object) -> On:
    return On("gpu", provenance_json(versions, **more))


def on_h100(versions: Versions | None = None, **more: object) -> On:
    return On("h100", provenance_json(versions, **{"device": "NVIDIA H100", **more}))


def on_cpu(versions: Versions | None = None, pool: str = "cpu", **more: object) -> On:
    """Return a trial on CPUs, of which an image for CPUs says what those say."""
    of_cpus = {"torch": "2.8.0+cpu", "vllm": "0.11.0+cpu", **NO_GPU, **(versions or {})}
    given = {"image": "runner-cpu:1", "device": "EPYC (8 logical CPUs)", **more}
    return On(pool, provenance_json(of_cpus, **given))


def simulated(pool: str = "cpu2", **more: object) -> On:
    absent = dict.fromkeys(("vllm", "torch", "transformers", "cuda", "driver"))
    return On(pool, provenance_json(absent, engine="simulated", **more))


def trials_of(*measured: On) -> list[Trial]:
    """Return trials named m0, m1 and so on, in the run's order."""
    return [
        a_trial(
            f"m{i}",
            on.pool,
            result=result_json() | ({"provenance": on.provenance} if on.provenance else {}),
        )
        for i, on in enumerate(measured)
    ]


def compared(*measured: On, run: Run = RUN) -> dict[str, Comparison]:
    return comparisons(run, trials_of(*measured))


def marked(*measured: On) -> list[int]:
    """Return the places of the trials that are not comparable."""
    return [i for i, c in enumerate(compared(*measured).values()) if not c.is_comparable]


OLD = {"vllm": "0.10.2"}
OLDEST = {"vllm": "0.9.0"}
DRIVER = {"driver": "550.54"}
BY_DIGEST = f"registry/runner:1@sha256:{'a' * 64}"
MIRRORED = f"mirror/runner:1@sha256:{'a' * 64}"
REBUILT = f"registry/runner:1@sha256:{'b' * 64}"

TABLE: dict[str, tuple[list[On], list[int]]] = {
    "the same": ([on_gpu(), on_gpu(), on_gpu()], []),
    "another vllm": ([on_gpu(), on_gpu(OLD), on_gpu()], [1]),
    "another ray": ([on_gpu(), on_gpu(), on_gpu({"ray": "2.48.0"})], [2]),
    "another torch": ([on_gpu({"torch": "2.7.1"}), on_gpu(), on_gpu()], [0]),
    "another build of torch": ([on_gpu(), on_gpu({"torch": "2.8.0+cu129"})], [1]),
    "another transformers": ([on_gpu(), on_gpu({"transformers": "4.57.0"})], [1]),
    "another minor version of python": ([on_gpu(), on_gpu({"python": "3.11.9"})], [1]),
    "another patch of python": ([on_gpu(), on_gpu({"python": "3.12.9"})], []),
    "another cuda": ([on_gpu(), on_gpu({"cuda": "12.6"})], [1]),
    "another driver": ([on_gpu(), on_gpu(), on_gpu(DRIVER)], [2]),
    "another driver on another pool": ([on_gpu(), on_h100(DRIVER)], [1]),
    "another library that is not compared": ([on_gpu(), on_gpu({"numpy": "2.3"})], []),
    "another runner": ([on_gpu(), on_gpu(runnerVersion="0.2.0")], [1]),
    "another node, seed, model and argument": (
        [on_gpu(), on_gpu(node="n2", seed=2, modelRevision="abc", deviceIds=["GPU-1"])],
        [],
    ),
    "another GPU in one pool": ([on_gpu(), on_gpu(), on_gpu(device="NVIDIA L4")], [2]),
    "another number of equal GPUs": ([on_gpu(), on_gpu(device="2 × NVIDIA A10")], []),
    "another GPU on another pool": ([on_gpu(), on_h100()], []),
    "another CPU in one pool": ([on_cpu(), on_cpu(device="Xeon (8 logical CPUs)")], [1]),
    "pools of CPUs and GPUs": ([on_gpu(), on_gpu(), on_cpu()], []),
    "another vllm on the CPUs": ([on_gpu(), on_gpu(), on_cpu({"vllm": "0.10.2+cpu"})], [2]),
    "another driver beside many CPUs": (
        [on_cpu(), on_cpu(), on_cpu(), on_gpu(DRIVER), on_gpu(), on_gpu()],
        [3],
    ),
    "the commonest of CPUs and of GPUs": (
        [
            on_gpu(DRIVER),
            on_gpu(),
            on_gpu(),
            on_cpu(image="runner-cpu:2"),
            on_cpu(),
            on_cpu(),
        ],
        [0, 3],
    ),
    "another image": ([on_gpu(), on_gpu(), on_gpu(image="runner:2")], [2]),
    "another image of CPU pools": ([on_cpu(), on_cpu(image="runner-cpu:2", pool="cpu2")], [1]),
    "another registry of the same digest": (
        [on_gpu(image=BY_DIGEST), on_gpu(image=MIRRORED)],
        [],
    ),
    "another digest of the same tag": ([on_gpu(image=BY_DIGEST), on_gpu(image=REBUILT)], [1]),
    "a digest that only one has": ([on_gpu(image=BY_DIGEST), on_gpu()], []),
    "attempts with another image": (
        [on_gpu(image="runner:2", runnerVersion="0.2.0"), on_gpu(), on_gpu()],
        [0],
    ),
    "values that one does not know": (
        [on_gpu(), on_gpu({"vllm": None, "driver": None}, image=None, device=None)],
        [],
    ),
    "a runner that does not know its version": ([on_gpu(), on_gpu(runnerVersion="unknown")], []),
    "one that knows little joins the larger group": (
        [on_gpu(OLD), on_gpu({"vllm": None}), on_gpu(), on_gpu()],
        [0],
    ),
    "one that knows little hides no difference": (
        [on_gpu({"vllm": None}), on_gpu(), on_gpu(OLD)],
        [2],
    ),
    "two groups alike: the earlier": ([on_gpu(OLD), on_gpu(), on_gpu(), on_gpu(OLD)], [1, 2]),
    "three groups": (
        [on_gpu(OLD), on_gpu(), on_gpu(OLDEST), on_gpu(), on_gpu(OLD), on_gpu()],
        [0, 2, 4],
    ),
    "three groups alike": ([on_gpu(OLDEST), on_gpu(OLD), on_gpu()], [1, 2]),
    "each field with another majority": (
        [on_gpu(image="i:1"), on_gpu(DRIVER, image="i:2"), on_gpu({**DRIVER, **OLD}, image="i:2")],
        [1, 2],
    ),
    "a simulated pool beside a real one": ([on_cpu(), on_cpu(), simulated()], [2]),
    "simulated ones on any node": ([simulated(), simulated(device="another")], []),
    "trials that know nothing": ([on_gpu(), On("gpu", None), on_gpu()], []),
}


class TestTrialsThatDifferFromMostAreMarked:
    @pytest.mark.parametrize("case", list(TABLE))
    def test_and_no_others(self, case: str) -> None:
        measured, expected = TABLE[case]
        assert marked(*measured) == expected


class TestNothingIsSaidWhereNothingCanBeCompared:
    @pytest.mark.parametrize(
        "measured",
        [[], [on_gpu()], [on_gpu(), On("gpu", None)]],
        ids=["none", "one", "one that knows"],
    )
    def test_of_fewer_than_two(self, measured: list[On]) -> None:
        assert compared(*measured) == {}
        assert run_comparison({}) is None

    def test_nor_of_a_trial_without_provenance(self) -> None:
        assert list(compared(on_gpu(), On("gpu", None), on_gpu())) == [
            "demo-1-m0-gpu",
            "demo-1-m2-gpu",
        ]

    def test_nor_of_one_without_a_result(self) -> None:
        assert comparisons(RUN, [*trials_of(on_gpu()), a_trial("late")]) == {}


class TestAMarkSaysWhatDiffersFromWhomAndWhatToDo:
    def of(self, *measured: On) -> tuple[str, str]:
        """Return reason and message of the last trial."""
        last = list(compared(*measured).values())[-1]
        return last.reason, last.message

    def test_versions(self) -> None:
        assert self.of(on_gpu(), on_h100(), on_gpu({**OLD, "torch": "2.7.1"})) == (
            Reason.VERSIONS_DIFFER,
            "Not comparable with demo-1-m0-gpu, demo-1-m1-h100: vllm is 0.10.2 here, 0.11.0 "
            f"there, torch is 2.7.1 here, 2.8.0 there. {PIN}",
        )

    def test_a_build(self) -> None:
        _, message = self.of(on_gpu(), on_gpu({"torch": "2.8.0+cu129"}))
        assert "torch is 2.8.0+cu129 here, 2.8.0 there." in message

    def test_a_driver_and_only_those_that_have_another(self) -> None:
        assert self.of(on_cpu(), on_gpu(), on_h100(DRIVER)) == (
            Reason.VERSIONS_DIFFER,
            "Not comparable with demo-1-m1-gpu: driver is 550.54 here, 570.86 there. "
            f"Bring the pools' nodes to one GPU driver, {ANEW}",
        )

    def test_an_image(self) -> None:
        assert self.of(on_gpu(), on_gpu(image="runner:2")) == (
            Reason.IMAGES_DIFFER,
            f"Not comparable with demo-1-m0-gpu: image is runner:2 here, runner:1 there. {PIN}",
        )

    def test_a_device(self) -> None:
        assert self.of(on_gpu(), on_gpu(device="NVIDIA L4")) == (
            Reason.DEVICES_DIFFER,
            "Not comparable with demo-1-m0-gpu: device is NVIDIA L4 here, NVIDIA A10 there. "
            f"Narrow spec.nodeSelector of SLMPool gpu to one product, {ANEW}",
        )

    def test_several_with_a_cure_each(self) -> None:
        reason, message = self.of(on_gpu(), on_gpu(DRIVER, device="NVIDIA L4", image="runner:2"))
        assert reason == Reason.VERSIONS_DIFFER
        assert message.endswith(
            "Pin images of the same versions by digest in spec.image of the run's pools, bring the "
            "pools' nodes to one GPU driver, narrow spec.nodeSelector of SLMPool gpu to one "
            f"product, {ANEW}"
        )

    def test_an_engine_before_all_else(self) -> None:
        reason, message = self.of(on_cpu(), simulated(runnerVersion="0.2.0"))
        assert reason == Reason.ENGINES_DIFFER
        assert message == (
            "Not comparable with demo-1-m0-cpu: engine is simulated here, vllm there, "
            "runnerVersion is 0.2.0 here, 0.1.0 there. "
            "Measure on SLMPool cpu2 in an SLMEvaluation of its own."
        )

    def test_not_all_of_many(self) -> None:
        _, message = self.of(*[on_gpu()] * 5, on_gpu(OLD))
        assert message.startswith(
            "Not comparable with demo-1-m0-gpu, demo-1-m1-gpu, demo-1-m2-gpu and more: vllm is"
        )


class TestATrialThatAgreesSaysSoInWordsThatStay:
    def test_whoever_else_is_measured(self) -> None:
        first = compared(on_gpu(), on_gpu())["demo-1-m0-gpu"]
        assert first == compared(on_gpu(), on_gpu(), on_gpu(OLD), on_h100())["demo-1-m0-gpu"]
        assert (first.is_comparable, first.reason) == (True, Reason.SAME_PROVENANCE)


class TestTheSumOfARun:
    def test_of_trials_that_agree(self) -> None:
        assert run_comparison(compared(on_gpu(), on_cpu())) == Comparison(
            is_comparable=True,
            reason=Reason.SAME_PROVENANCE,
            message="All trials with results agree in engine, versions, image and device.",
        )

    def test_of_trials_that_differ_counts_them_and_quotes_the_first(self) -> None:
        found = compared(on_gpu(), on_gpu(OLD), on_gpu(), on_gpu(device="NVIDIA L4"))
        assert run_comparison(found) == Comparison(
            is_comparable=False,
            reason=Reason.VERSIONS_DIFFER,
            message="2 of 4 trials differ from the rest; demo-1-m1-gpu: "
            + found["demo-1-m1-gpu"].message,
        )
