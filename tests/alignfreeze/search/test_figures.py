import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba

from alignfreeze.base.plotting import GREY, png_bytes
from alignfreeze.search.figures import study_figures
from alignfreeze.search.trial_table import StudyTable

NAN = np.nan
LANGUAGES = ("pos/de", "pos/fr", "ner/de")


def study(own, *, languages=LANGUAGES, harmed=None, **changes) -> StudyTable:
    """A table of ``(state, strategy, boundary, temperature, score)`` rows.

    A language's score is that of the trial, plus a hundredth for each one before it.
    """
    rows = []
    for number, (state, strategy, boundary, temperature, score) in enumerate(own):
        row = {"trial": number, "state": state, "strategy": strategy, "flag": number % 2 == 0}
        row |= {f"{name}.boundary": NAN for name in ("front", "back")}
        if strategy != "none":
            row[f"{strategy}.boundary"] = boundary
        row |= {"temperature": temperature, "mean": score, "seconds": 1.0, "pruned_step": NAN}
        row |= {"run_id": "id", "problem": None}
        row |= {name: score + shift / 100 for shift, name in enumerate(languages)}
        rows.append(row)
    frame = pd.DataFrame(rows)
    objectives = ["mean"]
    if harmed is not None:
        frame["harmed"] = harmed
        objectives = ["mean", "harmed"]
    complete = frame[frame["state"] == "complete"]
    best = [] if complete.empty else [int(complete["trial"][complete["mean"].idxmax()])]
    fields = {
        "title": "study of a_$model$",
        "trials": frame,
        "objectives": objectives,
        "parameters": ["strategy", "front.boundary", "back.boundary", "flag", "temperature"],
        "boundaries": ["front.boundary", "back.boundary"],
        "logarithmic": ["temperature"],
        "scores": list(languages),
        "best": best,
        "n_layers": 6,
        "importances": {"temperature": 0.7, "$strategy_": 0.2, "flag": 0.1},
    }
    means = list(changes.get("baseline", {}).values())
    fields["baseline_objective"] = float(np.mean(means)) if means else None
    return StudyTable(**fields | changes)


TRIALS = [
    ("complete", "front", 1, 0.1, 0.60),
    ("complete", "front", 3, 0.2, 0.55),
    ("pruned", "back", 2, 0.1, NAN),
    ("complete", "front", 6, 0.05, 0.70),
    ("failed", "back", 4, 0.1, NAN),
    ("complete", "back", 4, 0.4, 0.65),
    ("complete", "none", NAN, 0.4, 0.50),
    ("pruned", "none", NAN, 0.4, NAN),
]
BASELINE = dict.fromkeys(LANGUAGES, 0.62)


def offsets(collection) -> list[list[float]]:
    return np.asarray(collection.get_offsets()).tolist()


def points(*pairs):
    return [pytest.approx(list(pair)) for pair in pairs]


def scatter(panel, label: str):
    return next(c for c in panel.collections if c.get_label() == label)


def line(panel, label: str):
    return next(found for found in panel.lines if found.get_label() == label)


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def note(figure) -> str:
    return figure.legends[0].get_title().get_text()


# History


def test_history_has_every_trial():
    figure = study_figures(study(TRIALS, baseline=BASELINE))["history"]
    (panel,) = figure.axes
    assert offsets(scatter(panel, "complete trial")) == points(
        (0, 60), (1, 55), (3, 70), (5, 65), (6, 50)
    )
    best = line(panel, "best so far")
    assert list(best.get_xdata()) == [0, 1, 3, 5, 6, 7]
    assert list(best.get_ydata()) == pytest.approx([60, 60, 70, 70, 70, 70])
    assert best.get_drawstyle() == "steps-post"
    assert list(line(panel, "baseline (62.0)").get_ydata()) == pytest.approx([62, 62])
    assert [x for x, _ in offsets(scatter(panel, "pruned (2)"))] == [2, 7]
    assert [x for x, _ in offsets(scatter(panel, "failed (1)"))] == [4]
    assert panel.get_ylabel() == "mean of target languages (%)"
    labels = ["complete trial", "best so far", "baseline (62.0)", "pruned (2)", "failed (1)"]
    assert legend(figure) == labels


