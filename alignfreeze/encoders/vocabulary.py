"""Train only the rows of the embedding table that the data uses; exactly, not approximately.

A row whose subword does not occur has no gradient, so that Adam's moments of it stay 0 and it stays
as it is. A table of 250,000 rows is most of a small encoder's weights, though: left out, they take
no gradient to be zeroed, no moments in memory and no part in the optimizer's step.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def used_ids(
    rows: Iterable[NDArray[np.integer] | Sequence[int]], padding: int
) -> NDArray[np.int64]:
    """The ids that occur in some rows, and the padding's; sorted, each once."""
    found = {padding}
    for row in rows:
        found.update(row.tolist() if isinstance(row, np.ndarray) else row)
    return np.array(sorted(found), dtype=np.int64)


@contextmanager
def compact_vocabulary(
    model: "PreTrainedModel", ids: NDArray[np.int64] | None
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Keep only some rows of a model's word embeddings, for as long as the context lasts.

    The optimizer is to be made inside. Afterwards, an exception included, the table is whole,
    with the used rows as they were trained. Where there is nothing to gain (the embeddings are
    frozen, or shared with another part, or no plain table), nothing is done.

    Args:
        model: An encoder, with or without a task head.
        ids: All ids that it will read, sorted, of shape (used,); ``None``: they are not known.

    Yields:
        A context in which the table is whole for a while, to read other text.
    """
    embedding = model.get_input_embeddings()
    if ids is None or not _is_plain(embedding) or _is_shared(model, embedding.weight):
        yield nullcontext
        return
    table = _CompactTable(embedding, ids)
    table.enter()
    try:
        yield table.whole
    finally:
        table.leave()


class _CompactTable:
    """An embedding whose weight is replaced by its used rows."""

    def __init__(self, embedding: nn.Embedding, ids: NDArray[np.int64]) -> None:
        self._embedding = embedding
        self._table = embedding.weight
        self._padding = embedding.padding_idx
        self._ids = torch.from_numpy(ids)
        self._places = torch.full((embedding.num_embeddings,), -1)
        self._places[self._ids] = torch.arange(len(ids))
        self._rows = nn.Parameter(self._table.detach()[self._ids.to(self._table.device)])
        self._hook: Any = None

    def enter(self) -> None:
        """Let the used rows take the table's place."""
        padding = -1 if self._padding is None else int(self._places[self._padding])
        self._embedding.weight = self._rows
        self._embedding.padding_idx = None if padding < 0 else padding
        self._hook = self._embedding.register_forward_pre_hook(self._renumber)

    def leave(self) -> None:
        """Put the table back, with what the used rows have become."""
        device = self._rows.device
        self._table.data = self._table.data.to(device)
        self._table.data[self._ids.to(device)] = self._rows.detach()
        self._embedding.weight = self._table
        self._embedding.padding_idx = self._padding
        self._hook.remove()

    @contextmanager
    def whole(self) -> Iterator[None]:
        self.leave()
        try:
            yield
        finally:
            self.enter()

    def _renumber(self, _: nn.Module, args: tuple[Tensor]) -> Tensor:
        (ids,) = args
        self._places = self._places.to(ids.device)
        return self._places[ids]


def _is_plain(embedding: nn.Module) -> TypeGuard[nn.Embedding]:
    """Whether an embedding does nothing but look rows up, and is trained."""
    return (
        type(embedding) is nn.Embedding
        and embedding.weight.requires_grad
        and embedding.max_norm is None
        and not embedding.sparse
        and not embedding.scale_grad_by_freq
    )


def _is_shared(model: nn.Module, weight: Tensor) -> bool:
    # Torch's public ways to a module's parameters leave out what is shared.
    modules = model.modules()
    return sum(own is weight for module in modules for own in module._parameters.values()) > 1
