import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from alignfreeze.search.charts import study_charts
from alignfreeze.search.page import study_page
from alignfreeze.search.trial_table import Level, StudyTable

NAN = np.nan
EVIL = "<script>alert(1)</script>&$x$"


def study(**changes) -> StudyTable:
    trials = pd.DataFrame(
        {
            "trial": [0, 1, 2, 3, 4],
            "state": ["complete", "pruned", "complete", "failed", "complete"],
            "strategy": ["front", "front", EVIL, "front", "front"],
            "front.boundary": [1, 2, NAN, 0, 3],
            "temperature": [0.1, 0.2, 0.4, 0.1, 0.2],
            "flag": [True, False, True, False, True],
            "mean": [0.5, NAN, 0.7, NAN, 0.6],
            "harmed": [0, NAN, 2, NAN, 1],
            "pos/de": [0.5, NAN, 0.7, NAN, 0.6],
            "ner/<b>": [0.4, NAN, 0.6, NAN, 0.5],
            "seconds": [61.4, 5, 60, NAN, NAN],
            "problem": [None, None, None, f"broke: {EVIL}", None],
        }
    )
    fields = {
        "title": f"study {EVIL}",
        "trials": trials,
        "objectives": ["mean", "harmed"],
        "parameters": ["strategy", "front.boundary", "temperature", "flag"],
        "boundaries": ["front.boundary"],
        "logarithmic": ["temperature"],
        "scores": ["pos/de", "ner/<b>"],
        "best": [2, 4, 0],
        "n_layers": 4,
        "importances": {"temperature": 0.75, "strategy": 0.25},
        "baseline": {"pos/de": Level([0.5], [0.5]), "ner/<b>": Level([0.54], [0.54])},
        "baseline_objective": 0.52,
    }
    return StudyTable(**fields | changes)


def one_objective(**changes) -> StudyTable:
    return study(objectives=["mean"], best=[2], **changes)


def only_pruned(**changes) -> StudyTable:
    trials = study().trials
    return study(trials=trials[trials["state"] == "pruned"], best=[], importances={}, **changes)


def trace(chart, name: str):
    return next(found for found in chart.data if found.name == name)


# Charts


def test_charts_are_those_that_can_be_drawn():
    stems = ["history", "importances", "boundary", "contour", "pareto", "languages"]
    assert list(study_charts(study())) == stems
    assert "pareto" not in study_charts(one_objective())
    assert "importances" not in study_charts(study(importances={}))
    none = study(boundaries=[], parameters=["strategy", "flag"])
    assert list(study_charts(none)) == ["history", "importances", "pareto"]
    assert study_charts(only_pruned()) == {}


def test_history_has_every_trial():
    chart = study_charts(study())["history"]
    complete, pruned = trace(chart, "complete"), trace(chart, "pruned (1)")
    assert list(complete.x) == [0, 2, 4]
    assert list(complete.y) == pytest.approx([50, 70, 60])
    assert list(trace(chart, "best so far").x) == [0, 2, 4, 4]
    assert list(trace(chart, "best so far").y) == pytest.approx([50, 70, 70, 70])
    assert list(pruned.x) == [1]
    assert max(pruned.y) < 50
    assert list(trace(chart, "failed (1)").x) == [3]
    assert chart.layout.shapes[0].y0 == pytest.approx(52)


def test_a_point_tells_of_its_trial():
    chart = study_charts(study())["history"]
    assert trace(chart, "complete").hovertext[0] == (
        "trial: 0<br>mean: 50.00 %<br>harmed: 0<br>strategy: front<br>front.boundary: 1"
        "<br>temperature: 0.1<br>flag: True"
    )
    script = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;$x$"
    assert f"strategy: {script}<br>temp" in trace(chart, "complete").hovertext[1]
    assert trace(chart, "failed (1)").hovertext[0].endswith(f"<br>problem: broke: {script}")


