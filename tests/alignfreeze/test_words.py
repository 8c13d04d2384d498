import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.words import SpecialTokens, Subwords, subwords_of, windows


def of_lengths(lengths: list[int]) -> Subwords:
    """A sentence whose words have so many subwords; ids count from 10."""
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return Subwords(ids=np.arange(10, 10 + starts[-1], dtype=np.int32), starts=starts)


def words_in(subwords: Subwords, tokenizer) -> list[str]:
    """The text of each word, put together from its subwords."""
    return [
        "".join(tokenizer.convert_ids_to_tokens(subwords.ids[begin:end].tolist())).replace("##", "")
        for begin, end in zip(subwords.starts[:-1], subwords.starts[1:], strict=True)
    ]


def test_subwords_of_keeps_words_apart(tokenizer):
    one, two = subwords_of([["I", "saw", "her"], ["don't"]], tokenizer)
    assert words_in(one, tokenizer) == ["I", "saw", "her"]
    assert one.starts.tolist() == [0, 1, 4, 7]
    assert one.n_words == 3
    assert words_in(two, tokenizer) == ["don't"]


def test_a_word_with_a_space_is_one_word(tokenizer):
    (subwords,) = subwords_of([["10 000", "a"]], tokenizer)
    assert subwords.starts.tolist() == [0, 5, 6]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["\x01"], ["[UNK]"]),
        (["\x01", "ab"], ["[UNK]", "ab"]),
        (["ab", "\x01", "\x02", "c"], ["ab", "[UNK]", "[UNK]", "c"]),
        (["ab", "c", "\x01"], ["ab", "c", "[UNK]"]),
        (["\u4e2d", "a"], ["[UNK]", "a"]),
    ],
)
def test_a_word_without_subwords_becomes_unknown(tokenizer, words, expected):
    (subwords,) = subwords_of([words], tokenizer)
    assert words_in(subwords, tokenizer) == expected


def test_subwords_of_many_sentences_come_in_chunks(tokenizer, monkeypatch):
    sentences = [["a" * length, "b"] for length in range(1, 8)]
    at_once = subwords_of(sentences, tokenizer)
    monkeypatch.setattr("alignfreeze.words.TOKENIZER_CHUNK", 3)
    in_chunks = subwords_of(sentences, tokenizer)
    assert [s.ids.tolist() for s in in_chunks] == [s.ids.tolist() for s in at_once]
    assert subwords_of([], tokenizer) == []


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(1, 12))
def test_windows_are_as_a_loop_makes_them(lengths, size):
    expected = []
    start, filled = 0, 0
    for word, length in enumerate(lengths):
        if word > start and filled + length > size:
            expected.append((start, word))
            start, filled = word, 0
        filled += length
    expected.append((start, len(lengths)))
    assert windows(of_lengths(lengths), size) == expected


def test_a_long_word_has_a_window_of_its_own():
    assert windows(of_lengths([2, 9, 2, 2]), 4) == [(0, 1), (1, 2), (2, 4)]


def test_a_window_holds_a_subword():
    with pytest.raises(ValueError, match="at least 1 subword, got 0"):
        windows(of_lengths([1]), 0)


def test_special_tokens_are_found(tokenizer):
    special = SpecialTokens.of(tokenizer)
    assert special == SpecialTokens(prefix=[2], suffix=[3])
    assert special.count == 2


def test_wrap_puts_special_tokens_around_words():
    ids, firsts = SpecialTokens(prefix=[2], suffix=[3]).wrap(of_lengths([1, 3, 2, 1]), 1, 3, 16)
    assert ids == [2, 11, 12, 13, 14, 15, 3]
    assert firsts == [1, 4]


@pytest.mark.parametrize(
    ("max_length", "ids", "firsts"),
    [
        (7, [2, 10, 11, 12, 13, 14, 3], [1, 4]),
        (6, [2, 10, 11, 12, 13, 3], [1, 4]),
        (5, [2, 10, 11, 12, 3], [1]),
        (3, [2, 10, 3], [1]),
    ],
)
def test_wrap_cuts_at_the_end(max_length, ids, firsts):
    special = SpecialTokens(prefix=[2], suffix=[3])
    assert special.wrap(of_lengths([3, 2]), 0, 2, max_length) == (ids, firsts)
