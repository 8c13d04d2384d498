"""The lexicon: large, many-scripted and well-formed."""

import unicodedata
from collections import Counter

import pytest

from tools.demo.lexicon import load_lexicon

UPOS_OF_CONTENT = ("NOUN", "VERB", "ADJ", "ADV", "PROPN")
FUNCTION_UPOS = ("PRON", "DET", "NUM", "ADP", "CCONJ", "SCONJ", "PART", "AUX", "INTJ", "PUNCT")


def test_it_is_as_large_as_promised() -> None:
    lexicon = load_lexicon()
    assert len(lexicon.concepts) >= 250
    assert len(lexicon.languages) >= 9
    assert lexicon.languages[0] == "en"


def test_every_part_of_speech_is_there() -> None:
    assert {c.upos for c in load_lexicon().concepts.values()} == {*UPOS_OF_CONTENT, *FUNCTION_UPOS}


def test_languages_use_at_least_four_scripts() -> None:
    lexicon = load_lexicon()
    scripts = set()
    for language in lexicon.languages:
        letters = "".join(c.words[language] for c in lexicon.concepts.values() if c.kind == "town")
        names = Counter(unicodedata.name(letter).split(" ")[0] for letter in letters)
        scripts.add(names.most_common(1)[0][0])
    assert scripts == {"LATIN", "CYRILLIC", "GREEK", "DEVANAGARI", "ARABIC", "CJK"}


def test_words_are_single_and_composed() -> None:
    for concept in load_lexicon().concepts.values():
        for word in concept.words.values():
            assert word == unicodedata.normalize("NFC", word).strip()
            assert len(word.split()) == 1


def test_content_words_exist_in_every_language() -> None:
    lexicon = load_lexicon()
    for concept in lexicon.concepts.values():
        if concept.upos in UPOS_OF_CONTENT and concept.kind != "marker":
            assert tuple(concept.words) == lexicon.languages, concept.key


def test_some_english_words_are_noun_and_verb() -> None:
    concepts = load_lexicon().concepts.values()
    nouns, verbs = ({c.words.get("en") for c in concepts if c.upos == u} for u in ("NOUN", "VERB"))
    assert len((nouns & verbs) - {None}) >= 10


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError, match="must hold a NOUN of kind 'planet'"):
        load_lexicon().of_kind("NOUN", "planet")
