"""What the figures were measured with."""

from pathlib import Path

import pytest
from runner_builders import a_plan
from slmeval_runner.models import LocatedModel
from slmeval_runner.provenance import cpu_model, named_values, provenance

DIGEST = "sha256:" + "0" * 64


class TestProvenance:
    def test_tells_model_node_image_and_seed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLMEVAL_NODE", "node-7")
        found = provenance(
            a_plan(seed=9),
            located=LocatedModel(folder=Path("/m"), revision="0a1b", digest=DIGEST),
            arguments={"dtype": "bfloat16"},
            versions={"cuda": "13.0"},
        )
        assert (found.node, found.image, found.seed) == ("node-7", "runner:1", 9)
        assert (found.model_revision, found.model_digest) == ("0a1b", DIGEST)
        assert {v.name for v in found.versions} >= {"python", "cuda"}
        assert [(a.name, a.value) for a in found.engine_arguments] == [("dtype", "bfloat16")]

    def test_leaves_absent_what_is_not_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SLMEVAL_NODE", raising=False)
        found = provenance(a_plan(), located=None, arguments={}, versions={})
        assert (found.node, found.model_revision, found.model_digest) == (None, None, None)
        assert found.machine is None

    def test_names_the_machine_where_there_is_no_cluster(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLMEVAL_MACHINE", "laptop")
        monkeypatch.delenv("SLMEVAL_NODE", raising=False)
        found = provenance(a_plan(image=""), located=None, arguments={}, versions={})
        assert (found.machine, found.node, found.image) == ("laptop", None, None)


class TestCpu:
    def test_is_named_with_its_number_of_cores(self, tmp_path: Path) -> None:
        file = tmp_path / "cpuinfo"
        file.write_text(
            "processor : 0\nmodel name\t: Some CPU\n\nprocessor : 1\nmodel name\t: Some CPU\n"
        )
        assert cpu_model(file) == "Some CPU (2 logical CPUs)"

    def test_is_absent_where_the_kernel_does_not_say(self, tmp_path: Path) -> None:
        assert cpu_model(tmp_path / "none") is None
        (tmp_path / "empty").write_text("")
        assert cpu_model(tmp_path / "empty") is None


class TestNamedValues:
    def test_are_sorted_and_cut_to_what_the_api_takes(self) -> None:
        found = named_values({"b": "x" * 300, "a" * 70: "1"})
        assert [(len(v.name), len(v.value)) for v in found] == [(64, 1), (1, 256)]
