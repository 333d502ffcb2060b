"""Examples that are like the item. The embedding models are real, and of a few words."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runner_builders import a_classification, write_lines
from slmeval_api.task import Task
from slmeval_runner.failures import ModelUnusable, TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.models import digest_of_folder, find_folder
from slmeval_runner.tasks import type_of
from slmeval_runner.tasks.prepared import Prepared, prepare
from slmeval_runner.tasks.sampling import Item
from slmeval_runner.tasks.similar import COMPARED_TOGETHER, EmbeddingModel, Similar, embedding_model
from static_models import static_model

MONEY, PARCEL, DOOR = [1.0, 0.0, 0.1], [0.0, 1.0, 0.1], [0.0, 0.1, 1.0]
WORDS = {
    "refund": MONEY,
    "money": MONEY,
    "pay": MONEY,
    "parcel": PARCEL,
    "van": PARCEL,
    "box": PARCEL,
    "door": DOOR,
    "key": DOOR,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return static_model(tmp_path_factory.mktemp("models") / "tiny", WORDS)


@pytest.fixture(scope="module")
def model(folder: Path) -> EmbeddingModel:
    return embedding_model(f"file://{folder}", Folders())


def items(*texts: str) -> list[Item[None]]:
    return [Item(text, text, None, None) for text in texts]


class TestEmbeddingModel:
    def test_is_told_by_its_digest(self, model: EmbeddingModel, folder: Path) -> None:
        assert model.facts.revision is None
        assert model.facts.digest == digest_of_folder(folder)

    def test_gives_texts_unit_length_and_unknown_ones_none(self, model: EmbeddingModel) -> None:
        found = np.linalg.norm(model.vectors(["pay", "van door " * 500, "what", ""]), axis=1)
        assert found == pytest.approx([1, 1, 0, 0])

    def test_reads_all_of_a_text(self, model: EmbeddingModel) -> None:
        early, late = model.vectors(["pay " * 600, "pay " * 600 + "door " * 6_000])
        assert early @ late < 0.5

    def test_of_sentence_transformers_is_one_too(self, folder: Path, tmp_path: Path) -> None:
        """A StaticEmbedding in its own folder, without a config.json, as they are on the hub."""
        from safetensors.numpy import load_file, save_file

        inner = tmp_path / "0_StaticEmbedding"
        inner.mkdir()
        (inner / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
        weights = load_file(folder / "model.safetensors")["embeddings"]
        save_file({"embedding.weight": weights}, inner / "model.safetensors")
        (tmp_path / "config_sentence_transformers.json").write_text("{}")
        found = embedding_model(f"file://{tmp_path}", Folders())
        assert found.vectors(["pay", "van"]).shape == (2, 3)

    def test_that_is_not_there_is_answered_with_what_is(self, tmp_path: Path) -> None:
        (tmp_path / "team/minilm").mkdir(parents=True)
        with pytest.raises(
            TaskUnusable,
            match=r"fewShot.embeddingModel pvc://team/potion: .* is not a folder; .* holds: minilm",
        ):
            embedding_model("pvc://team/potion", Folders(claims=tmp_path))

    def test_that_cannot_be_fetched_now_may_come_later(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*_: object) -> None:
            raise ModelUnusable("hf://a/b@c: download failed", may_pass=True)

        monkeypatch.setattr("slmeval_runner.tasks.similar.find_folder", refused)
        with pytest.raises(TaskUnusable, match=r"embeddingModel hf://a/b@c: download") as raised:
            embedding_model("hf://a/b@c", Folders())
        assert raised.value.may_pass

    def test_comes_from_the_hub_with_its_folders(self, folder: Path, tmp_path: Path) -> None:
        asked: dict[str, Any] = {}

        def download(**arguments: Any) -> str:
            asked.update(arguments)
            return str(folder)

        found = find_folder("hf://o/n@main", Folders(cache=tmp_path), download=download)
        assert (found.path, found.revision) == (folder, folder.name)
        assert {"*.json", "*.safetensors"} <= set(asked["allow_patterns"])

    @pytest.mark.parametrize("kind", ["empty", "transformer", "torn", "no vocabulary"])
    def test_of_another_kind_is_refused_with_what_to_name(
        self, folder: Path, tmp_path: Path, kind: str
    ) -> None:
        from safetensors.numpy import save_file

        if kind != "empty":
            for name in ("config.json", "tokenizer.json", "model.safetensors"):
                (tmp_path / name).write_bytes((folder / name).read_bytes())
        if kind == "transformer":
            weights = {"encoder.layer.0.weight": np.zeros((2, 2), np.float32)}
            save_file(weights, tmp_path / "model.safetensors")
        if kind == "torn":
            (tmp_path / "model.safetensors").write_bytes(b"version https://git-lfs")
        if kind == "no vocabulary":
            (tmp_path / "tokenizer.json").write_text("[]")
        with pytest.raises(
            TaskUnusable, match=r"must be a static embedding model .*hf://minishlab/potion-base-8M"
        ):
            embedding_model(f"file://{tmp_path}", Folders())

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_without_numbers_is_refused(self, tmp_path: Path, value: float) -> None:
        broken = static_model(tmp_path / "m", {**WORDS, "pay": [value, 0.0, 0.0]})
        found = embedding_model(f"file://{broken}", Folders())
        with pytest.raises(TaskUnusable, match="values that are no numbers: name another"):
            found.vectors(["van", "pay"])


class TestSimilar:
    POOL = items("door key", "pay", "parcel van", "refund money", "box van", "van")

    def nearest(self, model: EmbeddingModel, text: str, count: int) -> list[str]:
        found = Similar(self.POOL, items(text), count, model).for_item(0)
        return [one.text for one in found]

    def test_are_the_nearest_with_the_nearest_last(self, model: EmbeddingModel) -> None:
        assert self.nearest(model, "money pay", 2) == ["refund money", "pay"]
        assert self.nearest(model, "key door van", 1) == ["door key"]
        found = self.nearest(model, "box", 4)
        assert found == ["door key", "van", "box van", "parcel van"]

    def test_of_equals_are_the_first_ones(self, model: EmbeddingModel) -> None:
        assert self.nearest(model, "box", 2) == ["box van", "parcel van"]

    def test_of_a_text_without_a_known_word_are_the_first_ones(self, model: EmbeddingModel) -> None:
        assert self.nearest(model, "what", 2) == ["pay", "door key"]

    def test_are_all_when_all_are_asked(self, model: EmbeddingModel) -> None:
        assert sorted(self.nearest(model, "pay", 6)) == sorted(one.text for one in self.POOL)

    def test_do_not_depend_on_how_many_are_compared_together(self, model: EmbeddingModel) -> None:
        random = np.random.default_rng(1)
        words = list(WORDS)
        pool = items(*(" ".join(random.choice(words, 5)) + f" {n}" for n in range(300)))
        asked = items(*(" ".join(random.choice(words, 5)) for _ in range(2 * COMPARED_TOGETHER)))
        together = Similar(pool, asked, 8, model)
        known = model.vectors([one.text for one in pool])
        for number, one in enumerate(asked):
            assert together.for_item(number) == Similar(pool, [one], 8, model).for_item(0)
            alike = known @ model.vectors([one.text])[0]  # all of them, sorted by hand
            order = sorted(range(300), key=lambda place: (-round(alike[place], 9), place))
            assert [pool[place] for place in order[:8]][::-1] == together.for_item(number)


class TestPreparedWithSimilarExamples:
    @staticmethod
    def prepared(folder: Path, tmp_path: Path, count: int, *train: str) -> Prepared:
        for part, texts in (("test", ("my parcel", "a refund")), ("train", train)):
            rows = (json.dumps({"text": text, "label": "refund"}) for text in texts)
            write_lines(tmp_path / f"{part}.jsonl", *rows)
        body = a_classification(
            data={part: f"file://{tmp_path}/{part}.jsonl" for part in ("test", "train")},
            classification={"labels": ["refund", "delivery"]},
            fewShot={
                "count": count,
                "strategy": "Similar",
                "embeddingModel": f"file://{folder}",
            },
        )
        task = Task.from_json_data(body)
        return prepare(task, type_of(task), seed=1, folders=Folders())

    def test_shows_each_item_those_like_it(self, folder: Path, tmp_path: Path) -> None:
        task = self.prepared(folder, tmp_path, 2, "pay", "van", "money", "box van")
        shown = [[one.text for one in task.examples.for_item(n)] for n in (0, 1)]
        assert shown == [["box van", "van"], ["money", "pay"]]
        assert task.embedding_model is not None
        assert task.embedding_model.digest == digest_of_folder(folder)

    def test_shows_no_text_twice_and_none_of_the_test_set(
        self, folder: Path, tmp_path: Path
    ) -> None:
        task = self.prepared(folder, tmp_path, 2, "van", "van ", " my parcel", "box van", "van")
        shown = [[one.text for one in task.examples.for_item(n)] for n in (0, 1)]
        assert shown == [["box van", "van"]] * 2

    def test_says_when_there_are_too_few_that_differ(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(
            TaskUnusable, match=r"fewShot.count is 3, but file://.*train.jsonl has only 2 different"
        ):
            self.prepared(folder, tmp_path, 3, "van", "van ", "van", "box")

    def test_reads_no_model_where_no_example_is_asked(self, tmp_path: Path) -> None:
        task = self.prepared(tmp_path / "none", tmp_path, 0, "van")
        assert task.examples.for_item(0) == []
        assert task.embedding_model is None
