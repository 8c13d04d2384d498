import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from alignfreeze.text.words import (
    REMOVES_MARKS,
    SpecialTokens,
    Subwords,
    WordCounts,
    _textual,
    blank_ids,
    count_words,
    subwords_of,
    windows,
)


def of_lengths(lengths: list[int]) -> Subwords:
    """A sentence whose words have so many subwords, all with text; ids count from 10."""
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    ids = np.arange(10, 10 + starts[-1], dtype=np.int32)
    return Subwords(ids, starts, textual=np.ones(len(ids), dtype=np.bool_))


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
    monkeypatch.setattr("alignfreeze.text.words.TOKENIZER_CHUNK", 3)
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
    ids, places = SpecialTokens(prefix=[2], suffix=[3]).wrap(of_lengths([1, 3, 2, 1]), 1, 3, 16)
    assert ids == [2, 11, 12, 13, 14, 15, 3]
    assert places == [1, 4]


@pytest.mark.parametrize(
    ("max_length", "ids", "places"),
    [
        (7, [2, 10, 11, 12, 13, 14, 3], [1, 4]),
        (6, [2, 10, 11, 12, 13, 3], [1, 4]),
        (5, [2, 10, 11, 12, 3], [1]),
        (3, [2, 10, 3], [1]),
    ],
)
def test_wrap_cuts_at_the_end(max_length, ids, places):
    special = SpecialTokens(prefix=[2], suffix=[3])
    assert special.wrap(of_lengths([3, 2]), 0, 2, max_length) == (ids, places)


# --- the subword that stands for a word ---


def of_model(model, pre_tokenizer, decoder) -> PreTrainedTokenizerFast:
    backend = Tokenizer(model)
    backend.pre_tokenizer, backend.decoder = pre_tokenizer, decoder
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", pad_token="<pad>")


def byte_fallback() -> PreTrainedTokenizerFast:
    """SentencePiece's BPE, which spells what it does not know in bytes, as of Llama or Gemma."""
    pieces = ["<pad>", "<unk>", "▁", "h", "e", "he", "▁he", "猫"]
    pieces += [f"<0x{number:02X}>" for number in range(256)]
    model = models.BPE(
        {piece: number for number, piece in enumerate(pieces)},
        [("h", "e"), ("▁", "he")],
        unk_token="<unk>",
        byte_fallback=True,
        fuse_unk=True,
    )
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return of_model(model, pre_tokenizers.Metaspace(), decoders.Sequence(steps))


PIECES = ["<pad>", "<unk>", "▁", "▁he", "猫", "h", "e", "▁▁"]


def unigram(decoder=None, *, bytes_too=False, normalizer=None) -> PreTrainedTokenizerFast:
    """SentencePiece's unigram model, with or without bytes for what it does not know."""
    pieces = PIECES + [f"<0x{number:02X}>" for number in range(256) if bytes_too]
    scores = [(piece, -1.0 - number / 10) for number, piece in enumerate(pieces)]
    model = models.Unigram(scores, unk_id=1, byte_fallback=bytes_too)
    metaspace = None if normalizer else pre_tokenizers.Metaspace()
    tokenizer = of_model(model, metaspace, decoder)
    tokenizer.backend_tokenizer.normalizer = normalizer
    return tokenizer


def without_decoder() -> PreTrainedTokenizerFast:
    """A unigram model that cannot decode, so that ``▁`` is ``▁``."""
    return unigram()


def marks_by_normalizer() -> PreTrainedTokenizerFast:
    """The same, with marks put in by the normalizer, as Llama has it."""
    steps = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    return unigram(normalizer=normalizers.Sequence(steps))


def unigram_with_bytes() -> PreTrainedTokenizerFast:
    """A unigram model that spells what it does not know in bytes."""
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return unigram(decoders.Sequence(steps), bytes_too=True)


def bytes_without_decoder() -> PreTrainedTokenizerFast:
    return unigram(bytes_too=True)


def byte_level_without_decoder() -> PreTrainedTokenizerFast:
    tokenizer = byte_level()
    tokenizer.backend_tokenizer.decoder = None
    return tokenizer


