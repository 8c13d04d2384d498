"""Put parameters back, after realignment, to what they were before it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@contextmanager
def put_back(
    encoder: "PreTrainedModel", names: frozenset[str]
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Let some parameters be trained, and be what they were once the context ends.

    Args:
        encoder: The encoder; its embedding table is whole, here and at the end.
        names: The parameters.

    Yields:
        A context in which they are what they were for a while; the table is whole there too.
    """
    if not names:
        yield nullcontext
        return
    before = {
        parameter: parameter.detach().clone()
        for name, parameter in encoder.named_parameters()
        if name in names
    }

    @contextmanager
    def for_a_while() -> Iterator[None]:
        trained = {parameter: parameter.detach().clone() for parameter in before}
        _set(before)
        try:
            yield
        finally:
            _set(trained)

    try:
        yield for_a_while
    finally:
        _set(before)


def _set(values: dict[nn.Parameter, Tensor]) -> None:
    for parameter, value in values.items():
        parameter.data.copy_(value)
