import json
import logging
import queue
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from alignfreeze.alignment import aligning, cleaning, shards
from alignfreeze.alignment.aligning import AlignmentJob, read_stats
from alignfreeze.alignment.cleaning import Cleaning, CorpusStats
from alignfreeze.alignment.corpus import CorpusJob, aligned_corpus
from alignfreeze.alignment.shards import build_from_shards, shard_ranges
from alignfreeze.contracts import Aligner, Bitext
from alignfreeze.errors import DataError, PluginError
from alignfreeze_aligners.dictionary import DictionaryAligner
from alignfreeze_aligners.pharaoh import PharaohAligner

TEXT = [("a b", "A B"), ("", "C"), ("c", "C"), ("a b", "A B"), ("d d", "D"), ("e", "E e e e")]
N_LINES = 10
"""Of the texts below: `TEXT`, then a pair for each line number."""


class Counting(Aligner):
    """Links all words that it can in order, and remembers the lines that it was given."""

    lines: ClassVar[list[int]] = []
    fails_at: ClassVar[int | None] = None

    def align(self, pairs, bitext):
        for pair in pairs:
            if pair.line == self.fails_at:
                raise OSError("the disk is full")
            self.lines.append(pair.line)
            yield [(n, n) for n in range(min(len(pair.source), len(pair.target)))]


@pytest.fixture
def bitext(write) -> Bitext:
    pairs = TEXT + [(f"x{line} y", f"X{line} Y") for line in range(len(TEXT) + 1, N_LINES + 1)]
    words = sorted({word for source, _ in pairs for word in source.split()})
    return Bitext(
        "en",
        "fr",
        write("data/en-fr.en", "\n".join(source for source, _ in pairs)),
        write("data/en-fr.fr", "\r\n".join(target for _, target in pairs) + "\r\n"),
        forward_dictionary=write("data/en-fr.txt", "".join(f"{w} {w.upper()}\n" for w in words)),
    )


@pytest.fixture(autouse=True)
def counting(monkeypatch):
    monkeypatch.setattr(Counting, "lines", [])
    monkeypatch.setattr(Counting, "fails_at", None)
    monkeypatch.setattr(shards, "SHARD_LINES", 3)
    monkeypatch.setattr(shards, "available_cores", lambda: 1)


class Kept(AlignmentJob):
    every_line: ClassVar[bool] = False
    result: ClassVar[str] = "the result"

    def write(self, folder, lines, stats):
        with (folder / "lines.jsonl").open("w") as file:
            for pair, alignment in lines:
                stats.kept += alignment is not None
                file.write(json.dumps([pair.line, pair.source, pair.target, alignment]) + "\n")

    def join(self, shards, joined, stats):
        text = "".join((shard / "lines.jsonl").read_text() for shard in shards)
        (joined / "lines.jsonl").write_text(text)


class All(Kept):
    every_line: ClassVar[bool] = True


def build(bitext, folder, *, every_line=False, cleaning=None, aligner=None) -> list:
    cleaning = cleaning or Cleaning(max_words=3)
    job = (All if every_line else Kept)(bitext, aligner or Counting(), "c", "1", cleaning)
    build_from_shards(job, folder)
    return [json.loads(line) for line in (folder / "lines.jsonl").read_text().splitlines()]


def corpus(bitext, cache, aligner=None):
    return aligned_corpus(
        CorpusJob(bitext, aligner or DictionaryAligner(), "dictionary", "1"), cache
    )


def content(corpus):
    return corpus.fingerprint, corpus.stats, corpus.rows(range(len(corpus)))


@pytest.mark.parametrize("n_lines", [1, 2, 3, 4, 9, 10, 100])
@pytest.mark.parametrize("most", [2, 256])
def test_shards_are_all_lines_in_order(monkeypatch, n_lines, most):
    monkeypatch.setattr(shards, "MOST_SHARDS", most)
    ranges = shard_ranges(n_lines)
    assert [line for part in ranges for line in part] == list(range(1, n_lines + 1))
    assert len(ranges) <= most
    assert most < 256 or all(len(part) == 3 for part in ranges[:-1])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 10, 11])
@pytest.mark.parametrize("every_line", [False, True])
def test_the_result_does_not_depend_on_the_shards(bitext, tmp_path, monkeypatch, size, every_line):
    monkeypatch.setattr(shards, "SHARD_LINES", size)
    lines = build(bitext, tmp_path / "out" / "x", every_line=every_line)
    kept = [1, 3, 5, 7, 8, 9, 10]
    assert [line for line, *_ in lines] == (list(range(1, 11)) if every_line else kept)
    assert [line for line, *_, alignment in lines if alignment is not None] == kept
    assert lines[-1] == [10, ["x10", "y"], ["X10", "Y"], [[0, 0], [1, 1]]]
    expected = CorpusStats(read=10, empty=1, duplicates=1, too_long=1, kept=7)
    assert read_stats(tmp_path / "out" / "x") == expected
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x"]
    assert Counting.lines == kept


