"""Encoders of every family, small enough for a unit test."""

from typing import TYPE_CHECKING, Any

import torch
import transformers

if TYPE_CHECKING:
    from transformers import PreTrainedModel

VOCABULARY_SIZE = 64
HIDDEN_SIZE = 16
MAX_LENGTH = 40

_SPECIAL: dict[str, Any] = {
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "cls_token_id": 1,
    "sep_token_id": 2,
}
_BERT_NAMES: dict[str, Any] = {
    "hidden_size": HIDDEN_SIZE,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": MAX_LENGTH,
}
_SHORT_NAMES: dict[str, Any] = {"n_heads": 2, "max_position_embeddings": MAX_LENGTH}
_SIZES: dict[str, dict[str, Any]] = {
    "bert": _BERT_NAMES,
    "xlm-roberta": _BERT_NAMES,
    "distilbert": {**_SHORT_NAMES, "dim": HIDDEN_SIZE, "hidden_dim": 32},
    "modernbert": {**_BERT_NAMES, **_SPECIAL},
    "deberta-v2": {
        **_BERT_NAMES,
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_buckets": 8,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
    "xlm": {**_SHORT_NAMES, "emb_dim": HIDDEN_SIZE, "n_langs": 3},
    "electra": {**_BERT_NAMES, "embedding_size": 8},
}

ENCODER_FAMILIES: tuple[str, ...] = tuple(_SIZES)
"""The families that `tiny_encoder` can make."""


def tiny_encoder(family: str = "bert", *, n_layers: int = 4, seed: int = 0) -> "PreTrainedModel":
    """A randomly initialised encoder of 16 hidden units, in evaluation mode.

    Args:
        family: One of `ENCODER_FAMILIES`.
        n_layers: How many layers it has.
        seed: Its weights follow from it alone; the global random state stays as it is.

    Returns:
        A model that reads ids in ``[3, 64)`` and at most 32 of them a row.

    Raises:
        ValueError: If the family is not known.
    """
    if family not in _SIZES:
        raise ValueError(f"family must be one of {', '.join(_SIZES)}, got {family!r}")
    config = transformers.AutoConfig.for_model(
        family, vocab_size=VOCABULARY_SIZE, num_hidden_layers=n_layers, **_SIZES[family]
    )
    auto_model: Any = transformers.AutoModel
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder: PreTrainedModel = auto_model.from_config(config).eval()
    return encoder
