import pytest

from alignfreeze.api.sentences import bitext_of, sentences_of
from alignfreeze.errors import ConfigError, DataError

HOUSE = ("a house", "ein Haus")
WORDS = (["a", "house"], ["ein", "Haus"])


def test_pairs_of_one_language_and_of_several():
    (alone,) = sentences_of([HOUSE, list(WORDS)])
    assert alone.language == "und"
    assert alone.links is None
    assert alone.sides == [HOUSE, (("a", "house"), ("ein", "Haus"))]
    several = sentences_of({"de": iter([HOUSE]), "fr": [(*WORDS, [(0, 0), [1, 1]])]})
    assert [sentences.language for sentences in several] == ["de", "fr"]
    assert several[1].links == [[(0, 0), (1, 1)]]


def test_texts_are_split_and_words_are_not():
    (sentences,) = sentences_of({"de": [("New York!", ["New York", "!"]), HOUSE, HOUSE]})
    by_icu = list(sentences.split("en", "icu"))
    assert by_icu[0][0].source == ("New", "York", "!")
    assert by_icu[0][0].target == ("New York", "!")
    assert [repeats for _, repeats in by_icu] == [False, False, True]
    assert next(sentences.split("en", "whitespace"))[0].source == ("New", "York!")


@pytest.mark.parametrize(
    ("pairs", "rule"),
    [
        ("a house", "pairs must be a list of sentence pairs, got 'a house'"),
        (7, "pairs must be a list of sentence pairs, got 7"),
        ([], "pairs must hold sentence pairs, and is empty"),
        ({}, "pairs must hold sentence pairs of a language, got an empty dict"),
        ({"de": []}, r"pairs\['de'\] must hold sentence pairs, and is empty"),
        ({7: [HOUSE]}, "pairs must be by codes of languages, got 7"),
        ([HOUSE, "ab"], r"pairs\[1\] must be \(source, target\), or .*, got 'ab'"),
        ([HOUSE, ("a",)], r"pairs\[1\] must be \(source, target\)"),
        ([{"en": "a", "de": "b"}], r"pairs\[0\] must be \(source, target\)"),
        ({"de": [("a", 7)]}, r"pairs\['de'\]\[0\]: its target must be a text, or a list of words"),
        ([(["a", ""], "b")], r"pairs\[0\]: its source must be a text, or a list of words"),
        ([("a", "b\ud800")], r"pairs\[0\]: its target has half a character"),
        ([(*HOUSE, [(0, 0)])], r"pairs\[0\] must be in words, which its links count"),
        ([WORDS, (*WORDS, [])], "pairs must have links in all pairs or in none, and 0 has none"),
        ([(*WORDS, [(0, 2)])], r"pairs\[0\]: its links must be within 2 .* and 2 .*got \(0, 2\)"),
        ([(*WORDS, [(-1, 0)])], r"got \(-1, 0\)"),
        ([(*WORDS, [(0.5, 0)])], r"its links must be pairs of word numbers, got \[\(0.5, 0\)\]"),
        ([(*WORDS, [("0", "0")])], "its links must be pairs of word numbers"),
        ([(*WORDS, [(True, 0)])], "its links must be pairs of word numbers"),
        ([(*WORDS, [0, 1])], "its links must be pairs of word numbers"),
        ([(*WORDS, "0-0")], "its links must be pairs of word numbers, got '0-0'"),
    ],
)
def test_what_is_no_sentence_pair_is_told_with_its_place(pairs, rule):
    with pytest.raises(DataError, match=rule):
        sentences_of(pairs)


def test_an_aligner_finds_files_of_the_texts(tmp_path):
    (sentences,) = sentences_of({"de": [("two\nlines", ["zwei", "Zeilen"]), HOUSE]})
    bitext = bitext_of(sentences, "en", None, tmp_path)
    assert bitext.source_file.read_text("utf-8") == "two lines\na house\n"
    assert bitext.target_file.read_text("utf-8") == "zwei Zeilen\nein Haus\n"
    assert bitext.forward_dictionary is bitext.backward_dictionary is None


def test_dictionaries_are_a_folder_files_or_word_pairs(tmp_path):
    folder = tmp_path / "muse"
    folder.mkdir()
    (folder / "de-en.txt").write_text("Haus house\n", "utf-8")
    (sentences,) = sentences_of({"de": [HOUSE]})

    def found(dictionaries):
        bitext = bitext_of(sentences, "en", dictionaries, tmp_path)
        return bitext.forward_dictionary, bitext.backward_dictionary

    assert found(str(folder)) == (None, folder / "de-en.txt")
    assert found({"de": folder / "de-en.txt"}) == (folder / "de-en.txt", None)
    assert found({"fr": folder / "de-en.txt"}) == (None, None)
    for entries in ({"house": "Haus"}, [("house", "Haus")]):
        forward, backward = found({"de": entries})
        assert backward is None
        assert forward.read_text("utf-8") == "house\tHaus\n"


@pytest.mark.parametrize(
    ("dictionaries", "error", "rule"),
    [
        ("nowhere", ConfigError, "dictionaries must be a folder, and there is none nowhere"),
        ([("a", "b")], ConfigError, "dictionaries must be a folder, or files or word pairs by"),
        ({"de": "nowhere.txt"}, ConfigError, r"dictionaries\['de'\] must be a file, and there is"),
        ({"de": [("a", 7)]}, DataError, r"dictionaries\['de'\] must hold pairs of words, .*'a', 7"),
        ({"de": {}}, DataError, r"dictionaries\['de'\] must hold pairs of words, and is empty"),
        ({"de": ["ab"]}, DataError, "must hold pairs of words, source first, got 'ab'"),
    ],
)
def test_what_is_no_dictionary_is_told(dictionaries, error, rule, tmp_path):
    (sentences,) = sentences_of({"de": [HOUSE]})
    with pytest.raises(error, match=rule):
        bitext_of(sentences, "en", dictionaries, tmp_path)
