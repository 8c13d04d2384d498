import numpy as np
import pandas as pd
import pytest

from alignfreeze.search.plot_data import (
    baseline_percentage,
    boundary_panels,
    colour_limit,
    complete_trials,
    contour_panels,
    describe,
    format_value,
    language_map,
    layer_ticks,
    left_out,
    log_ticks,
    padded,
    pareto_front,
    pareto_trials,
    ranked,
    reference_name,
    running_best,
    surface,
)
from alignfreeze.search.trial_table import Level, StudyTable

SCORES = ("pos/de", "pos/fr", "ner/de")


def study(rows, **changes) -> StudyTable:
    """A table of ``(state, front.boundary, back.boundary, temperature, mean)`` rows."""
    columns = ["state", "front.boundary", "back.boundary", "temperature", "mean"]
    trials = pd.DataFrame(rows, columns=columns)
    trials.insert(0, "trial", range(len(trials)))
    for shift, name in enumerate(SCORES):
        trials[name] = trials["mean"] + shift / 100
    fields = {
        "title": "study",
        "trials": trials,
        "objectives": ["mean"],
        "parameters": ["front.boundary", "back.boundary", "temperature"],
        "boundaries": ["front.boundary", "back.boundary"],
        "logarithmic": ["temperature"],
        "scores": SCORES,
        "best": [0],
        "n_layers": 3,
    }
    return StudyTable(**fields | changes)


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


def test_complete_trials_have_an_objective():
    table = study([*ROWS, ("complete", 1, NAN, 0.1, NAN)])
    assert complete_trials(table)["trial"].tolist() == [0, 2, 4, 5, 6]


def test_the_running_best_is_that_of_a_loop():
    values = np.random.default_rng(0).uniform(size=50)
    best, expected = -np.inf, []
    for value in values:
        best = max(best, value)
        expected.append(best)
    np.testing.assert_array_equal(running_best(values), expected)


def test_the_baseline_is_in_percent():
    assert baseline_percentage(study(ROWS, baseline_objective=0.25)) == 25
    assert baseline_percentage(study(ROWS)) is None


def test_boundary_panels_have_the_trials_with_that_boundary():
    panels = boundary_panels(study(ROWS))
    assert {name: own["trial"].tolist() for name, own in panels.items()} == {
        "front.boundary": [0, 4, 5],
        "back.boundary": [2],
    }
    assert list(boundary_panels(study(ROWS[:2]))) == ["front.boundary"]


def test_what_is_left_out_is_counted():
    table = study(ROWS)
    assert left_out(table, boundary_panels(table).values()) == (
        "not shown: a complete trial without such a parameter; the best, 6, has 80.0"
    )
    panels = [boundary_panels(table)["back.boundary"]]
    assert left_out(table, panels).startswith("not shown: 4 complete trials without")
    assert left_out(table, [complete_trials(table)]) == ""


def test_contours_are_of_boundary_and_temperature():
    panels = contour_panels(study(ROWS))
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


def test_a_temperature_that_is_fixed_is_no_axis():
    rows = [("complete", front, 3 - front, 0.1, 0.5) for front in (0, 1, 2)]
    assert list(contour_panels(study(rows))) == [("front.boundary", "back.boundary")]


def plane(x, y):
    return 3 + 2 * x - 5 * np.log(y)


def test_a_surface_is_exact_for_a_plane():
    x = np.array([0.0, 12, 0, 12, 5, 5])
    y = np.array([0.02, 0.02, 1, 1, 0.1, 0.1])
    z = plane(x, y) + np.array([0, 0, 0, 0, -1, 1])
    found = surface(x, y, z, logarithmic=(False, True), resolution=9)
    assert found.z.shape == (9, 9)
    np.testing.assert_allclose(found.x, np.linspace(0, 12, 9))
    np.testing.assert_allclose(found.y, np.geomspace(0.02, 1, 9))
    np.testing.assert_allclose(found.z, plane(*np.meshgrid(found.x, found.y)))


def test_a_surface_ends_at_the_hull():
    x, y = np.array([0.0, 1, 0]), np.array([0.0, 0, 1])
    found = surface(x, y, np.ones(3), logarithmic=(False, False), resolution=11)
    inside = np.add.outer(found.y, found.x) <= 1 + 1e-9
    # A place on the edge itself may be on either side of it.
    edge = np.isclose(np.add.outer(found.y, found.x), 1)
    np.testing.assert_array_equal(np.isfinite(found.z)[~edge], inside[~edge])


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


def naive_gains(table: StudyTable, column: str) -> dict[tuple[str, int], float]:
    gains = {}
    for name in table.scores:
        known, by_boundary = [], {}
        for trial in table.trials.to_dict("records"):
            if trial["state"] == "complete" and trial[name] == trial[name]:
                known.append(trial[name])
                if trial[column] == trial[column]:
                    by_boundary.setdefault(int(trial[column]), []).append(trial[name])
        reference = table.baseline[name].mean if table.baseline else sum(known) / len(known)
        for boundary, values in by_boundary.items():
            gains[name, boundary] = 100 * (max(values) - reference)
    return gains


