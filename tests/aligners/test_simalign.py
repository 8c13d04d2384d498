import logging
import random
import re
import sys
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from alignfreeze.alignment.cleaning import sentence_pairs
from alignfreeze.contracts import Bitext, SentencePair, SpecialTokens, subwords_of
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.encoders import aligner as encoder_aligner
from alignfreeze.encoders import modelfiles
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.errors import ConfigError, EncoderError, PluginError
from alignfreeze.testing import AlignerContract, tiny_encoder
from alignfreeze_aligners.dictionary import DictionaryAligner
from alignfreeze_aligners.simalign import SimAlignAligner, _Reader

simalign = pytest.importorskip("simalign")

BITEXT = Bitext("en", "fr", Path("en-fr.en"), Path("en-fr.fr"))
METHODS = {"argmax": ("a", "inter"), "itermax": ("i", "itermax"), "match": ("m", "mwmf")}
"""What simalign calls each method: in its options, and in its results."""


@pytest.fixture(scope="module")
def model(tmp_path_factory, tokenizer):
    """A folder with a random encoder of four layers that reads 40 subwords; a letter is one."""
    folder = tmp_path_factory.mktemp("model")
    encoder = tiny_encoder()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
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


def align(aligner: SimAlignAligner, pairs: list[SentencePair]) -> list[list[tuple[int, int]]]:
    return list(aligner.align(iter(pairs), BITEXT))


