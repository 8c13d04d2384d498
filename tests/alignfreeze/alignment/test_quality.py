"""Sentence pairs that are dropped for their scores."""

import gzip
import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.alignment import shards
from alignfreeze.alignment.aligning import alignment_identity
from alignfreeze.alignment.cleaning import Cleaning, CorpusStats
from alignfreeze.alignment.corpus import CorpusJob, aligned_corpora, aligned_corpus
from alignfreeze.alignment.export import ExportJob, write_alignments
from alignfreeze.alignment.quality import read_scores, worst
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Aligner, Bitext
from alignfreeze.data.bitexts import bitext_digests
from alignfreeze.data.finding import find_data
from alignfreeze.errors import DataError

PAIRS = [("a b", "A B"), ("c d", "C D"), ("a b", "A B"), ("e", "E"), ("", "F"), ("g h", "G H")]
PAIRS += [("c d", "C D"), ("i", "I")]
SCORES = ["0.1", "-3e-1", " 0.9", "1", ".2", "+0.1", "0.5", "2."]


class SamePlace(Aligner):
    """Links words at the same place."""

    def align(self, pairs, bitext):
        for pair in pairs:
            yield [(n, n) for n in range(min(len(pair.source), len(pair.target)))]


def bitext_of(write, folder, pairs, scores=()) -> Bitext:
    return Bitext(
        "en",
        "fr",
        write(f"{folder}/en-fr.en", "".join(f"{source}\n" for source, _ in pairs)),
        write(f"{folder}/en-fr.fr", "".join(f"{target}\n" for _, target in pairs)),
        scores_file=write(f"{folder}/en-fr.scores", "".join(f"{score}\n" for score in scores)),
    )


@pytest.fixture
def bitext(write) -> Bitext:
    return bitext_of(write, "data", PAIRS, SCORES)


def job_of(bitext, quality=0.0, kind=CorpusJob, **cleaning):
    return kind(bitext, SamePlace(), "same", "1", Cleaning(quality=quality, **cleaning))


def corpus(bitext, cache, quality=0.0, **cleaning):
    return aligned_corpus(job_of(bitext, quality, **cleaning), cache)


# Which pairs are the worst


@given(
    scores=st.lists(st.sampled_from([0.0, -0.0, 0.1, 0.5, -2.0]), min_size=1, max_size=12),
    percent=st.integers(0, 99),
)
def test_the_worst_are_as_a_naive_loop_finds_them(scores, percent):
    left = list(range(len(scores)))
    for _ in range(math.floor(Fraction(percent, 100) * len(scores))):
        lowest = min(scores[place] for place in left)
        left.remove(max(place for place in left if scores[place] == lowest))
    found = worst(np.array(scores), percent / 100)
    assert np.flatnonzero(~found).tolist() == left


@pytest.mark.parametrize("share", [0.29, 0.57, 0.58])
def test_a_share_is_taken_as_it_is_written(share):
    assert int(share * 100) == round(share * 100) - 1  # what floating point makes of it
    assert worst(np.arange(100.0), share).sum() == round(share * 100)


# What a corpus is without them


@pytest.mark.parametrize("quality", [0.0, 0.12, 0.25, 0.5, 0.875])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_corpus_is_that_of_a_text_without_the_worst_pairs(
    bitext, write, tmp_path, monkeypatch, quality, size
):
    monkeypatch.setattr(shards, "SHARD_LINES", size)
    monkeypatch.setattr(shards, "available_cores", lambda: 1)
    found = corpus(bitext, tmp_path / "cache", quality)
    gone = worst(read_scores(bitext.scores_file, bitext.source_file), quality)
    left = [pair for pair, is_gone in zip(PAIRS, gone, strict=True) if not is_gone]
    expected = corpus(bitext_of(write, "left", left), tmp_path / "cache")
    assert found.rows(range(len(found))) == expected.rows(range(len(expected)))
    n_gone = math.floor(quality * len(PAIRS))
    assert found.stats.low_quality == n_gone
    assert replace(found.stats, low_quality=0, read=len(left)) == expected.stats


def test_dropped_pairs_are_counted_and_told(bitext, tmp_path, caplog):
    caplog.set_level("INFO")
    found = corpus(bitext, tmp_path, 0.25)
    counts = CorpusStats(read=8, empty=1, kept=4, links=6, duplicates=1, low_quality=2)
    assert found.stats == counts
    assert "4 of 8 sentence pairs kept (1 empty, 2 of low quality, 1 repeated, " in caplog.text


