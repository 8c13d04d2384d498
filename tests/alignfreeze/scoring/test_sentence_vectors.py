"""Vectors of sentences against a sentence at a time."""

import pytest
import torch

from alignfreeze.data.finding import find_model
from alignfreeze.encoders.families import word_states
from alignfreeze.encoders.loading import load_encoder, load_tokenizer
from alignfreeze.errors import EncoderError
from alignfreeze.scoring import sentence_vectors
from alignfreeze.scoring.sentence_vectors import SentenceReader
from alignfreeze.text.words import blank_ids
from alignfreeze.training.devices import make_accelerator

TEXTS = ["the old house", "", "a", "the house is old and the cat is on the big tree", "das haus"]


@pytest.fixture(scope="module")
def parts():
    name = find_model("demo")
    return load_encoder(name), load_tokenizer(name)


def reader_of(parts, *, layers=(3,), max_length=32, batch_size=2):
    accelerator = make_accelerator("fp32")
    return SentenceReader(*parts, layers, max_length, batch_size, accelerator)


def vectors_of(reader, texts):
    with reader.ready():
        vectors, cut = reader.vectors(texts)
    return vectors.cpu(), cut.tolist()


def naive_vector(parts, text, layers, max_length):
    """The mean over layers and subwords with text, special tokens left out, of one text."""
    encoder, tokenizer = parts
    encoded = tokenizer(text, truncation=True, max_length=max_length)
    blank, special = blank_ids(tokenizer), set(tokenizer.all_special_ids)
    ids = torch.tensor([encoded["input_ids"]])
    with torch.no_grad():
        states = word_states(encoder, ids, torch.ones_like(ids), layers)
    rows = [row for row, i in enumerate(ids[0].tolist()) if i not in special and not blank[i]]
    if not rows:
        return torch.zeros(states[0].shape[-1])
    mean = sum(state[0, row] for state in states for row in rows) / (len(rows) * len(states))
    return mean / mean.norm()


@pytest.mark.parametrize("layers", [(3,), (0,), (1, 3)])
@pytest.mark.parametrize(("max_length", "cut"), [(32, [0, 0, 0, 0, 0]), (5, [0, 0, 0, 1, 0])])
def test_vectors_are_those_of_each_text_alone(parts, on_cpu, layers, max_length, cut):
    reader = reader_of(parts, layers=layers, max_length=max_length)
    vectors, found = vectors_of(reader, TEXTS)
    expected = [naive_vector(parts, text, layers, max_length) for text in TEXTS]
    assert torch.allclose(vectors, torch.stack(expected), atol=1e-5)
    assert found == [bool(own) for own in cut]
    assert not vectors[1].any()


def test_batches_on_a_cpu_hold_so_many_subwords(parts, on_cpu, monkeypatch):
    shapes = []
    monkeypatch.setattr(sentence_vectors, "CPU_SUBWORDS", 12)

    def states(encoder, ids, mask, layers):
        shapes.append(tuple(ids.shape))
        return word_states(encoder, ids, mask, layers)

    monkeypatch.setattr(sentence_vectors, "word_states", states)
    vectors_of(reader_of(parts, batch_size=3), TEXTS)
    assert sum(rows for rows, _ in shapes) == len(TEXTS)
    assert all(rows <= 3 and (rows == 1 or rows * length <= 12) for rows, length in shapes)


def test_states_that_are_not_finite_are_an_error(parts, on_cpu, monkeypatch):
    def states(encoder, ids, mask, layers):
        return [state * torch.nan for state in word_states(encoder, ids, mask, layers)]

    monkeypatch.setattr(sentence_vectors, "word_states", states)
    with pytest.raises(EncoderError, match="its states of a sentence must be finite"):
        vectors_of(reader_of(parts), TEXTS)
