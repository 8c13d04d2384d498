"""Examples as a file has them, and as a model reads them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Examples(list[T]):
    """The examples of a file, and what a reader of it has to tell of the rest.

    Attributes:
        notes: How often something was left out or mended, by what it is, to be read after its
            number: ``{"rows without a label, left out": 3}``. `Task.load` logs them.
    """

    def __init__(self, examples: Iterable[T] = (), notes: Mapping[str, int] | None = None) -> None:
        super().__init__(examples)
        self.notes = {what: count for what, count in (notes or {}).items() if count}


@dataclass(frozen=True)
class Feature:
    """One row of a batch: what the model reads, and what it should say.

    Attributes:
        input_ids: Subword ids, special tokens included.
        targets: The model's keyword arguments that give it a loss: either one integer a row
            (``labels`` of a sentence, ``start_positions``), or one a subword, -100 where it
            does not count.
        example: Index of the example that the row comes from; a long example has several rows.
        extra_inputs: Further integer inputs of the model, one value a subword, such as
            ``token_type_ids``.
    """

    input_ids: Sequence[int]
    targets: Mapping[str, int | Sequence[int]]
    example: int
    extra_inputs: Mapping[str, Sequence[int]] | None = None
