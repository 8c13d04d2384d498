import pytest
import torch

from alignfreeze.encoders.sections import EncoderSection, check_sections
from alignfreeze.errors import EncoderError
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder

IDS = torch.tensor([[3, 10, 11, 12, 4], [3, 20, 4, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
FAMILIES = [family for family in ENCODER_FAMILIES if family != "xlm"]


@pytest.mark.parametrize("boundary", [1, 2, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_two_sections_do_what_the_encoder_does(family, boundary):
    encoder = tiny_encoder(family)
    check_sections(encoder, boundary)
    lower, upper = EncoderSection(encoder, 0, boundary), EncoderSection(encoder, boundary, 4)
    upper.feed(lower.states(IDS, MASK))
    parts = upper.encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
    whole = encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
    torch.testing.assert_close(parts * MASK[..., None], whole * MASK[..., None])


def test_a_section_in_the_middle():
    encoder = tiny_encoder()
    first, middle = EncoderSection(encoder, 0, 1), EncoderSection(encoder, 1, 3)
    states = middle.states(IDS, MASK, first.states(IDS, MASK))
    torch.testing.assert_close(states, EncoderSection(encoder, 0, 3).states(IDS, MASK))


def test_a_section_shares_the_weights_and_nothing_else():
    encoder = tiny_encoder()
    before = encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
    section = EncoderSection(encoder, 2, 4)
    assert all(map(lambda a, b: a is b, encoder.parameters(), section.encoder.parameters()))
    section.encoder.train()
    assert not encoder.training
    after = encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
    assert torch.equal(before, after)


def test_an_upper_section_must_be_fed_each_time():
    encoder = tiny_encoder()
    upper = EncoderSection(encoder, 2, 4)
    with pytest.raises(RuntimeError, match="from layer 2 on must be fed"):
        upper.encoder(input_ids=IDS, attention_mask=MASK)


def test_layers_side_by_side_cannot_be_cut():
    with pytest.raises(EncoderError, match="in several lists: attentions, layer_norm1"):
        check_sections(tiny_encoder("xlm"), 2)


def test_layers_that_read_more_than_the_layer_before_are_found_out():
    encoder = tiny_encoder()
    kept = []
    encoder.encoder.layer[0].register_forward_hook(lambda m, args, out: kept.append(out))
    encoder.encoder.layer[3].register_forward_hook(lambda m, args, out: out + kept[-1])
    with pytest.raises(EncoderError, match="depend on more than the layer before"):
        check_sections(encoder, 2)
    assert not encoder.training
