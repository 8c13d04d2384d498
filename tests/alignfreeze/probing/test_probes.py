import logging
import math

import numpy as np
import pytest
import torch

from alignfreeze.alignment.corpus import CorpusJob, aligned_corpus
from alignfreeze.contracts import Bitext
from alignfreeze.encoders.families import word_states
from alignfreeze.errors import EncoderError
from alignfreeze.probing.geometry import alignment_scores, drift_scores
from alignfreeze.probing.probes import WordProbe, random_rows
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder
from alignfreeze_aligners.pharaoh import PharaohAligner

MAX_LENGTH = 30
LETTERS = "abcdefgh"


@pytest.fixture
def make_corpus(write, tmp_path):
    """Makes a corpus of tokenized sentences and links in Pharaoh format."""

    def make(target: str, rows: list[tuple[str, str, str]], source: str = "en"):
        stem = f"{source}-{target}"
        bitext = Bitext(
            source=source,
            target=target,
            source_file=write(f"{stem}.{source}", "".join(f"{row[0]}\n" for row in rows)),
            target_file=write(f"{stem}.{target}", "".join(f"{row[1]}\n" for row in rows)),
            alignment_file=write(f"{stem}.align", "".join(f"{row[2]}\n" for row in rows)),
        )
        return aligned_corpus(
            CorpusJob(bitext, PharaohAligner(), "pharaoh", "1"), tmp_path / "cache"
        )

    return make


