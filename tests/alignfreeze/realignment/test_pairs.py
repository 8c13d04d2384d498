import logging
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from threading import Barrier, get_ident
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from alignfreeze.alignment.corpus import CorpusJob, aligned_corpus
from alignfreeze.contracts import Bitext
from alignfreeze.realignment.pairs import (
    EncodedPair,
    EncodedSide,
    PairStream,
    collate_pairs,
    encoded_pairs,
    pairs_drawn,
)
from alignfreeze.text.words import WordCounts
from alignfreeze.training.orders import MixedOrder
from alignfreeze_aligners.pharaoh import PharaohAligner

PADDING = 0


def side(words: list[int], first_id: int = 3) -> EncodedSide:
    """A sentence whose words have so many subwords, between two special tokens."""
    n_subwords = sum(words) + 2
    starts = np.cumsum([1, *words[:-1]]) if words else []
    return EncodedSide(
        input_ids=np.arange(first_id, first_id + n_subwords, dtype=np.int32),
        places=np.array(starts, dtype=np.int32),
        n_words=len(words),
    )


def pair(source: list[int], target: list[int], links) -> EncodedPair:
    table = np.array(links, dtype=np.int64).reshape(-1, 2)
    return EncodedPair(side(source), side(target, 30), table)


PAIRS = [
    pair([1, 2, 1], [2, 1], [(0, 1), (2, 0)]),
    pair([1], [1, 1, 4], [(0, 2)]),
    pair([3, 1], [1], []),
    pair([1, 1, 1, 1], [1, 1, 1, 1], [(0, 0), (1, 3), (3, 1)]),
]


