"""Encoders: their families, how they are loaded, frozen and run in part."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alignfreeze.encoders.families import (
        hidden_size,
        layer_count,
        layer_list,
        parameter_sites,
        read_layer_count,
        word_states,
    )
    from alignfreeze.encoders.loading import (
        load_encoder,
        load_finetuned,
        load_tokenizer,
        load_with_head,
        longest_input,
    )
    from alignfreeze.encoders.stated import resolve_layers

__all__ = [
    "hidden_size",
    "layer_count",
    "layer_list",
    "load_encoder",
    "load_finetuned",
    "load_tokenizer",
    "load_with_head",
    "longest_input",
    "parameter_sites",
    "read_layer_count",
    "resolve_layers",
    "word_states",
]


def __getattr__(name: str) -> Any:
    """A name that is handed on: imported when it is asked for, since torch takes seconds."""
    if name in __all__:
        for module in ("families", "loading", "stated"):
            found = import_module(f"{__name__}.{module}")
            if hasattr(found, name):
                return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
