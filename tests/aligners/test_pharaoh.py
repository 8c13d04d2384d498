import re
from dataclasses import replace

import pytest

from alignfreeze.alignment.cleaning import sentence_pairs
from alignfreeze.alignment.export import ExportJob, write_alignments
from alignfreeze.contracts import Bitext, ScoredAlignment, SentencePair, count_lines, links_of
from alignfreeze.errors import DataError
from alignfreeze.testing.aligner import AlignerContract
from alignfreeze_aligners.pharaoh import PharaohAligner

ALIGNER = PharaohAligner()


@pytest.fixture
def make(write):
    """Makes a bitext of three lines with an alignment file."""

    def make_bitext(alignments: str) -> Bitext:
        return Bitext(
            source="en",
            target="fr",
            source_file=write("parallel/en-fr.en", "the cat sleeps\na dog\nyes , sir\n"),
            target_file=write("parallel/en-fr.fr", "le chat dort\nun chien !\noui monsieur\n"),
            alignment_file=write("parallel/en-fr.align", alignments),
        )

    return make_bitext


def align(bitext: Bitext) -> list[list[tuple[int, int]]]:
    return list(ALIGNER.align(sentence_pairs(bitext, ALIGNER.segmentation(bitext)), bitext))


class TestContract(AlignerContract):
    @pytest.fixture
    def aligner(self):
        return ALIGNER

    @pytest.fixture
    def bitext(self, make):
        return make("0-0 1-1 2-2\n0-0 1-1 1-2\n0-0 2-1\n")


class TestContractWithScores(TestContract):
    @pytest.fixture
    def aligner(self):
        return PharaohAligner(threshold=0.5)

    @pytest.fixture
    def bitext(self, make):
        return make("0-0:0.9 1-1:.25 2-2:1\n0-0:0.5 1-1:0.75 1-2:0.1\n\n")


def test_links_are_read(make):
    bitext = make("2-2 0-0 1-1\n\n0-0\t2-1\r\n")
    assert align(bitext) == [[(0, 0), (1, 1), (2, 2)], [], [(0, 0), (2, 1)]]
    assert ALIGNER.inputs(bitext) == (bitext.alignment_file,)


def test_all_links_are_read_and_a_repeated_one_once(make):
    bitext = make("0-0 0-1 2-2\n0-0 1-1 1-2\n2-1 0-0 1-0 2-1\n")
    assert align(bitext) == [
        [(0, 0), (0, 1), (2, 2)],
        [(0, 0), (1, 1), (1, 2)],
        [(0, 0), (1, 0), (2, 1)],
    ]


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_scores_stand_behind_a_colon(make, threshold):
    bitext = make("1-1:0.5 0-0:-2e-1 1-1:0.75\n\n2-1:1.\n")
    aligner = PharaohAligner(threshold=threshold)
    assert aligner.least_score() == threshold
    first, second, third = aligner.align(sentence_pairs(bitext, "whitespace"), bitext)
    assert first == ScoredAlignment([(0, 0), (1, 1)], [-0.2, 0.75])
    assert links_of(second) == []
    assert third == ScoredAlignment([(2, 1)], [1.0])
    assert aligner.notes(bitext) == {}


def test_scores_are_no_links_from_zero(make):
    bitext = make("1-1:0.5 2-2:-0.25\n1-1:1e-0\n1-1:0\n")
    assert list(ALIGNER.notes(bitext).values()) == [4]


def test_weak_links_are_dropped_before_those_that_are_not_one_to_one(make, tmp_path):
    bitext = make("0-0:0.9 0-1:0.4 1-1:0.8 2-2:0.1\n0-0:1\n1-1:1\n")
    job = ExportJob(bitext, PharaohAligner(threshold=0.5), "pharaoh", "1")
    stats = write_alignments(job, tmp_path / "cache", tmp_path / "out")
    text = (tmp_path / "out/en-fr.align").read_text()
    assert text == "0-0 1-1\n0-0\n1-1\n"
    assert (stats.weak, stats.ambiguous, stats.links) == (2, 0, 4)
    assert "(0 identical words, 2 of low scores dropped)" in str(stats)
    every = ExportJob(bitext, ALIGNER, "pharaoh", "1")
    stats = write_alignments(every, tmp_path / "cache", tmp_path / "out")
    assert (stats.weak, stats.ambiguous, stats.links) == (0, 3, 3)


@pytest.mark.parametrize(
    ("line", "threshold", "message"),
    [
        ("0-0:x", None, r"align:1: a link must be .* such as 0-1 or 0-1:0\.93, got '0-0:x'$"),
        ("0-0:nan", None, r"align:1: a link must be .*, got '0-0:nan'$"),
        ("0-0:", None, r"align:1: a link must be .*, got '0-0:'$"),
        ("0-0:1 2-1", None, r":1: all links must .*, as others of the line .* words 2 and 1 has n"),
        (
            "0-0",
            0.5,
            r":1: all links must .*, as aligner 'pharaoh' has a threshold, .* 0 and 0",
        ),
    ],
)
def test_scores_that_are_malformed_or_lacking_are_told(make, line, threshold, message):
    bitext = make(f"{line}\n\n\n")
    with pytest.raises(DataError, match=message):
        list(PharaohAligner(threshold=threshold).align(sentence_pairs(bitext, "icu"), bitext))


def test_a_reversed_file_has_the_target_first(make):
    bitext = replace(make("0-1 1-0\n2-1\n1-2\n"), alignment_reversed=True)
    assert align(bitext) == [[(0, 1), (1, 0)], [(1, 2)], [(2, 1)]]


