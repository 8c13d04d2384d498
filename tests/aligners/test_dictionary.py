import itertools
import logging
import re
from dataclasses import replace
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.contracts import Bitext, SentencePair
from alignfreeze.contracts.registry import ALIGNER, create_plugin
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.testing.aligner import AlignerContract
from alignfreeze_aligners.dictionary import DictionaryAligner


@pytest.fixture
def bitext(tmp_path, write):
    """English and French; has both dictionaries."""
    return Bitext(
        source="en",
        target="fr",
        source_file=write("parallel/en-fr.en", "The cat sleeps .\nA dog and a cat\n\nCats!\n"),
        target_file=write("parallel/en-fr.fr", "Le chat dort .\nUn chien et un chat\n\nChats !\n"),
        forward_dictionary=write("dictionaries/en-fr.txt", "cat chat\ndog chien\nthe le\nthe la\n"),
        backward_dictionary=write("dictionaries/fr-en.txt", "dort\tsleeps\nle the\nun a\n"),
    )


def align(bitext, source: str, target: str, aligner: DictionaryAligner | None = None):
    pair = SentencePair(line=1, source=tuple(source.split()), target=tuple(target.split()))
    (alignment,) = (aligner or DictionaryAligner()).align([pair], bitext)
    return alignment


def only(path) -> Bitext:
    """A bitext that has a forward dictionary alone."""
    return Bitext("en", "fr", path, path, forward_dictionary=path)


class TestContract(AlignerContract):
    @pytest.fixture
    def aligner(self):
        return DictionaryAligner()

    @pytest.fixture
    def bitext(self, bitext):
        return bitext


def test_both_dictionaries_count(bitext):
    assert align(bitext, "the cat sleeps .", "le chat dort .") == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("removed", "links"),
    [("forward_dictionary", [(0, 0), (2, 2)]), ("backward_dictionary", [(0, 0), (1, 1)])],
)
def test_either_dictionary_will_do(bitext, removed, links):
    assert align(replace(bitext, **{removed: None}), "the cat sleeps", "le chat dort") == links


def test_forward_is_the_dictionary_with_the_source_word_first_alone(bitext):
    forward = DictionaryAligner(direction="forward")
    assert forward.inputs(bitext) == (bitext.forward_dictionary,)
    assert align(bitext, "the cat sleeps .", "le chat dort .", forward) == [(0, 0), (1, 1)]
    assert forward.notes(bitext) == {}


def test_forward_needs_that_dictionary(bitext):
    backward = replace(bitext, forward_dictionary=None)
    message = (
        r"^en-fr has no dictionary with the source word first, .* direction 'forward': looked for "
        r"dictionaries/en-fr\.txt \(MUSE format\)$"
    )
    with pytest.raises(DataError, match=message):
        align(backward, "cat", "chat", DictionaryAligner(direction="forward"))
    with pytest.raises(ConfigError, match="direction must be 'both' or 'forward', got 'backward'"):
        create_plugin(ALIGNER, "dictionary", {"direction": "backward"})


@pytest.mark.parametrize(
    ("source", "target", "links"),
    [
        ("the cat", "le la chat", [(1, 2)]),  # two candidates for "the"
        ("cat cat dog", "chat chien", [(2, 1)]),  # "cat" twice
        ("cat dog", "chat chien chat", [(1, 1)]),  # "chat" twice
        ("dog cat", "chat chien", [(0, 1), (1, 0)]),
        ("house", "maison", []),
        (".", ".", []),
    ],
)
def test_only_what_is_unambiguous_is_linked(bitext, source, target, links):
    assert align(bitext, source, target) == links


def test_a_target_word_with_two_source_candidates_is_not_linked(write):
    path = write("d.txt", "big grand\ntall grand\ntall haut\n")
    assert align(only(path), "big tall", "grand") == []
    assert align(only(path), "big tall", "grand haut") == []
    assert align(only(path), "big", "grand haut") == [(0, 0)]


def test_words_are_compared_in_lower_case(write):
    path = write("d.txt", "Cat CHAT\n")
    assert align(only(path), "CAT", "Chat") == [(0, 0)]
    exact = DictionaryAligner(lowercase=False)
    assert align(only(path), "CAT", "Chat", exact) == []
    assert align(only(path), "Cat", "CHAT", exact) == [(0, 0)]