def byte_level() -> PreTrainedTokenizerFast:
    """Byte-level BPE, as of RoBERTa and ModernBERT."""
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    # The last is the Maltese letter that looks like the mark.
    pieces = ["<pad>", "<unk>", *bytes_, "he", "Ġhe", "Äł"]
    model = models.BPE(
        {piece: number for number, piece in enumerate(pieces)},
        [("h", "e"), ("Ġ", "he"), ("Ä", "ł")],
    )
    return of_model(model, pre_tokenizers.ByteLevel(add_prefix_space=True), decoders.ByteLevel())


def word_piece() -> PreTrainedTokenizerFast:
    """WordPiece, as of BERT."""
    pieces = ["<pad>", "<unk>", "he", "##llo", "猫", "a"]
    model = models.WordPiece(
        {piece: number for number, piece in enumerate(pieces)}, unk_token="<unk>"
    )
    return of_model(model, pre_tokenizers.BertPreTokenizer(), decoders.WordPiece())


@pytest.mark.parametrize(
    ("make", "words", "expected"),
    [
        (None, ["hello", "猫", "a"], ["▁he", "猫", "▁a"]),
        (None, ["猫犬", "犬"], ["猫", "犬"]),
        (None, ["x", "猫x"], ["<unk>", "猫"]),
        (byte_fallback, ["he", "猫", "h"], ["▁he", "猫", "h"]),
        (byte_fallback, ["犬", "he"], ["<0xE7>", "▁he"]),
        (byte_level, ["he", "h", "猫", "Ġ"], ["Ġhe", "h", "ç", "Äł"]),
        (byte_level_without_decoder, ["he", "h", "猫"], ["Ġhe", "h", "ç"]),
        (without_decoder, ["he", "猫", "h", "犬"], ["▁he", "猫", "h", "<unk>"]),
        (marks_by_normalizer, ["he", "猫", "h"], ["▁he", "猫", "h"]),
        (unigram_with_bytes, ["he", "猫", "h", "犬"], ["▁he", "猫", "h", "<0xE7>"]),
        (bytes_without_decoder, ["he", "猫", "h", "犬"], ["▁he", "猫", "h", "<0xE7>"]),
        (word_piece, ["hello", "猫", "犬", "a"], ["he", "猫", "<unk>", "a"]),
    ],
)
def test_the_first_subword_with_text_stands_for_a_word(sentencepiece, make, words, expected):
    tokenizer = make() if make else sentencepiece
    (subwords,) = subwords_of([words], tokenizer)
    found = subwords.ids[subwords.representatives].tolist()
    assert tokenizer.convert_ids_to_tokens(found) == expected
    ids, places = SpecialTokens(prefix=[0], suffix=[0]).wrap(subwords, 0, len(words), 100)
    assert [ids[place] for place in places] == found


@pytest.mark.parametrize(
    ("make", "marks"),
    [
        (without_decoder, ["▁", "▁▁"]),
        (marks_by_normalizer, ["▁", "▁▁"]),
        (bytes_without_decoder, ["▁", "▁▁"]),
        (byte_level_without_decoder, ["Ġ"]),
        (word_piece, []),
    ],
)
def test_marks_and_nothing_else_are_blank(make, marks):
    tokenizer = make()
    blank = np.flatnonzero(blank_ids(tokenizer)).tolist()
    assert tokenizer.convert_ids_to_tokens(blank) == marks


def test_the_mark_itself_is_read(sentencepiece):
    (subwords,) = subwords_of([["猫", "a"]], sentencepiece)
    assert sentencepiece.convert_ids_to_tokens(subwords.ids.tolist()) == ["▁", "猫", "▁a"]
    assert subwords.textual.tolist() == [False, True, True]


