"""What every word aligner must do."""

import math
from collections.abc import Iterable, Iterator
from typing import ClassVar

from alignfreeze.alignment.cleaning import sentence_pairs
from alignfreeze.contracts import (
    Aligner,
    Bitext,
    ScoredAlignment,
    SentencePair,
    WordAlignment,
    links_of,
    one_to_one,
)


class AlignerContract:
    """Contract tests of a word aligner, run by pytest.

    Subclass it, call the subclass ``Test...``, and give it two fixtures: the aligner, and a
    bitext with everything that it needs, of two sentence pairs or more.

        class TestMyAligner(AlignerContract):
            @pytest.fixture
            def aligner(self):
                return MyAligner()

            @pytest.fixture
            def bitext(self, tmp_path):
                return write_some_bitext(tmp_path)
    """

    lookahead: ClassVar[int] = 4096
    """Sentence pairs that the aligner may ask for before it gives its first result."""

    def test_describes_itself(self, aligner: Aligner, bitext: Bitext) -> None:
        """It is a frozen model with a docstring, and the files that it names are there."""
        assert (type(aligner).__doc__ or "").strip(), f"{type(aligner)} has no docstring"
        assert isinstance(aligner, Aligner), f"{aligner!r} is not an Aligner"
        assert type(aligner).model_config.get("frozen"), f"{aligner!r} is not frozen"
        for path in aligner.inputs(bitext):
            assert path.is_file(), f"inputs() names {path}, which is no file"

    def test_aligns_something(self, aligner: Aligner, bitext: Bitext) -> None:
        """The bitext holds at least a link, or the other tests would say nothing."""
        found = [links_of(alignment) for _, alignment in _aligned(aligner, bitext)]
        assert any(found), "no link at all"

    def test_links_are_within_the_sentences(self, aligner: Aligner, bitext: Bitext) -> None:
        """Indices count the words of the pair from 0."""
        for pair, alignment in _aligned(aligner, bitext):
            for source, target in links_of(alignment):
                case = f"line {pair.line}: link ({source}, {target})"
                assert 0 <= source < len(pair.source), f"{case}: {len(pair.source)} source words"
                assert 0 <= target < len(pair.target), f"{case}: {len(pair.target)} target words"

    def test_some_links_are_one_to_one(self, aligner: Aligner, bitext: Bitext) -> None:
        """Not all links are of words that have another one: those are dropped."""
        found = [links_of(alignment) for _, alignment in _aligned(aligner, bitext)]
        assert any(map(one_to_one, found)), f"no link is one to one: {found}"

    def test_scores_are_finite_numbers_one_a_link(self, aligner: Aligner, bitext: Bitext) -> None:
        """Links may have scores; those of a pair all have, if any of them has."""
        least = aligner.least_score()
        assert least is None or math.isfinite(least), f"least_score() must be finite, got {least}"
        for pair, alignment in _aligned(aligner, bitext):
            if not isinstance(alignment, ScoredAlignment):
                assert least is None, f"line {pair.line}: links without scores, least is {least}"
                continue
            links, scores = alignment.links, alignment.scores
            case = f"line {pair.line}"
            assert len(scores) == len(links), f"{case}: {len(scores)} scores, {len(links)} links"
            for score in scores:
                assert isinstance(score, int | float), f"{case}: score {score!r} is no number"
                assert math.isfinite(score), f"{case}: scores must be finite, got {score}"

    def test_notes_are_counts(self, aligner: Aligner, bitext: Bitext) -> None:
        """What is told of its files is how often there was what."""
        for what, count in aligner.notes(bitext).items():
            assert what.strip(), f"notes: {count} of nothing"
            assert count > 0, f"notes: {what!r} must be told if there is some, got {count}"

    def test_is_deterministic(self, aligner: Aligner, bitext: Bitext) -> None:
        """The same again gives the same links."""
        first, again = (list(_aligned(aligner, bitext)) for _ in range(2))
        assert first == again, "align must give the same links when it is asked again"

    def test_lines_may_be_missing(self, aligner: Aligner, bitext: Bitext) -> None:
        """Every second sentence pair alone is aligned as among the others."""
        everything = list(_aligned(aligner, bitext))
        some = [pair for pair, _ in everything[1::2]]
        assert some, "the bitext must have two sentence pairs or more"
        alone = list(aligner.align(iter(some), bitext))
        among = [links for _, links in everything[1::2]]
        assert alone == among, "a pair's links must not depend on which pairs come with it"

    def test_streams(self, aligner: Aligner, bitext: Bitext) -> None:
        """The first result comes before many sentence pairs have been asked for."""
        asked = 0

        def counted(pairs: Iterable[SentencePair]) -> Iterator[SentencePair]:
            nonlocal asked
            for pair in pairs:
                asked += 1
                yield pair

        results = iter(aligner.align(counted(_pairs(aligner, bitext)), bitext))
        assert asked <= self.lookahead, f"{asked} pairs were read before a result was asked for"
        next(results)
        assert asked <= self.lookahead, f"{asked} pairs were read before the first result"


def _pairs(aligner: Aligner, bitext: Bitext) -> Iterator[SentencePair]:
    """The sentence pairs that have words on both sides."""
    pairs = sentence_pairs(bitext, aligner.segmentation(bitext))
    return (pair for pair in pairs if pair.source and pair.target)


def _aligned(
    aligner: Aligner, bitext: Bitext
) -> Iterator[tuple[SentencePair, WordAlignment | ScoredAlignment]]:
    """Each sentence pair with its links; fails if there are more or fewer results than pairs."""
    pairs = list(_pairs(aligner, bitext))
    results = list(aligner.align(iter(pairs), bitext))
    assert len(results) == len(pairs), f"{len(results)} results for {len(pairs)} sentence pairs"
    return zip(pairs, results, strict=True)
