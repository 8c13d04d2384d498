import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.alignment.cleaning import (
    Cleaning,
    CorpusStats,
    count_pairs,
    mark_repeats,
    read_marks,
    sentence_pairs,
    split_words,
    text_pairs,
)
from alignfreeze.contracts import Bitext, SentencePair
from alignfreeze.errors import DataError

ANY = Cleaning(max_words=0, max_ratio=0)


def pair(n_source: int, n_target: int) -> SentencePair:
    return SentencePair(1, ("a",) * n_source, ("b",) * n_target)


@pytest.mark.parametrize(
    ("cleaning", "sides", "fault"),
    [
        (Cleaning(), (1, 9), None),
        (Cleaning(), (9, 1), None),
        (Cleaning(), (1, 10), "uneven"),
        (Cleaning(), (10, 1), "uneven"),
        (Cleaning(), (100, 100), None),
        (Cleaning(), (101, 100), "too_long"),
        (Cleaning(), (100, 101), "too_long"),
        (Cleaning(), (0, 1000), "empty"),
        (Cleaning(), (1, 0), "empty"),
        (Cleaning(), (1, 1000), "too_long"),
        (Cleaning(max_ratio=1.5), (2, 3), None),
        (Cleaning(max_ratio=1.5), (2, 4), "uneven"),
        (Cleaning(max_ratio=1), (2, 2), None),
        (ANY, (1, 1000), None),
        (ANY, (0, 0), "empty"),
    ],
)
def test_the_first_rule_that_is_broken_counts(cleaning, sides, fault):
    assert cleaning.fault(pair(*sides)) == fault


@given(
    sides=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    max_words=st.integers(0, 12),
    max_ratio=st.sampled_from([0, 1, 1.5, 2, 9]),
)
def test_faults_are_as_plain_rules_find_them(sides, max_words, max_ratio):
    kept = 0 not in sides
    for one, other in (sides, sides[::-1]):
        kept &= max_words == 0 or one <= max_words
        kept &= max_ratio == 0 or one <= other * max_ratio
    cleaning = Cleaning(max_words=max_words, max_ratio=max_ratio)
    assert (cleaning.fault(pair(*sides)) is None) == kept


def test_statistics_add_up():
    one = CorpusStats(read=3, empty=1, kept=2, links=4, too_long=1)
    other = CorpusStats(read=4, uneven=1, duplicates=3, identical=5, unaligned=1)
    assert one + other == CorpusStats(
        read=7,
        empty=1,
        unaligned=1,
        kept=2,
        identical=5,
        links=4,
        too_long=1,
        uneven=1,
        duplicates=3,
    )


def test_notes_add_up_and_are_said():
    one, other = CorpusStats(ambiguous=2, notes={"a": 1, "b": 2}), CorpusStats(notes={"b": 1000})
    both = one + other + CorpusStats(ambiguous=3)
    assert both == CorpusStats(ambiguous=5, notes={"a": 1, "b": 1002})
    assert str(both).endswith(
        "0 word links (0 identical words, 5 not one to one dropped); 1 a; 1,002 b"
    )


def test_statistics_say_only_what_there_was():
    stats = CorpusStats(read=2000, empty=1, unaligned=2, kept=1997, identical=3, links=4000)
    assert str(stats) == (
        "1,997 of 2,000 sentence pairs kept (1 empty, 2 without aligned words), "
        "4,000 word links (3 identical words dropped)"
    )
    for fault in ("too_long", "uneven", "uneven", "duplicates"):
        stats.drop(fault)
    assert "(1 empty, 1 too long, 2 uneven, 1 repeated, 2 without" in str(stats)


# Reading


@pytest.fixture
def bitext(write):
    """Seven pairs; the fourth and the last repeat the first, whatever ends their lines."""
    return Bitext(
        "en",
        "fr",
        write("t.en", "\ufeffa\nb\u2028c\x0b\n\na\na\n\ufeffa\na"),
        write("t.fr", "x\nx\n\nx\r\ny\nx\nx\n"),
    )


def test_some_lines_are_read(bitext):
    assert count_pairs(bitext) == 7
    everything = list(text_pairs(bitext, range(1, 8)))
    assert everything[:3] == [(1, "a", "x"), (2, "b\u2028c\x0b", "x"), (3, "", "")]
    for first in range(1, 8):
        for end in range(first + 1, 9):
            assert list(text_pairs(bitext, range(first, end))) == everything[first - 1 : end - 1]


def test_texts_must_not_be_empty(write):
    with pytest.raises(DataError, match=r"e\.en: the file is empty$"):
        count_pairs(Bitext("en", "fr", write("e.en", ""), write("e.fr", "")))


