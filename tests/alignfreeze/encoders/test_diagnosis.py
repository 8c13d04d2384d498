"""Folders that hold no model that can be loaded: each says in one line what it holds instead."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerBase

from alignfreeze.encoders.families import read_layer_count
from alignfreeze.encoders.loading import load_encoder, load_tokenizer, load_with_head
from alignfreeze.errors import EncoderError
from alignfreeze.testing import tiny_encoder

pytestmark = pytest.mark.usefixtures("no_network")

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
MADE_OF = ("sentencepiece.bpe.model", "vocab.txt", "vocab.json", "merges.txt")
LOADS = {
    "encoder": load_encoder,
    "tokenizer": load_tokenizer,
    "layers": read_layer_count,
    "head": lambda name: load_with_head(name, "AutoModelForTokenClassification", ("a", "b")),
}


def said(folder: Path, load: str = "encoder") -> str:
    """What is wrong with a folder, after its name; one line."""
    with pytest.raises(EncoderError) as caught:
        LOADS[load](str(folder))
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"model {str(folder)!r}")
    return text


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "vocab.txt", "spiece.model"]
)
def test_a_pointer_of_git_lfs(folder: Path, name: str, load: str) -> None:
    (folder / "tokenizer.json").unlink(missing_ok=True)
    (folder / name).write_bytes(POINTER)
    if name != "config.json" or load == "encoder":
        assert f"{name} must be fetched with 'git lfs pull'" in said(folder, load)


def test_pointers_in_place_of_shards(tmp_path: Path) -> None:
    tiny_encoder("bert").save_pretrained(tmp_path, max_shard_size="8KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    for shard in shards[1:3]:
        shard.write_bytes(POINTER)
    assert f"{shards[1].name}, {shards[2].name} must be fetched" in said(tmp_path)


def test_pointers_to_what_is_not_read_do_no_harm(
    folder: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    """Beside a tokenizer's own file, nobody reads what it was made of."""
    tokenizer.save_pretrained(folder)
    for name in ("pytorch_model.bin", "tf_model.h5", "onnx-model.onnx", *MADE_OF):
        (folder / name).write_bytes(POINTER)
    load_encoder(str(folder))
    assert load_tokenizer(str(folder))("a b").input_ids == tokenizer("a b").input_ids


OTHERS = [
    ("tf_model.h5", r"tf_model\.h5 \(TensorFlow\): convert them"),
    ("model.ckpt.index", r"model\.ckpt\.index \(TensorFlow\)"),
    ("flax_model.msgpack", r"flax_model\.msgpack \(Flax\): convert them"),
    ("model-q4.gguf", r"model-q4\.gguf \(GGUF\): take the checkpoint"),
    ("onnx/model.onnx", r"onnx/model\.onnx \(ONNX\): take the checkpoint"),
    ("openvino_model.xml", r"openvino_model\.xml \(OpenVINO\)"),
    ("rust_model.ot", r"rust_model\.ot \(rust-bert\)"),
    ("best.pt", r"best\.pt \(PyTorch under another name\): load them .*load_state_dict"),
    ("epoch=3.ckpt", r"epoch=3\.ckpt \(PyTorch under another name\)"),
    ("encoder.safetensors", r"encoder\.safetensors \(safetensors under another name\)"),
]


@pytest.mark.parametrize(("name", "match"), OTHERS, ids=[name for name, _ in OTHERS])
@pytest.mark.parametrize("with_config", [True, False])
def test_weights_that_are_not_read(
    folder: Path, name: str, match: str, *, with_config: bool
) -> None:
    (folder / "model.safetensors").unlink()
    if not with_config:
        (folder / "config.json").unlink()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"weights")
    lacks = "has no model.safetensors" if with_config else "has no config.json"
    with pytest.raises(EncoderError, match=f"{lacks}, but {match}"):
        load_encoder(str(folder))