def test_the_mark_is_left_out_where_the_tokenizer_says_so(sentencepiece, monkeypatch):
    monkeypatch.setattr(sentencepiece, REMOVES_MARKS, True, raising=False)
    (subwords,) = subwords_of([["猫", "a", "▁", "猫犬"]], sentencepiece)
    read = sentencepiece.convert_ids_to_tokens(subwords.ids.tolist())
    assert read == ["猫", "▁a", "▁", "猫", "犬"]
    assert subwords.starts.tolist() == [0, 1, 2, 3, 5]
    assert subwords.representatives.tolist() == [0, 1, 2, 3]


def test_of_a_word_without_text_the_first_subword_stands_for_it(sentencepiece):
    (subwords,) = subwords_of([["▁", "a"]], sentencepiece)
    assert subwords.textual[subwords.representatives].all()
    assert subwords.representatives[0] == 0
    (nothing,) = subwords_of([[]], sentencepiece)
    assert nothing.representatives.tolist() == []


def test_of_a_word_that_begins_unknown_the_unknown_token_stands_for_it(sentencepiece):
    (subwords,) = subwords_of([["x猫", "猫x"]], sentencepiece)
    read = sentencepiece.convert_ids_to_tokens(subwords.ids.tolist())
    assert read == ["▁", "<unk>", "猫", "▁", "猫", "<unk>"]
    assert subwords.representatives.tolist() == [1, 4]


UNKNOWN = 9


def ten_subwords(**special):
    """A tokenizer whose id 0 is a bare mark."""
    vocabulary = {token: number for number, token in enumerate(["▁", *"abcdefgh", "<unk>"])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **special)


COUNTED, NO_UNKNOWN = ten_subwords(unk_token="<unk>", sep_token="a"), ten_subwords()


@given(
    st.lists(st.lists(st.sampled_from([0, 2, UNKNOWN]), min_size=1, max_size=4), max_size=6),
    st.integers(2, 12),
)
def test_words_are_counted_as_a_loop_counts_them(words, max_length):
    """0 is a mark, and special tokens are 1."""
    ids = np.array([number for word in words for number in word], dtype=np.int32)
    starts = np.concatenate(([0], np.cumsum([len(word) for word in words]))).astype(np.int32)
    subwords = Subwords(ids, starts, _textual(ids == 0, starts))
    read, places = SpecialTokens(prefix=[1], suffix=[1]).wrap(subwords, 0, len(words), max_length)
    kinds = ("unknown", "partly_unknown", "textless", "cut", "subwords")
    expected = dict.fromkeys(kinds, 0)
    begin = 0
    for word in words:
        first = next((n for n, number in enumerate(word) if number), 0)
        within = word[: max(0, max_length - 2 - begin)]
        expected["cut"] += first >= len(within)
        expected["subwords"] += len(within)
        expected["textless"] += first < len(within) and word[first] == 0
        expected["unknown"] += first < len(within) and word[first] == UNKNOWN
        expected["partly_unknown"] += UNKNOWN in within
        begin += len(word)
    arrays = np.array(read), np.array(places, dtype=np.int64)
    found = count_words(*arrays, n_words=len(words), tokenizer=COUNTED)
    assert found == WordCounts(len(words), **expected)
    assert count_words(*arrays, n_words=9, tokenizer=NO_UNKNOWN)[1:3] == (0, 0)


def test_a_word_cut_before_its_representative_is_left_out(sentencepiece):
    (subwords,) = subwords_of([["a", "猫"]], sentencepiece)
    special = SpecialTokens(prefix=[0], suffix=[0])
    assert special.wrap(subwords, 0, 2, 5)[1] == [1, 3]
    assert special.wrap(subwords, 0, 2, 4) == ([0, 6, 4, 0], [1])


@given(
    st.lists(st.lists(st.booleans(), min_size=1, max_size=5), min_size=1, max_size=9),
)
def test_representatives_are_as_a_loop_finds_them(words):
    blank = np.array([mark for word in words for mark in word])
    starts = np.concatenate(([0], np.cumsum([len(word) for word in words]))).astype(np.int32)
    found = Subwords(np.arange(len(blank)), starts, _textual(blank, starts)).representatives
    expected = []
    for begin, word in zip(starts.tolist(), words, strict=False):
        expected.append(begin + (word.index(False) if False in word else 0))
    assert found.tolist() == expected
