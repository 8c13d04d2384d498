"""Encoders: their families, how they are loaded, frozen and run in part."""

from alignfreeze.encoders.families import (
    hidden_size,
    layer_count,
    layer_list,
    layer_stack,
    parameter_sites,
    read_layer_count,
    resolve_layers,
    word_states,
)
from alignfreeze.encoders.loading import load_encoder, load_finetuned, load_with_head
from alignfreeze.encoders.tokenizers import load_tokenizer, longest_input

__all__ = [
    "hidden_size",
    "layer_count",
    "layer_list",
    "layer_stack",
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