class TestContract(AlignerContract):
    @pytest.fixture(params=METHODS)
    def aligner(self, model, request):
        return SimAlignAligner(model=model, method=request.param)

    @pytest.fixture
    def bitext(self, write):
        return Bitext(
            source="en",
            target="fr",
            source_file=write("en-fr.en", "the cat sleeps .\na dog and a cat\n\nCats!\n"),
            target_file=write("en-fr.fr", "le chat dort .\nun chien et un chat\n\nChats !\n"),
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("token_type", ["bpe", "word"])
@pytest.mark.parametrize(("layer", "theirs", "distortion"), [(None, 2, 0.0), (3, 4, 0.5)])
def test_links_are_simaligns_own(model, method, token_type, layer, theirs, distortion, caplog):
    caplog.set_level(logging.INFO)
    aligner = SimAlignAligner(
        model=model, method=method, token_type=token_type, layer=layer, distortion=distortion
    )
    option, key = METHODS[method]
    tool = simalign.SentenceAligner(
        model=model,
        token_type=token_type,
        distortion=distortion,
        matching_methods=option,
        layer=theirs,
    )
    pairs = random_pairs(30)
    links = [tool.get_word_aligns(list(p.source), list(p.target))[key] for p in pairs]
    assert align(aligner, pairs) == links
    assert any(links)
    assert "en-fr: 0 words beyond 40 subwords not linked" in caplog.messages


def test_every_setting_makes_a_difference(model):
    pairs = random_pairs(60)
    settings = [
        {},
        {"method": "argmax"},
        {"method": "match"},
        {"token_type": "word"},
        {"layer": 3},
        {"distortion": 1},
    ]
    found = [align(SimAlignAligner(model=model, **fields), pairs) for fields in settings]
    assert all(one != other for i, one in enumerate(found) for other in found[:i])


def test_words_that_do_not_fit_are_counted_and_not_linked(model, caplog):
    caplog.set_level(logging.INFO)
    text = " ".join("abcdefghij"[i % 10] * 3 for i in range(20))
    pairs = [pair(text, text), pair("a" * 50, "a"), pair("ab cd", "ab cd")]
    # 38 subwords are left by the special tokens: 12 words of 3, and two thirds of another.
    alignments = align(SimAlignAligner(model=model, method="match"), pairs)
    assert alignments == [[(i, i) for i in range(12)], [], [(0, 0), (1, 1)]]
    assert "en-fr: 17 words beyond 40 subwords not linked" in caplog.messages


@pytest.mark.parametrize("token_type", ["bpe", "word"])
def test_a_side_may_have_no_word(model, token_type):
    pairs = [pair("", "a b"), pair("a", ""), pair("", ""), pair("a", "a")]
    aligner = SimAlignAligner(model=model, token_type=token_type)
    assert align(aligner, pairs) == [[], [], [], [(0, 0)]]
    assert align(aligner, []) == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("token_type", ["bpe", "word"])
def test_a_word_that_the_tokenizer_makes_nothing_of_is_a_word(model, method, token_type):
    pairs = [SentencePair(1, ("ab", "\x07", "cd"), ("ab", "\x07", "cd"))]
    aligner = SimAlignAligner(model=model, method=method, token_type=token_type)
    assert align(aligner, pairs) == [[(0, 0), (1, 1), (2, 2)]]


def test_it_is_quiet(model, caplog, capfd):
    caplog.set_level(logging.INFO)
    align(SimAlignAligner(model=model), random_pairs(2))
    assert [record.name for record in caplog.records] == ["alignfreeze_aligners.simalign"]
    assert capfd.readouterr() == ("", "")


def test_inputs_and_identity_say_what_the_links_depend_on(model, monkeypatch):
    aligner = SimAlignAligner(model=model)
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert names <= {path.name for path in aligner.inputs(BITEXT)}
    names = ("simalign", "scikit-learn", "networkx", "torch")
    package = "".join(f"{name} {version(name)} " for name in names)
    assert aligner.identity().startswith(package)
    hub = SimAlignAligner(model="someone/encoder")
    assert hub.inputs(BITEXT) == ()
    encoder = load_encoder(model)
    monkeypatch.setattr(encoder_aligner, "_loaded", lambda name, stamps: (encoder, None))
    monkeypatch.setattr(encoder.config, "_commit_hash", "0123abcd", raising=False)
    assert hub.identity().startswith(package)
    assert hub.identity().endswith(" 0123abcd")
    monkeypatch.setattr(encoder.config, "_commit_hash", None, raising=False)
    with pytest.raises(EncoderError, match=r"'someone/encoder': the hub's cache does not say"):
        hub.identity()


def test_the_package_is_optional(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "simalign", None)
    aligner = SimAlignAligner(model=model)
    message = (
        r"^aligner 'simalign' needs the package simalign: pip install 'alignfreeze\[simalign\]' \("
    )
    for use in (lambda: aligner.inputs(BITEXT), aligner.identity, lambda: align(aligner, [])):
        with pytest.raises(PluginError, match=message):
            use()


def test_a_bare_mark_of_a_word_is_not_matched(sentencepiece):
    pair = tuple(subwords_of([["猫", "hello"], ["a", "犬犬"]], sentencepiece))
    encoder = tiny_encoder()
    reader = _Reader(encoder, -1, SpecialTokens.of(sentencepiece), padding=1, max_length=20)
    sizes = [reader.fitting(sentence) for sentence in pair]
    assert [side.tolist() for side in sizes] == [[1, 2], [1, 2]]
    rows = torch.tensor([[0, 4, 8, 5, 7, 2], [0, 6, 4, 9, 9, 2]])
    with torch.no_grad():
        expected = encoder(input_ids=rows).last_hidden_state
    source, target = reader.vectors(pair, sizes)
    assert np.allclose(source, expected[0, [2, 3, 4]], atol=1e-5)
    assert np.allclose(target, expected[1, [1, 3, 4]], atol=1e-5)


def test_a_model_is_needed():
    message = "^the aligner's model must be a folder or a name on the hub, got ''$"
    with pytest.raises(ConfigError, match=message):
        SimAlignAligner().inputs(BITEXT)
    with pytest.raises(ConfigError, match=message):
        align(SimAlignAligner(), random_pairs(1))


def test_the_model_and_the_layer_must_be_there(model, tmp_path):
    folder = str(tmp_path / "gone")
    message = f"^model {re.escape(repr(folder))}: there is no such folder$"
    with pytest.raises(EncoderError, match=message):
        align(SimAlignAligner(model=folder), random_pairs(1))
    with pytest.raises(ConfigError, match=r"^the aligner's layer must be in \[-4, 3\], got 4$"):
        align(SimAlignAligner(model=model, layer=4), random_pairs(1))


@pytest.mark.parametrize("distortion", [-0.1, 1.1])
def test_distortion_has_bounds(distortion):
    with pytest.raises(ValueError, match=r"Input should be (less|greater) than or equal to"):
        SimAlignAligner(distortion=distortion)


@pytest.mark.suite
@pytest.mark.parametrize("method", METHODS)
def test_it_agrees_with_dictionaries_on_real_text(suite, method):
    (bitext,) = find_bitexts(suite, "en", ["de"])
    pairs = list(islice(sentence_pairs(bitext, "icu"), 30))
    known = list(DictionaryAligner().align(pairs, bitext))
    aligner = SimAlignAligner(model=str(suite.root / "model"), method=method)
    found = list(aligner.align(pairs, bitext))
    right = sum(len(set(one) & set(other)) for one, other in zip(known, found, strict=True))
    assert right > 0.85 * sum(map(len, known)) > 0
