"""The one place that knows how encoder families name their parts, and how they are loaded."""

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from tokenizers import normalizers
from torch import Tensor, nn
from transformers.models.auto import modeling_auto

from alignfreeze.contracts import ParameterSite
from alignfreeze.errors import EncoderError
from alignfreeze.modelfiles import reading
from alignfreeze.words import REMOVES_MARKS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

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

_STACKS = {
    "bert": "encoder",
    "camembert": "encoder",
    "distilbert": "transformer",
    "electra": "encoder",
    "roberta": "encoder",
    "xlm-roberta": "encoder",
}
"""By family: the module that calls the layers one after the other, where these know nothing of a
subword's position but its embedding."""


def layer_count(encoder: "PreTrainedModel") -> int:
    """How many layers an encoder's configuration says it has.

    Raises:
        EncoderError: If it does not say.
    """
    return _layers_in(encoder.config, _who(encoder))


def read_layer_count(name_or_path: str) -> int:
    """The same of a model that is not loaded: its weights are not looked at.

    Args:
        name_or_path: As in `load_encoder`.

    Raises:
        EncoderError: If it cannot be read, or does not say.
    """
    with reading(name_or_path) as options:
        config = transformers.AutoConfig.from_pretrained(**options)
    return _layers_in(config, f"model {name_or_path!r}")


def _layers_in(config: Any, who: str) -> int:
    count = getattr(config, "num_hidden_layers", None)
    if not isinstance(count, int):
        raise EncoderError(f"{who} has no num_hidden_layers in its configuration")
    return count


def hidden_size(encoder: "PreTrainedModel") -> int:
    """The width of the encoder's hidden states."""
    return int(encoder.config.hidden_size)


def parameter_sites(encoder: "PreTrainedModel") -> dict[str, ParameterSite]:
    """Where each parameter sits, by its name, in the order of the parameters.

    Every `torch.nn.ModuleList` with as many modules as the encoder has layers holds the layers
    (XLM has four such lists, side by side). What is in none of them belongs to the embeddings,
    but for what comes after the layers, such as a pooler, which counts as the last layer's.

    Args:
        encoder: The encoder, without a task head.

    Raises:
        EncoderError: If there is no such list, or the model has a task head.
    """
    if encoder.base_model is not encoder:
        raise EncoderError(f"{_who(encoder)} has a task head; give its base_model")
    n_layers = layer_count(encoder)
    lists = _layer_lists(encoder, n_layers)
    places = _PLACES[_ANY_FAMILY] | _PLACES.get(encoder.config.model_type, {})
    sites = {}
    for name, _ in encoder.named_parameters():
        layer: int | None = None
        for prefix in lists:
            if name.startswith(f"{prefix}."):
                layer = int(name.removeprefix(f"{prefix}.").partition(".")[0])
        for prefix, place in places.items():
            if name.startswith(f"{prefix}."):
                layer = place % n_layers
        sites[name] = ParameterSite(name=name, layer=layer)
    return sites


def _layer_lists(encoder: "PreTrainedModel", n_layers: int) -> list[str]:
    """Names of the lists that hold the layers, without lists inside of them."""
    found: list[str] = []
    others: list[str] = []
    for name, module in encoder.named_modules():
        if not isinstance(module, nn.ModuleList) or name.startswith(tuple(f"{f}." for f in found)):
            continue
        if len(module) == n_layers:
            found.append(name)
        else:
            others.append(f"{name} ({len(module)})")
    if not found:
        raise EncoderError(
            f"{_who(encoder)}: its layers were not found; looked for a torch.nn.ModuleList of "
            f"{n_layers} modules, found {', '.join(others) or 'no list at all'}"
        )
    return found


def layer_list(encoder: "PreTrainedModel") -> nn.ModuleList:
    """The list that holds an encoder's layers.

    Raises:
        EncoderError: If there is none, or if there are several, side by side (as in XLM).
    """
    lists = _layer_lists(encoder, layer_count(encoder))
    if len(lists) > 1:
        raise EncoderError(f"{_who(encoder)} keeps its layers in several lists: {', '.join(lists)}")
    layers = encoder.get_submodule(lists[0])
    assert isinstance(layers, nn.ModuleList)
    return layers


def layer_stack(encoder: "PreTrainedModel") -> nn.Module | None:
    """The module that runs all layers, from hidden states and an attention mask alone.

    Returns:
        Called with ``hidden_states`` of shape (batch, subwords, hidden), in any order of subwords,
        and an ``attention_mask``; ``None`` where the family has no such module, or is not known.
    """
    name = _STACKS.get(encoder.config.model_type)
    return None if name is None else encoder.get_submodule(name)


