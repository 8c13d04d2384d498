"""Vectors of sentences: the mean of what an encoder makes of their subwords."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alignfreeze.base.threads import in_threads
from alignfreeze.encoders.accelerator import attention_of_any_shape
from alignfreeze.encoders.families import hidden_size, who, word_states
from alignfreeze.errors import EncoderError
from alignfreeze.evaluation.prediction import CPU_SUBWORDS
from alignfreeze.text.words import blank_ids
from alignfreeze.training.batches import padded

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class _Sentence(NamedTuple):
    """Subword ids, special tokens included, and which of them count; each of shape (subwords,)."""

    ids: NDArray[np.int64]
    counted: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SentenceReader:
    """Reads vectors of sentences off an encoder.

    Attributes:
        encoder: The encoder, without a head, in evaluation mode.
        tokenizer: Its tokenizer.
        layers: Whose outputs count, from 0; of several their mean.
        max_length: Subwords of a sentence, special tokens included; the others are left out.
        batch_size: Sentences in a batch; on a CPU fewer, if they are long.
        accelerator: Where, and in which precision.
    """

    encoder: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    layers: tuple[int, ...]
    max_length: int
    batch_size: int
    accelerator: "Accelerator"

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Have the encoder where it computes, for a while."""
        home = self.encoder.device
        module: torch.nn.Module = self.encoder
        module.to(self.accelerator.device)
        try:
            with attention_of_any_shape(), torch.inference_mode():
                yield
        finally:
            module.to(home)

    def vectors(self, texts: Sequence[str]) -> tuple[Tensor, NDArray[np.bool_]]:
        """The mean state of the subwords of each text that carry text, special tokens left out.

        Returns:
            Vectors of length 1 in 32 bits, 0 for a text without such a subword, on the device, of
            shape (texts, hidden); and which texts were cut, of shape (texts,).

        Raises:
            EncoderError: If a state is not finite.
        """
        sentences, cut = self._tokenized(texts)
        found = torch.zeros(len(texts), hidden_size(self.encoder), device=self.accelerator.device)

        def run(batches: Iterator[NDArray[np.int64]]) -> None:
            with torch.inference_mode(), self.accelerator.autocast():
                for rows in batches:
                    means = self._means([sentences[row] for row in rows])
                    found[torch.from_numpy(rows).to(found.device)] = means

        on_cpu = self.accelerator.device.type == "cpu"
        lengths = np.array([len(sentence.ids) for sentence in sentences])
        batches = _batches(lengths, self.batch_size, CPU_SUBWORDS if on_cpu else None)
        in_threads(run, batches, torch.get_num_threads() if on_cpu else 1)
        if not found.isfinite().all():
            raise EncoderError(f"{who(self.encoder)}: its states of a sentence must be finite")
        return torch.nn.functional.normalize(found, dim=1), cut

    def _tokenized(self, texts: Sequence[str]) -> tuple[list[_Sentence], NDArray[np.bool_]]:
        encoded = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.max_length,
            return_special_tokens_mask=True,
        )
        blank = blank_ids(self.tokenizer)
        sentences, found = [], encoded.encodings or ()
        for own in found:
            ids = np.asarray(own.ids, dtype=np.int64)
            special = np.asarray(own.special_tokens_mask, dtype=np.bool_)
            sentences.append(_Sentence(ids, ~special & ~blank[ids]))
        return sentences, np.array([bool(own.overflowing) for own in found], dtype=np.bool_)

    def _means(self, sentences: Sequence[_Sentence]) -> Tensor:
        """Means of states, of shape (sentences, hidden); 0 where no subword counts."""
        device, longest = self.accelerator.device, max(len(own.ids) for own in sentences)
        ids = padded([own.ids for own in sentences], longest, self.tokenizer.pad_token_id or 0)
        mask = padded([np.ones_like(own.ids) for own in sentences], longest, 0)
        counted = padded([own.counted.astype(np.int64) for own in sentences], longest, 0)
        states = word_states(self.encoder, ids.to(device), mask.to(device), self.layers)
        weights = counted.to(device)[:, :, None].float()
        total = sum((state.float() * weights).sum(dim=1) for state in states)
        assert isinstance(total, Tensor), "there is a layer"
        return total / (weights.sum(dim=1) * len(states)).clamp(min=1)


def _batches(
    lengths: NDArray[np.int64], batch_size: int, subwords: int | None
) -> Iterator[NDArray[np.int64]]:
    """The rows of each batch, the longest first, of at most so many subwords, padding included."""
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]  # a tokenizer may make nothing at all of a text
    begin = 0
    while begin < len(order):
        longest = int(lengths[order[begin]])
        rows = batch_size if subwords is None else min(batch_size, max(1, subwords // longest))
        yield order[begin : begin + rows]
        begin += rows
