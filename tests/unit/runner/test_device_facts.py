"""What the GPUs of the process are. NVML is a fake."""

import sys

import pytest
from fake_nvml import NOT_SUPPORTED, UNKNOWN, FakeGpu, FakeNvml, FakeNVMLError
from slmeval_runner.devices.facts import Device, gpus

A = FakeGpu(uuid="GPU-a", name="NVIDIA H100 80GB HBM3")
B = FakeGpu(uuid="GPU-b", name="NVIDIA H100 80GB HBM3")
OLD = FakeGpu(uuid="GPU-c", name="NVIDIA L4")


def ids(visible: str | None, *cards: FakeGpu, order: str | None = None) -> tuple[str, ...]:
    given = {"CUDA_VISIBLE_DEVICES": visible, "CUDA_DEVICE_ORDER": order}
    environment = {name: value for name, value in given.items() if value is not None}
    return gpus(FakeNvml(*cards), environment).ids


class TestTheGpusAreThoseThatCudaSees:
    @pytest.mark.parametrize(
        ("visible", "expected"),
        [
            (None, ("GPU-a", "GPU-b")),
            ("0,1", ("GPU-a", "GPU-b")),
            ("1", ("GPU-b",)),
            ("GPU-b, GPU-a", ("GPU-b", "GPU-a")),
            ("", ()),
            ("-1", ()),
            ("NoDevFiles", ()),
            ("1,-1,0", ("GPU-b",)),
        ],
    )
    def test_by_index_and_by_uuid(self, visible: str | None, expected: tuple[str, ...]) -> None:
        assert ids(visible, A, B) == expected

    @pytest.mark.parametrize("visible", ["2", "0,GPU-unknown", "MIG-unknown"])
    def test_and_none_if_one_of_them_cannot_be_found(self, visible: str) -> None:
        assert ids(visible, A, B) == ()


class TestAnIndexAmongUnlikeGpus:
    def test_is_not_guessed(self) -> None:
        assert ids("0", OLD, A) == ()

    def test_is_clear_in_the_order_of_the_bus(self) -> None:
        assert ids("0", OLD, A, order="PCI_BUS_ID") == ("GPU-c",)

    def test_is_no_choice_if_all_are_visible(self) -> None:
        assert ids("1,0", OLD, A) == ("GPU-a", "GPU-c")

    def test_does_not_concern_uuids(self) -> None:
        assert ids("GPU-c", OLD, A) == ("GPU-c",)


class TestADividedCard:
    def slice_of(self, uuid: str) -> FakeGpu:
        return FakeGpu(uuid=uuid, name="NVIDIA H100 MIG 1g.10gb", total=10_000)

    def card(self, *slices: FakeGpu) -> FakeGpu:
        return FakeGpu(uuid="GPU-d", mig_mode=1, slices=slices)

    def test_is_known_by_its_slices_uuid(self) -> None:
        card = self.card(self.slice_of("MIG-1"), self.slice_of("MIG-2"))
        found = gpus(FakeNvml(card), {"CUDA_VISIBLE_DEVICES": "MIG-2"})
        assert (found.ids, found.memory_bytes) == (("MIG-2",), 10_000)

    def test_has_no_power_limit_for_one_slice(self) -> None:
        found = gpus(FakeNvml(self.card(self.slice_of("MIG-1"))), {"CUDA_VISIBLE_DEVICES": "MIG-1"})
        assert found.power_limit_w is None

    @pytest.mark.parametrize("visible", [None, "0"])
    def test_stands_for_the_only_slice_that_is_visible(self, visible: str | None) -> None:
        assert ids(visible, self.card(self.slice_of("MIG-1"))) == ("MIG-1",)

    def test_is_not_guessed_among_several(self) -> None:
        assert ids("0", self.card(self.slice_of("MIG-1"), self.slice_of("MIG-2"))) == ()

    def test_is_whole_while_the_division_is_off(self) -> None:
        assert ids("0", FakeGpu(uuid="GPU-d", mig_mode=0)) == ("GPU-d",)


class TestFacts:
    def test_are_of_all_gpus_together(self) -> None:
        library = FakeNvml(A, B)
        assert gpus(library, {}) == Device(
            name="2 × NVIDIA H100 80GB HBM3",
            ids=("GPU-a", "GPU-b"),
            driver_version="580.95.05",
            cuda_driver_version="13.2",
            memory_bytes=160_000,
            power_limit_w=1_400.0,
        )
        assert library.opened == 0

    def test_name_each_product(self) -> None:
        assert gpus(FakeNvml(A, OLD), {}).name == "NVIDIA H100 80GB HBM3, NVIDIA L4"

    def test_are_absent_one_by_one(self) -> None:
        error = FakeNVMLError(NOT_SUPPORTED)
        library = FakeNvml(A, FakeGpu(uuid="GPU-b", limit_mw=error, total=error))
        library.cuda = FakeNVMLError(UNKNOWN)
        found = gpus(library, {})
        assert (found.memory_bytes, found.power_limit_w) == (None, None)
        assert found.ids == ("GPU-a", "GPU-b")
        assert found.versions == {"driver": "580.95.05"}

    def test_of_no_gpu_hold_the_driver_alone(self) -> None:
        found = gpus(FakeNvml(A), {"CUDA_VISIBLE_DEVICES": ""})
        assert found == Device(driver_version="580.95.05", cuda_driver_version="13.2")


class TestWithoutNvml:
    def test_nothing_is_known_where_nvidia_ml_py_is_missing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", None)
        assert gpus() == Device()

    def test_nothing_is_known_where_no_driver_runs(self) -> None:
        assert gpus(FakeNvml(A, missing=("nvmlInit",)), {}) == Device()
