"""What users copy is valid: examples/, README.md and docs/."""

import json
from pathlib import Path

import pytest
from manifests import Manifest, documented, example_files, examples, objects_of_markdown
from slmeval_api.evaluation import Evaluation
from slmeval_api.pool import Pool
from tools import ROOT
from verdicts.cases import pydantic_refusal

SAMPLES = ROOT / "runner/slmeval_runner/samples"
OURS = [m for m in examples() if m.is_ours]
EVALUATIONS = [
    pytest.param(m, Evaluation.from_body(m.body), id=str(m))
    for m in OURS
    if m.body["kind"] == "SLMEvaluation"
]
POOLS = {m.body["metadata"]["name"]: Pool.from_body(m.body) for m in OURS if "Pool" in str(m)}


class TestEveryManifestIsTaken:
    @pytest.mark.parametrize("manifest", OURS, ids=str)
    def test_of_examples(self, manifest: Manifest) -> None:
        assert pydantic_refusal(manifest.body) is None

    @pytest.mark.parametrize("manifest", documented(), ids=str)
    def test_of_the_documentation(self, manifest: Manifest) -> None:
        assert pydantic_refusal(manifest.body) is None

    @pytest.mark.parametrize("path", example_files(), ids=lambda p: p.name)
    def test_each_file_says_at_its_top_what_it_is(self, path: Path) -> None:
        assert path.read_text().startswith("# ")

    @pytest.mark.parametrize("path", example_files(), ids=lambda p: p.name)
    def test_no_line_is_too_long_to_read(self, path: Path) -> None:
        long = [n for n, line in enumerate(path.read_text().splitlines(), 1) if len(line) > 100]
        assert long == []


class TestAnExampleCanBeRunAsItStands:
    @pytest.mark.parametrize(("manifest", "evaluation"), EVALUATIONS)
    def test_its_pools_are_examples_too(self, manifest: Manifest, evaluation: Evaluation) -> None:
        assert set(evaluation.spec.pools) <= set(POOLS)

    @pytest.mark.parametrize(("manifest", "evaluation"), EVALUATIONS)
    def test_each_model_has_the_gpus_that_it_is_spread_over(
        self, manifest: Manifest, evaluation: Evaluation
    ) -> None:
        for name in evaluation.spec.pools:
            gpus = POOLS[name].spec.gpus
            have = gpus.per_worker if gpus else 1
            for model in evaluation.spec.models:
                assert model.engine.tensor_parallel_size == have, f"{model.name} on {name}"

    @pytest.mark.parametrize(("manifest", "evaluation"), EVALUATIONS)
    def test_its_configmaps_stand_in_the_same_file(
        self, manifest: Manifest, evaluation: Evaluation
    ) -> None:
        bodies = [m.body for m in examples() if m.where == manifest.where]
        files = {
            f"configmap://{body['metadata']['name']}/{key}"
            for body in bodies
            if body["kind"] == "ConfigMap"
            for key in body["data"]
        }
        for task in evaluation.spec.tasks:
            named = {task.data.test, task.data.train} if task.data else set()
            assert {n for n in named if n and n.startswith("configmap://")} <= files

    @pytest.mark.parametrize(("manifest", "evaluation"), EVALUATIONS)
    def test_its_labels_are_those_of_the_sample(
        self, manifest: Manifest, evaluation: Evaluation
    ) -> None:
        for task in evaluation.spec.tasks:
            source = task.data.test if task.data else ""
            if not source.startswith("builtin://") or not task.classification:
                continue
            sample, part = source.removeprefix("builtin://").split("/")
            lines = (SAMPLES / sample / f"{part}.jsonl").read_text().splitlines()
            labels = {json.loads(line)["label"] for line in lines}
            assert labels == set(task.classification.labels)


class TestTheArticlesExperiment:
    NAMES = (
        "meta-llama/Llama-3.2-1B-Instruct",
        "meta-llama/Llama-3.2-3B-Instruct",
        "meta-llama/Llama-3.1-8B-Instruct",
        "google/gemma-2-2b-it",
        "google/gemma-2-9b-it",
        "Qwen/Qwen2.5-1.5B-Instruct",
        "Qwen/Qwen2.5-3B-Instruct",
        "Qwen/Qwen2.5-7B-Instruct",
        "microsoft/Phi-3-mini-4k-instruct",
    )

    def test_all_nine_models_on_one_a6000_and_the_same_nine_on_a10s(self) -> None:
        asked = dict[str, list[str]]()
        for param in EVALUATIONS:
            manifest, evaluation = param.values
            if "finding-the-right-slm" in str(manifest):
                assert isinstance(evaluation, Evaluation)
                (pool,) = evaluation.spec.pools
                asked[pool] = [m.source for m in evaluation.spec.models]
        sources = [f"hf://{name}@main" for name in self.NAMES]
        assert asked["a6000"] == sources
        assert sorted(asked["a10"] + asked["a10-pair"]) == sorted(sources)

    def test_the_load_is_the_articles(self) -> None:
        for param in EVALUATIONS:
            manifest, evaluation = param.values
            if "finding-the-right-slm" in str(manifest):
                assert isinstance(evaluation, Evaluation)
                (workload,) = evaluation.spec.workloads
                batch = workload.batch
                assert batch is not None
                assert (batch.requests, batch.input_tokens, batch.output_tokens) == (500, 2000, 100)


class TestTheYamlBlocksOfAPage:
    def test_whole_objects_of_our_kinds_are_found_also_in_lists(self) -> None:
        page = """
Some text.

1. First:
   ```yaml
   apiVersion: slmeval.dev/v1alpha1
   kind: SLMPool
   metadata: {name: a}
   spec: {workers: 1}
   ```

```yaml
kind: Pod
---
spec: {suspend: true}
```
"""
        found = [body["metadata"]["name"] for body in objects_of_markdown(page)]
        assert found == ["a"]