def test_fields_are_separated_by_spaces_or_a_tab(write):
    path = write("d.txt", "a b\nc\td\ne  f \r\ng\u00a0h i\n")
    assert align(only(path), "a c e", "b d f") == [(0, 0), (1, 1), (2, 2)]
    pair = SentencePair(line=1, source=("g\u00a0h",), target=("i",))
    assert list(DictionaryAligner().align([pair], only(path))) == [[(0, 0)]]


def test_a_dictionary_is_read_once_for_all_parts_of_a_text(write, caplog):
    caplog.set_level(logging.DEBUG)
    path = write("d.txt", "cat chat\n")
    for _ in range(3):
        assert align(only(path), "cat", "chat") == [(0, 0)]
    assert caplog.messages == [f"{path}: 1 entries"]
    write("d.txt", "cat chaa\n")
    assert align(only(path), "cat", "chat") == []
    assert len(caplog.messages) == 2


def test_the_same_file_may_be_of_either_direction(write):
    path = write("d.txt", "a b\n")
    backward = Bitext("en", "fr", path, path, backward_dictionary=path)
    assert align(only(path), "a", "b") == align(backward, "b", "a") == [(0, 0)]
    assert align(only(path), "b", "a") == align(backward, "a", "b") == []


def test_multiword_entries_are_counted(write):
    path = write("d.txt", "cat chat\nhot dog hot dog\nice cream glace\n")
    assert align(only(path), "cat", "chat") == [(0, 0)]
    told = {"entries of several words in d.txt left out": 2}
    assert DictionaryAligner().notes(only(path)) == told


@pytest.mark.parametrize("bad", ["chien", "", "  ", "dog\u00a0chien"])
def test_a_line_that_is_no_entry_is_left_out_and_told(write, bad):
    path = write("d.txt", f"cat chat\n{bad}\nboth sides words\n{bad}\n")
    assert align(only(path), "cat", "chat") == [(0, 0)]
    assert DictionaryAligner().notes(only(path)) == {
        "entries of several words in d.txt left out": 1,
        "lines of d.txt left out, as they are not two words a line with a space or tab between "
        f"(the first is line 2, {bad!r})": 2,
    }