def test_a_dropped_line_keeps_its_words_where_all_lines_are_wanted(bitext, tmp_path):
    lines = build(bitext, tmp_path / "x", every_line=True)
    assert lines[3] == [4, ["a", "b"], ["A", "B"], None]
    assert lines[1] == [2, [], ["C"], None]


def test_a_limit_ends_the_text(bitext, tmp_path):
    lines = build(bitext, tmp_path / "x", cleaning=Cleaning(limit=4, drop_duplicates=False))
    assert [line for line, *_ in lines] == [1, 3, 4]
    assert read_stats(tmp_path / "x") == CorpusStats(read=4, empty=1, kept=3)
    assert len(build(bitext, tmp_path / "y", cleaning=Cleaning(limit=1000))) == 8


def test_what_was_done_is_not_done_again(bitext, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    expected = build(bitext, tmp_path / "whole" / "x")
    Counting.lines.clear()
    monkeypatch.setattr(Counting, "fails_at", 8)
    with pytest.raises(PluginError, match="the disk is full"):
        build(bitext, tmp_path / "out" / "x")
    assert Counting.lines == [1, 3, 5, 7]
    assert not (tmp_path / "out" / "x").exists()
    Counting.lines.clear()
    monkeypatch.setattr(Counting, "fails_at", None)
    assert build(bitext, tmp_path / "out" / "x") == expected
    assert Counting.lines == [7, 8, 9, 10]
    assert "en-fr: 2 of 4 shards were aligned before" in caplog.messages
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x"]
    assert read_stats(tmp_path / "out" / "x") == read_stats(tmp_path / "whole" / "x")


@pytest.mark.parametrize("name", ["00001/lines.jsonl", "00001/stats.json", "repeats/marks.bool"])
def test_what_was_done_before_and_is_damaged_is_done_again(
    bitext, tmp_path, monkeypatch, caplog, name
):
    monkeypatch.setattr(Counting, "fails_at", 8)
    with pytest.raises(PluginError, match="the disk is full"):
        build(bitext, tmp_path / "x")
    monkeypatch.setattr(Counting, "fails_at", None)
    path = tmp_path / ".x-shards-4" / name
    path.write_bytes(path.read_bytes()[:-1])
    assert [line for line, *_ in build(bitext, tmp_path / "x")] == [1, 3, 5, 7, 8, 9, 10]
    (warning,) = (message for message in caplog.messages if "damaged" in message)
    assert warning.startswith(f"{path.parent}: what ")
    assert warning.endswith(f" is damaged, {path.name} is not what was written; it is made again")


def test_shards_of_another_size_are_no_help(bitext, tmp_path, monkeypatch):
    monkeypatch.setattr(Counting, "fails_at", 8)
    with pytest.raises(PluginError, match="the disk is full"):
        build(bitext, tmp_path / "x")
    monkeypatch.setattr(Counting, "fails_at", None)
    monkeypatch.setattr(shards, "SHARD_LINES", 2)
    assert [line for line, *_ in build(bitext, tmp_path / "x")] == [1, 3, 5, 7, 8, 9, 10]


def test_another_process_may_finish_first(bitext, tmp_path):
    class Overtaken(Counting):
        """While its third shard is aligned, another process finishes the text."""

        def align(self, pairs, bitext):
            for pair in pairs:
                if pair.line == 7:
                    build(bitext, tmp_path / "out" / "x")
                yield [(0, 0)]

    build(bitext, tmp_path / "out" / "x", aligner=Overtaken())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x"]
    assert len(build(bitext, tmp_path / "out" / "x")) == 7


class Fixed(Aligner):
    """Gives alignments without asking for sentence pairs, or asks for none."""

    n: int

    def align(self, pairs, bitext):
        if self.n:
            next(pairs)
        return iter([[]] * self.n)


@pytest.mark.parametrize(
    ("n", "message"), [(0, "gave fewer alignments"), (1, "gave fewer"), (9, "gave more alignments")]
)
@pytest.mark.parametrize("every_line", [False, True])
def test_an_alignment_for_each_pair(bitext, tmp_path, n, message, every_line):
    with pytest.raises(PluginError, match=f"aligner 'Fixed': align {message}"):
        build(bitext, tmp_path / "x", aligner=Fixed(n=n), every_line=every_line)


class ReadingAhead(Aligner):
    """Reads in a thread of its own."""

    def align(self, pairs, bitext):
        read = queue.SimpleQueue()

        def fill() -> None:
            try:
                for pair in pairs:
                    read.put(pair)
            finally:
                read.put(None)

        with ThreadPoolExecutor(1) as thread:
            thread.submit(fill)
            while read.get():
                yield []


@pytest.mark.parametrize("every_line", [False, True])
def test_only_the_aligner_reads(bitext, tmp_path, monkeypatch, every_line):
    readers = set()

    def split_pair(*args):
        readers.add(threading.current_thread())
        return cleaning.split_pair(*args)

    monkeypatch.setattr(aligning, "split_pair", split_pair)
    lines = build(bitext, tmp_path / "x", aligner=ReadingAhead(), every_line=every_line)
    assert len(lines) == (N_LINES if every_line else 7)
    assert threading.current_thread() not in readers


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("field", ["source_file", "target_file"])
def test_a_malformed_line_is_named_and_others_stay(bitext, tmp_path, monkeypatch, cores, field):
    monkeypatch.setattr(shards, "available_cores", lambda: cores)
    path = getattr(bitext, field)
    lines = path.read_bytes().split(b"\n")
    lines[7] = b"x\xff"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(DataError, match=rf"{path.name}:8: text must be UTF-8, got byte 0xff"):
        corpus(bitext, tmp_path)
    (work,) = (tmp_path / "corpora").iterdir()
    assert {"00000", "00001"} <= {folder.name for folder in work.iterdir()}


def test_the_result_does_not_depend_on_the_cores(bitext, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    serial = content(corpus(bitext, tmp_path / "serial"))
    caplog.clear()
    monkeypatch.setattr(shards, "available_cores", lambda: 2)
    assert content(corpus(bitext, tmp_path / "parallel")) == serial
    assert serial[1].kept == 6
    entries = [text for text in caplog.messages if text.endswith(" entries")]
    assert entries == [f"{bitext.forward_dictionary}: 10 entries"]


class Telling(Counting):
    """Tells of each pair of the first shard, twice, and the same of every shard."""

    def align(self, pairs, bitext):
        logger = logging.getLogger("alignfreeze.contracts")
        logger.warning("the file is odd")
        for pair in pairs:
            for _ in range(2 * (pair.line < 3)):
                logger.info("line %d", pair.line)
            yield [(0, 0)]


@pytest.mark.parametrize("cores", [1, 2])
def test_what_was_told_is_told_again_by_what_is_taken_over(
    bitext, tmp_path, monkeypatch, caplog, cores
):
    monkeypatch.setattr(shards, "available_cores", lambda: cores)
    caplog.set_level(logging.INFO, logger="alignfreeze")

    def told():
        caplog.clear()
        build(bitext, tmp_path / "x", aligner=Telling())
        return [(r.levelname, r.getMessage()) for r in caplog.records if "en-fr" not in r.msg]

    first = told()
    wanted = [("WARNING", "the file is odd"), ("INFO", "line 1")]
    assert list(dict.fromkeys(first)) == wanted
    assert told() == wanted


@pytest.mark.parametrize("size", [1, 2, 20])
def test_a_corpus_does_not_depend_on_its_shards(bitext, tmp_path, monkeypatch, size):
    expected = content(corpus(bitext, tmp_path / "three"))
    monkeypatch.setattr(shards, "SHARD_LINES", size)
    assert content(corpus(bitext, tmp_path / "other")) == expected


def test_links_from_a_file_are_those_of_their_lines(bitext, write, tmp_path, monkeypatch):
    links = [*["0-0"] * 3, "", "1-0", "0-3", *[f"{n % 2}-0" for n in range(4)]]
    alignment = write("data/en-fr.align", "".join(f"{text}\n" for text in links))
    bitext = Bitext("en", "fr", bitext.source_file, bitext.target_file, alignment)
    whole = content(corpus(bitext, tmp_path / "1", PharaohAligner()))
    rows = [(pair.source, pair.alignment) for pair in whole[2]]
    assert rows[-2:] == [(["x9", "y"], [(0, 0)]), (["x10", "y"], [(1, 0)])]
    monkeypatch.setattr(shards, "available_cores", lambda: 2)
    assert content(corpus(bitext, tmp_path / "2", PharaohAligner())) == whole
    alignment.write_text("\n" * 7 + "0-9\n\n\n")
    with pytest.raises(DataError, match=r"en-fr\.align:8: links must be within .*, got '0-9'$"):
        corpus(bitext, tmp_path / "3", PharaohAligner())


def unnamed() -> Aligner:
    class Unnamed(Counting):
        """Cannot be pickled, since its module has no name for it."""

    return Unnamed()


class Here(Counting):
    """Of a module that worker processes find, or not."""


@pytest.mark.parametrize("module", [None, "gone", "alignfreeze.alignment.shards"])
def test_an_aligner_that_others_cannot_import_stays_here(
    bitext, tmp_path, monkeypatch, caplog, module
):
    if module is not None:
        monkeypatch.setitem(sys.modules, "gone", sys.modules[__name__])
        monkeypatch.setattr(shards, "Here", Here, raising=False)
        monkeypatch.setattr(Here, "__module__", module)
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(shards, "available_cores", lambda: 2)
    corpus(bitext, tmp_path, Here() if module else unnamed())
    assert Counting.lines == [1, 3, 5, 6, 7, 8, 9, 10]
    assert "en-fr: aligned in one process: no other can import the aligner" in caplog.messages


def test_an_aligner_that_is_not_parallel_stays_here(bitext, tmp_path, monkeypatch):
    class Alone(Counting):
        """Wants to be alone."""

        parallel: ClassVar[bool] = False

    monkeypatch.setattr(shards, "available_cores", lambda: 2)
    corpus(bitext, tmp_path, Alone())
    assert Counting.lines == [1, 3, 5, 6, 7, 8, 9, 10]
