"""What a configuration makes of parallel text."""

import logging

import pytest

from alignfreeze.alignment.corpus import aligned_corpora, hold_out
from alignfreeze.alignment.export import align_to_files
from alignfreeze.config import build_config
from alignfreeze.contracts import DataSource
from alignfreeze.errors import AlignFreezeError, ConfigError, DataError

LINES = 40


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(write, tmp_path):
    """40 sentence pairs, of which two are the same, one is empty, one long and one uneven."""
    english = [f"word{n} here" for n in range(LINES)]
    german = [f"wort{n} hier" for n in range(LINES)]
    english[1], german[1] = english[0], german[0]
    german[2] = ""
    english[3] = german[3] = "w " * 20
    german[4] = "x " * 9
    write("data/parallel/en-de.en", "".join(f"{line}\n" for line in english))
    write("data/parallel/en-de.de", "".join(f"{line}\n" for line in german))
    write("data/dictionaries/en-de.txt", "here hier\n")
    return tmp_path / "data"


def config_of(folder, **options):
    return build_config({"data": str(folder), "preset": "standard", **options})


def corpus_of(folder, **options):
    source = DataSource(name="test", root=folder)
    (corpus,) = aligned_corpora(source, config_of(folder, **options), ["de"])
    return corpus


def test_options_decide_what_is_kept(folder):
    cleaned = corpus_of(folder, pair_max_words="10", pair_max_ratio="4").stats
    assert (cleaned.read, cleaned.kept) == (LINES, LINES - 4)
    counts = (cleaned.empty, cleaned.duplicates, cleaned.too_long, cleaned.uneven)
    assert counts == (1, 1, 1, 1)
    lax = corpus_of(folder, pair_max_words="0", pair_max_ratio="0", pair_duplicates="keep").stats
    assert (lax.empty, lax.duplicates, lax.too_long, lax.uneven) == (1, 0, 0, 0)
    assert corpus_of(folder, pair_limit="10").stats.read == 10


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("pair_limit", "0", "> 0"),
        ("pair_max_words", "-1", ">= 0"),
        ("pair_max_ratio", "0.5", "0 or >= 1"),
        ("pair_max_ratio", "nan", "a finite number"),
    ],
)
def test_rules_have_sensible_values(folder, option, value, rule):
    with pytest.raises(ConfigError, match=f"{option} must be {rule}, got '{value}'"):
        config_of(folder, **{option: value})


def test_other_options_make_another_corpus(folder):
    prints = {
        corpus_of(folder, **options).fingerprint
        for options in ({}, {"pair_limit": "10"}, {"pair_max_words": "10"}, {"pair_max_ratio": "4"})
    }
    assert len(prints) == 4


def test_pairs_are_held_out_evenly_and_only_once(folder):
    corpus = corpus_of(folder)
    training, held_out = hold_out(corpus, 3)
    assert (len(training), len(held_out)) == (len(corpus) - 3, 3)
    both = [pair.source for part in (training, held_out) for pair in part.rows(range(len(part)))]
    assert sorted(both) == sorted(pair.source for pair in corpus.rows(range(len(corpus))))
    places = [corpus.rows(range(len(corpus))).index(pair) for pair in held_out.rows(range(3))]
    assert places == [0, len(corpus) // 3, 2 * len(corpus) // 3]


def test_what_is_left_is_in_order_and_can_be_split_again(folder):
    corpus = corpus_of(folder)
    every = corpus.rows(range(len(corpus)))
    left = corpus
    for _ in range(2):
        (held,) = hold_out(left, 1)[1].rows([0])
        left = hold_out(left, 1)[0]
        every.remove(held)
        assert left.rows(range(len(left))) == every
        assert left.rows([3, 0, 3]) == [every[3], every[0], every[3]]
        with pytest.raises(IndexError, match="out of"):
            left.rows([len(left)])


def test_at_most_a_tenth_is_held_out(folder):
    corpus = corpus_of(folder)
    assert len(hold_out(corpus, 1000)[1]) == len(corpus) // 10


def test_a_corpus_too_small_to_hold_any_out_is_refused(folder):
    with pytest.raises(DataError, match=r"en-de: alignment_pairs must .* 4 in all$"):
        hold_out(corpus_of(folder, pair_limit="8"), 1)


def test_alignments_are_written_for_every_language(folder, tmp_path):
    written = dict(align_to_files(config_of(folder, pair_max_words="10"), tmp_path / "out"))
    assert list(written) == ["de"]
    lines = (tmp_path / "out" / "en-de.align").read_text().split("\n")
    assert len(lines) == LINES + 1
    assert lines[:6] == ["1-1", "", "", "", "", "1-1"]
    assert (tmp_path / "out" / "en-de.de").read_text().split("\n")[5] == "wort5 hier"


def test_an_aligner_gets_the_runs_encoder_unless_it_is_given_one(folder, caplog):
    with caplog.at_level(logging.INFO):
        corpus = corpus_of(folder, aligner="mutual", model="demo", pair_limit="10")
    assert corpus.stats.links > 0
    with pytest.raises(AlignFreezeError, match="no-such-model"):
        corpus_of(folder, aligner="mutual", aligner_args="model=./no-such-model")


def test_an_unknown_hyperparameter_is_refused(folder):
    with pytest.raises(ConfigError, match="aligner 'dictionary': x is not a known option"):
        corpus_of(folder, aligner_args="x=1")


def test_without_parallel_text_there_is_nothing_to_align(write, tmp_path):
    write("empty/readme", "")
    with pytest.raises(DataError, match="there is no parallel text"):
        next(align_to_files(config_of(tmp_path / "empty"), tmp_path / "out"))
