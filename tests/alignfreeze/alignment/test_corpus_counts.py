"""What is counted while a text is aligned, and told."""

from dataclasses import replace
from unicodedata import normalize

import pytest

from alignfreeze.alignment.cleaning import CorpusStats
from alignfreeze.alignment.corpus import CorpusJob, aligned_corpus
from alignfreeze.contracts import Aligner, Bitext, ScoredAlignment
from alignfreeze.errors import DataError, PluginError


class SamePlace(Aligner):
    """Links words at the same place."""

    def align(self, pairs, bitext):
        for pair in pairs:
            yield [(n, n) for n in range(min(len(pair.source), len(pair.target)))]


@pytest.fixture
def bitext(write) -> Bitext:
    return Bitext("en", "fr", write("p/a.en", "Tom b c\n\n"), write("p/a.fr", "Tom B C\n\n"))


def build(bitext, tmp_path, aligner):
    return aligned_corpus(CorpusJob(bitext, aligner, "same", "1"), tmp_path / "cache")


@pytest.mark.parametrize("segmentation", ["icu", "whitespace"])
@pytest.mark.parametrize("blank", ["", " ", "\t \t", "\r", "\u00a0", "\u3000\u200b ", "\u2028"])
def test_a_line_that_holds_blanks_is_empty(write, tmp_path, segmentation, blank):
    class Splits(SamePlace):
        """Splits text in one way or the other."""

        def segmentation(self, bitext):
            return segmentation

    bitext = Bitext(
        "en", "fr", write("p/a.en", f"a\r\n{blank}\r\nb\r\r\n"), write("p/a.fr", "A\nx\nB")
    )
    corpus = build(bitext, tmp_path, Splits())
    assert corpus.stats == CorpusStats(read=3, empty=1, kept=2, links=2)
    assert [row.source for row in corpus.rows([0, 1])] == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("links", "kept", "ambiguous"),
    [
        ([(0, 0), (0, 1), (2, 2)], [(2, 2)], 2),
        ([(0, 0), (1, 0), (2, 1)], [(2, 1)], 2),
        ([(0, 0), (0, 1), (1, 1), (2, 2)], [(2, 2)], 3),
        ([(0, 0), (1, 1), (0, 0)], [(0, 0), (1, 1)], 0),
    ],
)
def test_links_that_are_not_one_to_one_are_dropped_and_counted(
    bitext, tmp_path, links, kept, ambiguous
):
    class Fixed(Aligner):
        """Gives what it was told."""

        def align(self, pairs, bitext):
            yield from (links for _ in pairs)

    corpus = build(bitext, tmp_path, Fixed())
    assert corpus.rows([0])[0].alignment == [link for link in kept if link != (0, 0)]
    assert corpus.stats.identical == kept.count((0, 0))
    assert corpus.stats.ambiguous == ambiguous
    told = f" identical words, {ambiguous} not one to one dropped)"
    assert (told in str(corpus.stats)) == (ambiguous > 0)


class Scoring(Aligner):
    """Gives scored links, of which some do not count."""

    scores: tuple[float, ...]
    least: float | None = None

    def least_score(self):
        return self.least

    def align(self, pairs, bitext):
        yield from (ScoredAlignment([(0, 1), (1, 1), (2, 2)], self.scores) for _ in pairs)


@pytest.mark.parametrize(
    ("least", "kept", "weak", "ambiguous"),
    [(None, [(2, 2)], 0, 2), (0.3, [(1, 1), (2, 2)], 1, 0), (0.5, [(1, 1)], 2, 0)],
)
def test_links_below_the_least_score_are_dropped_first_and_counted(
    bitext, tmp_path, least, kept, weak, ambiguous
):
    corpus = build(bitext, tmp_path, Scoring(scores=(0.1, 0.5, 0.3), least=least))
    assert corpus.rows([0])[0].alignment == kept
    assert (corpus.stats.weak, corpus.stats.ambiguous) == (weak, ambiguous)
    assert (f" identical words, {weak} of low scores" in str(corpus.stats)) == (weak > 0)


@pytest.mark.parametrize(
    ("scores", "got"), [((1.0, 2.0), "2 of 3"), ((1.0, float("nan"), 1.0), "nan")]
)
def test_scores_that_break_the_contract_are_the_aligners(bitext, tmp_path, scores, got):
    message = rf"Scoring.*: align must give a finite score a link, got {got} for line 1$"
    with pytest.raises(PluginError, match=message):
        build(bitext, tmp_path, Scoring(scores=scores))


def test_what_is_to_be_told_of_an_aligners_files_is_told_each_time(bitext, tmp_path, caplog):
    class Doubtful(SamePlace):
        """Has something to tell, once a text."""

        def notes(self, bitext):
            return {"links of the stars": 12}

    for _ in range(2):
        stats = build(bitext, tmp_path, Doubtful()).stats
        assert stats.notes == {"links of the stars": 12}
        assert caplog.messages.pop() == f"en-fr: {stats}"
        assert str(stats).endswith("(1 identical words dropped); 12 links of the stars")


def test_where_nothing_is_left_all_is_told(bitext, tmp_path):
    class Fruitless(Aligner):
        """Links the first word to all."""

        def align(self, pairs, bitext):
            yield from ([(0, n) for n in range(3)] for _ in pairs)

        def notes(self, bitext):
            return {"links of the stars": 12}

    bitext = replace(bitext, notes=(("lines of the moon left out", 3),))
    with pytest.raises(
        DataError,
        match=r"; 1 are empty, 0 word pairs were the same string, 3 links"
        r" not one to one; 12 links of the stars; 3 lines of the moon left out$",
    ):
        build(bitext, tmp_path, Fruitless())


@pytest.mark.parametrize("word", ["Tiếng", "한국어", "É", "İ"])
def test_a_word_is_the_same_string_in_either_unicode_form(write, tmp_path, word):
    composed, apart = normalize("NFC", word), normalize("NFD", word)
    bitext = Bitext(
        "en",
        "fr",
        write("p/a.en", f"x {composed} b\n"),
        write("p/a.fr", f"y {apart} B\n"),
    )
    corpus = build(bitext, tmp_path, SamePlace())
    assert (corpus.stats.identical, corpus.stats.links) == (1, 2)
    assert corpus.rows([0])[0].target == ["y", apart, "B"]