def test_trials_without_a_score_stand_below_all_others():
    (panel,) = study_figures(study(TRIALS))["history"].axes
    to_pixels = scatter(panel, "pruned (2)").get_offset_transform()
    height = to_pixels.transform((2, offsets(scatter(panel, "pruned (2)"))[0][1]))[1]
    assert height < panel.transData.transform((6, 50))[1]
    assert height > panel.bbox.y0


def test_without_a_baseline_there_is_no_dashed_line():
    figures = study_figures(study(TRIALS))
    assert [found.get_label() for found in figures["history"].axes[0].lines] == ["best so far"]
    assert not any(panel.lines for panel in figures["boundary"].axes[:2])


# Importances


def test_importances_are_bars_from_the_greatest_down():
    (panel,) = study_figures(study(TRIALS))["importances"].axes
    assert [bar.get_width() for bar in panel.patches] == pytest.approx([70, 20, 10])
    names = panel.get_yticklabels()
    assert [text.get_text() for text in names] == ["temperature", "$strategy_", "flag"]
    assert not any(text.get_parse_math() for text in names)
    assert panel.yaxis_inverted()
    assert "importances" not in study_figures(study(TRIALS, importances={}))


# Boundary


def test_a_boundary_has_a_panel_with_its_trials():
    figure = study_figures(study(TRIALS, baseline=BASELINE))["boundary"]
    front, back, bar = figure.axes
    assert [panel.get_title(loc="left") for panel in (front, back)] == [
        "front.boundary",
        "back.boundary",
    ]
    assert offsets(front.collections[0]) == points((1, 60), (3, 55), (6, 70))
    assert offsets(back.collections[0]) == points((4, 65))
    assert list(front.get_xticks()) == list(range(7))
    assert front.get_ylim() == back.get_ylim()
    assert list(front.lines[0].get_ydata()) == pytest.approx([62, 62])
    assert list(front.collections[0].get_array()) == [0.1, 0.2, 0.05]
    assert front.collections[0].norm.vmin == back.collections[0].norm.vmin == 0.05
    assert front.collections[0].norm.vmax == back.collections[0].norm.vmax == 0.4
    assert [text.get_text() for text in bar.get_yticklabels()] == ["0.05", "0.1", "0.2"]
    assert bar.get_ylabel() == "temperature"
    assert note(figure) == (
        "not shown: a complete trial without such a parameter; the best, 6, has 50.0"
    )


def test_the_best_trial_is_ringed_and_named_where_it_is():
    front, back, _ = study_figures(study(TRIALS))["boundary"].axes
    assert offsets(front.collections[1]) == points((6, 70))
    assert [text.get_text() for text in front.texts] == ["trial 3"]
    assert len(back.collections) == 1
    assert not back.texts


def test_trials_without_a_temperature_are_grey_and_there():
    trials = [TRIALS[0], ("complete", "front", 2, NAN, 0.8), *TRIALS[1:]]
    front = study_figures(study(trials))["boundary"].axes[0].collections[0]
    assert offsets(front) == points((1, 60), (2, 80), (3, 55), (6, 70))
    front.update_scalarmappable()
    colours = front.get_facecolors()
    grey = to_rgba(GREY)
    assert [tuple(colour) == pytest.approx(grey) for colour in colours] == [
        *(False, True, False, False)
    ]


def test_one_temperature_needs_no_colours():
    trials = [(*trial[:3], 0.1, trial[4]) for trial in TRIALS]
    figure = study_figures(study(trials))["boundary"]
    assert len(figure.axes) == 2
    assert figure.axes[0].collections[0].get_array() is None
    no_column = study(trials)
    del no_column.trials["temperature"]
    parameters = [name for name in no_column.parameters if name != "temperature"]
    figures = study_figures(StudyTable(**vars(no_column) | {"parameters": parameters}))
    assert len(figures["boundary"].axes) == 2


