import numpy as np
import pandas as pd
import pytest

from alignfreeze.search.figure_boundaries import contour_panels, surface
from alignfreeze.search.trial_table import StudyTable

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
