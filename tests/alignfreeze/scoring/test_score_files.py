"""Files of scores, by a reader that makes vectors without an encoder."""

import random
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from alignfreeze.alignment import shards
from alignfreeze.contracts import Bitext
from alignfreeze.errors import DataError
from alignfreeze.scoring import neighbourhood
from alignfreeze.scoring.neighbourhood import sampled_lines
from alignfreeze.scoring.score_files import SCORES, ScoreCounts, ScoreJob

N_PAIRS = 11
PAIRS = [(f"s{number % 8}", f"t{number % 9}") for number in range(N_PAIRS - 1)] + [("", "t1")]
"""Texts that repeat, in pairs that do not, and a side without text."""


class Reader:
    """Gives each text a vector of its own; remembers what it was asked for."""

    layers, max_length = (-1,), 32
    accelerator = SimpleNamespace(mixed_precision="no")

    def __init__(self, fails_at=None):
        self.asked, self.fails_at = [], fails_at

    def ready(self):
        return nullcontext()

    def vectors(self, texts):
        if self.fails_at in texts:
            raise OSError("the disk is full")
        self.asked += texts
        found = torch.tensor([vector_of(text) for text in texts])
        return found, np.array([text == "t3" for text in texts])


def vector_of(text):
    drawn = random.Random(text)
    values = [drawn.random() if text else 0.0 for _ in range(4)]
    norm = sum(value * value for value in values) ** 0.5 or 1.0
    return [value / norm for value in values]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_LINES", 4)
    monkeypatch.setattr(neighbourhood, "PAIRS_AT_ONCE", 3)


@pytest.fixture
def bitext(write):
    texts = ("".join(f"{pair[side]}\n" for pair in PAIRS) for side in (0, 1))
    return Bitext("en", "de", write("p/en-de.en", next(texts)), write("p/en-de.de", next(texts)))


def job_of(bitext, reader=None, *, k=2, sample=100):
    return ScoreJob(bitext, reader or Reader(), "model", k, sample)


def scores_in(folder):
    return [float(line) for line in (folder / SCORES).read_text().splitlines()]


def naive_scores(lines, k):
    """The margin score of each pair by plain loops over the texts in some lines."""

    def cosine(one, other):
        return sum(a * b for a, b in zip(vector_of(one), vector_of(other), strict=True))

    found = []
    for source, target in PAIRS:
        mean = 0.0
        for text, own, side in ((source, target, 1), (target, source, 0)):
            others = {PAIRS[line - 1][side] for line in lines} - {""} | {own}
            nearest = sorted((cosine(text, other) for other in others), reverse=True)[:k]
            mean += sum(nearest) / (2 * len(nearest))
        found.append(cosine(source, target) / mean if mean > 0 else 0.0)
    return found


@pytest.mark.parametrize("sample", [100, N_PAIRS, 6, 1])
@pytest.mark.parametrize("k", [1, 4])
def test_scores_are_as_a_naive_loop_over_all_pairs_finds_them(bitext, tmp_path, sample, k):
    reader = Reader()
    counts = job_of(bitext, reader, k=k, sample=sample).build(tmp_path / "out")
    expected = naive_scores(sampled_lines(N_PAIRS, sample), k)
    assert scores_in(tmp_path / "out") == pytest.approx(expected, abs=2e-6)
    assert counts == ScoreCounts(pairs=N_PAIRS, cut=1, at_zero=1)
    assert sorted(reader.asked) == sorted(text for pair in PAIRS for text in pair)  # once each


def test_a_sample_is_the_same_each_time_and_of_different_lines():
    assert sampled_lines(5, 5).tolist() == sampled_lines(5, 9).tolist() == [1, 2, 3, 4, 5]
    drawn = sampled_lines(1000, 50)
    assert drawn.tolist() == sampled_lines(1000, 50).tolist() == sorted(set(drawn.tolist()))
    assert len(drawn) == 50
    assert drawn[0] < 200 < 800 < drawn[-1] <= 1000


def test_what_was_scored_is_not_scored_again(bitext, tmp_path, caplog):
    caplog.set_level("INFO")
    job_of(bitext, sample=2).build(tmp_path / "whole")
    assert 7 not in sampled_lines(N_PAIRS, 2)
    with pytest.raises(OSError, match="the disk is full"):
        job_of(bitext, Reader(PAIRS[6][0]), sample=2).build(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    reader = Reader()
    job_of(bitext, reader, sample=2).build(tmp_path / "out")
    assert "en-de: 4 of 11 pairs were scored before" in caplog.text
    assert len(reader.asked) < 2 * N_PAIRS
    assert scores_in(tmp_path / "out") == scores_in(tmp_path / "whole")
    again = Reader()
    job_of(bitext, again, sample=2).build(tmp_path / "out")
    assert again.asked == []
    assert {path.name for path in tmp_path.iterdir()} == {"p", "out", "whole"}


def test_what_scores_depend_on_is_in_their_name(bitext, tmp_path):
    names = [job_of(bitext, k=k, sample=n).folder(tmp_path).name for k in (2, 3) for n in (5, 6)]
    bitext.target_file.write_text("another\n" * N_PAIRS)
    assert len({*names, job_of(bitext, k=2, sample=5).folder(tmp_path).name}) == 5


def test_texts_of_different_length_are_an_error(bitext, tmp_path):
    bitext.target_file.write_text("one\n")
    with pytest.raises(DataError, match="must have the same number of lines, got 11"):
        job_of(bitext).build(tmp_path / "out")
