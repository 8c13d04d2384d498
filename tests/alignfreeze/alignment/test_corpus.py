from dataclasses import asdict, replace

import pyarrow as pa
import pytest
from datasets import Dataset

from alignfreeze.alignment.cleaning import Cleaning, CorpusStats
from alignfreeze.alignment.corpus import AlignedPair, CorpusJob, aligned_corpus, sentence_job
from alignfreeze.contracts import Aligner, Bitext
from alignfreeze.data.bitexts import find_bitexts, parallel_languages, resolve_aligner
from alignfreeze.errors import DataError, PluginError


class SamePlace(Aligner):
    """Links words at the same place, from the second on."""

    skip: int = 1

    def align(self, pairs, bitext):
        for pair in pairs:
            yield [(n, n) for n in range(self.skip, min(len(pair.source), len(pair.target)))]


class NeverAsked(SamePlace):
    """Has the settings of another aligner, but must not be run."""

    def align(self, pairs, bitext):
        raise AssertionError("the corpus should have been reused")


@pytest.fixture
def bitext(write) -> Bitext:
    return Bitext(
        source="en",
        target="fr",
        source_file=write("data/en-fr.en", "a b c\n\nx\nTom sleeps\nsee Tom\nd e f g\n"),
        target_file=write("data/en-fr.fr", "A B C\nvide\nX\nTom dort\nvoir Tom\nD E f G\n"),
        forward_dictionary=write("data/en-fr.txt", "a A\n"),
    )


def build(bitext, tmp_path, aligner=None, *, name="same", digest="1", cleaning=None):
    job = CorpusJob(bitext, aligner or SamePlace(), name, digest, cleaning or Cleaning())
    return aligned_corpus(job, tmp_path / "cache")


def test_of_whole_sentences_all_are_kept_and_nothing_else_is_read(bitext, tmp_path, write):
    bitext = replace(
        bitext, alignment_file=tmp_path / "nowhere", forward_dictionary=tmp_path / "no"
    )
    job = sentence_job(bitext, Cleaning())
    corpus = aligned_corpus(job, tmp_path / "cache")
    assert corpus.stats == CorpusStats(read=6, empty=1, kept=5)
    assert corpus.rows([0, 1]) == [
        AlignedPair(["a", "b", "c"], ["A", "B", "C"], []),
        AlignedPair(["x"], ["X"], []),
    ]
    assert corpus.bitext.alignment_file is None
    other = CorpusJob(job.bitext, job.aligner, job.aligner_name, job.digest, job.cleaning)
    assert job.fingerprint() != other.fingerprint()


def test_pairs_without_links_are_kept_where_they_are_wanted(bitext, tmp_path):
    job = CorpusJob(bitext, SamePlace(), "same", "1", every_pair=True)
    corpus = aligned_corpus(job, tmp_path / "cache")
    assert corpus.stats == CorpusStats(read=6, empty=1, kept=5, identical=2, links=5)
    assert [len(row.alignment) for row in corpus.rows(range(5))] == [2, 0, 1, 0, 2]


def test_what_is_kept_and_dropped(bitext, tmp_path):
    corpus = build(bitext, tmp_path)
    assert corpus.stats == CorpusStats(read=6, empty=1, unaligned=2, kept=3, identical=2, links=5)
    assert len(corpus) == 3
    assert (corpus.source, corpus.target) == ("en", "fr")
    assert corpus.rows([2, 0]) == [
        AlignedPair(["d", "e", "f", "g"], ["D", "E", "f", "G"], [(1, 1), (3, 3)]),
        AlignedPair(["a", "b", "c"], ["A", "B", "C"], [(1, 1), (2, 2)]),
    ]
    assert corpus.rows([]) == []
    with pytest.raises(IndexError, match="3"):
        corpus.rows([3])


@pytest.mark.parametrize(
    ("cleaning", "expected"),
    [
        (Cleaning(limit=3), CorpusStats(read=3, empty=1, unaligned=1, kept=1, links=2)),
        (Cleaning(max_words=3), CorpusStats(6, 1, 2, 2, 1, 3, too_long=1)),
        (Cleaning(max_ratio=1), CorpusStats(6, 1, 2, 3, 2, 5)),
    ],
)
def test_what_is_cleaned_away_is_counted(bitext, tmp_path, cleaning, expected):
    assert build(bitext, tmp_path, cleaning=cleaning).stats == expected


@pytest.mark.parametrize("drop", [True, False])
def test_duplicates_are_dropped_or_kept(write, tmp_path, drop):
    english, french = write("p/a.en", "a b\na b\na c\na b"), write("p/a.fr", "A B\n" * 4)
    bitext = Bitext("en", "fr", english, french)
    corpus = build(bitext, tmp_path, cleaning=Cleaning(drop_duplicates=drop))
    assert corpus.stats.duplicates == (2 if drop else 0)
    expected = ["b", "c"] if drop else ["b", "b", "c", "b"]
    assert [row.source[1] for row in corpus.rows(range(len(corpus)))] == expected


