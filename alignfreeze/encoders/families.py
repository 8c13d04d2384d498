"""The one place that knows how encoder families name their parts, and how they are loaded."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import transformers
from torch import Tensor, nn

from alignfreeze.contracts import ParameterSite, Part, Projection
from alignfreeze.encoders.modelfiles import reading
from alignfreeze.encoders.stated import resolve_layers
from alignfreeze.errors import EncoderError
from alignfreeze.messages import LONG, shown

if TYPE_CHECKING:
    from transformers import PreTrainedModel


_ANY_FAMILY = ""

_PLACES: dict[str, dict[str, int]] = {
    _ANY_FAMILY: {
        "pooler": -1,
        "final_norm": -1,  # ModernBERT
        "norm": -1,  # EuroBERT
        "LayerNorm": -1,  # RoBERTa-PreLayerNorm
        "encoder.ln": -1,  # Megatron-BERT
        "encoder.emb_layer_norm_after": -1,  # ESM
    },
    "xlm-roberta-xl": {"encoder.LayerNorm": -1},
    "deberta-v2": {"encoder.conv": 0},
}
"""By family (``model_type``): parts outside of the layers that are not embeddings, and the index
of the layer that they belong to."""

REMEDIES = {
    "xmod": "its config.json must name a default_language, one of its languages",
    "nystromformer": "with segment_means_seq_len equal to num_landmarks in its config.json, it "
    "takes rows of any length",
}
"""By family: what helps where one fails on whatever it is given."""


@dataclass(frozen=True)
class ModulePath:
    """From one module of an encoder, or of a layer, to another; empty: the encoder itself."""

    first: str
    last: str


_BERT_PATH = ModulePath("", "encoder")

_PACKED = {
    "bert": _BERT_PATH,
    "camembert": _BERT_PATH,
    "deberta-v2": ModulePath("encoder", "encoder"),
    "distilbert": ModulePath("", "transformer"),
    "electra": _BERT_PATH,
    "modernbert": ModulePath("", ""),
    "roberta": _BERT_PATH,
    "xlm-roberta": _BERT_PATH,
}
"""By family: from where to where a subword's place in its row makes no difference, but for how far
it is from others, and for what ``position_ids`` say."""

_BERT_AFTER_ATTENTION = ModulePath("attention.output", "output")

_AFTER_ATTENTION = {
    "bert": _BERT_AFTER_ATTENTION,
    "camembert": _BERT_AFTER_ATTENTION,
    "deberta-v2": _BERT_AFTER_ATTENTION,
    "distilbert": ModulePath("sa_layer_norm", "output_layer_norm"),
    "electra": _BERT_AFTER_ATTENTION,
    "modernbert": ModulePath("mlp_norm", "mlp"),
    "roberta": _BERT_AFTER_ATTENTION,
    "xlm-roberta": _BERT_AFTER_ATTENTION,
}
"""By family: the part of a layer, from one of its modules to another, that takes each subword by
itself. The first is called with states alone, the last returns them alone."""


_BERT_MATRICES: dict[str, tuple[Part, Projection]] = {
    "attention.self.query": ("attention", "query"),
    "attention.self.key": ("attention", "key"),
    "attention.self.value": ("attention", "value"),
    "attention.output.dense": ("attention", "output"),
    "intermediate.dense": ("feed-forward", "up"),
    "output.dense": ("feed-forward", "down"),
}

_MATRICES: dict[str, dict[str, tuple[Part, Projection]]] = {
    "bert": _BERT_MATRICES,
    "camembert": _BERT_MATRICES,
    "deberta-v2": _BERT_MATRICES
    | {
        "attention.self.query_proj": ("attention", "query"),
        "attention.self.key_proj": ("attention", "key"),
        "attention.self.value_proj": ("attention", "value"),
        "attention.self.pos_query_proj": ("attention", "query"),
        "attention.self.pos_key_proj": ("attention", "key"),
    },
    "distilbert": {
        "attention.q_lin": ("attention", "query"),
        "attention.k_lin": ("attention", "key"),
        "attention.v_lin": ("attention", "value"),
        "attention.out_lin": ("attention", "output"),
        "ffn.lin1": ("feed-forward", "up"),
        "ffn.lin2": ("feed-forward", "down"),
    },
    "electra": _BERT_MATRICES,
    "modernbert": {
        "attn.Wqkv": ("attention", "query-key-value"),
        "attn.Wo": ("attention", "output"),
        "mlp.Wi": ("feed-forward", "up"),
        "mlp.Wo": ("feed-forward", "down"),
    },
    "roberta": _BERT_MATRICES,
    "xlm-roberta": _BERT_MATRICES,
}
"""By family: what the matrices of a layer are, by their module's name within the layer."""


def layer_count(encoder: "PreTrainedModel") -> int:
    """How many layers an encoder's configuration says it has.

    Raises:
        EncoderError: If it does not say.
    """
    return _layers_in(encoder.config, who(encoder))


def read_layer_count(name_or_path: str) -> int:
    """The same of a model that is not loaded, named as in `load_encoder`.

    Raises:
        EncoderError: If it cannot be read, or does not say.
    """
    with reading(name_or_path) as options:
        config = transformers.AutoConfig.from_pretrained(**options)
    return _layers_in(config, f"model {shown(name_or_path, LONG)}")


def _layers_in(config: Any, who: str) -> int:
    count = getattr(config, "num_hidden_layers", None)
    if not isinstance(count, int):
        raise EncoderError(f"{who} has no num_hidden_layers in its configuration")
    return count


def hidden_size(encoder: "PreTrainedModel") -> int:
    """The width of the encoder's hidden states.

    Raises:
        EncoderError: If its configuration does not say it.
    """
    size = getattr(encoder.config, "hidden_size", None)
    if not isinstance(size, int):
        raise EncoderError(f"{who(encoder)} has no hidden_size in its configuration")
    return size


