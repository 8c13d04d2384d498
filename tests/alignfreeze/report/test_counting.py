"""Wins and losses under each rule, against numbers that were worked out by hand."""

import pytest

from alignfreeze.report.counting import Counts, count, tenths, total
from alignfreeze.report.score_tables import ScoreTable

SEEDS = (31, 42, 66)


def table(task, baseline, own):
    """A table of scores in percent, by language; a lone number stands for all seeds."""

    def by_seed(scores):
        values = scores if isinstance(scores, list) else [scores] * len(SEEDS)
        return {seed: value / 100 for seed, value in zip(SEEDS, values, strict=False)}

    values = {
        name: {language: by_seed(scores) for language, scores in own.items()}
        for name, own in (("baseline", baseline), ("none", own))
    }
    languages = sorted({*baseline, *own} - {"en"})
    return ScoreTable("m", task, "accuracy", "en", languages, list(values), values)


POS = table(
    "pos",
    # means 71, 50, 62; sample deviations 1, 0, 2; population's 0.816, 0, 1.633
    {"en": 95, "de": [70, 71, 72], "fr": 50, "es": [60, 62, 64]},
    {"en": 10, "de": 71.92, "fr": 49.96, "es": 66},
)
NLI = table("nli", {"de": 70, "ru": [60, 62, 64]}, {"de": 70, "ru": 50})


@pytest.mark.parametrize(
    ("scores", "rule", "expected"),
    [
        # de is up by 0.92, less than 1; fr is down by 0.04, more than 0; es is up by 4.
        (POS, "exact", Counts(1, 1, 3)),
        # 71.9 - 71.0 > 0.8; 50.0 - 50.0 is not below; es is up.
        (POS, "paper", Counts(0, 2, 3)),
        # The average over languages too: 62.6 - 61.0 > 0.8.
        (POS, "published", Counts(0, 3, 4)),
        (NLI, "exact", Counts(1, 0, 2)),
        (NLI, "paper", Counts(1, 0, 2)),
        (NLI, "published", Counts(0, 0, 1)),
    ],
)
def test_counts_are_those_by_hand(scores, rule, expected):
    assert count(scores, "none", rule) == expected


def test_a_language_that_one_lacks_is_not_counted():
    scores = table("pos", {"de": [70, 71, 72], "fr": 50}, {"fr": 40, "es": 66})
    assert count(scores, "none", "exact") == Counts(1, 0, 1)


def test_one_seed_has_no_deviation():
    scores = table("pos", {"de": [70]}, {"de": [80]})
    assert count(scores, "none", "exact") is None
    assert count(scores, "none", "paper") == Counts(0, 1, 1)


def test_exactly_one_deviation_is_within():
    scores = table("ner", {"de": [70, 71, 72]}, {"de": [72, 72, 72]})
    assert count(scores, "none", "paper") == Counts(0, 1, 1)  # 1.0 > 0.8
    scores = table("ner", {"de": [50, 50, 50]}, {"de": [50, 50, 50]})
    for rule in ("exact", "paper", "published"):
        assert count(scores, "none", rule) == Counts(0, 0, 1)


TIES = [(middle, apart) for middle in range(310, 920, 7) for apart in (5, 10, 20)]
"""Mean and deviation of three seeds, in parts; doubles would decide many by their last bit."""


@pytest.mark.parametrize("parts", [10, 24, 30])  # of 1000, 2400 (a demo's words), 3000
@pytest.mark.parametrize("sign", [-1, 1])
def test_exactly_one_deviation_off_is_no_win_and_no_loss(parts, sign):
    ties = {f"x{middle}-{apart}": (middle, apart) for middle, apart in TIES}
    baseline = {n: [(m - a) / parts, m / parts, (m + a) / parts] for n, (m, a) in ties.items()}
    exactly = {n: (m + sign * a) / parts for n, (m, a) in ties.items()}
    scores = table("pos", baseline, exactly)
    assert count(scores, "none", "exact") == Counts(0, 0, len(TIES))
    # A thousandth of a part beyond it is a win or a loss.
    beyond = {n: (m + sign * (a + 0.001)) / parts for n, (m, a) in ties.items()}
    found = count(table("pos", baseline, beyond), "none", "exact")
    assert found == Counts(*(len(TIES) if s == sign else 0 for s in (-1, 1)), len(TIES))


def test_the_deviation_of_83_against_82_and_72_against_71_is_the_same():
    scores = table(
        "pos",
        {"de": [81, 82, 83], "fr": [70, 71, 72], "es": [81, 82, 83], "el": [70, 71, 72]},
        {"de": 83, "fr": 72, "es": 81, "el": 70},
    )
    assert count(scores, "none", "exact") == Counts(0, 0, 4)


def test_no_baseline_no_counts():
    scores = ScoreTable("m", "pos", "f1", "en", ["de"], ["none"], {"none": {"de": {1: 0.5}}})
    assert count(scores, "none", "exact") is None


def test_totals_add_up_what_there_is():
    assert total([Counts(1, 2, 3), None, Counts(4, 5, 6)]) == Counts(5, 7, 9)
    assert total([None]) is None


@pytest.mark.parametrize(("fraction", "number"), [(0.71949, 719), (0.7195, 720), (0.0, 0)])
def test_tenths_are_rounded_as_printed(fraction, number):
    assert tenths(fraction) == number


def test_a_tie_of_the_published_rule_is_decided_by_the_last_bit():
    def counts(own, baseline, deviation, rule):
        # Two seeds that lie a deviation on either side have it as their population deviation.
        spread = {1: (baseline - deviation) / 100, 2: (baseline + deviation) / 100}
        scores = ScoreTable(
            *("m", "ner", "accuracy", "en", ["de"], ["baseline", "none"]),
            {"baseline": {"de": spread}, "none": {"de": {1: own / 100, 2: own / 100}}},
        )
        return count(scores, "none", rule)

    ties = [(51.7, 51.4, 0.3), (86.3, 85.2, 1.1), (50.4, 50.7, 0.3)]
    assert [counts(*tie, "published") for tie in ties] == [
        Counts(0, 1, 1),
        Counts(0, 0, 1),
        Counts(1, 0, 1),
    ]
    assert [counts(*tie, "paper") for tie in ties] == [Counts(0, 0, 1)] * 3