def test_importances_are_in_percent():
    (bars,) = study_charts(study())["importances"].data
    assert list(bars.x) == [75, 25]
    assert list(bars.y) == ["temperature", "strategy"]


def test_boundaries_are_coloured_by_temperature():
    chart = study_charts(study())["boundary"]
    points, ring = chart.data
    assert list(points.x) == [1, 3]
    assert list(points.y) == pytest.approx([50, 60])
    assert list(points.marker.color) == pytest.approx([-1, np.log10(0.2)])
    assert list(chart.layout.coloraxis.colorbar.ticktext) == ["0.1", "0.2"]
    assert len(ring.x) == 0
    assert chart.layout.meta.startswith("not shown: a complete trial")
    assert chart.layout.meta.endswith("the best, 2, has 70.0")


def test_the_best_is_ringed():
    trials = study().trials.assign(**{"front.boundary": [1, 2, 4, 0, 3]})
    _, ring = study_charts(study(trials=trials))["boundary"].data
    assert (list(ring.x), list(ring.y), list(ring.text)) == ([4], pytest.approx([70]), ["trial 2"])


def test_contours_have_a_surface_where_there_is_one():
    trials = study().trials.assign(**{"front.boundary": [1, 2, 4, 0, 3]})
    chart = study_charts(study(trials=trials))["contour"]
    contour, points, _ = chart.data
    assert contour.type == "contour"
    assert np.nanmin(contour.z) == pytest.approx(50)
    assert np.nanmax(contour.z) == pytest.approx(70)
    assert list(points.x) == [1, 4, 3]
    assert chart.layout.yaxis.type == "log"
    assert [found.type for found in study_charts(study())["contour"].data] == ["scatter"] * 2


def test_the_front_goes_from_the_least_harm():
    chart = study_charts(study())["pareto"]
    joined, front = (found for found in chart.data if found.name == "Pareto front")
    assert list(joined.x) == list(front.x) == [0, 1, 2]
    assert list(front.y) == pytest.approx([50, 60, 70])


def test_languages_are_rows_with_their_best_boundary_marked():
    heat, dots = study_charts(study())["languages"].data
    assert list(heat.y) == ["pos/de", "ner/&lt;b&gt;"]
    assert list(heat.x) == [0, 1, 2, 3, 4]
    expected = [[NAN, 0, NAN, 10, NAN], [NAN, -14, NAN, -4, NAN]]
    np.testing.assert_allclose(np.asarray(heat.z, dtype=float), expected, atol=1e-9)
    assert list(dots.x) == [3, 3]


# Page


class Reader(HTMLParser):
    """Collects which elements there are, their text, and what they refer to."""

    def __init__(self):
        super().__init__()
        self.open, self.elements, self.texts, self.addresses = [], [], {}, []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


@pytest.fixture(scope="module")
def page() -> str:
    return study_page(study())


def test_a_page_is_complete_in_itself(page):
    reader = read(page)
    assert reader.addresses == []
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("plotly.js v") == 1
    assert reader.texts["h1"] == [f"study {EVIL}"]
    assert reader.texts["title"] == [f"study {EVIL}"]
    assert reader.elements.count("section") == 6
    assert reader.texts["h2"][1:] == [
        "Optimisation history",
        "Importance of parameters",
        "Score by boundary",
        "Score over two parameters",
        "Pareto front",
        "Languages and boundaries",
    ]


def test_a_page_says_how_to_read_it(page):
    paragraphs = read(page).texts["p"]
    assert paragraphs[0] == "5 trials: 3 complete, 1 pruned, 1 failed"
    assert len(paragraphs) == 2 + 6
    assert "below (red) the baseline." in paragraphs[-1]
    assert "Not shown: a complete trial without such a parameter; the best, 2" in paragraphs[-1]


NOTES = ["qa f1: by SQuAD's script <in> English."]


