import logging
import random
import re
import shutil
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import pytest
import torch

from alignfreeze.alignment.cleaning import sentence_pairs
from alignfreeze.contracts import Bitext, SentencePair
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.data.finding import ENCODER
from alignfreeze.encoders import aligner as encoder_aligner
from alignfreeze.encoders import loading, modelfiles
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.errors import ConfigError, EncoderError
from alignfreeze.testing import AlignerContract, tiny_encoder
from alignfreeze_aligners import mutual
from alignfreeze_aligners.dictionary import DictionaryAligner
from alignfreeze_aligners.mutual import NO_WORD, MutualAligner, _sentences, mutual_links
from tools.demo import grammar
from tools.demo.grammar import Linearizer
from tools.demo.world import World

BITEXT = Bitext("en", "fr", Path("en-fr.en"), Path("en-fr.fr"))
LONGEST = 40
"""What the tiny encoder reads; each letter is a subword."""


@pytest.fixture(scope="module")
def model(tmp_path_factory, tokenizer):
    """A folder with a random encoder of four layers."""
    folder = tmp_path_factory.mktemp("model")
    return save(folder, tokenizer, seed=0)


def save(folder, tokenizer, *, seed: int) -> str:
    encoder = tiny_encoder(seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        for name, weight in encoder.encoder.named_parameters():
            if name.endswith("dense.weight"):  # so that every layer has its own say
                weight.data += 0.3 * torch.randn_like(weight)
    modelfiles.save(encoder, tokenizer, folder)
    return str(folder)


def pair(source: str, target: str, line: int = 1) -> SentencePair:
    return SentencePair(line, tuple(source.split()), tuple(target.split()))


def random_pairs(n: int) -> list[SentencePair]:
    """Sentences of 1 to 6 words of 1 to 4 letters."""
    generator = random.Random(0)

    def sentence() -> str:
        sizes = [generator.randint(1, 4) for _ in range(generator.randint(1, 6))]
        return " ".join("".join(generator.choices("abcdef", k=size)) for size in sizes)

    return [pair(sentence(), sentence(), line) for line in range(1, n + 1)]


def align(aligner: MutualAligner, pairs: list[SentencePair]) -> list[list[tuple[int, int]]]:
    """The links that count."""
    least, found = aligner.least_score(), list(aligner.align(iter(pairs), BITEXT))
    assert all(len(own.links) == len(own.scores) for own in found)
    return [
        [link for link, score in zip(own.links, own.scores, strict=True) if score >= least]
        for own in found
    ]


class TestContract(AlignerContract):
    @pytest.fixture
    def aligner(self, model):
        return MutualAligner(model=model)

    @pytest.fixture
    def bitext(self, write):
        return Bitext(
            source="en",
            target="fr",
            source_file=write("en-fr.en", "the cat sleeps .\na dog and a cat\n\nCats!\n"),
            target_file=write("en-fr.fr", "le chat dort .\nun chien et un chat\n\nChats !\n"),
        )


def naive(encoder, tokenizer, sentences: SentencePair, words: str, layer: int, threshold: float):
    """Mutual nearest neighbours, a sentence, a word and a cosine at a time."""
    sides = []
    for sentence in (sentences.source, sentences.target):
        ids, owned = [2], []
        for word in sentence:
            pieces = tokenizer.encode(word, add_special_tokens=False)
            owned.append(range(len(ids), len(ids) + len(pieces)))
            ids += pieces
        with torch.no_grad():
            states = encoder(torch.tensor([[*ids, 3]]), output_hidden_states=True).hidden_states
        vectors = [states[layer + 1][0, list(places)] for places in owned]
        sides.append([v[0] if words == "first" else v.mean(dim=0) for v in vectors])
    cosine = torch.nn.functional.cosine_similarity
    table = [[float(cosine(s, t, dim=0)) for t in sides[1]] for s in sides[0]]
    return [
        (i, j)
        for i, row in enumerate(table)
        for j, value in enumerate(row)
        if value == max(row) and value == max(other[j] for other in table) and value >= threshold
    ]


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("words", ["first", "mean"])
@pytest.mark.parametrize(("layer", "index"), [(0, 0), (2, 2), (-1, 3), (None, 1)])
def test_links_are_as_a_naive_loop_finds_them(model, tokenizer, words, layer, index):
    pairs, encoder = random_pairs(40), load_encoder(model)
    aligner = MutualAligner(model=model, words=words, layer=layer, batch_size=7)
    expected = [naive(encoder, tokenizer, p, words, index, 0) for p in pairs]
    assert align(aligner, pairs) == expected
    assert 40 < sum(map(len, expected)) < sum(min(len(p.source), len(p.target)) for p in pairs)


@pytest.mark.usefixtures("on_cpu")
def test_words_are_linked_from_the_threshold_on(model, tokenizer):
    pairs, encoder = random_pairs(40), load_encoder(model)
    expected = [naive(encoder, tokenizer, p, "mean", 1, 0.8) for p in pairs]
    assert align(MutualAligner(model=model, threshold=0.8), pairs) == expected
    everything = align(MutualAligner(model=model, threshold=-1), pairs)
    assert 0 < sum(map(len, expected)) < sum(map(len, everything))
    assert not any(align(MutualAligner(model=model, threshold=1), random_pairs(5)))


def test_layers_and_words_make_a_difference(model):
    pairs = random_pairs(40)
    settings = [{}, {"layer": 0}, {"layer": 3}, {"words": "first"}]
    found = [align(MutualAligner(model=model, **fields), pairs) for fields in settings]
    assert all(one != other for i, one in enumerate(found) for other in found[:i])


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_batches_and_their_padding_make_no_difference(model, monkeypatch, batch_size):
    monkeypatch.setattr(mutual, "BUFFER_BATCHES", 3)
    pairs = random_pairs(30)
    alone = [align(MutualAligner(model=model), [one])[0] for one in pairs]
    assert align(MutualAligner(model=model, batch_size=batch_size), pairs) == alone


def test_identical_sentences_are_linked_word_by_word(model):
    texts = ["a", "ab cd a", "the cat sees the cat", "x y z u v w"]
    alignments = align(MutualAligner(model=model), [pair(text, text) for text in texts])
    assert alignments == [[(i, i) for i in range(len(text.split()))] for text in texts]


def test_of_equals_the_first_is_linked():
    vectors = torch.eye(3)
    source, target = vectors[[0, 0, 1]][None], vectors[[1, 0, 0]][None]
    links, cosines = mutual_links(source, target)
    assert links.tolist() == [[0, 0, 1], [0, 2, 0]]
    assert cosines.tolist() == [1.0, 1.0]


def test_padding_is_never_linked():
    vectors = -torch.eye(2)
    source = torch.stack([vectors, torch.zeros(2, 2)])
    target = torch.stack([torch.tensor([[1.0, 1.0], [0.0, 0.0]]), vectors])
    # The only neighbours of the first pair are far away; padding, at 0, would be nearer.
    links, cosines = mutual_links(source, target / 2**0.5)
    assert links.tolist() == [[0, 0, 0]]
    assert cosines.tolist() == pytest.approx([-(2**-0.5)])


def test_words_that_do_not_fit_are_counted_and_not_linked(model, caplog):
    caplog.set_level(logging.INFO)
    text = " ".join("abcdefghij"[i % 10] * 3 for i in range(20))
    whole, none = pair("ab cd", "ab cd"), pair("a" * 50, "a")
    # 38 subwords are left by the special tokens: 12 words of 3, and two thirds of another.
    alignments = align(MutualAligner(model=model), [pair(text, text), none, whole])
    assert alignments == [[(i, i) for i in range(12)], [], [(0, 0), (1, 1)]]
    assert f"en-fr: 14 links; 17 words beyond {LONGEST} subwords not linked" in caplog.messages
    alignments = align(MutualAligner(model=model, max_length=8), [pair(text, text), none, whole])
    assert alignments == [[(0, 0), (1, 1)], [], [(0, 0), (1, 1)]]
    assert "en-fr: 4 links; 37 words beyond 8 subwords not linked" in caplog.messages


def test_what_is_cut_off_is_not_read(model):
    aligner = MutualAligner(model=model, max_length=10)
    long, short = pair("ab cd ef gh ij", "cd ab ef gh x"), pair("ab cd ef gh", "cd ab ef gh")
    assert align(aligner, [long]) == align(aligner, [short]) != [[]]


def test_a_side_may_have_no_word(model):
    pairs = [pair("", "a b"), pair("a", ""), pair("", ""), pair("a", "a")]
    assert align(MutualAligner(model=model), pairs) == [[], [], [], [(0, 0)]]
    assert align(MutualAligner(model=model), pairs[:1]) == [[]]
    assert align(MutualAligner(model=model), []) == []


def test_a_word_that_the_tokenizer_makes_nothing_of_is_a_word(model):
    pairs = [SentencePair(1, ("ab", "\x07", "cd"), ("ab", "\x07", "cd"))]
    assert align(MutualAligner(model=model), pairs) == [[(0, 0), (1, 1), (2, 2)]]


def test_inputs_are_the_files_of_the_folder(model, tmp_path):
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    aligner = MutualAligner(model=model)
    assert names <= {path.name for path in aligner.inputs(BITEXT)}
    assert aligner.identity().startswith(f"torch {version('torch')} transformers ")
    assert MutualAligner(model="someone/encoder").inputs(BITEXT) == ()


def test_a_model_of_the_hub_is_known_by_its_commit(model, monkeypatch):
    encoder = load_encoder(model)
    monkeypatch.setattr(encoder_aligner, "_loaded", lambda name, stamps: (encoder, None))
    monkeypatch.setattr(encoder.config, "_commit_hash", "0123abcd", raising=False)
    assert MutualAligner(model="someone/encoder").identity().endswith(" 0123abcd")
    monkeypatch.setattr(encoder.config, "_commit_hash", None, raising=False)
    with pytest.raises(EncoderError, match=r"'someone/encoder': the hub's cache does not say"):
        MutualAligner(model="someone/encoder").identity()


def test_a_model_is_loaded_once_and_again_where_its_files_change(tmp_path, tokenizer, monkeypatch):
    loads = []

    def counted(name):
        loads.append(name)
        return load_encoder(name)

    monkeypatch.setattr(loading, "load_encoder", counted)
    folder = save(tmp_path / "model", tokenizer, seed=1)
    aligner, pairs = MutualAligner(model=folder), random_pairs(20)
    before = align(aligner, pairs)
    assert align(MutualAligner(model=folder, batch_size=3), pairs) == before
    assert loads == [folder]
    shutil.rmtree(folder)
    save(tmp_path / "model", tokenizer, seed=2)
    assert align(aligner, pairs) != before
    assert loads == [folder, folder]


@pytest.mark.parametrize("words", ["first", "mean"])
def test_a_bare_mark_of_a_word_stands_for_none(sentencepiece, words):
    (sentence,) = _sentences([["猫", "hello"]], sentencepiece, words, 20)
    read = sentencepiece.convert_ids_to_tokens(sentence.ids)
    assert read == ["<s>", "▁", "猫", "▁he", "llo", "</s>"]
    last = 1 if words == "mean" else NO_WORD
    assert sentence.owners.tolist() == [NO_WORD, NO_WORD, 0, 1, last, NO_WORD]


def test_a_model_is_needed():
    message = "^the aligner's model must be a folder or a name on the hub, got ''$"
    with pytest.raises(ConfigError, match=message):
        MutualAligner().inputs(BITEXT)
    with pytest.raises(ConfigError, match=message):
        align(MutualAligner(), random_pairs(1))


def test_a_model_must_be_there(tmp_path):
    folder = str(tmp_path / "gone")
    message = f"^model {re.escape(repr(folder))}: there is no such folder$"
    with pytest.raises(EncoderError, match=message):
        MutualAligner(model=folder).identity()
    with pytest.raises(EncoderError, match=message):
        align(MutualAligner(model=folder), random_pairs(1))


def test_options_are_checked_against_the_encoder(model):
    with pytest.raises(ConfigError, match=r"^the aligner's layer must be in \[-4, 3\], got 4$"):
        align(MutualAligner(model=model, layer=4), random_pairs(1))
    message = "^aligner 'mutual': max_length must be <= 40, the encoder's, got 41$"
    with pytest.raises(ConfigError, match=message):
        align(MutualAligner(model=model, max_length=41), random_pairs(1))


@pytest.mark.parametrize(
    "fields", [{"threshold": 1.1}, {"threshold": -1.1}, {"batch_size": 0}, {"max_length": 2}]
)
def test_fields_have_bounds(fields):
    with pytest.raises(ValueError, match=r"Input should be (less|greater) than or equal to"):
        MutualAligner(**fields)


def test_the_demo_is_aligned_as_it_was_written():
    world, linearizers = World(random.Random(0), name_rate=0.3), map(Linearizer, ("en", "de"))
    meanings = [world.sentence() for _ in range(100)]
    said = list(zip(*([one.sentence(m) for m in meanings] for one in linearizers), strict=True))
    gold = [grammar.align(source, target) for source, target in said]
    pairs = [
        SentencePair(line, *(tuple(token.form for token in side) for side in sides))
        for line, sides in enumerate(said, start=1)
    ]
    found = align(MutualAligner(model=str(ENCODER)), pairs)
    right = sum(len(set(one) & set(other)) for one, other in zip(gold, found, strict=True))
    assert right > 0.8 * sum(map(len, gold))
    assert right > 0.9 * sum(map(len, found))


@pytest.mark.suite
def test_it_agrees_with_dictionaries_on_real_text(suite):
    (bitext,) = find_bitexts(suite, "en", ["de"])
    pairs = list(islice(sentence_pairs(bitext, "icu"), 50))
    known = list(DictionaryAligner().align(pairs, bitext))
    found = align(MutualAligner(model=str(suite.root / "model")), pairs)
    right = sum(len(set(one) & set(other)) for one, other in zip(known, found, strict=True))
    assert right > 0.9 * sum(map(len, known)) > 0
