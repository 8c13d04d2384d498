"""Encoders, with a head and without, and their tokenizers, loaded from a folder or the hub."""

import functools
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from tokenizers import normalizers
from torch import nn
from transformers.models.auto import modeling_auto

from alignfreeze.base.digests import folder_digest
from alignfreeze.base.paths import existing_folder
from alignfreeze.encoders.diagnosis import TOKENIZER, cause_of_missing, check_weights
from alignfreeze.encoders.modelfiles import reading
from alignfreeze.encoders.stated import model_folder
from alignfreeze.errors import EncoderError, one_line
from alignfreeze.messages import LONG, shown
from alignfreeze.text.words import REMOVES_MARKS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

_WRITES_TOKENIZER = "that of the model it was made from goes there with tokenizer.save_pretrained"


def load_encoder(name_or_path: str) -> "PreTrainedModel":
    """Load an encoder without a head, in float32 and in evaluation mode.

    A pooler that the checkpoint lacks, the encoder lacks too: nothing that it has is drawn, and
    the caller's random numbers are the same whatever the checkpoint holds.

    Args:
        name_or_path: A folder, or a name on the Hugging Face hub; see `stated.model_folder`.

    Raises:
        EncoderError: If it cannot be loaded, is not an encoder, or a weight is missing or infinite.
    """
    with reading(name_or_path) as options:
        if folder := model_folder(name_or_path):
            check_weights(name_or_path, folder)
        _require_encoder(name_or_path, transformers.AutoConfig.from_pretrained(**options))
        with torch.random.fork_rng(devices=[]):
            # Weights of another shape are told of below, more clearly than by transformers.
            encoder, report = transformers.AutoModel.from_pretrained(
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **options,
            )
    shapes = {key: (tuple(found), tuple(own)) for key, found, own in report["mismatched_keys"]}
    lost = sorted([*report["missing_keys"], *shapes])
    if needed := [key for key in lost if not _is_poolers(key)]:
        found, own = shapes.get(needed[0], ("", ""))
        shape = f" (it has {found}, config.json says {own})" if found else ""
        cause = cause_of_missing(needed, report["unexpected_keys"])
        raise EncoderError(
            f"model {shown(name_or_path, LONG)}: the checkpoint lacks {len(needed)} "
            "of the encoder's "
            f"parameters, or has them in another shape, e.g. {needed[0]}{shape}; "
            f"{cause or 'config.json must be the one that was saved with it'}"
        )
    _check_finite(name_or_path, encoder)
    for key in lost:
        # As transformers' own models without a pooler have it.
        owner = f".{key}.".partition(".pooler.")[0].removeprefix(".")
        encoder.get_submodule(owner).pooler = None
    return encoder  # type: ignore[no-any-return]


def content_of(name_or_path: str, encoder: "PreTrainedModel") -> str:
    """What identifies the weights of an encoder that `load_encoder` has loaded.

    Raises:
        EncoderError: If it is from the hub, whose cache does not say which commit it is.
    """
    if folder := existing_folder(name_or_path):
        return folder_digest(folder)
    commit = encoder.config._commit_hash  # private to transformers, and nowhere else
    if commit is None:
        raise EncoderError(
            f"model {shown(name_or_path, LONG)}: the hub's cache does not say its revision"
        )
    return f"{name_or_path}@{commit}"


def load_with_head(
    name_or_path: str, auto_class: str, labels: tuple[str, ...]
) -> "PreTrainedModel":
    """Load an encoder with a task head, in float32 and in evaluation mode.

    The head, and a pooler that the checkpoint lacks, are drawn at random: from the caller's random
    numbers, and in the same order whatever the checkpoint holds, so that equal seeds give equal
    heads.

    Args:
        name_or_path: As in `load_encoder`.
        auto_class: That of the head in transformers, e.g. ``AutoModelForTokenClassification``.
        labels: Names of its classes; empty where it has none.

    Raises:
        EncoderError: As in `load_encoder`, or if there is no such class.
    """
    encoder = load_encoder(name_or_path)
    model = model_with_head(name_or_path, auto_class, labels)
    # The encoder alone may have a pooler that the head does without, or the other way round.
    report = model.base_model.load_state_dict(encoder.state_dict(), strict=False)
    if lost := [key for key in report.missing_keys if not _is_poolers(key)]:
        raise EncoderError(
            f"model {shown(name_or_path, LONG)}: {auto_class} needs {lost[0]}, which it lacks"
        )
    return model


