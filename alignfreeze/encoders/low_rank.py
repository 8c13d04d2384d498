"""Train frozen matrices by updates of low rank, which are added to them in the end (LoRA)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from alignfreeze.contracts import LowRank
from alignfreeze.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter
    from transformers import PreTrainedModel

ADAPTER = "default"

INNER = ".base_layer."
"""What stands, in the name of a parameter, where peft's module holds a linear layer."""

INSTALL = "pip install 'alignfreeze[lora]'"
"""How the library is had."""


def check_library(who: str) -> None:
    """Check that there is what updates of low rank are trained with.

    Args:
        who: What messages call the strategy.

    Raises:
        ConfigError: If peft is not installed.
    """
    if find_spec("peft") is None:
        raise ConfigError(f"{who} updates by low rank, which needs peft: {INSTALL}")


@contextmanager
def low_rank_updates(
    encoder: "PreTrainedModel", updates: Mapping[str, LowRank]
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Train updates of some matrices, for as long as the context lasts; peft's modules hold them.

    They are drawn from the random numbers of torch, and 0 at first. Afterwards, an exception
    included, the encoder has the modules that it had, and the updates are added to their matrices.

    Args:
        encoder: The encoder; which of its other parameters are trained stays as it is.
        updates: By the matrix's name.

    Yields:
        A context in which the encoder is, for a while, what it would be afterwards.
    """
    if not updates:
        yield nullcontext
        return
    adapters = _Adapters(encoder, updates)
    try:
        yield adapters.added
    finally:
        adapters.leave()


def parameters_by_name(encoder: "PreTrainedModel") -> "dict[str, Parameter]":
    """An encoder's parameters by the names that they have when there are no updates.

    A linear layer lies within peft's module for a while, its bias too; the updates' own parameters
    are among them, by names of peft's.
    """
    return {name.replace(INNER, "."): own for name, own in encoder.named_parameters()}


class _Adapters:
    """The modules of peft that stand in for the linear layers of an encoder."""

    def __init__(self, encoder: "PreTrainedModel", updates: Mapping[str, LowRank]) -> None:
        modules = {name.rpartition(".")[0]: update for name, update in updates.items()}
        flags = [(parameter, parameter.requires_grad) for parameter in encoder.parameters()]
        device = encoder.get_parameter(next(iter(updates))).device
        _inject(encoder, modules)
        for parameter, flag in flags:  # all were set to be frozen
            parameter.requires_grad_(flag)
        delattr(encoder, "peft_config")  # or the encoder would be taken for one of peft's
        self._adapters: dict[str, Any] = {
            name: encoder.get_submodule(name).to(device) for name in modules
        }
        self._encoder = encoder
        self._before: dict[str, Tensor] = {}

    def leave(self) -> None:
        """Put the linear layers back, with what their matrices have become."""
        for name, adapter in self._adapters.items():
            layer = adapter.get_base_layer()
            self._before[name] = layer.weight.detach().clone()
            layer.weight.data += adapter.get_delta_weight(ADAPTER)
            self._encoder.set_submodule(name, layer)

    @contextmanager
    def added(self) -> Iterator[None]:
        self.leave()
        try:
            yield
        finally:
            for name, adapter in self._adapters.items():
                adapter.get_base_layer().weight.data.copy_(self._before.pop(name))
                self._encoder.set_submodule(name, adapter)


def _inject(encoder: "PreTrainedModel", modules: Mapping[str, LowRank]) -> None:
    import peft  # takes a second, and need not be installed

    first = next(iter(modules.values()))
    peft.inject_adapter_in_model(
        peft.LoraConfig(
            r=first.rank,
            lora_alpha=first.alpha,
            target_modules=list(modules),
            rank_pattern={f"^{name}$": update.rank for name, update in modules.items()},
            alpha_pattern={f"^{name}$": update.alpha for name, update in modules.items()},
        ),
        encoder,
        adapter_name=ADAPTER,
    )