def test_weights_without_a_configuration(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert said(folder).endswith(
        "no config.json beside model.safetensors, which save_pretrained writes"
    )


@pytest.mark.parametrize("name", ["optimizer.pt", "training_args.bin", "rng_state.pth"])
def test_a_training_programs_other_files_are_no_weights(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    assert "no file named model.safetensors" in said(folder)


@pytest.mark.parametrize("with_config", [True, False])
def test_an_adapter(folder: Path, *, with_config: bool) -> None:
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    base = {"base_model_name_or_path": "xlm-roberta-base", "peft_type": "LORA"}
    (folder / "adapter_config.json").write_text(json.dumps(base))
    if not with_config:
        (folder / "config.json").unlink()
    assert "is a PEFT adapter of 'xlm-roberta-base', not a model; merge" in said(folder)


@pytest.mark.parametrize("place", ["checkpoint-500", "data/model"])
def test_a_model_one_folder_further_down(folder: Path, tmp_path: Path, place: str) -> None:
    outer = tmp_path / "outer"
    shutil.copytree(folder, outer / place)
    assert f"has no config.json, which these within have: {place}" in said(outer)


@pytest.mark.parametrize("kept", [0.99, 0.5, 0.0001, 0])
def test_weights_that_were_not_copied_whole(folder: Path, kept: float) -> None:
    file = folder / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * kept)])
    assert "model.safetensors is damaged, or not whole: fetch or copy it again" in said(folder)


@pytest.mark.parametrize("kept", [0.99, 0.5, 0])
def test_a_file_of_pytorch_that_was_not_copied_whole(folder: Path, kept: float) -> None:
    name = in_pytorchs_own_file(folder, load_file(folder / "model.safetensors"))
    load_encoder(str(folder))
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(len(content) * kept)])
    assert f"{name} is damaged, or not whole: fetch or copy it again" in said(folder)


def in_pytorchs_own_file(folder: Path, content: Any) -> str:
    (folder / "model.safetensors").unlink()
    torch.save(content, folder / "pytorch_model.bin")
    return "pytorch_model.bin"


def test_a_page_in_place_of_weights(folder: Path) -> None:
    in_pytorchs_own_file(folder, {})
    (folder / "pytorch_model.bin").write_text("<!DOCTYPE html><html>Access denied</html>")
    assert "pytorch_model.bin is damaged, or not whole" in said(folder)


@pytest.mark.parametrize("name", ["state_dict", "model_state_dict", "model"])
def test_a_training_programs_checkpoint(folder: Path, name: str) -> None:
    weights = load_file(folder / "model.safetensors")
    in_pytorchs_own_file(folder, {name: weights, "epoch": 3})
    assert f"it has a dictionary {name!r}, as training programs write it: load" in said(folder)


def test_a_pickled_model(folder: Path) -> None:
    in_pytorchs_own_file(folder, tiny_encoder("bert"))
    assert "its weights are stored with Python objects, which are never loaded" in said(folder)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"weight_map": {}}', '{"weight_map": 3}'])
def test_an_index_that_names_no_file(folder: Path, content: str) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(content)
    assert "model.safetensors.index.json is damaged, or not whole" in said(folder)


def test_a_shard_that_is_missing(tmp_path: Path) -> None:
    tiny_encoder("bert").save_pretrained(tmp_path, max_shard_size="8KB")
    shard = sorted(tmp_path.glob("model-*.safetensors"))[1]
    shard.unlink()
    assert f"{shard.name} is missing, a part of its weights" in said(tmp_path)


PREFIXES = [
    ("_orig_mod.", "torch.compile has wrapped it: save model._orig_mod"),
    ("module.", "DistributedDataParallel or DataParallel has wrapped it: save model.module"),
    ("_orig_mod.module.", "torch.compile has wrapped it"),
    ("module.bert.", "DistributedDataParallel or DataParallel has wrapped it: save model.module"),
    ("base_model.model.", "PEFT has wrapped it"),
    ("0.auto_model.", "it is within sentence-transformers: save model[0].auto_model"),
    ("model.", "it is a part of the model that was saved: save model.model"),
    ("encoder.", "it is a part of the model that was saved: save model.encoder"),
    ("student.text.", "it is a part of the model that was saved: save model.student.text"),
]


@pytest.mark.parametrize(("prefix", "cause"), PREFIXES, ids=[prefix for prefix, _ in PREFIXES])
@pytest.mark.parametrize("load", ["encoder", "head"])
def test_weights_under_another_name(folder: Path, prefix: str, cause: str, load: str) -> None:
    file = folder / "model.safetensors"
    weights = {prefix + name: weight for name, weight in load_file(file).items()}
    save_file(weights | {"classifier.weight": torch.ones(2)}, file, metadata={"format": "pt"})
    assert f"it has them with {prefix!r} before their names, since {cause}" in said(folder, load)