def resolve_layers(layers: tuple[int, ...], n_layers: int) -> tuple[int, ...]:
    """Count layers from 0: -1, the last one, becomes ``n_layers - 1``.

    Raises:
        EncoderError: If one is not in ``[-n_layers, n_layers - 1]``.
    """
    for layer in layers:
        if not -n_layers <= layer < n_layers:
            raise EncoderError(f"layer must be in [-{n_layers}, {n_layers - 1}], got {layer}")
    return tuple(layer % n_layers for layer in layers)


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
    n_layers = layer_count(encoder)
    resolved = resolve_layers(layers, n_layers)
    outputs = encoder(
        input_ids=input_ids,
        attention_mask=attention_mask,
        output_hidden_states=min(resolved, default=0) < n_layers - 1,
    )
    return [
        outputs.last_hidden_state if layer == n_layers - 1 else outputs.hidden_states[layer + 1]
        for layer in resolved
    ]


def load_encoder(name_or_path: str) -> "PreTrainedModel":
    """Load an encoder without a head, in float32 and in evaluation mode.

    A pooler that the checkpoint lacks, the encoder lacks too: nothing that it has is drawn, and
    the caller's random numbers are the same whatever the checkpoint holds.

    Args:
        name_or_path: A folder, or a name on the Hugging Face hub. What exists, or starts like a
            path, is never looked up on the hub.

    Raises:
        EncoderError: If it cannot be loaded, is not an encoder, or lacks some of its weights.
    """
    with reading(name_or_path) as options:
        _require_encoder(name_or_path, transformers.AutoConfig.from_pretrained(**options))
        with torch.random.fork_rng(devices=[]):
            # Weights of another shape are told of below, more clearly than by transformers.
            encoder, report = transformers.AutoModel.from_pretrained(
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **options,
            )
    _leave_out_poolers(encoder, _lost_weights(name_or_path, report))
    return encoder  # type: ignore[no-any-return]


def load_with_head(
    name_or_path: str, auto_class: str, labels: tuple[str, ...]
) -> "PreTrainedModel":
    """Load an encoder with a task head, in float32 and in evaluation mode.

    The head, and a pooler that the checkpoint lacks, are drawn at random: from the caller's random
    numbers, and in the same order whatever the checkpoint holds, so that equal seeds give equal
    heads.

    Args:
        name_or_path: As in `load_encoder`.
        auto_class: Class in transformers that has the head, e.g.
            ``AutoModelForTokenClassification``.
        labels: Names of its classes; empty where it has none.

    Raises:
        EncoderError: As in `load_encoder`, or if there is no such class.
    """
    cls = getattr(transformers, auto_class, None)
    if cls is None:
        raise EncoderError(f"transformers has no class {auto_class!r} for the task's head")
    encoder = load_encoder(name_or_path)
    names = dict(enumerate(labels))
    # The checkpoint may have been made for another task. A head that tells no classes apart has
    # two outputs: where a span starts, and where it ends.
    extra: dict[str, Any] = {"problem_type": None, "num_labels": len(labels) or 2}
    if labels:
        extra |= {"id2label": names, "label2id": {v: k for k, v in names.items()}}
    with reading(name_or_path) as options:
        config = transformers.AutoConfig.from_pretrained(**options, **extra)
        model: PreTrainedModel = cls.from_config(config, dtype=torch.float32).eval()
    # The encoder alone may have a pooler that the head does without, or the other way round.
    report = model.base_model.load_state_dict(encoder.state_dict(), strict=False)
    if lost := [key for key in report.missing_keys if not _is_poolers(key)]:
        raise EncoderError(f"model {name_or_path!r}: {auto_class} needs {lost[0]}, which it lacks")
    return model


def load_finetuned(folder: Path, auto_class: str) -> "PreTrainedModel":
    """Load a model with the head that it was fine-tuned with, in float32, in evaluation mode.

    Args:
        folder: One that `modelfiles.save` has written.
        auto_class: As in `load_with_head`.

    Raises:
        EncoderError: If it cannot be loaded.
    """
    with reading(str(folder)) as options:
        cls = getattr(transformers, auto_class)
        model: PreTrainedModel = cls.from_pretrained(dtype=torch.float32, **options)
    return model


