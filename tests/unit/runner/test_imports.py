"""What starting a process loads: seconds and memory that each head pod pays."""

import subprocess
import sys

import pytest
from tools import ROOT

HEAVY = ("ray", "torch", "vllm", "numpy", "scipy", "sklearn", "huggingface_hub", "transformers")


def loaded(module: str) -> set[str]:
    code = f"import sys, {module}; print(*{{m.partition('.')[0] for m in sys.modules}})"
    path = f"{ROOT / 'api'}:{ROOT / 'runner'}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


class TestImports:
    @pytest.mark.parametrize(
        "module", ["slmeval_runner.reporter.__main__", "slmeval_runner.driver.__main__"]
    )
    def test_of_the_heads_processes_are_light(self, module: str) -> None:
        assert loaded(module) & set(HEAVY) == set()

    def test_of_the_driver_hold_no_kubernetes_client(self) -> None:
        assert "kubernetes" not in loaded("slmeval_runner.driver.__main__")
