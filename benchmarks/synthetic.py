"""Encoders of random weights, and made-up text for them.

No data, model or network is needed. The lengths of sentences, and how many words and links a pair
has, are real ones: ``lengths.json`` holds those of 800 sentence pairs of ten languages, and of
1,600 tagged English sentences, in the subwords of a multilingual tokenizer.
"""

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForTokenClassification,
    BertConfig,
    DistilBertConfig,
    ModernBertConfig,
    PreTrainedConfig,
    XLMRobertaConfig,
)

from alignfreeze.contracts import Feature
from alignfreeze.realignment.pairs import EncodedPair, EncodedSide, PairStream

LENGTHS = Path(__file__).with_name("lengths.json")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
LABELS = 17
MADE = 4096
"""Sentence pairs, and rows, that are made up; fewer for an encoder as small as it can be."""

CONFIGS: dict[str, PreTrainedConfig] = {
    "DistilmBERT": DistilBertConfig(vocab_size=119_547),
    "mBERT": BertConfig(vocab_size=119_547),
    "XLM-R": XLMRobertaConfig(
        vocab_size=250_002, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
    ),
    "mmBERT": ModernBertConfig(
        vocab_size=256_000,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
        cls_token_id=1,
        sep_token_id=1,
    ),
    "mDeBERTa": AutoConfig.for_model(
        "deberta-v2",
        vocab_size=251_000,
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        position_biased_input=False,
        type_vocab_size=0,
    ),
}
"""The sizes of the base models, without their weights."""

SMALL = {
    "vocab_size": 30_000,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}

TINY = {
    "vocab_size": 999,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "hidden_dim": 48,  # what DistilBERT calls the same
}


class MadeUp(PairStream):
    """Batches of pairs that are given as they are read by a model."""

    def __init__(self, pairs: list[EncodedPair], batch_size: int, padding: int) -> None:
        tokenizer: Any = SimpleNamespace(pad_token_id=padding)
        rows: Any = range(len(pairs))
        super().__init__([rows], tokenizer, batch_size, 96, "proportional", 0)
        self.pairs = pairs

    def encode(self, keys: list[tuple[int, int]]) -> list[EncodedPair]:
        """The pairs of some places."""
        return [self.pairs[row] for _, row in keys]


class Synthetic:
    """An encoder's sizes, and text that it can be trained on.

    Args:
        name: One of `CONFIGS`.
        tiny: Make it as small as it can be.
        small: Make it such as a CPU trains in a while, of 6 layers.
        row_length: Subwords of each row that is fine-tuned on; ``None``: those of real sentences.

    Attributes:
        config: Of the encoder.
        padding: Id of its padding token.
        pairs: Sentence pairs, with words and links between them.
        features: Tagged sentences.
        row_length: Subwords of a tagged sentence, on average.
    """

    def __init__(
        self, name: str, *, tiny: bool, small: bool = False, row_length: int | None = None
    ) -> None:
        self.config = copy.deepcopy(CONFIGS[name])
        if tiny or small:
            known = {k: v for k, v in self.config.to_diff_dict().items() if k != "layer_types"}
            self.config = type(self.config)(**{**known, **(TINY if tiny else SMALL)})
        self.padding = int(self.config.pad_token_id or 0)
        lengths = json.loads(LENGTHS.read_text("utf-8"))
        draw, n_made = np.random.default_rng(0), MADE // 8 if tiny else MADE
        vocabulary = self.config.vocab_size

        def ids(length: int) -> Any:  # by Zipf's law; the first five are special
            drawn = np.exp(draw.random(length) * np.log(vocabulary - 5)).astype(np.int32)
            return np.minimum(drawn + 4, vocabulary - 1)

        def side(length: int, words: int) -> EncodedSide:
            places = np.sort(draw.permutation(length)[:words]).astype(np.int32)
            return EncodedSide(ids(length), places, words)

        self.pairs: list[EncodedPair] = []
        for row in draw.integers(len(lengths["pairs"]), size=n_made):
            source, target, n_source, n_target, n_links = lengths["pairs"][row]
            links = np.stack([draw.permutation(n)[:n_links] for n in (n_source, n_target)], axis=1)
            sides = side(source, n_source), side(target, n_target)
            self.pairs.append(EncodedPair(*sides, links.astype(np.int64)))
        rows = draw.choice([row_length] if row_length else lengths["rows"], size=n_made)
        self.features = [
            Feature(ids(n).tolist(), {"labels": draw.integers(LABELS, size=n).tolist()}, number)
            for number, n in enumerate(rows.tolist())
        ]
        self.row_length = float(rows.mean())

    def encoder(self, attention: str = "sdpa") -> Any:
        """A new encoder."""
        with DEVICE:
            return AutoModel.from_config(self.config, attn_implementation=attention)

    def tagger(self) -> Any:
        """A new encoder with a head that tags."""
        config = copy.deepcopy(self.config)
        config.num_labels = LABELS
        with DEVICE:
            return AutoModelForTokenClassification.from_config(config)

    def weights(self) -> int:
        """Weights of the matrices that each subword is multiplied with."""
        with torch.device("meta"):
            encoder = AutoModel.from_config(self.config)
        return sum(m.weight.numel() for m in encoder.modules() if isinstance(m, nn.Linear))

    def stream(self, batch_size: int) -> MadeUp:
        """Batches of pairs."""
        return MadeUp(self.pairs, batch_size, self.padding)
