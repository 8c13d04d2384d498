import pytest
import torch
from torch import Tensor

from alignfreeze.encoders.families import layer_count, layer_list, word_states
from alignfreeze.encoders.sections import EncoderSection
from alignfreeze.encoders.top_layer import up_to
from alignfreeze.errors import EncoderError
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder

IDS = torch.tensor([[3, 10, 11, 12, 4], [3, 13, 14, 4, 0]])
MASK = (IDS != 0).long()
PLACES = torch.tensor([1, 3, 6])


def states_and_gradients(encoder, top: int) -> tuple[Tensor, dict[str, Tensor]]:
    """States at the places, of shape (places, hidden), and what a loss on them gives."""
    encoder.zero_grad()
    (states,) = word_states(encoder, IDS, MASK, (top,))
    chosen = states.flatten(0, 1)[PLACES]
    chosen.pow(3).sum().backward()
    named = encoder.named_parameters()
    return chosen.detach(), {n: p.grad.clone() for n, p in named if p.grad is not None}


@pytest.mark.parametrize("top", [3, 1, 0])
@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_nothing_changes_where_it_is_read(family, top):
    encoder = tiny_encoder(family)
    expected, gradients = states_and_gradients(encoder, top)
    with up_to(encoder, top) as layer:
        assert (layer is None) == (family == "xlm")
        if layer is not None:
            layer.read_at(PLACES)
        found, own = states_and_gradients(encoder, top)
    torch.testing.assert_close(found, expected)
    assert own.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(own[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("family", sorted(set(ENCODER_FAMILIES) - {"xlm"}))
def test_what_follows_attention_is_run_at_these_places_alone(family):
    encoder = tiny_encoder(family)
    rows = []
    linear = max(
        (m for m in layer_list(encoder)[2].modules() if isinstance(m, torch.nn.Linear)),
        key=lambda module: module.in_features,  # the second of the feed-forward network
    )
    with up_to(encoder, 2) as layer:
        linear.register_forward_hook(lambda _, args, out: rows.append(out[..., 0].numel()))
        word_states(encoder, IDS, MASK, (2,))
        layer.read_at(PLACES)
        word_states(encoder, IDS, MASK, (2,))
    assert rows == [IDS.numel(), len(PLACES)]


@pytest.mark.parametrize("family", sorted(set(ENCODER_FAMILIES) - {"xlm"}))
def test_layers_above_are_not_run(family):
    encoder = tiny_encoder(family)
    run = []
    for number, layer in enumerate(layer_list(encoder)):
        first = next(m for m in layer.modules() if isinstance(m, torch.nn.Linear))
        first.register_forward_hook(lambda *_, number=number: run.append(number))
    with up_to(encoder, 1):
        run.clear()  # of what was done to know what a layer returns
        word_states(encoder, IDS, MASK, (1,))
    assert set(run) == {0, 1}
    word_states(encoder, IDS, MASK, (1,))
    assert set(run) == set(range(layer_count(encoder)))


def test_a_part_of_an_encoder_is_cut_short_too():
    encoder = tiny_encoder()
    hidden = encoder(IDS, MASK, output_hidden_states=True).hidden_states
    upper = EncoderSection(encoder, 2, 4)
    with up_to(upper.encoder, 2) as layer:
        layer.read_at(PLACES)
        upper.feed(hidden[2])
        (found,) = word_states(upper.encoder, IDS, MASK, (2,))
    torch.testing.assert_close(found.flatten(0, 1)[PLACES], hidden[3].flatten(0, 1)[PLACES])


def test_the_encoder_is_as_before_afterwards():
    encoder = tiny_encoder()
    expected = encoder(IDS, MASK).last_hidden_state
    with pytest.raises(RuntimeError, match="in the middle"), up_to(encoder, 1):
        raise RuntimeError("in the middle")
    assert torch.equal(encoder(IDS, MASK).last_hidden_state, expected)
    assert not any("forward" in vars(layer) for layer in encoder.encoder.layer)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in encoder.modules())


@pytest.mark.parametrize("family", sorted(set(ENCODER_FAMILIES) - {"xlm"}))
def test_it_may_run_as_ever_for_a_while(family):
    encoder = tiny_encoder(family)
    expected = encoder(IDS, MASK).last_hidden_state
    with up_to(encoder, 1) as layer:
        layer.read_at(PLACES)
        cut = encoder(IDS, MASK).last_hidden_state
        with layer.whole():
            assert torch.equal(encoder(IDS, MASK).last_hidden_state, expected)
        assert torch.equal(encoder(IDS, MASK).last_hidden_state, cut)
    assert not torch.allclose(cut, expected)


def test_layers_in_several_lists_are_all_run():
    encoder = tiny_encoder("xlm")
    with pytest.raises(EncoderError, match="several lists"):
        layer_list(encoder)
    expected = encoder(IDS, MASK).last_hidden_state
    with up_to(encoder, 0) as layer:
        assert layer is None
        assert torch.equal(encoder(IDS, MASK).last_hidden_state, expected)