def model_with_head(
    name_or_path: str, auto_class: str, labels: tuple[str, ...]
) -> "PreTrainedModel":
    """A model of an encoder's configuration with a task head, every weight drawn; as above."""
    cls = getattr(transformers, auto_class, None)
    if cls is None:
        raise EncoderError(f"transformers has no class {auto_class!r} for the task's head")
    # The checkpoint may have been made for another task. A head that tells no classes apart has
    # two outputs: where a span starts, and where it ends.
    extra: dict[str, Any] = {"problem_type": None, "num_labels": len(labels) or 2}
    if labels:
        extra["id2label"] = dict(enumerate(labels))
        extra["label2id"] = {label: number for number, label in enumerate(labels)}
    with reading(name_or_path) as options:
        config = transformers.AutoConfig.from_pretrained(**options, **extra)
        try:
            model: PreTrainedModel = cls.from_config(
                config, dtype=torch.float32, trust_remote_code=False
            )
        except ValueError as error:
            if "Unrecognized configuration class" not in str(error):
                raise
            raise EncoderError(
                f"model {shown(name_or_path, LONG)}: transformers has no {auto_class} "
                "for its family, "
                f"{config.model_type}"
            ) from None
    model.eval()
    return model


def load_finetuned(folder: Path, auto_class: str) -> "PreTrainedModel":
    """Load what `modelfiles.save` has written, head included, in float32, in evaluation mode.

    Raises:
        EncoderError: If it cannot be loaded.
    """
    with reading(str(folder)) as options:
        cls = getattr(transformers, auto_class)
        model: PreTrainedModel = cls.from_pretrained(dtype=torch.float32, **options)
    return model


def _require_encoder(name: str, config: Any) -> None:
    """Encoder-decoders and decoders do not represent a word by its context on both sides."""
    family = config.model_type
    masked = family in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    causal = family in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    both = getattr(config, "is_encoder_decoder", False)
    if not both and family in modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        raise EncoderError(
            f"model {shown(name, LONG)} is the encoder of an encoder-decoder ({family}), "
            "which transformers "
            "does not load without its decoder; it must be an encoder, such as BERT or XLM-R"
        )
    if both or getattr(config, "is_decoder", False) or (causal and not masked):
        kind = "an encoder-decoder" if both else "a decoder"
        raise EncoderError(
            f"model {shown(name, LONG)} is {kind} ({family}); it must be an encoder, such "
            "as BERT or XLM-R"
        )


def _check_finite(name: str, encoder: "PreTrainedModel") -> None:
    """Check that no weight is infinite or not a number; training could not tell why it fails."""
    for key, weight in encoder.state_dict().items():
        if weight.is_floating_point() and weight.numel():
            ends = torch.stack(torch.aminmax(weight))  # not a number, if one weight is not
            if not ends.isfinite().all():
                raise EncoderError(
                    f"model {shown(name, LONG)}: all weights must be finite, but {key} has "
                    f"{int((~weight.isfinite()).sum()):,} of {weight.numel():,} that are NaN or "
                    "infinite; the training that wrote them went wrong: take an earlier checkpoint"
                )


def _is_poolers(key: str) -> bool:
    """Whether a parameter is one that words do not use."""
    return "pooler" in key.split(".")