def test_most_weights_under_another_name(folder: Path) -> None:
    """An adapter that is not merged names some of them otherwise."""
    file = folder / "model.safetensors"
    weights = {
        f"base_model.model.{name.replace('query.', 'query.base_layer.')}": weight
        for name, weight in load_file(file).items()
    }
    save_file(weights, file, metadata={"format": "pt"})
    assert "since PEFT has wrapped it: save model.merge_and_unload()" in said(folder)


def test_some_parameters_that_are_missing_have_no_such_cause(folder: Path) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    wrong = {f"old.{name}": weight for name, weight in list(weights.items())[:3]}
    some = dict(list(weights.items())[10:])
    save_file(some | wrong, file, metadata={"format": "pt"})
    assert said(folder).endswith("; config.json must be the one that was saved with it")


def test_embeddings_of_another_size_are_told_with_theirs(folder: Path) -> None:
    file = folder / "model.safetensors"
    name = "embeddings.word_embeddings.weight"
    weights = load_file(file) | {name: torch.zeros(70, 16)}
    save_file(weights, file, metadata={"format": "pt"})
    assert f"e.g. {name} (it has (70, 16), config.json says (64, 16))" in said(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_weight_that_is_not_finite(folder: Path, value: float, dtype: torch.dtype) -> None:
    file = folder / "model.safetensors"
    weights = {name: weight.to(dtype) for name, weight in load_file(file).items()}
    name = "encoder.layer.2.output.dense.weight"
    weights[name][3, 4] = value
    save_file(weights, file, metadata={"format": "pt"})
    for load in ("encoder", "head"):
        assert f"but {name} has 1 of 512 that are NaN or infinite" in said(folder, load)


@pytest.mark.parametrize("family", ["t5", "mt5", "mbart"])
def test_the_encoder_of_an_encoder_decoder(tmp_path: Path, family: str) -> None:
    config = {"model_type": family, "is_encoder_decoder": False, "d_model": 16}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"")
    save_file({"shared.weight": torch.ones(2)}, tmp_path / "model.safetensors")
    assert f"is the encoder of an encoder-decoder ({family})" in said(tmp_path)


def tokenizer_files(folder: Path, files: dict[str, Any]) -> None:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text)


NOTHING = "has no tokenizer.json, nor what it could be made of; that of the model it was made from"
UNREADABLE = "its tokenizer.json or tokenizer_config.json cannot be read, copy them again: "


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({}, "there is no tokenizer beside the model; that of the model it was made from"),
        ({"tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}}, NOTHING),
        ({"tokenizer_config.json": {"tokenizer_class": "NobodysTokenizer"}}, NOTHING),
        ({"tokenizer.json": {}}, UNREADABLE),
        ({"tokenizer.json": "{"}, UNREADABLE),
        ({"tokenizer.json": {}, "tokenizer_config.json": "{"}, UNREADABLE),
        (
            {"tokenizer_config.json": {"tokenizer_class": "CanineTokenizer"}},
            "needs a fast tokenizer (tokenizer.json), which its family, of CanineTokenizer, does",
        ),
    ],
)
def test_a_tokenizer_that_is_missing_or_of_no_use(
    folder: Path, files: dict[str, Any], match: str
) -> None:
    tokenizer_files(folder, files)
    assert match in said(folder, "tokenizer")


@pytest.mark.parametrize("limit", [float("nan"), float("inf"), "many", [512], {}, 0, -1, 0.5])
def test_a_length_that_is_none(
    folder: Path, tokenizer: PreTrainedTokenizerBase, limit: object
) -> None:
    tokenizer.save_pretrained(folder)
    file = folder / "tokenizer_config.json"
    given = json.loads(file.read_text()) | {"model_max_length": limit}
    tokenizer_files(folder, {file.name: given})
    rule = "model_max_length in tokenizer_config.json must be a number from 1 on, got"
    assert f"{rule} {limit!r}" in said(folder, "tokenizer")
