from collections import Counter
from functools import partial
from itertools import chain, islice, pairwise

import numpy as np
import pytest
import torch

from alignfreeze.contracts import Feature
from alignfreeze.text.words import IGNORED_LABEL
from alignfreeze.training.batches import (
    FeatureStream,
    batches_by_length,
    bucketed,
    collate_features,
    padded,
    rounds,
)
from alignfreeze.training.bunches import LayerCost
from alignfreeze.training.packing import in_one_row

PADDING = 9


def tagged(length: int, example: int = 0) -> Feature:
    """A row whose first and last subword have no label."""
    ids = [example + 10, *range(20, 20 + length - 1)]
    labels = [IGNORED_LABEL, *range(length - 2), IGNORED_LABEL]
    return Feature(input_ids=ids, targets={"labels": labels}, example=example)


def tagged_rows(n: int, seed: int = 0) -> list[Feature]:
    lengths = np.random.default_rng(seed).integers(2, 40, n).tolist()
    return [tagged(length, example) for example, length in enumerate(lengths)]


def stream(features, *, batch_size=4, seed=0) -> FeatureStream:
    return FeatureStream(features, batch_size=batch_size, padding=PADDING, seed=seed)


def rows_of(batches) -> list[list[int]]:
    return [batch.rows.tolist() for batch in batches]


# Collation


def test_padded_equals_a_naive_loop():
    values = [[1, 2], [3], [], [4, 5, 6]]
    expected = [[row[k] if k < len(row) else 7 for k in range(4)] for row in values]
    table = padded(values, 4, 7)
    assert table.tolist() == expected
    assert table.dtype == torch.int64


def test_collation_equals_a_naive_loop():
    features = tagged_rows(12)
    rows = np.array([5, 0, 11, 5])
    batch = collate_features(features, rows, PADDING)
    longest = max(len(features[row].input_ids) for row in rows)
    for place, row in enumerate(rows):
        feature = features[row]
        for k in range(longest):
            inside = k < len(feature.input_ids)
            ids, mask = batch.inputs["input_ids"], batch.inputs["attention_mask"]
            assert ids[place, k] == (feature.input_ids[k] if inside else PADDING)
            assert mask[place, k] == int(inside)
            label = feature.targets["labels"][k] if inside else IGNORED_LABEL
            assert batch.targets["labels"][place, k] == label
    assert batch.inputs.keys() == {"input_ids", "attention_mask"}
    assert all(t.shape == (4, longest) for t in [*batch.inputs.values(), *batch.targets.values()])
    assert batch.rows.tolist() == [5, 0, 11, 5]
    assert batch.size == 4


def test_further_inputs_are_padded_with_0():
    features = [
        Feature([1, 2, 3], {"labels": 0}, 0, {"token_type_ids": [0, 1, 1]}),
        Feature([1], {"labels": 1}, 1, {"token_type_ids": [1]}),
    ]
    batch = collate_features(features, np.array([1, 0]), PADDING)
    assert batch.inputs["token_type_ids"].tolist() == [[1, 0, 0], [0, 1, 1]]


def test_one_target_a_row_stays_one():
    features = [Feature([1] * n, {"start_positions": n, "end_positions": 0}, 0) for n in (3, 1, 2)]
    batch = collate_features(features, np.array([2, 0]), PADDING)
    assert batch.targets["start_positions"].tolist() == [2, 3]
    assert batch.targets["end_positions"].tolist() == [0, 0]


def test_the_weight_is_the_labels_that_count():
    features = [tagged(5), tagged(2), tagged(9)]
    assert collate_features(features, np.array([0, 1, 2]), PADDING).weight == 3 + 0 + 7
    assert collate_features(features, np.array([1]), PADDING).weight == 0


def test_the_weight_of_one_target_a_row_is_the_rows():
    features = [Feature([1] * n, {"labels": 0}, 0) for n in (3, 1, 2)]
    assert collate_features(features, np.array([0, 2]), PADDING).weight == 2


