"""Model folders without weights."""

import json
from pathlib import Path

from benchmarks.shapes import SHAPES, write_model


def test_every_id_of_a_made_up_tokenizer_is_one_word_that_holds_no_special_word(
    tmp_path: Path,
) -> None:
    folder = write_model("tiny", tmp_path / "tiny")
    ids = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    special = {settings[name] for name in ("bos_token", "eos_token", "unk_token")}

    assert sorted(ids.values()) == list(range(SHAPES["tiny"]["vocab_size"]))
    assert [ids[word] for word in ("<s>", "</s>", "<unk>", "w3")] == [0, 1, 2, 3]
    assert not [word for word in set(ids) - special if any(one in word for one in special)]
