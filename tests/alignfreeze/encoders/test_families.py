from collections import Counter
from typing import Any

import pytest
import torch
import transformers

from alignfreeze.encoders.families import (
    hidden_size,
    layer_count,
    parameter_sites,
    resolve_layers,
    word_states,
)
from alignfreeze.errors import EncoderError
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder

N_LAYERS = 3
PARAMETERS_A_LAYER = {
    "bert": 16,
    "xlm-roberta": 16,
    "distilbert": 16,
    "modernbert": 6,
    "deberta-v2": 16,
    "xlm": 16,
    "electra": 16,
}
EMBEDDINGS = {
    "bert": {"embeddings"},
    "xlm-roberta": {"embeddings"},
    "distilbert": {"embeddings"},
    "modernbert": {"embeddings"},
    "deberta-v2": {"embeddings", "encoder.rel_embeddings", "encoder.LayerNorm"},
    "xlm": {"embeddings", "lang_embeddings", "position_embeddings", "layer_norm_emb"},
    "electra": {"embeddings", "embeddings_project"},
}


def inputs() -> dict[str, torch.Tensor]:
    return {
        "input_ids": torch.arange(3, 15).view(2, 6),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]),
    }


pytestmark = pytest.mark.usefixtures("no_network")


# --- structure ---


@pytest.mark.parametrize("n_layers", [1, 3, 4])
@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_every_parameter_has_one_site(family: str, n_layers: int) -> None:
    encoder = tiny_encoder(family, n_layers=n_layers)
    sites = parameter_sites(encoder)
    assert layer_count(encoder) == n_layers
    assert hidden_size(encoder) == 16
    assert list(sites) == [name for name, _ in encoder.named_parameters()]
    assert all(site.name == name for name, site in sites.items())
    assert {site.layer for site in sites.values()} == {None, *range(n_layers)}


@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_layers_are_complete_and_embeddings_are_known(family: str) -> None:
    sites = parameter_sites(tiny_encoder(family, n_layers=N_LAYERS))
    late = {"pooler.dense.weight", "pooler.dense.bias", "final_norm.weight"} & sites.keys()
    assert all(sites[name].layer == N_LAYERS - 1 for name in late)
    counts = Counter(site.layer for name, site in sites.items() if name not in late)
    # ModernBERT has no norm before its first attention, as the embeddings are normalized.
    missing = 1 if family == "modernbert" else 0
    expected = PARAMETERS_A_LAYER[family]
    assert [counts[k] for k in range(N_LAYERS)] == [expected - missing, expected, expected]
    embeddings = [name for name, site in sites.items() if site.layer is None]
    for name in embeddings:
        assert any(name.startswith(f"{part}.") for part in EMBEDDINGS[family]), name
    for part in EMBEDDINGS[family]:
        assert any(name.startswith(f"{part}.") for name in embeddings), part


@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_a_layer_depends_on_its_own_parameters_and_those_below(family: str) -> None:
    """What a site says is true: layer k's output has no gradient above k, and has one at k."""
    encoder = tiny_encoder(family, n_layers=N_LAYERS)
    sites = parameter_sites(encoder)
    for k, state in enumerate(word_states(encoder, **inputs(), layers=(0, 1, 2))):
        encoder.zero_grad()
        state.pow(3).sum().backward(retain_graph=True)
        touched = {n for n, p in encoder.named_parameters() if p.grad is not None and p.grad.any()}
        layers = {sites[name].layer for name in touched}
        assert layers == {None, *range(k + 1)}


def test_a_convolution_beside_the_first_layer_is_its_own() -> None:
    config = tiny_encoder("deberta-v2", n_layers=N_LAYERS).config
    config.conv_kernel_size = 3
    encoder: Any = transformers.AutoModel.from_config(config)
    sites = parameter_sites(encoder)
    assert sites["encoder.conv.conv.weight"].layer == 0


def test_no_layers_to_be_found() -> None:
    config = transformers.AlbertConfig(
        vocab_size=64, num_hidden_layers=4, hidden_size=16, num_attention_heads=2
    )
    encoder: Any = transformers.AutoModel.from_config(config)
    match = (
        r"^model 'AlbertModel': its layers were not found; looked for a torch.nn.ModuleList of "
        r"4 modules, found encoder.albert_layer_groups \(1\)"
    )
    with pytest.raises(EncoderError, match=match):
        parameter_sites(encoder)


def test_a_model_with_a_head_is_not_an_encoder() -> None:
    auto: Any = transformers.AutoModelForTokenClassification
    model = auto.from_config(tiny_encoder("bert").config)
    with pytest.raises(EncoderError, match="has a task head; give its base_model"):
        parameter_sites(model)
    assert parameter_sites(model.base_model)["embeddings.LayerNorm.bias"].layer is None


def test_no_number_of_layers() -> None:
    encoder = tiny_encoder()
    encoder.config = transformers.PreTrainedConfig()
    with pytest.raises(EncoderError, match="has no num_hidden_layers in its configuration"):
        layer_count(encoder)
    with pytest.raises(EncoderError, match="has no hidden_size in its configuration"):
        hidden_size(encoder)


# --- hidden states ---


@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_word_states_are_the_outputs_of_layers(family: str) -> None:
    encoder = tiny_encoder(family, n_layers=N_LAYERS)
    outputs = encoder(**inputs(), output_hidden_states=True)
    first, penultimate, last = word_states(encoder, **inputs(), layers=(0, -2, -1))
    assert torch.equal(first, outputs.hidden_states[1])
    assert torch.equal(penultimate, outputs.hidden_states[-2])
    assert torch.equal(last, outputs.last_hidden_state)
    assert last.shape == (2, 6, 16)


def test_the_last_layer_alone_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = tiny_encoder("bert", n_layers=N_LAYERS)
    asked = []
    forward = encoder.forward

    def spy(**options: Any) -> Any:
        asked.append(options["output_hidden_states"])
        return forward(**options)

    monkeypatch.setattr(encoder, "forward", spy)
    word_states(encoder, **inputs(), layers=(-1, 2))
    word_states(encoder, **inputs(), layers=(-1, 1))
    assert asked == [False, True]


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_out_of_range(layer: int) -> None:
    with pytest.raises(EncoderError, match=rf"layer must be in \[-3, 2\], got {layer}"):
        word_states(tiny_encoder(n_layers=3), **inputs(), layers=(0, layer))


def test_layers_counted_from_the_end() -> None:
    assert resolve_layers((0, 2, -1, -3), 3) == (0, 2, 2, 0)
