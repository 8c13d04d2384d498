import numpy as np
import pandas as pd
import pytest

from alignfreeze.search.figure_boundaries import (
    best_boundaries,
    colour_limit,
    contour_panels,
    language_gains,
    reference_name,
    surface,
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


def test_contours_are_of_boundary_and_temperature(study_of):
    panels = contour_panels(study_of(ROWS))
    assert {names: own["trial"].tolist() for names, own in panels.items()} == {
        ("front.boundary", "temperature"): [0, 4, 5],
        ("back.boundary", "temperature"): [2],
    }


def numeric_study(**changes) -> StudyTable:
    trials = pd.DataFrame(
        {
            "trial": range(4),
            "state": "complete",
            "mean": [0.1, 0.2, 0.3, 0.4],
            "a": [1.0, 2.0, NAN, NAN],
            "b": [NAN, NAN, 1.0, 2.0],
            "c": [1, 2, 3, 4],
            "flag": [True, False, True, False],
            "word": ["x", "y", "z", "x"],
            "fixed": [5, 5, 5, 5],
        }
    )
    fields = {
        "title": "",
        "trials": trials,
        "objectives": ["mean"],
        "parameters": ["flag", "word", "fixed", "a", "b", "c"],
        "boundaries": [],
        "logarithmic": [],
        "scores": [],
        "best": [3],
        "n_layers": 2,
    }
    return StudyTable(**fields | changes)


def test_without_boundaries_contours_are_of_the_most_important_numbers_that_go_together():
    importances = {"flag": 0.5, "b": 0.3, "a": 0.15, "c": 0.05}
    panels = contour_panels(numeric_study(importances=importances))
    assert {names: own["trial"].tolist() for names, own in panels.items()} == {("b", "c"): [2, 3]}
    assert list(contour_panels(numeric_study())) == [("a", "c")]
    assert contour_panels(numeric_study(parameters=["flag", "word", "fixed", "a", "b"])) == {}


def test_a_temperature_that_is_fixed_is_no_axis(study_of):
    rows = [("complete", front, 3 - front, 0.1, 0.5) for front in (0, 1, 2)]
    assert list(contour_panels(study_of(rows))) == [("front.boundary", "back.boundary")]


def plane(x, y):
    return 3 + 2 * x - 5 * np.log(y)


def test_a_surface_is_exact_for_a_plane():
    x = np.array([0.0, 12, 0, 12, 5, 5])
    y = np.array([0.02, 0.02, 1, 1, 0.1, 0.1])
    z = plane(x, y) + np.array([0, 0, 0, 0, -1, 1])
    found = surface(x, y, z, logarithmic=(False, True), resolution=9)
    across, up, between = found
    assert between.shape == (9, 9)
    assert not np.ma.getmaskarray(between).any()
    np.testing.assert_allclose(across, np.linspace(0, 12, 9))
    np.testing.assert_allclose(up, np.geomspace(0.02, 1, 9))
    np.testing.assert_allclose(between, plane(*np.meshgrid(across, up)))


def test_a_surface_ends_at_the_hull():
    x, y = np.array([0.0, 1, 0]), np.array([0.0, 0, 1])
    across, up, between = surface(x, y, np.ones(3), logarithmic=(False, False), resolution=11)
    outside = np.add.outer(up, across) > 1 + 1e-9
    # A place on the edge itself may be on either side of it.
    edge = np.isclose(np.add.outer(up, across), 1)
    np.testing.assert_array_equal(np.ma.getmaskarray(between)[~edge], outside[~edge])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([1], [1]),
        ([1, 2], [1, 2]),
        ([1, 1, 1], [1, 2, 3]),
        ([1, 2, 3], [2, 2, 2]),
        ([1, 2, 3, 1], [10, 100, 1000, 10]),
        ([1, 2, 1, 2], [1, 2, 1, 2]),
    ],
    ids=["none", "one", "two", "vertical", "horizontal", "slanted", "twice two"],
)
def test_points_on_a_line_have_no_surface(x, y):
    arrays = [np.array(values, dtype=float) for values in (x, y, x)]
    assert surface(*arrays, logarithmic=(False, True), resolution=5) is None


# Languages


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