def load_tokenizer(name_or_path: str, *, remove_marks: bool = False) -> "PreTrainedTokenizerBase":
    """Load a fast tokenizer that can read text which is split into words.

    A tokenizer that would take a lone word for the inside of a word (byte-level BPE, as of
    RoBERTa and ModernBERT) is made to put a space in front of it.

    Args:
        name_or_path: As in `load_encoder`.
        remove_marks: Leave bare marks of a word's beginning out of what `words.subwords_of` reads.

    Raises:
        EncoderError: If there is none, or no fast one.
    """
    with reading(name_or_path) as options:
        tokenizer = _fast_tokenizer(name_or_path, options)
        config = transformers.AutoConfig.from_pretrained(**options)
        if getattr(config, "type_vocab_size", 0) < 2:  # it has one type of text
            names = tokenizer.model_input_names
            tokenizer.model_input_names = [name for name in names if name != "token_type_ids"]
        if not reads_words(tokenizer):
            names = tokenizer.model_input_names
            mended = {"add_prefix_space": True, "model_input_names": names}
            tokenizer = _fast_tokenizer(name_or_path, options | mended)
        if not reads_words(tokenizer):
            put_space_before(tokenizer)
    if not reads_words(tokenizer):
        logger.warning(
            "model %r: its tokenizer reads a word alone otherwise than in a sentence", name_or_path
        )
    setattr(tokenizer, REMOVES_MARKS, remove_marks)
    return tokenizer


def _fast_tokenizer(name: str, options: dict[str, Any]) -> "PreTrainedTokenizerBase":
    """What `transformers.AutoTokenizer` makes of a model's files, if it is of use."""
    try:
        tokenizer: PreTrainedTokenizerBase = transformers.AutoTokenizer.from_pretrained(**options)
    except (OSError, ImportError):
        raise
    except Exception as error:
        folder = model_folder(name)
        if folder is None or not (folder / TOKENIZER).is_file():
            raise EncoderError(
                f"model {shown(name, LONG)}: needs a fast tokenizer, but has no "
                f"{TOKENIZER}, nor what it "
                f"could be made of; {_WRITES_TOKENIZER} ({one_line(error, 100)})"
            ) from error
        raise EncoderError(
            f"model {shown(name, LONG)}: its {TOKENIZER} or tokenizer_config.json cannot "
            "be read, copy them "
            f"again: {one_line(error)}"
        ) from error
    if not tokenizer.is_fast:
        raise EncoderError(
            f"model {shown(name, LONG)}: needs a fast tokenizer (tokenizer.json), "
            "which its family, of "
            f"{type(tokenizer).__name__}, does not have"
        )
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise EncoderError(
            f"model {shown(name, LONG)}: there is no tokenizer beside the model; "
            f"{_WRITES_TOKENIZER}"
        )
    limit = tokenizer.model_max_length
    if not isinstance(limit, int | float) or not 1 <= limit < math.inf:
        raise EncoderError(
            f"model {shown(name, LONG)}: model_max_length in tokenizer_config.json must "
            "be a number from 1 "
            f"on, got {limit!r:.60}"
        )
    return tokenizer


def put_space_before(tokenizer: Any) -> None:
    """Make a tokenizer put a space before whatever it is given."""
    backend = tokenizer.backend_tokenizer
    own = [backend.normalizer] if backend.normalizer else []
    backend.normalizer = normalizers.Sequence([normalizers.Prepend(" "), *own])


def reads_words(tokenizer: Any) -> bool:
    """Whether a word after a space gives the same subwords if the space is left out."""
    encode = functools.partial(tokenizer, add_special_tokens=False)
    return bool(encode("a a").input_ids == encode(["a", "a"], is_split_into_words=True).input_ids)


def longest_input(encoder: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    """The most subwords that an encoder reads at once, special tokens included.

    Its position embeddings count (RoBERTa's begin behind the padding's index), and what its
    tokenizer says it was made for.
    """
    positions = getattr(encoder.config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions < 1:
        return int(tokenizer.model_max_length)
    for name, module in encoder.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            positions -= 0 if module.padding_idx is None else module.padding_idx + 1
    return min(positions, int(tokenizer.model_max_length))
