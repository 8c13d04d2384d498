from pathlib import Path

import pytest

import alignfreeze
from alignfreeze.contracts import Aligner
from alignfreeze.errors import ConfigError, PluginError
from alignfreeze_aligners.dictionary import DictionaryAligner

PAIRS = [("The old house.", "Das alte Haus."), ("", "leer"), ("The old house.", "Das alte Haus.")]
WORDS = {"the": "das", "house": "Haus", "old": "alte"}
LINKS = [(0, 0), (1, 1), (2, 2)]


class FirstWords(Aligner):
    """Links first words, by the files of the text, as an aligner that is a program would."""

    def align(self, pairs, bitext):
        n_lines = len(Path(bitext.source_file).read_text("utf-8").splitlines())
        assert n_lines == len(PAIRS)
        for _ in pairs:
            yield [(0, 0)]


def links(pairs=PAIRS, *args, **options):
    return [pair.links for pair in alignfreeze.align(pairs, *args, **options)]


def test_each_pair_has_its_result_in_order():
    found = alignfreeze.align(PAIRS, dictionaries={"und": WORDS})
    assert [pair.links for pair in found] == [LINKS, [], LINKS]
    assert found[0].source == ("The", "old", "house", ".")
    assert found[1].target == ("leer",)


def test_a_dict_of_pairs_gives_a_dict():
    both = {"de": WORDS, "fr": WORDS}
    found = alignfreeze.align({"de": PAIRS, "fr": PAIRS[:1]}, dictionaries=both)
    assert {language: len(pairs) for language, pairs in found.items()} == {"de": 3, "fr": 1}


def test_any_aligner_by_its_name_or_as_an_object(cache):
    by_case = {"dictionaries": {"und": WORDS}, "aligner": DictionaryAligner(lowercase=False)}
    assert links(**by_case) == [[(1, 1), (2, 2)], [], [(1, 1), (2, 2)]]
    by_name = {**by_case, "aligner": "dictionary", "aligner_args": {"lowercase": False}}
    assert links(**by_name) == links(**by_case)
    assert links(PAIRS, FirstWords()) == [[(0, 0)], [], [(0, 0)]]
    demo = alignfreeze.load_demo(["de"], pairs=3)
    encoder = {"encoder": demo.encoder, "tokenizer": demo.tokenizer}
    pairs = demo.pairs["de"]
    assert links(pairs, **encoder) == links(pairs, "mutual", **encoder)
    assert links(pairs, **encoder) == links(pairs, "mutual", aligner_args={"model": demo.model})


@pytest.mark.parametrize(
    ("options", "error", "rule"),
    [
        ({}, ConfigError, "und: nothing says which words translate each other: give dictionaries"),
        ({"aligner": "mutual"}, ConfigError, "aligner 'mutual' needs an encoder: give encoder and"),
        ({"aligner": "mutal"}, PluginError, "no aligner 'mutal'; did you mean 'mutual'"),
        ({"encoder": object()}, ConfigError, "encoder and tokenizer must be given together"),
        (
            {"aligner": DictionaryAligner(), "aligner_args": {"lowercase": False}},
            ConfigError,
            "aligner_args must be left out with an aligner that is made",
        ),
        ({"temperature": 1}, ConfigError, "temperature is not an option of align; known: source_l"),
        ({"source_langauge": "de"}, ConfigError, "did you mean 'source_language'"),
    ],
)
def test_what_is_wrong_is_told(options, error, rule):
    with pytest.raises(error, match=rule):
        alignfreeze.align(PAIRS, **options)


def test_pairs_with_links_need_no_aligner():
    pairs = [(("a",), ("b",), [(0, 0)])]
    assert links(pairs) == [[(0, 0)]]
    with pytest.raises(ConfigError, match=r"aligner must be 'auto' where .*, got 'mutual'"):
        links(pairs, "mutual")