def test_sentence_pairs_know_their_line(bitext):
    bitext.source_file.write_text("a b c\n\nx\n")
    bitext.target_file.write_text("A B C\nvide\nX\n")
    pairs = list(sentence_pairs(bitext, "icu"))
    assert [pair.line for pair in pairs] == [1, 2, 3]
    assert (pairs[1].source, pairs[1].target) == ((), ("vide",))


def test_texts_have_the_same_number_of_lines(bitext, write):
    bitext = replace(bitext, target_file=write("short.fr", "A\nB\n"))
    with pytest.raises(DataError, match=r"short\.fr: .*, got 7 in t\.en and 2 here$"):
        next(sentence_pairs(bitext, "icu"))


# Words


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "Don't  panic, Tom!", ["Don't", "panic", ",", "Tom", "!"]),
        ("zh", "我们试试看！", ["我们", "试试看", "！"]),
        ("th", "เหลือเวลาอีก", ["เหลือ", "เวลา", "อีก"]),
        ("ja", "天気、走る。", ["天気", "、", "走る", "。"]),
        ("fr", "\u00a0oui\u202f!\u2028", ["oui", "!"]),
        ("fa", "\u200f\ufeffمی\u200cخواهم\u200b \u200c", ["می\u200cخواهم"]),
        ("en", "\x01 a\x02", ["a"]),
        ("en", "👩\u200d🔬 ❤\ufe0f", ["👩\u200d🔬", "❤\ufe0f"]),
        ("en", " \u00a0\t", []),
        ("en", "", []),
    ],
)
def test_icu_finds_words(language, text, words):
    assert split_words(text, language, "icu") == tuple(words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't  panic ,\tTom\r", ["don't", "panic", ",", "Tom"]),
        ("10\u00a0000 km", ["10\u00a0000", "km"]),
        ("東京\u3000都 です", ["東京\u3000都", "です"]),
        ("a\u2028b \u0085 c\x1cd", ["a\u2028b", "\u0085", "c\x1cd"]),
        ("\u00a0 \u3000 \u200b", []),
        (" \t \r", []),
    ],
)
def test_ascii_blanks_separate_tokens(text, words):
    assert split_words(text, "en", "whitespace") == tuple(words)


def test_words_are_as_icu_alone_finds_them():
    from icu4py.breakers import WordBreaker

    from alignfreeze.alignment.cleaning import VISIBLE

    text = "Don't\u00ad stop\u00a0\u202f10\u202f000 \x01km\u200b²\u200d👩\u200d🔬 ½\t\ufeffÅ 你好 "
    segments = (VISIBLE.search(segment) for segment in WordBreaker(text, "en"))
    assert split_words(text, "en", "icu") == tuple(match[0] for match in segments if match)


# Repeated pairs


def marks_of(bitext, n_pairs, path, **options):
    mark_repeats(bitext, n_pairs, path, **options)
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(path.name)] == [path.name]
    return read_marks(path, range(1, n_pairs + 1)).tolist()


def test_a_repeated_pair_is_marked_not_a_repeated_text(bitext, tmp_path):
    marks = marks_of(bitext, 7, tmp_path / "marks")
    assert marks == [False, False, False, True, False, False, True]
    assert read_marks(tmp_path / "marks", range(4, 6)).tolist() == [True, False]
    assert marks_of(bitext, 3, tmp_path / "few") == [False] * 3


def test_texts_are_not_run_together(write, tmp_path):
    bitext = Bitext("en", "fr", write("t.en", "ab\na\n"), write("t.fr", "c\nbc\n"))
    assert marks_of(bitext, 2, tmp_path / "marks") == [False, False]


PAIRS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1)


@given(pairs=PAIRS, bucket_pairs=st.integers(1, 12))
def test_marks_are_as_a_naive_loop_finds_them(tmp_path_factory, pairs, bucket_pairs):
    folder = tmp_path_factory.mktemp("marks")
    files = [folder / "t.en", folder / "t.fr"]
    for side, path in enumerate(files):
        path.write_text("".join(f"{pair[side]}\n" for pair in pairs))
    bitext = Bitext("en", "fr", *files)
    expected = [pair in pairs[:number] for number, pair in enumerate(pairs)]
    marks = marks_of(bitext, len(pairs), folder / "marks", bucket_pairs=bucket_pairs)
    assert marks == expected


def peak_of_marking(write, tmp_path, n_pairs: int) -> int:
    numbers = np.random.default_rng(1).integers(n_pairs, size=n_pairs)
    lines = "".join(f"{number}\n" for number in numbers)
    bitext = Bitext("en", "fr", write("n.en", lines), write("n.fr", lines))
    tracemalloc.start()
    try:
        mark_repeats(bitext, n_pairs, tmp_path / "marks", bucket_pairs=1000)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_text(write, tmp_path):
    peak_of_marking(write, tmp_path, 2000)  # what is imported on the way
    small = peak_of_marking(write, tmp_path, 10_000)
    assert peak_of_marking(write, tmp_path, 40_000) < 1.5 * small