def test_a_corpus_that_is_cleaned_away_is_an_error(bitext, tmp_path):
    message = r"none of the 6 .*; 1 are empty, 4 cleaned away, 0 word pairs were the same string$"
    with pytest.raises(DataError, match=message):
        build(bitext, tmp_path, cleaning=Cleaning(max_words=1, limit=None, max_ratio=0))


def test_a_corpus_is_reused_with_its_statistics(bitext, tmp_path):
    first = build(bitext, tmp_path)
    again = build(bitext, tmp_path, NeverAsked())
    assert again.fingerprint == first.fingerprint
    assert again.stats == first.stats
    assert again.rows(range(3)) == first.rows(range(3))


def test_the_fingerprint_does_not_depend_on_the_place(bitext, tmp_path, write):
    moved = replace(bitext, source_file=write("b/x", bitext.source_file.read_text()))
    assert build(moved, tmp_path).fingerprint == build(bitext, tmp_path).fingerprint


def test_the_fingerprint_depends_on_everything_else(bitext, tmp_path, write):
    class ReadsDictionary(SamePlace):
        """Depends on a file."""

        def inputs(self, bitext):
            return (bitext.forward_dictionary or bitext.backward_dictionary,)

    class AtSpaces(SamePlace):
        """Splits differently."""

        def segmentation(self, bitext):
            return "whitespace"

    class OtherRevision(SamePlace):
        """Depends on what is elsewhere."""

        def identity(self):
            return "2"

    reads = ReadsDictionary()
    other_dictionary = replace(bitext, forward_dictionary=write("data/2.txt", "b B\n"))
    turned = replace(bitext, forward_dictionary=None, backward_dictionary=bitext.forward_dictionary)
    corpora = [
        build(bitext, tmp_path),
        build(bitext, tmp_path, digest="2"),
        build(bitext, tmp_path, name="other"),
        build(bitext, tmp_path, SamePlace(skip=0)),
        build(bitext, tmp_path, AtSpaces()),
        build(bitext, tmp_path, OtherRevision()),
        build(bitext, tmp_path, cleaning=Cleaning(limit=5)),
        build(bitext, tmp_path, cleaning=Cleaning(max_words=50)),
        build(bitext, tmp_path, cleaning=Cleaning(max_ratio=0)),
        build(bitext, tmp_path, cleaning=Cleaning(drop_duplicates=False)),
        build(bitext, tmp_path, reads),
        build(other_dictionary, tmp_path, reads),
        build(turned, tmp_path, reads),
        build(replace(bitext, target="de"), tmp_path),
        build(replace(bitext, alignment_reversed=True), tmp_path),
        build(replace(bitext, source_file=write("c", "b\n" * 5 + "h i\n")), tmp_path),
    ]
    assert len({corpus.fingerprint for corpus in corpora}) == len(corpora)


def test_more_rows_than_a_batch(write, tmp_path, monkeypatch):
    monkeypatch.setattr("alignfreeze.alignment.corpus.ROWS_PER_BATCH", 3)
    english = write("p/a.en", "".join(f"a x{n}\n" for n in range(8)))
    french = write("p/a.fr", "A y\n" * 8)
    corpus = build(Bitext("en", "fr", english, french), tmp_path)
    assert [row.source[1] for row in corpus.rows(range(8))] == [f"x{n}" for n in range(8)]


def test_nothing_is_printed_and_nothing_else_is_left(bitext, tmp_path, capfd):
    corpus = build(bitext, tmp_path)
    assert capfd.readouterr() == ("", "")
    (folder,) = (tmp_path / "cache" / "corpora").iterdir()
    assert folder.name == f"en-fr-{corpus.fingerprint}"
    assert sorted(path.name for path in folder.iterdir()) == [
        "SHA256SUMS",
        "log.json",
        "pairs.arrow",
        "stats.json",
    ]


def test_a_corpus_without_aligned_words_is_an_error(bitext, tmp_path):
    class Nothing(Aligner):
        """Finds nothing."""

        def inputs(self, bitext):
            return (bitext.forward_dictionary,)

        def align(self, pairs, bitext):
            return ([] for _ in pairs)

    message = r"en-fr: none of the 6 sentence pairs has words aligned by 'same' \(.*en-fr\.txt\)"
    with pytest.raises(DataError, match=message):
        build(bitext, tmp_path, Nothing())
    assert list((tmp_path / "cache" / "corpora").iterdir()) == []


