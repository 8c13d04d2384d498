"""What the differences mean: both kinds of intervals, counts and power, side by side."""

import io
from statistics import median

import pandas as pd
import pytest

from alignfreeze.report.counting import Counts, count, rule_note
from alignfreeze.report.intervals import difference_of
from alignfreeze.report.score_tables import Resampled, ScoreTable
from alignfreeze.report.settings import ReportConfig
from alignfreeze.report.significance_table import significance_csv, significance_table

LANGUAGES = ["de", "fr", "zh"]
GAINS = {
    "de": [0.040, 0.050, 0.051],
    "fr": [-0.020, -0.022, -0.018],
    "zh": [0.02, 0.05, 0.08],
    "en": [0.0, 0.001, 0.0],
}


def table(**about):
    own = {code: {n: 0.5 + gain for n, gain in enumerate(gains)} for code, gains in GAINS.items()}
    values = {"baseline": {code: dict.fromkeys(range(3), 0.5) for code in GAINS}, "none": own}
    return ScoreTable("m", "pos", "accuracy", "en", LANGUAGES, list(values), values, **about)


ALONE = table(seeds_alone={"none": "no predictions were kept"})
BOTH = table(
    resampled={"none": {code: Resampled(1e-4, (0.0, 0.1)) for code in (None, *GAINS)}},
)


def cells(shown):
    (row,) = shown.rows
    return dict(zip(shown.columns, (cell.text for cell in row), strict=True))


def test_both_intervals_stand_side_by_side():
    found = cells(significance_table([BOTH], ReportConfig()))
    alone = cells(significance_table([ALONE], ReportConfig()))
    assert found["difference"] == alone["difference"] == "+2.6"
    # Averages by seed: 1.33, 2.60 and 3.77 points.
    assert found["over seeds [95 %]"] == alone["over seeds [95 %]"] == "[−0.5, +5.6]"
    assert found["and examples [95 %]"] == "[−0.4, +5.6]"  # of more degrees of freedom
    assert alone["and examples [95 %]"] == "–"
    assert (found["p"], alone["p"]) == ("0.105", "0.067‡")
    assert (found["↓ ↑"], found["Holm"], found["FDR"]) == ("↓1 ↑2", "↓0 ↑1", "↓0 ↑1")
    assert (alone["Holm"], alone["FDR"]) == ("↓1 ↑1", "↓1 ↑1")
    each = [difference_of(BOTH, "none", code).detectable for code in LANGUAGES]
    assert found["by language"] == f"{100 * median(each):.1f}"
    assert found["detectable"] == f"{100 * difference_of(BOTH, 'none').detectable:.1f}"


def test_counts_are_of_what_is_significant_after_a_correction():
    assert count(BOTH, "none", "significant") == Counts(0, 1, 3)
    assert count(ALONE, "none", "significant", "fdr") == Counts(1, 1, 3)
    few = ScoreTable("m", "pos", "f1", "en", ["de"], ["none"], {"none": {"de": {1: 0.5}}})
    assert count(few, "none", "significant") is None
    assert rule_note(ReportConfig(counting="significant")).endswith("target languages by Holm")


def test_without_a_baseline_there_is_no_table():
    few = ScoreTable("m", "pos", "f1", "en", ["de"], ["none"], {"none": {"de": {1: 0.5}}})
    assert significance_table([few], ReportConfig()) is None


def test_one_seed_has_a_difference_alone():
    values = {"baseline": {"de": {1: 0.5}}, "none": {"de": {1: 0.6}}}
    few = ScoreTable("m", "pos", "f1", "en", ["de"], [*values], values)
    found = cells(significance_table([few], ReportConfig()))
    assert found["difference"] == "+10.0"
    assert {*found.values()} == {"m", "pos f1", "none", "+10.0", "–"}
    assert significance_csv([few]).strip() == ""


def test_numbers_are_those_of_the_differences():
    frame = pd.read_csv(io.StringIO(significance_csv([BOTH])), keep_default_na=False)
    assert [*frame["language"]] == ["", "en", "de", "fr", "zh"]
    assert {*frame["basis"]} == {"seeds and examples"}
    german = frame[frame["language"] == "de"].iloc[0]
    found = difference_of(BOTH, "none", "de")
    assert (german["low"], german["high"]) == pytest.approx(found.interval)
    assert german["p"] == pytest.approx(found.p_value)
    assert float(german["p_holm"]) == pytest.approx(3 * found.p_value)
    assert german["detectable"] == pytest.approx(found.detectable)
    over_seeds = difference_of(BOTH, "none", "de", examples=False)
    assert (german["seeds_low"], german["seeds_high"]) == pytest.approx(over_seeds.interval)
    assert [*frame["p_fdr"]][:2] == ["", ""]  # of targets alone