def made_up_rows(n: int, seed: int) -> list[tuple[str, str, str]]:
    """Sentences of 2 to 6 words of 1 to 3 letters, translated in reverse."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        size = random.integers(2, 7)
        words = ["".join(random.choice(list(LETTERS), random.integers(1, 4))) for _ in range(size)]
        links = " ".join(f"{k}-{size - 1 - k}" for k in range(size))
        rows.append((" ".join(words), " ".join(f"{w.upper()}X" for w in reversed(words)), links))
    return rows


@pytest.fixture
def corpora(make_corpus):
    return [make_corpus("de", made_up_rows(40, 0)), make_corpus("no", made_up_rows(12, 1))]


@pytest.fixture
def probe(corpora, tokenizer) -> WordProbe:
    return WordProbe(corpora, small(tokenizer), max_length=MAX_LENGTH)


def small(tokenizer):
    """The tokenizer, with ids folded into those that `tiny_encoder` reads."""

    class Folded:
        pad_token_id = 0
        unk_token_id = 1

        def __call__(self, *args, **options):
            encoded = tokenizer(*args, **options)
            ids = encoded["input_ids"]
            nested = [ids] if ids and isinstance(ids[0], int) else ids
            for row in nested:
                row[:] = [3 + number % 61 for number in row]
            return encoded

        def __getattr__(self, name):
            return getattr(tokenizer, name)

    return Folded()


def naive_sample(rows, max_words: int, max_length: int):
    """Words of one letter a subword: (sentence pair, form, position) of both sides."""
    found, forms, beyond = [], (set(), set()), 0
    for row in random_rows(len(rows)):
        source, target, links = rows[row]
        sides = source.split(), target.split()
        for link in links.split():
            indices = tuple(int(index) for index in link.split("-"))
            places = [1 + sum(map(len, side[:i])) for side, i in zip(sides, indices, strict=True)]
            words = [side[i].lower() for side, i in zip(sides, indices, strict=True)]
            if len(found) == max_words:
                return found, beyond
            if max(places) > max_length - 2:
                beyond += 1
            elif words[0] not in forms[0] and words[1] not in forms[1]:
                forms[0].add(words[0])
                forms[1].add(words[1])
                found.append((row, *places))
    return found, beyond


# Samples


@pytest.mark.parametrize(("max_words", "max_length"), [(500, 30), (7, 30), (500, 9), (11, 8)])
def test_samples_equal_a_naive_loop(make_corpus, tokenizer, caplog, max_words, max_length):
    rows = made_up_rows(40, 0)
    corpus = make_corpus("de", rows)
    with caplog.at_level(logging.INFO, "alignfreeze.probing.probes"):
        probe = WordProbe([corpus], tokenizer, max_length=max_length, max_words=max_words)
    (sample,) = probe.samples
    expected, beyond = naive_sample(rows, max_words, max_length)
    kept = list(dict.fromkeys(row for row, *_ in expected))
    assert len(sample) == len(expected) > 2
    for number, side in enumerate((sample.source, sample.target)):
        found = [(kept[row], position) for row, position in side.places.tolist()]
        assert found == [(row, places[number]) for row, *places in expected]
        assert len(side.sentences) == len(kept)
        for row, sentence in zip(kept, side.sentences, strict=True):
            letters = len(rows[row][number].replace(" ", ""))
            assert len(sentence) == min(letters + 2, max_length)
    assert caplog.messages[-1] == (
        f"en-de: {len(expected)} links sampled from {len(kept)} sentence pairs; "
        f"{beyond} left out, beyond {max_length} subwords"
    )
    assert (beyond > 0) == (max_length < 10)


def test_rows_are_sampled_from_all_parts_in_the_same_order():
    order = random_rows(1000)
    assert sorted(order) == list(range(1000))
    assert order == random_rows(1000)
    assert {row // 100 for row in order[:100]} == set(range(10))


def test_a_form_is_sampled_once_on_a_side(make_corpus, tokenizer, monkeypatch):
    monkeypatch.setattr(
        "alignfreeze.probing.probes.random_rows", lambda n_rows: list(range(n_rows))
    )
    corpus = make_corpus(
        "de", [("a b", "X Y", "0-0 1-1"), ("A c", "Z y", "0-0 1-1"), ("d", "W", "0-0")]
    )
    (sample,) = WordProbe([corpus], tokenizer, max_length=9).samples
    # A has been met as a; c is new, but y has been met as Y.
    assert sample.source.places.tolist() == [[0, 1], [0, 2], [1, 1]]
    assert sample.target.places.tolist() == [[0, 1], [0, 2], [1, 1]]
    assert [s.tolist() for s in sample.source.sentences] == [
        tokenizer("a b")["input_ids"],
        tokenizer("d")["input_ids"],
    ]


def test_a_sampled_word_is_where_its_text_begins(make_corpus, sentencepiece):
    """Places counted by hand: a bare mark before a word is not the word."""
    corpus = make_corpus("zh", [("hello 猫 a", "猫犬 a hello", "0-1 1-0")])
    (sample,) = WordProbe([corpus], sentencepiece, max_length=9).samples
    read = [
        sentencepiece.convert_ids_to_tokens(side.sentences[0].tolist())
        for side in (sample.source, sample.target)
    ]
    assert read == [
        ["<s>", "▁he", "llo", "▁", "猫", "▁a", "</s>"],
        ["<s>", "▁", "猫", "犬", "▁a", "▁he", "llo", "</s>"],
    ]
    assert sample.source.places.tolist() == [[0, 1], [0, 4]]
    assert sample.target.places.tolist() == [[0, 4], [0, 2]]


def test_a_form_of_the_other_side_may_be_sampled(make_corpus, tokenizer):
    corpus = make_corpus("de", [("die a", "b die", "0-0 1-1")])
    (sample,) = WordProbe([corpus], tokenizer, max_length=9).samples
    assert len(sample) == 2


def test_a_language_with_one_link_is_left_out_with_a_warning(make_corpus, tokenizer, caplog):
    corpora = [make_corpus("de", made_up_rows(9, 0)), make_corpus("fr", [("a", "b", "0-0")])]
    probe = WordProbe(corpora, tokenizer, max_length=MAX_LENGTH)
    assert [sample.language for sample in probe.samples] == ["de"]
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["no word alignment measured, fewer than 2 links: fr"]


def test_without_any_language_there_are_no_scores(make_corpus, tokenizer, accelerator):
    probe = WordProbe([make_corpus("fr", [("a", "b", "0-0")])], tokenizer, max_length=9)
    vectors = probe.vectors(tiny_encoder(), accelerator, 4)
    assert alignment_scores(vectors, "pretrained") == []
    assert drift_scores(vectors, vectors, "realigned") == []


def test_several_source_languages_are_refused(make_corpus, tokenizer):
    corpora = [make_corpus("de", made_up_rows(3, 0)), make_corpus("no", made_up_rows(3, 0), "fr")]
    with pytest.raises(ValueError, match=r"one source language, got \['en', 'fr'\]"):
        WordProbe(corpora, tokenizer, max_length=MAX_LENGTH)


def test_a_target_language_twice_is_refused(corpora, tokenizer):
    with pytest.raises(ValueError, match=r"a target language each, got \['de', 'de'\]"):
        WordProbe([corpora[0], corpora[0]], tokenizer, max_length=MAX_LENGTH)


# Vectors


@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_vectors_equal_one_sentence_at_a_time(probe, accelerator, family):
    encoder = tiny_encoder(family, n_layers=3)
    vectors = probe.vectors(encoder, accelerator, batch_size=7)
    assert list(vectors.languages) == ["de", "no"]
    assert vectors.source_language == "en"
    for sample in probe.samples:
        for side, found in zip(
            (sample.source, sample.target), vectors.languages[sample.language], strict=True
        ):
            assert found.shape == (3, len(sample), 16)
            expected = [alone(encoder, sentence) for sentence in side.sentences]
            rows, positions = side.places.T
            wanted = np.stack([expected[r][:, p] for r, p in zip(rows, positions, strict=True)], 1)
            np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-3)


def alone(encoder, sentence) -> np.ndarray:
    """What each of three layers makes of a sentence, of shape (3, subwords, hidden)."""
    ids = torch.tensor(sentence.tolist())[None]
    mask = torch.ones_like(ids)
    with torch.no_grad():
        states = word_states(encoder, ids, mask, layers=(0, 1, 2))
        last = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(states[-1], last)
    return torch.cat(states).numpy()


def test_one_layer_is_the_last(probe, accelerator):
    vectors = probe.vectors(tiny_encoder(n_layers=1), accelerator, 8)
    deeper = probe.vectors(tiny_encoder(n_layers=2), accelerator, 8)
    assert vectors.languages["de"].source.shape[0] == 1
    assert deeper.languages["de"].source.shape[0] == 2


def test_vectors_are_the_same_again(probe, corpora, tokenizer, accelerator):
    encoder = tiny_encoder()
    other = WordProbe(corpora, small(tokenizer), max_length=MAX_LENGTH)
    first = probe.vectors(encoder.train(), accelerator, 8).languages
    second = other.vectors(encoder.train(), accelerator, 8).languages
    for language, sides in first.items():
        np.testing.assert_array_equal(sides.source, second[language].source)
        np.testing.assert_array_equal(sides.target, second[language].target)


@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_the_encoder_is_as_before_and_can_be_trained(probe, accelerator, family):
    encoder = tiny_encoder(family, n_layers=2).train()
    list(encoder.modules())[-1].eval()
    modes = [module.training for module in encoder.modules()]
    probe.vectors(encoder, accelerator, 8)
    assert [module.training for module in encoder.modules()] == modes
    ids = torch.arange(3, 15).view(2, 6)
    word_states(encoder, ids, torch.ones_like(ids), layers=(-1,))[0].sum().backward()


def test_modes_are_restored_after_an_error(probe, accelerator):
    encoder = tiny_encoder().train()
    with torch.no_grad():
        encoder.get_parameter("encoder.layer.2.output.dense.bias")[0] = math.nan
    message = r"finite and at most 65504 in size, those of layer 2 for words of 'en' are not"
    with pytest.raises(EncoderError, match=message):
        probe.vectors(encoder, accelerator, 8)
    assert all(module.training for module in encoder.modules())


# What scores make of them


def test_nothing_moved_is_no_drift(probe, accelerator):
    vectors = probe.vectors(tiny_encoder(), accelerator, 8)
    scores = drift_scores(vectors, vectors, "realigned")
    assert len(scores) == 3 * 4
    assert all(0 <= score.value < 1e-9 for score in scores)


def test_drift_begins_where_an_encoder_was_changed(probe, accelerator):
    encoder = tiny_encoder()
    before = probe.vectors(encoder, accelerator, 8)
    with torch.no_grad():
        encoder.get_parameter("encoder.layer.2.output.dense.weight").mul_(-20)
    for score in drift_scores(before, probe.vectors(encoder, accelerator, 8), "realigned"):
        assert (score.value > 1e-3) == (score.layer >= 2), score
