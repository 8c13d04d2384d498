"""What the contract suites say to the author of a plugin."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from alignfreeze.contracts import Aligner, Bitext, FreezingStrategy, ScoredAlignment
from alignfreeze.testing import AlignerContract, StrategyContract


class Changing(FreezingStrategy):
    """Has a field that can change."""

    layers: list[int] = [0]  # noqa: RUF012

    def freezes(self, site, n_layers):
        return site.layer in self.layers


class ChangingSuite(StrategyContract):
    def instances(self):
        return [Changing()]


def test_a_field_that_can_change_is_told():
    with pytest.raises(AssertionError, match=r"must hold .* tuple or frozenset, got list$"):
        ChangingSuite().test_is_frozen()


def test_a_suite_without_instances_is_told():
    with pytest.raises(NotImplementedError, match=r"^\w+ must have a method instances"):
        StrategyContract().test_is_frozen()


class Fickle(Aligner):
    """Links by how many pairs it has seen, ever."""

    def align(self, pairs, bitext) -> Iterator[list[tuple[int, int]]]:
        for number, _ in enumerate(pairs):
            yield [(number % 2, number % 2)]


def test_links_that_depend_on_other_pairs_are_told(tmp_path):
    for language in ("en", "de"):
        (tmp_path / f"en-de.{language}").write_text("a b\nc d\ne f\ng h\n")
    bitext = Bitext("en", "de", tmp_path / "en-de.en", tmp_path / "en-de.de")
    with pytest.raises(AssertionError, match="must not depend on which pairs come with it"):
        AlignerContract().test_lines_may_be_missing(Fickle(), bitext)


class Careless(Aligner):
    """Gives a score that is none."""

    def align(self, pairs, bitext) -> Iterator[ScoredAlignment]:
        yield from (ScoredAlignment([(0, 0)], [float("inf")]) for _ in pairs)


def test_scores_that_are_not_finite_are_told(tmp_path):
    for language in ("en", "de"):
        (tmp_path / f"en-de.{language}").write_text("a b\nc d\n")
    bitext = Bitext("en", "de", tmp_path / "en-de.en", tmp_path / "en-de.de")
    with pytest.raises(AssertionError, match="line 1: scores must be finite, got inf"):
        AlignerContract().test_scores_are_finite_numbers_one_a_link(Careless(), bitext)


def test_what_to_install_is_told_without_pytest():
    code = "import sys; sys.modules['pytest'] = None; import alignfreeze.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "which is not installed: pip install 'alignfreeze[testing]'" in done.stderr