def load_tokenizer(name_or_path: str, *, remove_marks: bool = False) -> "PreTrainedTokenizerBase":
    """Load a fast tokenizer that can read text which is split into words.

    A tokenizer that would take a lone word for the inside of a word (byte-level BPE, as of
    RoBERTa and ModernBERT) is made to put a space in front of it.

    Args:
        name_or_path: As in `load_encoder`.
        remove_marks: Leave bare marks of a word's beginning out of what `words.subwords_of` reads.

    Raises:
        EncoderError: If there is none, or no fast one.
    """
    with reading(name_or_path) as options:
        load = transformers.AutoTokenizer.from_pretrained
        tokenizer = load(**options)
        if not tokenizer.is_fast:
            raise EncoderError(f"model {name_or_path!r}: needs a fast tokenizer (tokenizer.json)")
        if len(tokenizer) <= len(tokenizer.all_special_ids):
            raise EncoderError(f"model {name_or_path!r}: no tokenizer beside the model")
        _match_inputs(tokenizer, transformers.AutoConfig.from_pretrained(**options))
        if not _reads_words(tokenizer):
            names = tokenizer.model_input_names
            tokenizer = load(add_prefix_space=True, model_input_names=names, **options)
        if not _reads_words(tokenizer):
            backend = tokenizer.backend_tokenizer
            space: list[Any] = [normalizers.Prepend(" ")]
            backend.normalizer = normalizers.Sequence(
                space + ([backend.normalizer] if backend.normalizer else [])
            )
    if not _reads_words(tokenizer):
        logger.warning(
            "model %r: its tokenizer reads a word alone otherwise than in a sentence", name_or_path
        )
    setattr(tokenizer, REMOVES_MARKS, remove_marks)
    return tokenizer


def _match_inputs(tokenizer: Any, config: Any) -> None:
    """Keep a tokenizer from telling two texts apart for an encoder that has one type of text."""
    if getattr(config, "type_vocab_size", 0) < 2:
        names = tokenizer.model_input_names
        tokenizer.model_input_names = [name for name in names if name != "token_type_ids"]


def _reads_words(tokenizer: Any) -> bool:
    """Whether a word after a space gives the same subwords if the space is left out."""
    encode = functools.partial(tokenizer, add_special_tokens=False)
    return bool(encode("a a").input_ids == encode(["a", "a"], is_split_into_words=True).input_ids)


def _require_encoder(name: str, config: Any) -> None:
    """Encoder-decoders and decoders do not represent a word by its context on both sides."""
    family = config.model_type
    masked = family in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    causal = family in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    if getattr(config, "is_encoder_decoder", False):
        kind = "an encoder-decoder"
    elif getattr(config, "is_decoder", False) or (causal and not masked):
        kind = "a decoder"
    else:
        return
    raise EncoderError(
        f"model {name!r} is {kind} ({family}); it must be an encoder, such as BERT or XLM-R"
    )


def _lost_weights(name: str, report: dict[str, Any]) -> list[str]:
    """The parameters of a pooler that a checkpoint lacks: words do not use it.

    Raises:
        EncoderError: If it lacks others.
    """
    lost = sorted([*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])])
    if needed := [key for key in lost if not _is_poolers(key)]:
        raise EncoderError(
            f"model {name!r}: the checkpoint lacks {len(needed)} of the encoder's parameters, "
            f"or has them in another shape, e.g. {needed[0]}"
        )
    return lost


def _is_poolers(key: str) -> bool:
    return "pooler" in key.split(".")


def _leave_out_poolers(encoder: nn.Module, keys: list[str]) -> None:
    """Take the poolers out that some parameters belong to."""
    for key in keys:
        names = key.split(".")
        owner = encoder.get_submodule(".".join(names[: names.index("pooler")]))
        # What transformers' own models without one have.
        setattr(owner, "pooler", None)  # noqa: B010


def _who(encoder: "PreTrainedModel") -> str:
    return f"model {encoder.config.name_or_path or type(encoder).__name__!r}"


def longest_input(encoder: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    """The most subwords that an encoder reads at once, special tokens included.

    Args:
        encoder: Its position embeddings count; RoBERTa's begin behind the padding's index.
        tokenizer: What it says it was made for counts too.
    """
    positions = getattr(encoder.config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions < 1:
        return int(tokenizer.model_max_length)
    for name, module in encoder.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            positions -= 0 if module.padding_idx is None else module.padding_idx + 1
    return min(positions, int(tokenizer.model_max_length))