# Contour


def test_contours_lie_under_their_trials():
    figure = study_figures(study(TRIALS))["contour"]
    front, back, bar = figure.axes
    assert front.get_title(loc="left") == "front.boundary × temperature"
    assert (front.get_xlabel(), front.get_ylabel()) == ("front.boundary", "temperature")
    filled, trials, ring = front.collections
    assert len(filled.get_paths()) == 12
    assert offsets(trials) == points((1, 0.1), (3, 0.2), (6, 0.05))
    assert list(trials.get_array()) == pytest.approx([60, 55, 70])
    assert (trials.norm.vmin, trials.norm.vmax) == (pytest.approx(55), pytest.approx(70))
    assert offsets(ring) == points((6, 0.05))
    assert front.get_yscale() == back.get_yscale() == "log"
    assert front.get_ylim()[0] < 0.05
    assert [offsets(found) for found in back.collections] == [points((4, 0.4))]
    assert bar.get_ylabel() == "mean of target languages (%)"
    assert note(figure).startswith("not shown: a complete trial")


def test_trials_on_a_line_are_points_alone():
    trials = [("complete", "front", n, 0.1 * 2**n, 0.5 + n / 100) for n in range(4)]
    panel, _ = study_figures(study(trials))["contour"].axes
    assert [len(offsets(found)) for found in panel.collections] == [4, 1]


def test_without_two_numbers_that_vary_there_is_no_contour():
    trials = [("complete", "front", n, 0.1, 0.5 + n / 100) for n in range(4)]
    assert "contour" not in study_figures(study(trials))
    assert "contour" not in study_figures(study(TRIALS, boundaries=[], parameters=["flag"]))


# Pareto


def test_the_front_is_joined_and_numbered():
    harmed = [2, 0, NAN, 3, NAN, 2, 0, NAN]
    figure = study_figures(study(TRIALS, harmed=harmed, best=[3, 5, 1], baseline=BASELINE))
    (panel,) = figure["pareto"].axes
    every = offsets(scatter(panel, "complete trial"))
    assert every == points((2, 60), (0, 55), (3, 70), (2, 65), (0, 50))
    assert offsets(scatter(panel, "Pareto front")) == points((0, 55), (2, 65), (3, 70))
    joined = panel.lines[0]
    assert list(joined.get_xdata()) == [0, 2, 3]
    assert list(joined.get_ydata()) == pytest.approx([55, 65, 70])
    assert [text.get_text() for text in panel.texts] == ["1", "5", "3"]
    assert (panel.get_xlabel(), panel.get_ylabel()) == (
        "languages harmed",
        "mean of target languages (%)",
    )


def test_trials_in_one_place_of_the_front_share_a_label():
    trials = [("complete", "front", n, 0.1, 0.5) for n in range(3)]
    (panel,) = study_figures(study(trials, harmed=[1, 1, 1], best=[0, 1, 2]))["pareto"].axes
    assert [text.get_text() for text in panel.texts] == ["0, 1, 2"]


def test_one_objective_has_no_front():
    assert "pareto" not in study_figures(study(TRIALS))


# Languages


def test_languages_are_rows_of_their_tasks():
    figure = study_figures(study(TRIALS, baseline=BASELINE))["languages"]
    front, back, bar = figure.axes
    pos, ner, best = front.collections
    gains = pos.get_array()
    assert gains.shape == (2, 7)
    np.testing.assert_array_equal(~np.ma.getmaskarray(gains)[0], np.isin(range(7), [1, 3, 6]))
    assert gains[0].compressed() == pytest.approx([-2, -7, 8])
    assert gains[1].compressed() == pytest.approx([-1, -6, 9])
    assert ner.get_array()[0].compressed() == pytest.approx([0, -5, 10])
    assert (pos.norm.vmin, pos.norm.vmax) == (-ner.norm.vmax, back.collections[0].norm.vmax)
    assert [text.get_text() for text in front.get_yticklabels()] == ["de", "fr", "de"]
    assert [text.get_text() for text in front.texts] == ["pos", "ner"]
    assert list(front.get_yticks()) == [0, 1, 3]
    assert offsets(best) == points((6, 0), (6, 1), (6, 3))
    assert offsets(back.collections[2]) == points((4, 0), (4, 1), (4, 3))
    assert bar.get_xlabel() == "best score at the boundary − the baseline (points)"


