import numpy as np

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


def test_complete_trials_have_an_objective(study_of):
    table = study_of([*ROWS, ("complete", 1, NAN, 0.1, NAN)])
    assert table.complete["trial"].tolist() == [0, 2, 4, 5, 6]


def test_boundary_panels_have_the_trials_with_that_boundary(study_of):
    panels = study_of(ROWS).by_boundary
    assert {name: own["trial"].tolist() for name, own in panels.items()} == {
        "front.boundary": [0, 4, 5],
        "back.boundary": [2],
    }
    assert list(study_of(ROWS[:2]).by_boundary) == ["front.boundary"]


def test_what_is_left_out_is_counted(study_of):
    table = study_of(ROWS)
    assert table.left_out(table.by_boundary.values()) == (
        "not shown: a complete trial without such a parameter; the best, 6, has 80.0"
    )
    panels = [table.by_boundary["back.boundary"]]
    assert table.left_out(panels).startswith("not shown: 4 complete trials without")
    assert table.left_out([table.complete]) == ""


def two_objectives(study_of) -> StudyTable:
    table = study_of([("complete", 1, NAN, 0.1, score) for score in (0.5, 0.7, 0.9, 0.9, 0.8)])
    table.trials["harmed"] = [0, 1, 4, 4, NAN]
    changes = {"objectives": ["mean", "harmed"], "best": [3, 2, 1, 0]}
    return StudyTable(**vars(table) | changes)


def test_trials_are_ranked_by_score_then_harm_then_number(study_of):
    table = two_objectives(study_of)
    table.trials["harmed"] = [0, 1, 4, 3, 9]
    assert table.ranked["trial"].tolist() == [3, 2, 4, 1, 0]
    assert study_of(ROWS).ranked["trial"].tolist() == [6, 2, 0, 5, 4]