def test_lines_are_those_of_the_text(make):
    pairs = [
        SentencePair(2, ("a", "dog"), ("un", "chien", "!")),
        SentencePair(3, ("yes",), ("oui",)),
    ]
    assert list(ALIGNER.align(pairs, make("0-0\n1-1\n0-0\n"))) == [[(1, 1)], [(0, 0)]]


def test_lines_before_the_first_are_not_read(make):
    bitext = make("0-0\n0-0\n0-0\n")
    bitext.alignment_file.write_bytes(b"\xff\nno link\n1-1\n")
    pairs = [SentencePair(3, ("yes", "sir"), ("oui", "monsieur"))]
    assert list(ALIGNER.align(pairs, bitext)) == [[(1, 1)]]
    assert list(ALIGNER.align([], bitext)) == []


def test_lines_are_counted_once_for_all_parts_of_a_text(make, monkeypatch):
    counted = []

    def count(path):
        counted.append(path)
        return count_lines(path)

    monkeypatch.setattr("alignfreeze_aligners.pharaoh.count_lines", count)
    bitext = make("0-0\n0-0\n0-0\n")
    for _ in range(3):
        align(bitext)
    assert counted == [bitext.alignment_file, bitext.source_file]
    bitext.alignment_file.write_text("0-0\n" * 4)
    with pytest.raises(DataError, match=r"got 4$"):
        align(bitext)


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2028", "\u0085", "\x1c", "\x1f"])
def test_links_count_words_between_ascii_blanks(make, write, blank):
    bitext = replace(
        make("0-0 1-1\t2-2\n\n\n"),
        source_file=write("parallel/en-fr.en", f"10{blank}000 km .\nx\nx\n"),
        target_file=write("parallel/en-fr.fr", "dix km .\nx\nx\n"),
    )
    (pair, *_) = sentence_pairs(bitext, ALIGNER.segmentation(bitext))
    links = align(bitext)[0]
    assert [(pair.source[s], pair.target[t]) for s, t in links] == [
        (f"10{blank}000", "dix"),
        ("km", "km"),
        (".", "."),
    ]
    with pytest.raises(DataError, match=r"en-fr\.align:1: a link must be two word numbers"):
        align(make(f"0-0{blank}1-1\n\n\n"))


def test_digits_are_ascii(make):
    with pytest.raises(DataError, match=r"en-fr\.align:1: a link must be two word numbers"):
        align(make("٠-٠\n\n\n"))
    with pytest.raises(DataError, match=r"a link must be two word numbers .*, got '9{60}'…$"):
        align(make("9" * 5000 + "-0\n\n\n"))


@pytest.mark.parametrize(
    ("alignments", "links"),
    [
        ("1-1 2-2\n1-1\n1-1\n", 4),
        ("1-1 10-2\n\n\n", 2),
        ("0-0\n1-1\n1-1\n", 0),
        ("1-1\n1-0\n1-1\n", 0),
        ("1-1\n0-1 1-1\n1-1\n", 0),
        ("\n\n\n", 0),
        ("x\n\0\ny z\n", 0),
    ],
)
def test_a_file_that_is_probably_counted_from_1_is_told(make, alignments, links):
    doubt = "links in en-fr.align and none with a 0: it is probably counted from 1"
    assert ALIGNER.notes(make(alignments)) == ({doubt: links} if links else {})


def test_a_link_beyond_a_line_says_so_too(make):
    doubt = r" \(no link has a 0: the file is probably counted from 1\), got '3-3'$"
    with pytest.raises(DataError, match=r"en-fr\.align:1: links must be within .*" + doubt):
        align(make("1-1 2-2 3-3\n1-1\n1-1\n"))
    with pytest.raises(DataError, match=r"spaces or tabs, got '3-3'$"):
        align(make("1-1 2-2 3-3\n0-0\n1-1\n"))


@pytest.mark.parametrize(
    ("token", "rule"),
    [
        ("1:1", "a link must be two word numbers such as 0-1"),
        ("1-", "a link must be two word numbers such as 0-1"),
        ("1p1", "a link must be two word numbers such as 0-1"),
        ("-1-1", "a link must be two word numbers such as 0-1"),
        ("1-1-1", "a link must be two word numbers such as 0-1"),
        ("2-0", "links must be within the 2 source and 3 target words of the line"),
        ("0-3", "links must be within the 2 source and 3 target words of the line"),
    ],
)
def test_a_malformed_link_is_named(make, token, rule):
    bitext = make(f"0-0\n0-0 {token}\n0-0\n")
    with pytest.raises(
        DataError, match=rf"en-fr\.align:2: {rule}.*, got {re.escape(repr(token))}$"
    ):
        align(bitext)


@pytest.mark.parametrize(
    ("alignments", "line", "count"), [("0-0\n0-0\n", 3, 2), ("0-0\n" * 5, 4, 5), ("", 1, 0)]
)
def test_a_line_for_each_line_of_the_text(make, alignments, line, count):
    message = rf"en-fr\.align:{line}: must have a line .* the 3 lines of en-fr\.en, got {count}$"
    with pytest.raises(DataError, match=message):
        align(make(alignments))


def test_a_file_is_needed(make, tmp_path):
    bitext = make("")
    with pytest.raises(DataError, match=r"en-fr has no word .* looked for parallel/en-fr\.align"):
        ALIGNER.inputs(replace(bitext, alignment_file=None))
    with pytest.raises(DataError, match=r"gone\.align: cannot be read: no such file"):
        align(replace(bitext, alignment_file=tmp_path / "gone.align"))


def test_text_must_be_utf8(make):
    bitext = make("0-0\n")
    bitext.alignment_file.write_bytes(b"0-0\n\xff\n\n")
    with pytest.raises(DataError, match=r"en-fr\.align:2: text must be UTF-8"):
        align(bitext)