def test_without_a_baseline_a_language_is_compared_with_itself():
    figure = study_figures(study(TRIALS))["languages"]
    gains = figure.axes[0].collections[0].get_array()
    assert gains[0].compressed() == pytest.approx([0, -5, 10])
    assert "the language's mean over trials" in figure.axes[-1].get_xlabel()


# Metrics

NOTE = f"qa f1: by SQuAD's script in English; {'elsewhere by $rules$ of others, ' * 5}that is all."


def y_labels(figures):
    """The labels of the axes, and of the contours' colours, that say what a score is."""
    return {
        *(figures[stem].axes[0].get_ylabel() for stem in ("history", "boundary", "pareto")),
        figures["contour"].axes[-1].get_ylabel(),
    }


def test_the_metric_of_one_task_is_on_the_axes():
    table = study(TRIALS, languages=("qa/de",), harmed=1, metrics={"qa": "$f1_"})
    figures = study_figures(table)
    assert y_labels(figures) == {"mean of target languages, qa $f1_ (%)"}
    assert figures["importances"].axes[0].get_xlabel() == (
        "importance for being among the best (%),\nby the mean of target languages, qa $f1_"
    )
    assert [text.get_text() for text in figures["languages"].axes[0].texts] == ["qa $f1_"]
    for figure in figures.values():
        assert figure.get_suptitle() == table.title
        png_bytes(figure)


def test_the_metrics_of_several_tasks_are_below_the_title():
    metrics = {"pos": "accuracy", "ner": "f1"}
    figures = study_figures(study(TRIALS, harmed=1, metrics=metrics))
    assert y_labels(figures) == {"mean of target languages, mean over tasks (%)"}
    for figure in figures.values():
        assert figure.get_suptitle() == "study of a_$model$\npos accuracy, ner f1"
    texts = [text.get_text() for text in figures["languages"].axes[0].texts]
    assert texts == ["pos accuracy", "ner f1"]


def test_what_is_to_be_known_of_a_metric_is_below_each_figure():
    plain = study_figures(study(TRIALS, harmed=1))
    found = study_figures(study(TRIALS, harmed=1, metric_notes=[NOTE]))
    for stem, figure in found.items():
        lines = note(figure).split("\n")
        assert " ".join(lines).endswith(NOTE)
        assert figure.get_figheight() > plain[stem].get_figheight()
    assert note(found["boundary"]).startswith("not shown: a complete trial without")


# Whatever a study is like

MANY = [f"pos/x{number}" for number in range(34)]


def random_trials(number: int, n_layers: int, strategies):
    random = np.random.default_rng(0)
    return [
        (
            str(random.choice(["complete", "pruned", "failed"], p=[0.8, 0.1, 0.1])),
            str(random.choice(strategies)),
            int(random.integers(0, n_layers + 1)),
            float(np.exp(random.uniform(-3, 0))),
            float(random.uniform(0.4, 0.8)),
        )
        for _ in range(number)
    ]


