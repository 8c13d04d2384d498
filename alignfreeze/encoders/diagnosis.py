"""What is wrong with a folder that should hold a model, and how it is mended."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from zipfile import is_zipfile

from safetensors import SafetensorError, safe_open

from alignfreeze.base.structured import read_json
from alignfreeze.errors import EncoderError
from alignfreeze.messages import LONG, shown

CONFIG = "config.json"

_POINTER = b"version https://git-lfs.github.com/spec/v1"

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""What transformers reads, of several the first; an index names its parts."""

TOKENIZER = "tokenizer.json"

_READ = (CONFIG, "tokenizer*.json", "special_tokens_map.json")
"""What is read beside the weights, if it is there."""

_MADE_INTO_TOKENIZER = ("vocab*", "merges.txt", "*.model")
"""What a tokenizer is made of where its own file is not there."""

_RESAVE = "load them into the model with load_state_dict, and save it with save_pretrained"
_CONVERT = "convert them to PyTorch with transformers 4, and save them with save_pretrained"
_ORIGINAL = "take the checkpoint that it was made from"

_OTHERS = {
    "tf_model*.h5": ("TensorFlow", _CONVERT),
    "*.ckpt.index": ("TensorFlow", _CONVERT),
    "flax_model*.msgpack": ("Flax", _CONVERT),
    "*.gguf": ("GGUF", _ORIGINAL),
    "*.onnx": ("ONNX", _ORIGINAL),
    "onnx/*.onnx": ("ONNX", _ORIGINAL),
    "openvino_model.*": ("OpenVINO", _ORIGINAL),
    "rust_model.ot": ("rust-bert", _ORIGINAL),
    "*.distcp": ("torch.distributed.checkpoint", _RESAVE),
    "*.safetensors": ("safetensors under another name", _RESAVE),
    "*.p[th]*": ("PyTorch under another name", _RESAVE),
    "*.ckpt": ("PyTorch under another name", _RESAVE),
    "*.bin": ("PyTorch under another name", _RESAVE),
}
"""Weights that are not read: what they are for, and what helps."""

_NO_MODEL = ("optimizer", "scheduler", "rng_state", "training_args")
"""How files of a training program begin that hold no weights."""

_PICKLED = b"\x80"
"""How a file of PyTorch begins that is no zip archive, as those of before 1.6 are."""

_NESTED = {"state_dict", "model_state_dict", "model", "module", "net"}
"""In which training programs keep a model's parameters, beside an optimizer's state."""

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
        weights = [path.name for path in weight_files(folder)]
        beside = f" beside {weights[0]}" if weights else ""
        found = "" if weights else _models_within(folder) or _found_instead(folder)
        found = found or "which save_pretrained writes"
        raise EncoderError(
            f"model {shown(name, LONG)}: the folder must hold a model, but has no "
            f"{CONFIG}{beside}, {found}"
        )
    patterns = _READ if (folder / TOKENIZER).is_file() else (*_READ, *_MADE_INTO_TOKENIZER)
    read = {path for pattern in patterns for path in folder.glob(pattern)} | {*weight_files(folder)}
    if pointers := sorted(path.name for path in read if _is_pointer(path)):
        raise EncoderError(
            f"model {shown(name, LONG)}: {', '.join(pointers[:3])} must be fetched with "
            "'git lfs pull': the "
            "folder has Git LFS's pointer to it in its place"
        )


def check_weights(name: str, folder: Path) -> None:
    """Check that a folder has weights, all of them, each file whole.

    Raises:
        EncoderError: If not; names the model and the file.
    """
    files = weight_files(folder)
    if not files and (found := _found_instead(folder)):
        raise EncoderError(f"model {shown(name, LONG)}: the folder has no {_WEIGHTS[0]}, {found}")
    for file in files:
        if not file.is_file():
            raise EncoderError(
                f"model {shown(name, LONG)}: {file.name} is missing, a part of its weights"
            )
        if fault := _damage_of(file):
            raise EncoderError(
                f"model {shown(name, LONG)}: {file.name} is damaged, or not whole: fetch or "
                "copy it again "
                f"({fault})"
            )


def _damage_of(file: Path) -> str:
    """Why a file cannot hold weights, as far as its outline says; empty if it can."""
    if file.suffix == ".safetensors":
        try:
            with safe_open(file, "pt"):
                return ""
        except SafetensorError as error:
            return str(error)
    if file.suffix == ".json":
        return "it does not say in which files the weights are"
    with file.open("rb") as opened:
        old = opened.read(1) == _PICKLED
    return "" if old or is_zipfile(file) else "neither a zip archive nor a pickle"


def weight_files(folder: Path) -> list[Path]:
    """The files of a folder that transformers takes weights from; some may not be there.

    An index that names none is itself what is returned.
    """
    for file in (folder / name for name in _WEIGHTS):
        if not file.is_file():
            continue
        if file.suffix != ".json" or _is_pointer(file):
            return [file]
        try:
            names = read_json(file.read_text("utf-8"))["weight_map"].values()
            return [folder / name for name in sorted(set(names))] or [file]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return [file]
    return []


def cause_of_missing(missing: Collection[str], unexpected: Collection[str]) -> str:
    """Why a checkpoint lacks parameters, if it has most of them in another place; a clause."""
    if nested := _NESTED.intersection(unexpected):
        return f"it has a dictionary {min(nested)!r}, as training programs write it: {_RESAVE}"
    prefixes = Counter(
        key.removesuffix(own) for key in unexpected for own in missing if key.endswith(f".{own}")
    )
    for prefix, count in prefixes.most_common(1):
        if 2 * count > len(missing):
            within = f"it is a part of the model that was saved: save model.{prefix[:-1]}"
            cause = _WRAPPERS.get(prefix.partition(".")[0], within)
            return f"it has them with {prefix!r} before their names, since {cause}"
    return ""


def _is_pointer(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:  # a folder, or what transformers will say that it cannot read
        return False


def _found_instead(folder: Path) -> str:
    """What of a model lies in a folder that is not read, as a clause; empty if nothing does."""
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        return (
            f"but {adapter.name}: it is a PEFT adapter of {_base_of(adapter)}, not a model; merge "
            "the two with merge_and_unload(), and save that with save_pretrained"
        )
    for pattern, (what, remedy) in _OTHERS.items():
        found = [p for p in sorted(folder.glob(pattern)) if not p.name.startswith(_NO_MODEL)]
        if found:
            return f"but {found[0].relative_to(folder)} ({what}): {remedy}"
    return ""


def _base_of(adapter: Path) -> str:
    try:
        return shown(read_json(adapter.read_text("utf-8"))["base_model_name_or_path"], LONG)
    except (ValueError, KeyError, TypeError):
        return "a model"


def _models_within(folder: Path) -> str:
    """Folders within that hold a model, as a clause; empty if there are none."""
    found = sorted({*folder.glob(f"*/{CONFIG}"), *folder.glob(f"*/*/{CONFIG}")})
    names = [str(file.parent.relative_to(folder)) for file in found]
    return f"which these within have: {', '.join(names[:5])}" if names else ""