def random_study(seed: int, *, baseline: bool) -> StudyTable:
    random = np.random.default_rng(seed)
    states = random.choice(["complete", "pruned"], 30, p=[0.8, 0.2])
    rows = [
        (state, boundary, NAN, 0.1, score if state == "complete" else NAN)
        for state, boundary, score in zip(
            states, random.choice([0, 2, 3, NAN], 30), random.uniform(size=30), strict=True
        )
    ]
    levels = {name: Level([random.uniform()], [0.5]) for name in SCORES} if baseline else {}
    table = study(rows, baseline=levels)
    for name in SCORES:
        table.trials[name] += random.normal(0, 0.2, 30)
    table.trials.loc[table.trials["trial"] % 7 == 0, "pos/fr"] = NAN
    return table


@pytest.mark.parametrize("baseline", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_language_map_is_that_of_loops(seed, baseline):
    table = random_study(seed, baseline=baseline)
    found = language_map(table, "front.boundary")
    expected = naive_gains(table, "front.boundary")
    assert list(found.boundaries) == [0, 1, 2, 3]
    assert found.gains.shape == (3, 4)
    for row, name in enumerate(found.rows):
        own = {b: gain for (language, b), gain in expected.items() if language == name}
        assert found.best[row] == max(own, key=own.__getitem__)
        for place, boundary in enumerate(found.boundaries):
            np.testing.assert_allclose(found.gains[row, place], own.get(boundary, NAN))
    tasks = [name.split("/")[0] for name in found.rows]
    assert tasks == ["pos", "pos", "ner"]
    assert found.best[0] <= found.best[1]
    assert found.blocks() == {"pos": [0, 1], "ner": [2]}


def test_a_language_without_a_score_comes_last_and_has_no_best():
    table = study(ROWS)
    table.trials["pos/de"] = NAN
    found = language_map(table, "front.boundary")
    assert list(found.rows) == ["pos/fr", "pos/de", "ner/de"]
    assert list(found.best) == [1, None, 1]
    assert np.isnan(found.gains[1]).all()


def test_the_reference_is_the_baseline_only_where_all_languages_have_one():
    some = {"pos/de": Level([0.5], [0.5])}
    every = {name: Level([0.5], [0.5]) for name in SCORES}
    assert reference_name(study(ROWS, baseline=every)) == "the baseline"
    assert reference_name(study(ROWS, baseline=some)) == "the language's mean over trials"
    found = language_map(study(ROWS, baseline=some), "front.boundary")
    own_mean = np.mean([0.6, 0.7, 0.5, 0.55, 0.8])
    de = list(found.rows).index("pos/de")
    assert found.gains[de, 1] == pytest.approx(100 * (0.6 - own_mean))


def test_the_colour_limit_is_never_zero():
    table = study(ROWS[:1])
    maps = [language_map(table, "front.boundary")]
    assert np.nanmax(np.abs(maps[0].gains)) == 0
    assert colour_limit(maps) == 0.1
    assert colour_limit([language_map(study(ROWS), "front.boundary")]) > 5


def two_objectives() -> StudyTable:
    table = study([("complete", 1, NAN, 0.1, score) for score in (0.5, 0.7, 0.9, 0.9, 0.8)])
    table.trials["harmed"] = [0, 1, 4, 4, NAN]
    changes = {"objectives": ["mean", "harmed"], "best": [3, 2, 1, 0]}
    return StudyTable(**vars(table) | changes)


def test_the_front_goes_from_the_least_harm():
    table = two_objectives()
    assert pareto_front(table)["trial"].tolist() == [0, 1, 2, 3]
    assert pareto_trials(table)["trial"].tolist() == [0, 1, 2, 3]
    assert pareto_trials(study(ROWS)).empty


def test_trials_are_ranked_by_score_then_harm_then_number():
    table = two_objectives()
    table.trials["harmed"] = [0, 1, 4, 3, 9]
    assert ranked(table)["trial"].tolist() == [3, 2, 4, 1, 0]
    assert ranked(study(ROWS))["trial"].tolist() == [6, 2, 0, 5, 4]


def test_a_trial_is_described_without_what_it_does_not_have():
    trial = study(ROWS).trials.to_dict("records")[0]
    assert describe(trial, study(ROWS)) == {
        "trial": "0",
        "mean": "60.00 %",
        "front.boundary": "1",
        "temperature": "0.1",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (20000.0, "20000"),
        (0.123456, "0.1235"),
        (7.5e-06, "7.5e-06"),
        (True, "True"),
        ("mean", "mean"),
        (4, "4"),
        (np.float64(2), "2"),
    ],
)
def test_values_are_short(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.02, 1, [0.02, 0.05, 0.1, 0.2, 0.5, 1]),
        (0.03, 0.3, [0.05, 0.1, 0.2]),
        (0.11, 0.13, [0.11, 0.13]),
        (0.1, 0.1, [0.1]),
    ],
)
def test_logarithmic_ticks_are_round(low, high, ticks):
    assert log_ticks(low, high) == ticks


def test_few_layers_are_all_labelled():
    assert layer_ticks(6) == [0, 1, 2, 3, 4, 5, 6]
    assert layer_ticks(12)[-1] == 12
    assert layer_ticks(24) == list(range(0, 25, 2))


def test_an_axis_has_room_even_for_one_value():
    assert padded(np.array([10.0, 20]), bottom=0.1, top=0.2) == (9, 22)
    assert padded(np.array([10.0]), bottom=0.1, top=0.2) == (9.95, 10.1)
