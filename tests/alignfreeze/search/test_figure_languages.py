import numpy as np
import pytest

from alignfreeze.search.figure_languages import (
    best_boundaries,
    colour_limit,
    language_gains,
    reference_name,
)
from alignfreeze.search.trial_table import StudyTable

SCORES = ("pos/de", "pos/fr", "ner/de")
NAN = np.nan
ROWS = [
    ("complete", 1, NAN, 0.1, 0.60),
    ("pruned", 2, NAN, 0.2, NAN),
    ("complete", NAN, 3, 0.3, 0.70),
    ("failed", 0, NAN, 0.1, NAN),
    ("complete", 1, NAN, 0.4, 0.50),
    ("complete", 3, NAN, 0.1, 0.55),
    ("complete", NAN, NAN, 0.1, 0.80),
]


def naive_gains(table: StudyTable, column: str) -> dict[tuple[str, int], float]:
    gains = {}
    for name in table.scores:
        known, by_boundary = [], {}
        for trial in table.trials.to_dict("records"):
            if trial["state"] == "complete" and trial[name] == trial[name]:
                known.append(trial[name])
                if trial[column] == trial[column]:
                    by_boundary.setdefault(int(trial[column]), []).append(trial[name])
        reference = table.baseline[name] if table.baseline else sum(known) / len(known)
        for boundary, values in by_boundary.items():
            gains[name, boundary] = 100 * (max(values) - reference)
    return gains


def random_study(study_of, seed: int, *, baseline: bool) -> StudyTable:
    random = np.random.default_rng(seed)
    states = random.choice(["complete", "pruned"], 30, p=[0.8, 0.2])
    rows = [
        (state, boundary, NAN, 0.1, score if state == "complete" else NAN)
        for state, boundary, score in zip(
            states, random.choice([0, 2, 3, NAN], 30), random.uniform(size=30), strict=True
        )
    ]
    levels = {name: random.uniform() for name in SCORES} if baseline else {}
    table = study_of(rows, baseline=levels)
    for name in SCORES:
        table.trials[name] += random.normal(0, 0.2, 30)
    table.trials.loc[table.trials["trial"] % 7 == 0, "pos/fr"] = NAN
    return table


@pytest.mark.parametrize("baseline", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_language_map_is_that_of_loops(study_of, seed, baseline):
    table = random_study(study_of, seed, baseline=baseline)
    found = language_gains(table, "front.boundary")
    expected = naive_gains(table, "front.boundary")
    assert list(found.columns) == [0, 1, 2, 3]
    assert found.shape == (3, 4)
    best = best_boundaries(found)
    for name in found.index:
        own = {b: gain for (language, b), gain in expected.items() if language == name}
        assert best[name] == max(own, key=own.__getitem__)
        for boundary in found.columns:
            np.testing.assert_allclose(found.loc[name, boundary], own.get(boundary, NAN))
    tasks = [name.split("/")[0] for name in found.index]
    assert tasks == ["pos", "pos", "ner"]
    assert best.iloc[0] <= best.iloc[1]


def test_a_language_without_a_score_comes_last_and_has_no_best(study_of):
    table = study_of(ROWS)
    table.trials["pos/de"] = NAN
    found = language_gains(table, "front.boundary")
    assert list(found.index) == ["pos/fr", "pos/de", "ner/de"]
    assert best_boundaries(found).to_dict() == {"pos/fr": 1, "ner/de": 1}
    assert found.loc["pos/de"].isna().all()


def test_the_reference_is_the_baseline_only_where_all_languages_have_one(study_of):
    some = {"pos/de": 0.5}
    every = dict.fromkeys(SCORES, 0.5)
    assert reference_name(study_of(ROWS, baseline=every)) == "the baseline"
    assert reference_name(study_of(ROWS, baseline=some)) == "the language's mean over trials"
    found = language_gains(study_of(ROWS, baseline=some), "front.boundary")
    own_mean = np.mean([0.6, 0.7, 0.5, 0.55, 0.8])
    assert found.loc["pos/de", 1] == pytest.approx(100 * (0.6 - own_mean))


def test_the_colour_limit_is_never_zero(study_of):
    table = study_of(ROWS[:1])
    maps = [language_gains(table, "front.boundary")]
    assert maps[0].abs().max(axis=None) == 0
    assert colour_limit(maps) == 0.1
    assert colour_limit([language_gains(study_of(ROWS), "front.boundary")]) > 5