def parameter_sites(encoder: "PreTrainedModel") -> dict[str, ParameterSite]:
    """Where each parameter sits, by its name, in the order of the parameters.

    Every `torch.nn.ModuleList` with as many modules as the encoder has layers holds the layers
    (XLM has four such lists, side by side). What is in none of them belongs to the embeddings,
    but for what comes after the layers, such as a pooler, which counts as the last layer's.

    Raises:
        EncoderError: If there is no such list, or the model has a task head.
    """
    if encoder.base_model is not encoder:
        raise EncoderError(f"{who(encoder)} has a task head; give its base_model")
    n_layers = layer_count(encoder)
    lists = _layer_lists(encoder, n_layers)
    places = _PLACES[_ANY_FAMILY] | _PLACES.get(encoder.config.model_type, {})
    layers = {f"{name}.{layer}": layer for name in lists for layer in range(n_layers)}
    layers |= {name: place % n_layers for name, place in places.items()}
    norms = {n for n, module in encoder.named_modules() if type(module).__name__.endswith("Norm")}
    matrices = _MATRICES.get(encoder.config.model_type, {})
    sites = {}
    for name, _ in encoder.named_parameters():
        found = [prefix for prefix in layers if name.startswith(f"{prefix}.")]
        layer = layers[found[-1]] if found else None
        module = name.rpartition(".")[0]
        if module in norms:
            sites[name] = ParameterSite(name, layer, "norm")
        elif layer is None:
            sites[name] = ParameterSite(name, layer, "embeddings")
        else:
            part, projection = matrices.get(module.removeprefix(f"{found[-1]}."), (None, None))
            sites[name] = ParameterSite(name, layer, part, projection)
    return sites


def knows_parts(encoder: "PreTrainedModel") -> bool:
    """Whether it is known which parameters of an encoder's layers are those of attention."""
    return encoder.config.model_type in _MATRICES


def _layer_lists(encoder: "PreTrainedModel", n_layers: int) -> list[str]:
    """Names of the lists that hold the layers, without lists inside of them."""
    modules = encoder.named_modules()
    lengths = {name: len(list_) for name, list_ in modules if isinstance(list_, nn.ModuleList)}
    found: list[str] = []
    for name, length in lengths.items():
        if length == n_layers and not name.startswith(tuple(f"{outer}." for outer in found)):
            found.append(name)
    if not found:
        others = ", ".join(f"{name} ({length})" for name, length in lengths.items())
        raise EncoderError(
            f"{who(encoder)}: its layers were not found; looked for a torch.nn.ModuleList of "
            f"{n_layers} modules, found {others or 'no list at all'}"
        )
    return found


def layer_list(encoder: "PreTrainedModel") -> nn.ModuleList:
    """The list that holds an encoder's layers.

    Raises:
        EncoderError: If there is none, or if there are several, side by side (as in XLM).
    """
    lists = _layer_lists(encoder, layer_count(encoder))
    if len(lists) > 1:
        raise EncoderError(f"{who(encoder)} keeps its layers in several lists: {', '.join(lists)}")
    layers = encoder.get_submodule(lists[0])
    assert isinstance(layers, nn.ModuleList)
    return layers


def packed_path(encoder: "PreTrainedModel") -> ModulePath | None:
    """Between which of an encoder's modules several sentences may share a row.

    The first is the encoder itself, or called with hidden states of shape (batch, subwords,
    hidden); the last returns its states as ``last_hidden_state``. Both take sentences in any order,
    each in one piece, if the attention mask keeps them apart.

    Returns:
        ``None`` where layers see more than that, or the family is not known.
    """
    return None if _mixes_neighbours(encoder) else _PACKED.get(encoder.config.model_type)


def path_after_attention(encoder: "PreTrainedModel") -> ModulePath | None:
    """Between which modules of a layer each subword is by itself.

    Returns:
        ``None`` where that is nowhere, or the family is not known.
    """
    chunk: int = getattr(encoder.config, "chunk_size_feed_forward", 0)
    if chunk or _mixes_neighbours(encoder):
        return None
    return _AFTER_ATTENTION.get(encoder.config.model_type)


def _mixes_neighbours(encoder: "PreTrainedModel") -> bool:
    """Whether there is a convolution over subwords (DeBERTa-v2, in some sizes)."""
    return getattr(encoder.config, "conv_kernel_size", 0) > 0


def word_states(
    encoder: "PreTrainedModel", input_ids: Tensor, attention_mask: Tensor, layers: tuple[int, ...]
) -> list[Tensor]:
    """The outputs of some layers.

    Args:
        encoder: The encoder, without a task head.
        input_ids: Subword ids of shape (batch, subwords).
        attention_mask: 1 for a subword, 0 for padding, of shape (batch, subwords).
        layers: 0 is the first layer, -1 the last, -2 the penultimate.

    Returns:
        For each of ``layers``, its output of shape (batch, subwords, hidden); the last one's is
        what the encoder returns as its last hidden state, a closing norm included.

    Raises:
        EncoderError: If a layer is out of range.
    """
    last = layer_count(encoder) - 1
    resolved = resolve_layers(layers, last + 1)
    inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
    outputs = encoder(**inputs, output_hidden_states=min(resolved, default=0) < last)
    return [
        outputs.last_hidden_state if layer == last else outputs.hidden_states[layer + 1]
        for layer in resolved
    ]


def who(encoder: "PreTrainedModel") -> str:
    """An encoder as messages name it: where it was loaded from, or else its class."""
    return f"model {encoder.config.name_or_path or type(encoder).__name__!r}"
