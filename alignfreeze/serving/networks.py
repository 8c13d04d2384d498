"""A saved network and its tokenizer, and batches of rows run through it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

BATCH_SIZE = 32

Row = Mapping[str, Sequence[int]]
"""A network's inputs for one text, such as ``input_ids``, all of the same length."""


class SavedNetwork:
    """A network in evaluation mode, on the first GPU if there is one.

    Args:
        folder: Where ``save_pretrained`` has written it and its tokenizer.
        auto_class: Its class in transformers, such as ``AutoModelForTokenClassification``.
    """

    def __init__(self, folder: Path, auto_class: str) -> None:
        options = {
            "pretrained_model_name_or_path": str(folder),
            "local_files_only": True,
            "trust_remote_code": False,
        }
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(**options)
        cls = getattr(transformers, auto_class)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network: Any = cls.from_pretrained(dtype=torch.float32, **options)
        self.network = network.to(self.device).eval()
        self.has_types = getattr(network.config, "type_vocab_size", 0) > 1

    @property
    def labels(self) -> list[str]:
        """The names of its classes, in their order."""
        names: dict[int, str] = self.network.config.id2label
        return [names[number] for number in sorted(names)]

    @torch.inference_mode()
    def outputs(self, rows: Sequence[Row]) -> Iterator[Mapping[str, Tensor]]:
        """What it returns for each row, without the batch's dimension; padded at its end."""
        for begin in range(0, len(rows), BATCH_SIZE):
            batch = [self._usable(row) for row in rows[begin : begin + BATCH_SIZE]]
            inputs = {
                name: pad_sequence(
                    [torch.tensor(row[name]) for row in batch],
                    batch_first=True,
                    padding_value=(self.tokenizer.pad_token_id or 0) if name == "input_ids" else 0,
                ).to(self.device)
                for name in batch[0]
            }
            found = self.network(**inputs)
            tensors = {name: part.cpu() for name, part in found.items() if isinstance(part, Tensor)}
            for number in range(len(batch)):
                yield {name: tensor[number] for name, tensor in tensors.items()}

    def _usable(self, row: Row) -> dict[str, Sequence[int]]:
        """A row with its mask, and without types of texts that the network does not tell apart."""
        kept = {n: v for n, v in row.items() if n != "token_type_ids" or self.has_types}
        return {**kept, "attention_mask": [1] * len(row["input_ids"])}