def test_a_page_names_the_metric_and_what_is_to_be_known_of_it():
    reader = read(study_page(one_objective(metrics={"qa": "f1"}, metric_notes=NOTES)))
    assert reader.texts["p"][1:3] == ["Scores on validation: qa f1.", *NOTES]
    assert reader.texts["th"][1] == "mean of target languages, qa f1"


def test_a_page_names_the_metrics_of_several_tasks():
    metrics = {"pos": "accuracy", "qa": "f1"}
    reader = read(study_page(study(metrics=metrics, metric_notes=NOTES)))
    assert reader.texts["p"][1:3] == ["Scores on validation: pos accuracy, qa f1.", *NOTES]
    assert reader.texts["th"][1:3] == [
        "mean of target languages, mean over tasks",
        "languages harmed",
    ]


@pytest.mark.parametrize(
    ("metrics", "label", "bar"),
    [
        ({"<b>": "f1"}, "mean of target languages, &lt;b&gt; f1 (%)", "&lt;b&gt; f1 (%)"),
        (
            {"pos": "accuracy", "qa": "f1"},
            "mean of target languages, mean over tasks (%)",
            "score (%)",
        ),
    ],
)
def test_the_axes_of_charts_name_the_metric(metrics, label, bar):
    charts = study_charts(study(metrics=metrics))
    for stem in ("history", "boundary", "pareto"):
        assert charts[stem].layout.yaxis.title.text == label
    assert charts["contour"].layout.coloraxis.colorbar.title.text == bar


def test_a_page_says_which_seeds_the_tests_leave_out():
    left_out = "Seed 31 is left out: no test of none with it."
    reader = read(study_page(only_pruned(test_notes=[left_out])))
    assert reader.texts["p"][1] == f"Tests (tests.csv): {left_out}"


def test_text_is_escaped(page):
    assert EVIL not in page
    scripts = [text for text in read(page).texts["script"] if "alert(1)" in text]
    assert all("<script>alert" not in text for text in scripts)


def test_charts_are_in_the_page_as_json(page):
    calls = re.findall(r'Plotly\.newPlot\(\s*"(\w+)",\s*(\[.*?\]),\s*\{', page, flags=re.DOTALL)
    assert [stem for stem, _ in calls][:2] == ["history", "importances"]
    (bars,) = json.loads(dict(calls)["importances"])
    assert bars["type"] == "bar"


def test_no_chart_offers_to_upload_its_data(page):
    assert page.count('"showSendToCloud": false') == 6


def test_the_best_trials_are_a_table(page):
    reader = read(page)
    assert reader.texts["th"] == [
        "trial",
        "mean of target languages",
        "languages harmed",
        *study().parameters,
        "seconds",
    ]
    rows = np.reshape(reader.texts["td"], (3, 8)).tolist()
    assert rows[0] == ["2", "70.00 %", "2", EVIL, "–", "0.4", "True", "60"]
    assert rows[1] == ["4", "60.00 %", "1", "front", "3", "0.2", "True", "–"]
    assert rows[2][-1] == "61"


def test_only_ten_trials_are_shown():
    frame = study().trials
    many = pd.concat([frame[frame["state"] == "complete"]] * 5, ignore_index=True)
    reader = read(study_page(one_objective(trials=many.assign(trial=range(15)))))
    assert reader.elements.count("tr") == 1 + 10
    assert "The 10 highest; marked: the best." in reader.texts["p"]


def test_without_a_complete_trial_a_page_says_so():
    page = study_page(only_pruned())
    reader = read(page)
    assert reader.texts["p"] == [
        "1 trials: 0 complete, 1 pruned, 0 failed",
        "No trial is complete yet.",
    ]
    assert "plotly" not in page


def test_a_study_without_trials_has_a_page():
    page = study_page(study(trials=pd.DataFrame([]), parameters=[], best=[], importances={}))
    assert read(page).texts["p"] == ["no trials", "No trial is complete yet."]


def test_a_page_is_the_same_again(page):
    assert study_page(study()) == page