def test_the_part_is_one_of_the_pairs_that_are_read(bitext, tmp_path):
    found = corpus(bitext, tmp_path, 0.5, limit=4)
    assert [row.source for row in found.rows(range(len(found)))] == [["a", "b"], ["e"]]
    assert (found.stats.read, found.stats.low_quality, found.stats.duplicates) == (4, 2, 0)


def test_an_export_has_an_empty_line_for_each(bitext, tmp_path):
    job = job_of(bitext, 0.25, ExportJob, drop_duplicates=False)
    write_alignments(job, tmp_path / "cache", tmp_path / "out")
    lines = (tmp_path / "out/en-fr.align").read_text().split("\n")
    assert lines == ["0-0 1-1", "", "0-0 1-1", "0-0", "", "", "0-0 1-1", "0-0", ""]
    assert (tmp_path / "out/en-fr.en").read_text().split("\n")[1] == "c d"


# Files of scores


def test_packed_scores_are_read(bitext, tmp_path):
    packed = tmp_path / "s.scores.gz"
    packed.write_bytes(gzip.compress(bitext.scores_file.read_bytes()))
    scores = read_scores(packed, bitext.source_file)
    assert scores.tolist() == [0.1, -0.3, 0.9, 1.0, 0.2, 0.1, 0.5, 2.0]


@pytest.mark.parametrize(
    ("place", "line", "message"),
    [
        (1, "x", r"en-fr\.scores:2: a score must be a finite number, got 'x'$"),
        (1, "", r":2: a score must be a finite number, got ''$"),
        (0, "nan", r":1: a score must be a finite number, got 'nan'$"),
        (2, "-inf", r":3: a score must be a finite number, got '-inf'$"),
        (2, "1e400", r":3: a score must be a finite number, got '1e400'$"),
        (3, "1_0", r":4: a score must be a finite number, got '1_0'$"),
        (3, "1 2", r":4: a score must be a finite number, got '1 2'$"),
        (
            7,
            "1\n1",
            r":9: must have a line for each of the 8 sentence pairs .* \(en-fr\.en\), got 9",
        ),
        (7, None, r":8: must have a line for each of the 8 sentence pairs .*, got 7$"),
    ],
)
def test_a_malformed_file_is_told_with_its_line(bitext, tmp_path, place, line, message):
    lines = [*SCORES[:place], *([] if line is None else [line]), *SCORES[place + 1 :]]
    bitext.scores_file.write_text("".join(f"{text}\n" for text in lines))
    with pytest.raises(DataError, match=message):
        corpus(bitext, tmp_path, 0.25)
    assert corpus(bitext, tmp_path).stats.low_quality == 0  # which reads none


# What they are part of


def test_only_scores_that_are_used_are_part_of_a_corpus(bitext):
    plain = job_of(bitext).fingerprint()
    assert job_of(replace(bitext, scores_file=None)).fingerprint() == plain
    used = job_of(bitext, 0.25).fingerprint()
    bitext.scores_file.write_text("1\n" * len(PAIRS))
    assert job_of(bitext).fingerprint() == plain
    assert len({plain, used, job_of(bitext, 0.25).fingerprint()}) == 3


@pytest.fixture
def folder(write, tmp_path):
    bitext_of(write, "data/parallel", PAIRS, SCORES)
    write("data/dictionaries/en-fr.txt", "a A\ng G\ni I\ne E\n")
    return tmp_path / "data"


def test_a_run_reads_scores_where_it_drops_pairs(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))

    def digests(**options):
        config = RunConfig(data=str(folder), **options)
        (found,) = aligned_corpora(find_data(config.data), config, ["fr"])
        return bitext_digests(found.bitext), found.stats.low_quality, config

    plain, n_plain, config = digests()
    used, n_used, _ = digests(pair_quality=0.25)
    assert (n_plain, n_used) == (0, 2)
    assert used.keys() - plain.keys() == {"scores_file"}
    links = alignment_identity(find_data(config.data), config)
    (folder / "parallel/en-fr.scores").unlink()
    assert digests()[0] == plain
    assert json.dumps(alignment_identity(find_data(config.data), config)) == json.dumps(links)
    message = (
        r"en-fr\.scores: no such file, and pair_quality=0\.25 needs a score of each sentence pair "
        r"\(a number a line\); `alignfreeze score --data \S+ --languages fr` writes it$"
    )
    with pytest.raises(DataError, match=message):
        digests(pair_quality=0.25)
