"""What is wrong with a folder that should hold a model, and how it is mended."""

import json
from collections.abc import Collection
from pathlib import Path

from safetensors import SafetensorError, safe_open

from alignfreeze.errors import EncoderError

CONFIG = "config.json"

_POINTER = b"version https://git-lfs.github.com/spec/v1"

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""What transformers reads, of several the first; an index names its parts."""

_READ = (CONFIG, "tokenizer*", "special_tokens_map.json", "vocab*", "merges.txt", "*.model")
"""What is read beside the weights, if it is there."""

_RESAVE = "load them into the model with load_state_dict, and save it with save_pretrained"
_CONVERT = "convert them to PyTorch with transformers 4, and save them with save_pretrained"
_ORIGINAL = "take the checkpoint that it was made from"

_OTHERS = {
    "tf_model*.h5": ("TensorFlow", _CONVERT),
    "*.ckpt.index": ("TensorFlow", _CONVERT),
    "flax_model*.msgpack": ("Flax", _CONVERT),
    "*.gguf": ("GGUF", _ORIGINAL),
    "**/*.onnx": ("ONNX", _ORIGINAL),
    "openvino_model.*": ("OpenVINO", _ORIGINAL),
    "rust_model.ot": ("rust-bert", _ORIGINAL),
    "*.distcp": ("torch.distributed.checkpoint", _RESAVE),
    "*.safetensors": ("safetensors under another name", _RESAVE),
    "*.p[th]*": ("PyTorch under another name", _RESAVE),
    "*.ckpt": ("PyTorch under another name", _RESAVE),
    "*.bin": ("PyTorch under another name", _RESAVE),
}
"""Weights that are not read: what they are for, and what helps."""

_WRAPPERS = {
    "_orig_mod": "torch.compile has wrapped it: save model._orig_mod",
    "module": "DistributedDataParallel or DataParallel has wrapped it: save model.module",
    "_fsdp_wrapped_module": "FSDP has wrapped it: save accelerator.unwrap_model(model)",
    "base_model": "PEFT has wrapped it: save model.merge_and_unload()",
    "0": "it is within sentence-transformers: save model[0].auto_model",
}
"""What puts a name before those of all parameters, and what to save instead."""


def check_folder(name: str, folder: Path) -> None:
    """Check that a folder may hold a model.

    Raises:
        EncoderError: If it has no configuration, or a file of it is not there but for Git LFS's
            note of it; names the model, and what lies there instead.
    """
    if not (folder / CONFIG).is_file():
        found = _found_instead(folder) or _models_within(folder)
        said = f", {found}" if found else ""
        raise EncoderError(
            f"model {name!r}: the folder must hold a model, but has no {CONFIG}{said}"
        )
    read = {path for pattern in _READ for path in folder.glob(pattern)} | {*weight_files(folder)}
    if pointers := sorted(path.name for path in read if _is_pointer(path)):
        raise EncoderError(
            f"model {name!r}: {', '.join(pointers[:3])} must be fetched with 'git lfs pull': the "
            "folder has Git LFS's pointer to it in its place"
        )


def check_weights(name: str, folder: Path) -> None:
    """Check that a folder has weights, all of them, each file whole.

    Raises:
        EncoderError: If not; names the model and the file.
    """
    files = weight_files(folder)
    if not files and (found := _found_instead(folder)):
        raise EncoderError(f"model {name!r}: the folder has no {_WEIGHTS[0]}, {found}")
    for file in files:
        if not file.is_file():
            raise EncoderError(f"model {name!r}: {file.name} is missing, a part of its weights")
        if file.suffix == ".safetensors":
            try:
                with safe_open(file, "pt"):
                    pass
            except SafetensorError as error:
                raise EncoderError(
                    f"model {name!r}: {file.name} is damaged, or not whole: fetch or copy it again "
                    f"({error})"
                ) from None


def weight_files(folder: Path) -> list[Path]:
    """The files of a folder that transformers takes weights from; some may not be there."""
    for file in (folder / name for name in _WEIGHTS):
        if not file.is_file():
            continue
        if file.suffix != ".json" or _is_pointer(file):
            return [file]
        try:
            names = json.loads(file.read_text("utf-8"))["weight_map"].values()
            return [folder / name for name in sorted(set(names))]
        except (ValueError, KeyError, TypeError, AttributeError):
            return []  # transformers says what is wrong with it
    return []


def cause_of_missing(missing: Collection[str], unexpected: Collection[str]) -> str:
    """Why a checkpoint lacks parameters, if another model's name stands before theirs; a clause."""
    first = next(iter(missing), "")
    for prefix in (key.removesuffix(first) for key in unexpected if key.endswith(f".{first}")):
        if all(prefix + key in unexpected for key in missing):
            outer = prefix.partition(".")[0]
            within = f"it is a part of the model that was saved: save model.{prefix[:-1]}"
            cause = _WRAPPERS.get(outer, within)
            return f"it has them with {prefix!r} before their names, since {cause}"
    return ""


def _is_pointer(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_POINTER)) == _POINTER


def _found_instead(folder: Path) -> str:
    """What of a model lies in a folder that is not read, as a clause; empty if nothing does."""
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        return (
            f"but {adapter.name}: it is a PEFT adapter of {_base_of(adapter)}, not a model; merge "
            "the two with merge_and_unload(), and save that with save_pretrained"
        )
    for pattern, (what, remedy) in _OTHERS.items():
        if found := sorted(folder.glob(pattern)):
            return f"but {found[0].relative_to(folder)} ({what}): {remedy}"
    return ""


def _base_of(adapter: Path) -> str:
    try:
        return repr(json.loads(adapter.read_text("utf-8"))["base_model_name_or_path"])
    except (ValueError, KeyError, TypeError):
        return "a model"


def _models_within(folder: Path) -> str:
    """Folders within that hold a model, as a clause; empty if there are none."""
    found = sorted({*folder.glob(f"*/{CONFIG}"), *folder.glob(f"*/*/{CONFIG}")})
    names = [str(file.parent.relative_to(folder)) for file in found]
    return f"which these within have: {', '.join(names[:5])}" if names else ""
