"""Tokenizers, loaded so that they fit an encoder."""

import functools
import logging
from typing import TYPE_CHECKING, Any

import transformers
from tokenizers import normalizers
from torch import nn

from alignfreeze.encoders.modelfiles import reading
from alignfreeze.errors import EncoderError
from alignfreeze.text.words import REMOVES_MARKS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


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
        load = transformers.AutoTokenizer.from_pretrained
        tokenizer = load(**options)
        if not tokenizer.is_fast:
            raise EncoderError(f"model {name_or_path!r}: needs a fast tokenizer (tokenizer.json)")
        if len(tokenizer) <= len(tokenizer.all_special_ids):
            raise EncoderError(f"model {name_or_path!r}: no tokenizer beside the model")
        config = transformers.AutoConfig.from_pretrained(**options)
        if getattr(config, "type_vocab_size", 0) < 2:  # it has one type of text
            names = tokenizer.model_input_names
            tokenizer.model_input_names = [name for name in names if name != "token_type_ids"]
        if not _reads_words(tokenizer):
            names = tokenizer.model_input_names
            tokenizer = load(add_prefix_space=True, model_input_names=names, **options)
        if not _reads_words(tokenizer):
            backend = tokenizer.backend_tokenizer
            own = [backend.normalizer] if backend.normalizer else []
            backend.normalizer = normalizers.Sequence([normalizers.Prepend(" "), *own])
    if not _reads_words(tokenizer):
        logger.warning(
            "model %r: its tokenizer reads a word alone otherwise than in a sentence", name_or_path
        )
    setattr(tokenizer, REMOVES_MARKS, remove_marks)
    return tokenizer


def _reads_words(tokenizer: Any) -> bool:
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