def naive(pairs) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Rows and columns of all words, and the pairs of rows that translate each other."""
    sides = [p.source for p in pairs] + [p.target for p in pairs]
    words = {}
    for row, one in enumerate(sides):
        for word, column in enumerate(one.places.tolist()):
            words[row, word] = (len(words), (row, column))
    positives = []
    for number, p in enumerate(pairs):
        for source, target in p.links.tolist():
            a, b = words[number, source][0], words[len(pairs) + number, target][0]
            positives += [(a, b), (b, a)]
    return [place for _, place in words.values()], positives


# Collation


def test_collation_equals_a_naive_loop():
    batch = collate_pairs(PAIRS, PADDING)
    places, positives = naive(PAIRS)
    rows, longest = batch.input_ids.shape
    sides = [p.source for p in PAIRS] + [p.target for p in PAIRS]
    assert (rows, longest) == (8, 8)
    for row, one in enumerate(sides):
        length = len(one.input_ids)
        assert batch.input_ids[row].tolist() == [*one.input_ids, *[PADDING] * (longest - length)]
        assert batch.attention_mask[row].tolist() == [1] * length + [0] * (longest - length)
    assert [divmod(position, longest) for position in batch.word_positions.tolist()] == places
    found = zip(batch.anchors.tolist(), batch.positives.tolist(), strict=True)
    assert sorted(found) == sorted(positives)


def test_every_aligned_word_is_an_anchor_once():
    batch = collate_pairs(PAIRS, PADDING)
    n_links = sum(len(p.links) for p in PAIRS)
    assert batch.weight == 2 * n_links == len(set(batch.anchors.tolist()))
    assert batch.size == len(PAIRS)


def test_positives_go_both_ways():
    batch = collate_pairs(PAIRS, PADDING)
    there = dict(zip(batch.anchors.tolist(), batch.positives.tolist(), strict=True))
    assert all(there[there[word]] == word for word in there)


def test_no_link_is_no_weight():
    batch = collate_pairs([PAIRS[2]], PADDING)
    assert batch.weight == 0
    assert batch.anchors.dtype == torch.int64
    assert len(batch.word_positions) == 3


def test_a_batch_moves_to_a_device_whole():
    moved = collate_pairs(PAIRS, PADDING).to(torch.device("meta"))
    tensors = [value for value in vars(moved).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) == 6
    assert {tensor.device.type for tensor in tensors} == {"meta"}


# Streams

LANGUAGES = ("fr", "de")


@pytest.fixture
def corpora(write, tmp_path):
    """A corpus of 90 and one of 30 sentence pairs of 2 to 8 words, aligned in reverse.

    A word of four letters is translated by one of six.
    """
    random = np.random.default_rng(0)
    result = []
    for language, n in zip(LANGUAGES, (90, 30), strict=True):
        source, target, links = "", "", ""
        for _ in range(n):
            words = ["".join(random.choice(list("abcde"), 4)) for _ in range(random.integers(2, 9))]
            source += " ".join(words) + "\n"
            target += " ".join(f"{word.upper()}XX" for word in reversed(words)) + "\n"
            links += " ".join(f"{k}-{len(words) - 1 - k}" for k in range(len(words))) + "\n"
        bitext = Bitext(
            source="en",
            target=language,
            source_file=write(f"en-{language}.en", source),
            target_file=write(f"en-{language}.{language}", target),
            alignment_file=write(f"en-{language}.align", links),
        )
        result.append(aligned_corpus(CorpusJob(bitext, PharaohAligner(), "pharaoh", "1"), tmp_path))
    return result


class CountingTokenizer:
    """A tokenizer that remembers the sentences that it was given."""

    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer
        self.sentences: list[tuple[str, ...]] = []

    def __call__(self, text, **options):
        if options.get("is_split_into_words"):
            self.sentences += [tuple(sentence) for sentence in text]
        return self.tokenizer(text, **options)

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)


def stream(corpora, tokenizer, *, max_length=96, mix="proportional", seed=0) -> PairStream:
    return PairStream(corpora, tokenizer, batch_size=4, max_length=max_length, mix=mix, seed=seed)


def sentences(batch, tokenizer) -> list[tuple[str, str]]:
    """The text of each sentence pair of a batch."""
    texts = tokenizer.batch_decode(batch.input_ids, skip_special_tokens=True)
    return list(zip(texts[: batch.size], texts[batch.size :], strict=True))


def test_batches_hold_the_pairs_and_their_words(corpora, tokenizer):
    batch = next(stream(corpora, tokenizer).batches(0))
    longest = batch.input_ids.shape[1]
    words = {}
    for word, position in enumerate(batch.word_positions.tolist()):
        row, column = divmod(position, longest)
        ids = batch.input_ids[row, column : column + 4].tolist()
        letters = "".join(tokenizer.convert_ids_to_tokens(ids))
        words[word] = (row, letters.replace("##", ""))
    assert batch.weight == len(words) > 0
    for anchor, positive in zip(batch.anchors.tolist(), batch.positives.tolist(), strict=True):
        (row, text), (other_row, translation) = words[anchor], words[positive]
        assert abs(row - other_row) == batch.size
        assert text.swapcase() == translation


def test_every_pair_comes_once_in_a_pass(corpora, tokenizer):
    batches = islice(stream(corpora, tokenizer).batches(0), 30)
    found = [text for batch in batches for text in sentences(batch, tokenizer)]
    assert len(found) == len(set(found)) == 120


def test_a_pair_is_not_repeated_within_a_batch(corpora, tokenizer):
    batches = islice(stream(corpora[1:], tokenizer).batches(0), 100)
    for batch in batches:
        texts = sentences(batch, tokenizer)
        assert len(texts) == len(set(texts))


@pytest.mark.parametrize("mix", ["proportional", "uniform"])
def test_nothing_is_tokenized_twice(corpora, tokenizer, mix):
    counting = CountingTokenizer(tokenizer)
    batches = stream(corpora, counting, mix=mix).batches(0)
    assert counting.sentences == []
    next(batches)
    assert len(counting.sentences) == len(set(counting.sentences)) <= 240
    list(islice(batches, 200))
    everything = [row for corpus in corpora for row in corpus.rows(range(len(corpus)))]
    texts = chain.from_iterable((tuple(row.source), tuple(row.target)) for row in everything)
    assert sorted(counting.sentences) == sorted(texts)


def test_a_stream_entered_late_tokenizes_no_more_than_it_needs(corpora, tokenizer):
    counting = CountingTokenizer(tokenizer)
    list(islice(stream(corpora, counting).batches(10**5), 3))
    assert 0 < len(counting.sentences) <= 240


@pytest.mark.parametrize("start", [1, 63, 64, 65, 130])
@pytest.mark.parametrize("mix", ["proportional", "uniform"])
def test_a_stream_can_be_entered_anywhere(corpora, tokenizer, start, mix):
    whole = stream(corpora, tokenizer, mix=mix).batches(0)
    expected = list(islice(whole, start, start + 66))
    found = list(islice(stream(corpora, tokenizer, mix=mix).batches(start), 66))
    for one, other in zip(found, expected, strict=True):
        for name, value in vars(one).items():
            expected_value = getattr(other, name)
            if isinstance(value, torch.Tensor):
                same = torch.equal(value, expected_value)
            else:
                same = value == expected_value
            assert same, name


def test_the_stream_is_the_seeds(corpora, tokenizer):
    one, again, other = (
        next(stream(corpora, tokenizer, seed=seed).batches(0)).input_ids for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert one.shape != other.shape or not torch.equal(one, other)


@pytest.mark.parametrize(("mix", "share"), [("uniform", 0.5), ("proportional", 0.25)])
def test_languages_have_their_share(corpora, tokenizer, mix, share):
    smaller = {"".join(row.source) for row in corpora[1].rows(range(30))}
    batches = islice(stream(corpora, tokenizer, mix=mix).batches(0), 64)
    found = [source for batch in batches for source, _ in sentences(batch, tokenizer)]
    n_smaller = sum(text.replace(" ", "").replace("##", "") in smaller for text in found)
    assert n_smaller / len(found) == pytest.approx(share, abs=0.05)


# Truncation


def test_a_long_pair_loses_words_and_their_links(corpora, tokenizer):
    whole, cut = (stream(corpora[:1], tokenizer, max_length=n) for n in (96, 14))
    n_whole, n_cut = (
        [batch.weight for batch in islice(one.batches(0), 64)] for one in (whole, cut)
    )
    rows = corpora[0].rows(range(90))
    # 14 subwords are 2 special tokens and 3 words of 4 letters, or 2 of 6.
    assert sum(n_cut) < sum(n_whole)
    n_words = sum(len(row.source) for row in rows)
    assert whole.word_counts(64) == {
        "en": WordCounts(n_words, 0, 0, cut=0, subwords=4 * n_words),
        "fr": WordCounts(n_words, 0, 0, cut=0, subwords=6 * n_words),
    }
    sources, targets = ([len(getattr(row, own)) for row in rows] for own in ("source", "target"))
    assert cut.word_counts(64) == {
        "en": WordCounts(
            n_words,
            0,
            0,
            cut=sum(max(0, length - 3) for length in sources),
            subwords=sum(min(12, 4 * length) for length in sources),
        ),
        "fr": WordCounts(
            n_words,
            0,
            0,
            cut=sum(max(0, length - 2) for length in targets),
            subwords=sum(min(12, 6 * length) for length in targets),
        ),
    }


@pytest.mark.parametrize("mix", ["proportional", "uniform"])
def test_the_pairs_that_are_drawn_are_counted_as_a_loop_counts_them(corpora, mix):
    seen = {"fr": set(), "de": set()}
    order = MixedOrder([len(corpus) for corpus in corpora], mix, 7)
    for number, row in order.take(100).places:
        seen[LANGUAGES[number]].add(row)
    found = pairs_drawn(corpora, 100, mix=mix, seed=7)
    assert found == {language: len(own) for language, own in seen.items()}
    assert sum(found.values()) <= 100
    assert pairs_drawn(corpora, 9_999, mix=mix, seed=7) == {"fr": 90, "de": 30}
    assert pairs_drawn(corpora, 0, mix=mix, seed=7) == {"fr": 0, "de": 0}


def test_words_are_counted_in_the_pairs_that_are_drawn_first(corpora, tokenizer, monkeypatch):
    monkeypatch.setattr("alignfreeze.realignment.pairs.COUNTED_PAIRS", 10)
    counting = CountingTokenizer(tokenizer)
    counts = stream(corpora, counting).word_counts(64)
    assert len(counting.sentences) == 20
    assert counts["en"].words == sum(map(len, counting.sentences)) / 2


def test_unknown_words_are_counted(write, tmp_path, tokenizer):
    bitext = Bitext(
        source="en",
        target="xx",
        source_file=write("en-xx.en", "a b c\n"),
        target_file=write("en-xx.xx", "d 猫 犬 e\n"),
        alignment_file=write("en-xx.align", "0-0\n"),
    )
    corpus = aligned_corpus(CorpusJob(bitext, PharaohAligner(), "pharaoh", "1"), tmp_path / "cache")
    counts = stream([corpus], tokenizer).word_counts(1)
    assert counts == {
        "en": WordCounts(3, 0, 0, subwords=3),
        "xx": WordCounts(4, unknown=2, partly_unknown=2, subwords=4),
    }
    assert counts["xx"].shares == {
        "unknown": 0.5,
        "partly_unknown": 0.5,
        "textless": 0.0,
        "cut": 0.0,
    }


def test_a_pairs_words_are_where_their_text_begins(write, tmp_path, sentencepiece):
    """Places counted by hand: a bare mark before a word is not the word."""
    bitext = Bitext(
        source="en",
        target="zh",
        source_file=write("en-zh.en", "hello 猫 a\n"),
        target_file=write("en-zh.zh", "猫犬 a hello\n"),
        alignment_file=write("en-zh.align", "0-1 1-0\n"),
    )
    corpus = aligned_corpus(CorpusJob(bitext, PharaohAligner(), "pharaoh", "1"), tmp_path / "cache")
    (pair,) = stream([corpus], sentencepiece).encode([(0, 0)])
    read = [
        sentencepiece.convert_ids_to_tokens(side.input_ids.tolist())
        for side in (pair.source, pair.target)
    ]
    assert read == [
        ["<s>", "▁he", "llo", "▁", "猫", "▁a", "</s>"],
        ["<s>", "▁", "猫", "犬", "▁a", "▁he", "llo", "</s>"],
    ]
    assert pair.source.places.tolist() == [1, 4, 5]
    assert pair.target.places.tolist() == [2, 4, 5]
    batch = collate_pairs([pair], PADDING)
    assert batch.word_positions.tolist() == [1, 4, 5, 8 + 2, 8 + 4, 8 + 5]
    # The first word with the second of the other side, and the second with the first.
    assert batch.anchors.tolist() == [0, 1, 4, 3]
    assert batch.positives.tolist() == [4, 3, 0, 1]


def test_links_to_lost_words_are_dropped(corpora, tokenizer):
    corpus = corpora[0]
    batch = next(
        PairStream(
            [corpus], tokenizer, batch_size=len(corpus), max_length=14, mix="uniform", seed=0
        ).batches(0)
    )
    expected = sum(s < 3 and t < 2 for row in corpus.rows(range(90)) for s, t in row.alignment)
    assert batch.size == 90
    assert batch.input_ids.shape[1] == 14
    assert batch.weight == 2 * expected > 0
    rows = batch.word_positions // 14
    assert ((rows[batch.anchors] - rows[batch.positives]).abs() == batch.size).all()


def test_batches_without_a_link_are_counted(corpora, tokenizer):
    one = stream(corpora, tokenizer, max_length=6)
    batches = list(islice(one.batches(0), 64))
    assert one.empty_batches == sum(batch.weight == 0 for batch in batches) > 0


def test_the_vocabulary_is_that_of_the_batches_that_will_come(corpora, tokenizer):
    for n_batches in (1, 64, 70):
        one = stream(corpora, tokenizer)
        ids = one.vocabulary(n_batches)
        found = torch.cat([b.input_ids.flatten() for b in islice(one.batches(0), n_batches)])
        assert set(found.tolist()) <= set(ids.tolist())
        assert ids.tolist() == sorted(set(ids.tolist()))


def test_processes_tokenize_a_part_each_before_the_first_step(corpora, tokenizer, monkeypatch):
    alone = stream(corpora, tokenizer)
    expected = alone.vocabulary(70).tolist(), alone.word_counts(70)
    barrier, parts, tokenized = Barrier(2), {}, {}

    def gathered(own):
        parts[get_ident()] = own
        barrier.wait(60)
        found = [part for both in parts.values() for part in both]
        barrier.wait(60)
        return found

    def counted(pairs, *others):
        tokenized[get_ident()] = tokenized.get(get_ident(), 0) + len(pairs)
        return encoded_pairs(pairs, *others)

    monkeypatch.setattr("alignfreeze.realignment.pairs.gather_object", gathered)
    monkeypatch.setattr("alignfreeze.realignment.pairs.encoded_pairs", counted)

    def found_by(rank: int):
        own = stream(corpora, tokenizer)
        own.processes = SimpleNamespace(num_processes=2, process_index=rank)
        return own.vocabulary(70).tolist(), own.word_counts(70)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(found_by, range(2))) == [expected, expected]
    one, other = tokenized.values()
    assert abs(one - other) <= 1
    assert one + other == len(alone.remembered)


def test_too_many_pairs_have_no_vocabulary(corpora, tokenizer, monkeypatch, caplog):
    monkeypatch.setattr("alignfreeze.realignment.pairs.REMEMBERED_PAIRS", 10)
    with caplog.at_level(logging.INFO, logger="alignfreeze.realignment.pairs"):
        assert stream(corpora, tokenizer).vocabulary(64) is None
    assert "all embedding rows are trained" in caplog.text
