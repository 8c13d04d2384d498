"""How sure a difference is: over seeds and examples, over seeds alone, by drawing."""

import numpy as np
import pytest

from alignfreeze.report.intervals import (
    ALONE,
    INTERVALS,
    difference_of,
    interval_note,
    interval_of,
    seeds_mark,
    significant,
)
from alignfreeze.report.score_tables import Resampled, ScoreTable
from alignfreeze.report.settings import ReportConfig

KINDS = {
    kind: ReportConfig(interval=kind, resamples=2000) for kind in ("hierarchical", "t", "bootstrap")
}
GAINS = {31: 0.01, 42: 0.02, 66: 0.06}
BASELINE = {31: 0.5, 42: 0.6, 66: 0.7}
RESAMPLED = {"none": {"de": Resampled(1e-3, (0.011, 0.055)), None: Resampled(1e-4, (0.0, 0.1))}}


def table(gains=GAINS, **about):
    own = {seed: BASELINE.get(seed, 0.5) + gain for seed, gain in gains.items()}
    values = {"baseline": {"de": BASELINE}, "none": {"de": own}}
    return ScoreTable("m", "pos", "accuracy", "en", ["de"], list(values), values, **about)


@pytest.mark.parametrize("config", KINDS.values(), ids=str)
def test_what_a_seed_does_to_both_cancels(config):
    alike = table(dict.fromkeys(GAINS, 0.1))
    assert interval_of(alike, "none", "de", config) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("kind", ["t", "hierarchical"])
def test_over_seeds_alone_it_is_students_by_hand(kind):
    # Mean 3 points, sample deviation sqrt(7), and 4.303 of a t distribution of two degrees.
    half = 4.30265 * 7**0.5 / 3**0.5
    ends = pytest.approx(((3 - half) / 100, (3 + half) / 100), rel=1e-5)
    assert interval_of(table(), "none", "de", KINDS[kind]) == ends


def test_examples_are_in_it_where_they_tell():
    both = table(resampled=RESAMPLED)
    found = difference_of(both, "none", "de")
    assert found.error == pytest.approx((7e-4 / 3 + 1e-3) ** 0.5)
    assert interval_of(both, "none", "de", KINDS["hierarchical"]) == found.interval
    assert interval_of(both, "none", "de", KINDS["bootstrap"]) == (0.011, 0.055)
    alone = difference_of(table(), "none", "de")
    assert interval_of(both, "none", "de", KINDS["t"]) == alone.interval
    assert difference_of(both, "none", "de", examples=False) == alone
    assert difference_of(both, "none").error == pytest.approx((7e-4 / 3 + 1e-4) ** 0.5)


@pytest.mark.parametrize("config", KINDS.values(), ids=str)
@pytest.mark.parametrize("gains", [{31: 0.1}, {}])
def test_one_seed_has_none(config, gains):
    assert interval_of(table(gains), "none", "de", config) is None


def test_the_bootstrap_lies_around_the_mean_and_is_repeatable():
    low, high = interval_of(table(), "none", "de", KINDS["bootstrap"])
    assert low >= 0.01 - 1e-9
    assert low < 0.03 < high <= 0.06 + 1e-9
    assert interval_of(table(), "none", "de", KINDS["bootstrap"]) == (low, high)
    few = ReportConfig(interval="bootstrap", resamples=50)
    other = few.model_copy(update={"bootstrap_seed": 1})
    assert interval_of(table(), "none", "de", other) != interval_of(table(), "none", "de", few)


def test_of_three_seeds_student_holds_the_truth_as_often_as_it_says_and_the_bootstrap_does_not():
    draws = np.random.default_rng(0).normal(scale=0.01, size=(400, 3))

    def share(kind):
        tables = (table(dict(zip(GAINS, draw, strict=True))) for draw in draws)
        ends = (interval_of(made, "none", "de", KINDS[kind]) for made in tables)
        return np.mean([low <= 0 <= high for low, high in ends])

    assert 0.92 <= share("t") <= 0.98
    assert share("bootstrap") < 0.82


def test_a_note_says_which_interval_it_is_and_which_rows_have_another():
    both, alone = table(resampled=RESAMPLED), table()
    marked = table(seeds_alone={"none": "no predictions were kept"})
    kind = KINDS["hierarchical"]
    assert interval_note([both], kind) == f"95 % {INTERVALS['hierarchical']}"
    assert interval_note([alone], kind) == f"95 % {ALONE['hierarchical']}"
    mixed = interval_note([both, marked], kind)
    assert mixed == f"95 % {INTERVALS['hierarchical']} (‡: over seeds alone)"
    assert seeds_mark(marked, "none", kind) == "‡"
    assert seeds_mark(both, "none", kind) == ""
    # Of what is asked for over seeds alone nothing is another.
    assert interval_note([both, marked], KINDS["t"]) == f"95 % {INTERVALS['t']}"
    assert seeds_mark(marked, "none", KINDS["t"]) == ""


def test_significant_is_what_is_left_after_the_correction():
    languages = [f"l{number}" for number in range(4)]
    gains = [[0.04, 0.05, 0.051], [0.02, 0.03, 0.05], [-0.05, -0.051, -0.052], [0.001, 0, -0.001]]
    own = {
        code: {seed: 0.5 + gain for seed, gain in enumerate(by_seed)}
        for code, by_seed in zip(languages, gains, strict=True)
    }
    values = {"baseline": {c: dict.fromkeys(range(3), 0.5) for c in languages}, "none": own}
    made = ScoreTable("m", "pos", "accuracy", "en", languages, list(values), values)
    p = [difference_of(made, "none", code).p_value for code in languages]
    assert [round(value, 4) for value in p] == [0.0055, 0.0634, 0.0001, 1.0]
    assert list(significant(made, "none", "holm")) == ["l0", "l2"]
    less = {**own, "l0": {seed: 0.5 + gain for seed, gain in enumerate([0.03, 0.05, 0.06])}}
    values = {**values, "none": less}
    made = ScoreTable("m", "pos", "accuracy", "en", languages, list(values), values)
    assert difference_of(made, "none", "l0").p_value < 0.05
    assert list(significant(made, "none", "holm")) == ["l2"]