def test_a_batch_moves_to_a_device_whole():
    batch = collate_features(tagged_rows(3), np.array([0, 1]), PADDING)
    moved = batch.to(torch.device("meta"))
    tensors = [*moved.inputs.values(), *moved.targets.values()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert (moved.weight, moved.size) == (batch.weight, batch.size)
    assert moved.rows is batch.rows


# Orders


def test_rounds_count_the_epochs_of_each_corpus_from_where_the_buffer_begins():
    keys = [(0, 4), (1, 0), (0, 4), (0, 5), (1, 0), (2, 7), (0, 6), (1, 1), (2, 8)]
    assert rounds(*np.array(keys).T).tolist() == [0, 0, 0, 1, 0, 0, 2, 1, 1]


def test_buckets_hold_every_row_once_and_similar_lengths():
    random = np.random.default_rng(0)
    lengths = random.integers(1, 100, 83)
    batches = bucketed(lengths, np.zeros(83, dtype=np.int64), 8, random)
    assert sorted(chain(*batches)) == list(range(83))
    assert sorted(map(len, batches)) == [3] + [8] * 10
    spans = sorted((lengths[batch].min(), lengths[batch].max()) for batch in batches)
    assert all(high <= low for (_, high), (low, _) in pairwise(spans))
    assert [lengths[batch].min() for batch in batches] != [low for low, _ in spans]


def test_buckets_keep_rounds_apart():
    keys = [*range(20), *range(20), *range(20)]
    lengths = np.array([key % 7 for key in keys])
    numbers = np.repeat(np.arange(3), 20)
    batches = bucketed(lengths, numbers, 5, np.random.default_rng(0))
    found = [[keys[row] for row in batch] for batch in batches]
    assert [sorted(chain(*found[i : i + 4])) for i in (0, 4, 8)] == [list(range(20))] * 3


def epoch_by_epoch(rows: list[int], size: int) -> bool:
    """Whether no row comes again before all have come."""
    cut = [rows[begin : begin + size] for begin in range(0, len(rows), size)]
    return all(len(set(part)) == len(part) for part in cut)


# Streams


@pytest.mark.parametrize(
    ("n", "batch_size"), [(64, 4), (24, 4), (128, 2), (7, 7), (150, 4), (1500, 16), (5, 3)]
)
def test_no_row_is_trained_on_again_before_all_were(n, batch_size):
    batches = stream(tagged_rows(n), batch_size=batch_size).batches(0)
    rows = list(chain(*rows_of(islice(batches, 300))))
    assert len(rows) == 300 * batch_size
    assert epoch_by_epoch(rows, n)


def test_batches_that_divide_the_epoch_hold_every_row_once():
    features = tagged_rows(120)
    batches = stream(features, batch_size=4).batches(0)
    for _ in range(3):
        rows = chain(*rows_of(islice(batches, 30)))
        assert sorted(rows) == list(range(120))


@pytest.mark.parametrize("n", [50, 101, 200])
def test_only_a_batch_in_which_an_epoch_ends_may_hold_a_row_twice(n):
    batches = rows_of(islice(stream(tagged_rows(n), batch_size=16).batches(0), 200))
    for number, rows in enumerate(batches):
        within = number * 16 // n == (number * 16 + 15) // n
        assert not within or len(set(rows)) == 16


@pytest.mark.parametrize("n", [50, 101, 1000])
def test_after_some_epochs_rows_have_come_about_as_often(n):
    n_batches = -(-5 * n // 16)
    batches = rows_of(islice(stream(tagged_rows(n), batch_size=16).batches(0), n_batches))
    counts = Counter(chain(*batches))
    assert min(counts[row] for row in range(n)) >= 4
    assert max(counts.values()) <= 6


@pytest.mark.parametrize("start", [0, 1, 7, 64, 250, 300])
@pytest.mark.parametrize("n", [30, 1000])
def test_a_stream_can_be_entered_anywhere(start, n):
    features = tagged_rows(n)
    expected = list(islice(stream(features).batches(0), start, start + 70))
    found = list(islice(stream(features).batches(start), 70))
    assert rows_of(found) == rows_of(expected)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.inputs["input_ids"], other.inputs["input_ids"])
        assert torch.equal(one.targets["labels"], other.targets["labels"])


def test_the_stream_is_the_seeds():
    features = tagged_rows(200)
    one, again, other = (
        rows_of(islice(stream(features, seed=seed).batches(0), 80)) for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other


def test_every_batch_is_full():
    batches = islice(stream(tagged_rows(13)).batches(0), 200)
    assert {batch.size for batch in batches} == {4}


def test_rows_of_all_lengths_are_in_a_batch():
    """So that a step's gradient is that of the data, and not of short or of long sentences."""
    features = tagged_rows(2000)
    spreads = []
    for batch in islice(stream(features, batch_size=32).batches(0), 50):
        lengths = batch.inputs["attention_mask"].sum(dim=1)
        spreads.append(int(lengths.max() - lengths.min()))
    assert min(spreads) > 25


def test_batches_say_how_they_may_be_packed_if_asked():
    features = tagged_rows(40)
    packed = FeatureStream(
        features,
        batch_size=8,
        padding=PADDING,
        seed=0,
        packer=partial(in_one_row, cost=LayerCost(160, 1, 1)),
    )
    batch = next(packed.batches(0)).to(torch.device("cpu"))
    assert batch.packing is not None
    assert len(batch.packing.subwords) == int(batch.inputs["attention_mask"].sum())
    assert next(stream(features).batches(0)).packing is None


@pytest.mark.parametrize("batch_size", [1, 5, 23, 100])
def test_by_length_is_every_row_once_longest_first(batch_size):
    features = tagged_rows(23)
    batches = list(batches_by_length(features, batch_size, PADDING))
    rows = list(chain(*rows_of(batches)))
    lengths = [len(features[row].input_ids) for row in rows]
    assert sorted(rows) == list(range(23))
    assert lengths == sorted(lengths, reverse=True)
    assert len(batches) == -(-23 // batch_size)


def test_no_row_is_no_batch():
    assert list(batches_by_length([], 4, PADDING)) == []