def fixed(*alignments) -> Aligner:
    class Fixed(Aligner):
        """Gives what it was told."""

        def align(self, pairs, bitext):
            for alignment in alignments:
                next(pairs, None)
                yield alignment

    return Fixed()


@pytest.mark.parametrize(
    ("aligner", "message"),
    [
        (fixed([], []), "'Fixed': align gave fewer alignments than sentence pairs"),
        (fixed(*[[]] * 6), "'Fixed': align gave more alignments than sentence pairs"),
        (fixed([], [(0, 1)]), r"within 1 source and 1 target words, got \[\(0, 1\)\] for line 3"),
        (fixed([(-1, 0)]), r"within 3 source and 3 target words, got \[\(-1, 0\)\] for line 1"),
        (
            fixed([(0, 0, 0)]),
            r"'Fixed': align must give a list of pairs of word numbers, got \[\(0, 0, 0\)\]",
        ),
    ],
)
def test_an_aligner_that_breaks_its_contract_is_named(bitext, tmp_path, aligner, message):
    with pytest.raises(PluginError, match=message):
        build(bitext, tmp_path, aligner)
    assert list((tmp_path / "cache" / "corpora").iterdir()) == []


def test_an_aligner_may_read_ahead(bitext, tmp_path):
    class ReadsAhead(SamePlace):
        """Wants all sentence pairs first."""

        def align(self, pairs, bitext):
            return super().align(list(pairs), bitext)

    assert build(bitext, tmp_path, ReadsAhead()).stats == build(bitext, tmp_path, digest="2").stats


def test_a_race_has_one_winner(bitext, tmp_path):
    class Late(SamePlace):
        """Another process finishes the same corpus meanwhile."""

        def align(self, pairs, bitext):
            build(bitext, tmp_path)
            return super().align(pairs, bitext)

    corpus = build(bitext, tmp_path, Late())
    assert len(corpus) == 3
    assert len(list((tmp_path / "cache" / "corpora").iterdir())) == 1


def cut_at_a_batch(path) -> None:
    """Write a stream of Arrow without its last batches: one that is still whole to its readers."""
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as batches:
        schema, kept = batches.schema, list(batches)[:1]
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        writer.write_batch(kept[0])


def without_the_end(path) -> None:
    """Cut a stream of Arrow behind its first batch, without the mark of its end."""
    whole = path.read_bytes()
    cut_at_a_batch(path)
    end_mark = 8
    path.write_bytes(whole[: path.stat().st_size - end_mark])


DAMAGES = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_text("{"),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "zeros": lambda path: path.write_bytes(path.read_bytes()[:-40] + bytes(40)),
}


@pytest.mark.parametrize(
    ("name", "damage"),
    [(name, damage) for name in ("pairs.arrow", "stats.json") for damage in DAMAGES.values()]
    + [("pairs.arrow", cut_at_a_batch), ("pairs.arrow", without_the_end)],
)
def test_a_damaged_cache_is_made_again(bitext, tmp_path, monkeypatch, caplog, name, damage):
    monkeypatch.setattr("alignfreeze.alignment.corpus.ROWS_PER_BATCH", 2)
    corpus = build(bitext, tmp_path)
    assert len(corpus) == 3
    folder = tmp_path / "cache" / "corpora" / f"en-fr-{corpus.fingerprint}"
    expected = corpus.rows(range(3))
    damage(folder / name)
    assert build(bitext, tmp_path).rows(range(3)) == expected
    (warning,) = (message for message in caplog.messages if "damaged" in message)
    assert warning.startswith(f"{folder}: the cached corpus is damaged, {name} is ")
    assert warning.endswith("; it is made again")
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_cut_stream_would_be_read_without_a_word(bitext, tmp_path, monkeypatch):
    """Why digests are looked at: Arrow's streams end wherever they end."""
    monkeypatch.setattr("alignfreeze.alignment.corpus.ROWS_PER_BATCH", 2)
    corpus = build(bitext, tmp_path)
    path = tmp_path / "cache" / "corpora" / f"en-fr-{corpus.fingerprint}" / "pairs.arrow"
    without_the_end(path)
    assert len(Dataset.from_file(str(path))) == 2


@pytest.mark.suite
def test_the_suite_aligns(suite, tmp_path):
    from alignfreeze_aligners.dictionary import DictionaryAligner

    assert len(parallel_languages(suite, "en")) == 34
    for bitext in find_bitexts(suite, "en", ["de", "zh", "sl"]):
        corpus = build(bitext, tmp_path, DictionaryAligner(), name=resolve_aligner("auto", bitext))
        stats = corpus.stats
        assert stats.read == stats.empty + stats.unaligned + stats.kept
        assert stats.kept == len(corpus) > stats.read / 2, asdict(stats)
        assert stats.links == sum(len(row.alignment) for row in corpus.rows(range(len(corpus))))