TABLES = {
    "several": (study(TRIALS), "history importances boundary contour languages"),
    "34 languages, 24 layers": (
        study(random_trials(40, 24, ["front", "back"]), languages=MANY, n_layers=24),
        "history importances boundary contour languages",
    ),
    "one trial": (study(TRIALS[:1]), "history importances boundary languages"),
    "no boundary": (
        study([trial for trial in TRIALS if trial[1] == "none"]),
        "history importances",
    ),
    "no importances, no languages": (
        study(TRIALS, importances={}, scores=[]),
        "history boundary contour",
    ),
    "scores all the same": (
        study([(*trial[:4], 0.5) for trial in TRIALS], harmed=0, best=[0]),
        "history importances boundary contour pareto languages",
    ),
    "only pruned trials": (study([trial for trial in TRIALS if trial[0] == "pruned"]), ""),
    "no trials": (study(TRIALS[:1], trials=study(TRIALS).trials[:0], best=[]), ""),
    "not even columns": (study(TRIALS, trials=pd.DataFrame([]), best=[]), ""),
    "a second objective that is missing": (
        study(TRIALS, harmed=NAN),
        "history importances boundary contour languages",
    ),
}


@pytest.mark.parametrize(("table", "stems"), TABLES.values(), ids=TABLES.keys())
def test_what_can_be_drawn_is_drawn_without_a_warning(table, stems):
    figures = study_figures(table)
    assert list(figures) == stems.split()
    for figure in figures.values():
        assert png_bytes(figure).startswith(b"\x89PNG")
        assert figure.get_suptitle() == "study of a_$model$"


@pytest.mark.parametrize("metrics", [{}, {"pos": "accuracy"}, {"pos": "accuracy", "ner": "f1"}])
def test_nothing_is_cut_off_or_over_the_legend(metrics):
    notes = [NOTE] if metrics else []
    table = study(TRIALS, baseline=BASELINE, harmed=1, metrics=metrics, metric_notes=notes)
    figures = study_figures(table)
    for figure in figures.values():
        png_bytes(figure)
        width, height = figure.bbox.size
        boxes = [panel.get_tightbbox() for panel in figure.axes]
        assert all(box.x0 >= 0 and box.y0 >= 0 for box in boxes)
        assert all(box.x1 <= width and box.y1 <= height for box in boxes)
        for found in figure.legends:
            assert found.get_window_extent().y1 <= min(box.y0 for box in boxes)


def test_four_boundaries_have_two_rows_of_panels():
    trials = study(TRIALS).trials.assign(start=[1.0, *[NAN] * 7], end=[2.0, *[NAN] * 7])
    names = ["front.boundary", "back.boundary", "start", "end"]
    figure = study_figures(study(TRIALS, trials=trials, boundaries=names))["boundary"]
    panels = figure.axes[:4]
    assert [panel.get_title(loc="left") for panel in panels] == names
    assert len({panel.get_position().y0 for panel in panels}) == 2
    labelled = [bool(panel.get_ylabel()) for panel in panels]
    assert labelled == [True, False, True, False]


SCRIPT = """
import sys
import alignfreeze.search.figures
assert "matplotlib" not in sys.modules
"""


def test_nothing_slow_is_imported_before_it_is_needed():
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_no_trial_lies_outside_of_its_panel():
    # The panels share their axis, and one of them has much higher scores than the other.
    trials = [
        ("complete", "front", 1, 0.1, 0.50),
        ("complete", "front", 6, 0.2, 0.52),
        ("complete", "back", 2, 0.1, 0.70),
        ("complete", "back", 5, 0.4, 0.75),
        ("complete", "back", 4, 0.1, 0.60),
    ]
    figures = study_figures(study(trials, baseline=BASELINE, harmed=0))
    for name in ("boundary", "pareto"):
        for panel in figures[name].axes:
            (left, right), (bottom, top) = panel.get_xlim(), panel.get_ylim()
            scattered = [c for c in panel.collections if isinstance(c, PathCollection)]
            for x, y in (place for collection in scattered for place in offsets(collection)):
                assert left <= x <= right
                assert bottom <= y <= top


def test_harmed_languages_are_counted_in_whole_numbers():
    (panel,) = study_figures(study(TRIALS, harmed=0))["pareto"].axes
    ticks = [tick for tick in panel.get_xticks() if panel.get_xlim()[0] <= tick]
    assert all(float(tick).is_integer() and tick >= 0 for tick in ticks)