WRONG = {
    "csv of words": ["abaisser;V;FR-EN;bring", "abandon;N;FR-EN;giving up", "abattre;V;FR-EN;fell"],
    "commas": ["cat,chat", "hot dog,chien chaud", "dog, chien"],
    "quoted commas": ['"cat","chat"', '"hot dog","chien chaud"'],
    "moses": ["cat ||| chat ||| 0.5", "dog ||| chien"],
    "two colons": ["cat :: chat", "dog :: chien"],
    "arrows": ["cat -> chat", "dog => chien"],
    "colon": ["cat: chat", "dog: chien"],
    "columns": ["cat {n}\tchat {m}\tnoun\t[zool.]", "dog {n}\tchien {m}\tnoun\t"],
    "probabilities": ["cat chat 0.83", "cat chien 1.2e-05", "dog chien 1"],
    "scores": ["cat\tchat\t-0.83", "dog\tchien\t-1.5"],
    "words": ["cat", "dog"],
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_of_another_format_is_refused(write, kind):
    lines = [*WRONG[kind], "", *WRONG[kind], "cat chat", "hot dog hot dog", " "]
    n_wrong = 2 * len(WRONG[kind])
    path = write("d.txt", "".join(f"{line}\n" for line in lines))
    n_lines = n_wrong + 2
    message = (
        r"d\.txt:1: a dictionary must have two words a line with a space or tab between \(MUSE "
        rf"format\), but {n_wrong} of its {n_lines} lines have not, the first of them "
        rf"{re.escape(repr(lines[0]))}"
    )
    with pytest.raises(DataError, match=message) as caught:
        align(only(path), "cat", "chat")
    table = kind in ("probabilities", "scores", "moses")
    assert ("table of probabilities" in str(caught.value)) == table
    with pytest.raises(DataError, match=message):
        DictionaryAligner().notes(only(path))


def test_a_long_line_is_shown_shortened(write):
    with pytest.raises(DataError, match=r"the first of them '(x,){30}'…$"):
        align(only(write("d.txt", "x," * 500 + "\nb\n")), "cat", "chat")


@pytest.mark.parametrize("entry", [". .", "; ;", "| |", "1,000 1.000", "u.s. états-unis", "& et"])
def test_a_sign_may_be_an_entry(write, entry):
    path = write("d.txt", f"{entry}\r\r\n")
    assert DictionaryAligner().notes(only(path)) == {}
    assert align(only(path), *entry.split()) == [(0, 0)]


PLAIN = "eu:n eu, cel·la cell, aujourd\u2019hui today, d' of, -ing -ung, s/he er/sie, 😀 😀"
SIGNED = ";-) 😉, st: saint, x; y, N,N-di n,n-di, &amp; und, τι; what, || ।।, he|she er|sie"


@pytest.mark.parametrize("entry", [*PLAIN.split(", "), *SIGNED.split(", ")])
def test_two_words_are_an_entry_whatever_signs_they_have(write, entry):
    path = write("d.txt", f"cat chat\n{entry}\ndog chien\n")
    assert DictionaryAligner().notes(only(path)) == {}
    assert align(only(path), *entry.split()) == [(0, 0)]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("word", ["tiếng", "한국어", "été", "й"])
def test_words_are_looked_up_in_one_unicode_form(write, form, lowercase, word):
    other = "NFD" if form == "NFC" else "NFC"
    path = write("d.txt", f"tongue {normalize(form, word)}\n")
    aligner = DictionaryAligner(lowercase=lowercase)
    assert align(only(path), "tongue", normalize(other, word), aligner) == [(0, 0)]
    backward = Bitext("en", "fr", path, path, backward_dictionary=path)
    assert align(backward, normalize(other, word), "tongue", aligner) == [(0, 0)]


def test_a_word_in_two_forms_occurs_twice(write):
    path = write("d.txt", "summer été\n")
    assert align(only(path), "summer", normalize("NFC", "été")) == [(0, 0)]
    assert align(only(path), "summer", " ".join(normalize(f, "été") for f in ("NFC", "NFD"))) == []


@pytest.mark.parametrize(
    ("in_dictionary", "in_text"),
    [
        ("été", "ete"),
        ("l'an", "l\u2019an"),
        ("abc", "ａｂｃ"),
        ("strasse", "straße"),
        ("fi", "\ufb01"),
    ],
)
def test_nothing_else_is_folded(write, in_dictionary, in_text):
    path = write("d.txt", f"x {in_dictionary}\n")
    assert align(only(path), "x", in_dictionary) == [(0, 0)]
    assert align(only(path), "x", in_text) == []


def test_a_dictionary_has_usable_entries(write):
    path = write("d.txt", "hot dog hot dog\nx\n")
    message = r"no entry of two words \(1 multiword ones and 1 malformed lines are not used\)"
    with pytest.raises(DataError, match=message):
        align(only(path), "cat", "chat")


def test_a_dictionary_is_needed(write):
    path = write("t.txt", "a\n")
    aligner, bitext = DictionaryAligner(), Bitext("en", "fr", path, path)
    message = (
        r"en-fr has no dictionary: looked for dictionaries/en-fr\.txt and dictionaries/fr-en\.txt "
        r"\(MUSE format\); give one of them, or word alignments in parallel/en-fr\.align"
    )
    with pytest.raises(DataError, match=message):
        aligner.inputs(bitext)
    with pytest.raises(DataError, match=message):
        list(aligner.align([], bitext))


def test_a_dictionary_must_be_readable(tmp_path):
    with pytest.raises(DataError, match=r"gone\.txt: cannot be read: No such file"):
        align(only(tmp_path / "gone.txt"), "cat", "chat")


def test_inputs_are_the_dictionaries_that_are_there(bitext, write):
    both = (bitext.forward_dictionary, bitext.backward_dictionary)
    assert DictionaryAligner().inputs(bitext) == both
    path = write("d.txt", "a b\n")
    assert DictionaryAligner().inputs(only(path)) == (path,)


WORDS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=6)
ENTRIES = st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1)


@given(source=WORDS, target=WORDS, entries=ENTRIES)
def test_links_are_as_a_naive_loop_finds_them(tmp_path_factory, source, target, entries):
    path = tmp_path_factory.getbasetemp() / "naive.txt"
    path.write_text("".join(f"{first} {second}\n" for first, second in sorted(entries)))
    places = itertools.product(range(len(source)), range(len(target)))
    candidates = [(i, j) for i, j in places if (source[i], target[j]) in entries]
    expected = [
        (i, j)
        for i, j in candidates
        if sum(i == other for other, _ in candidates) == 1
        and sum(j == other for _, other in candidates) == 1
    ]
    pair = SentencePair(line=1, source=tuple(source), target=tuple(target))
    assert list(DictionaryAligner().align([pair], only(path))) == [expected]
