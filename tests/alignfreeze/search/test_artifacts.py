from html.parser import HTMLParser

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import FloatDistribution

from alignfreeze.base.plotting import svg_document, svg_element
from alignfreeze.search.artifacts import READING, format_value, importances_of, study_page
from alignfreeze.search.figures import study_figures
from alignfreeze.search.trial_table import StudyTable

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
        "baseline": {"pos/de": 0.5, "ner/<b>": 0.54},
        "baseline_objective": 0.52,
    }
    return StudyTable(**fields | changes)


def one_objective(**changes) -> StudyTable:
    return study(objectives=["mean"], best=[2], **changes)


def only_pruned(**changes) -> StudyTable:
    trials = study().trials
    return study(trials=trials[trials["state"] == "pruned"], best=[], importances={}, **changes)


class Reader(HTMLParser):
    """Collects which elements there are, their text, and what they refer to."""

    def __init__(self):
        super().__init__()
        self.open, self.elements, self.texts, self.addresses = [], [], {}, []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
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


def page_of(table: StudyTable) -> str:
    """A page with a figure of each kind."""
    svg = "<svg></svg>"
    return study_page(table, {} if table.complete.empty else dict.fromkeys(READING, svg))


def full_page() -> str:
    """A page with figures as they are."""
    documents = {s: svg_document(figure, s) for s, figure in study_figures(study()).items()}
    return study_page(study(), {stem: svg_element(text, stem) for stem, text in documents.items()})


page = pytest.fixture(scope="module")(full_page)


def test_a_page_is_complete_in_itself(page):
    reader = read(page)
    assert all(address.startswith(("#", "data:")) for address in reader.addresses)
    assert page.startswith("<!DOCTYPE html>")
    assert reader.elements.count("svg") == reader.elements.count("figure") == 6
    assert reader.elements.count("script") == 1
    assert reader.texts["h1"] == [f"study {EVIL}"]
    assert reader.texts["title"] == [f"study {EVIL}"]
    assert reader.elements.count("section") == 1 + 6
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


NOTES = ["qa f1: by SQuAD's script <in> English."]


def test_a_page_names_the_metric_and_what_is_to_be_known_of_it():
    reader = read(page_of(one_objective(metrics={"qa": "f1"}, metric_notes=NOTES)))
    assert reader.texts["p"][1:3] == ["Scores on validation: qa f1.", *NOTES]
    assert reader.texts["th"][1] == "mean of target languages, qa f1"


def test_a_page_names_the_metrics_of_several_tasks():
    metrics = {"pos": "accuracy", "qa": "f1"}
    reader = read(page_of(study(metrics=metrics, metric_notes=NOTES)))
    assert reader.texts["p"][1:3] == ["Scores on validation: pos accuracy, qa f1.", *NOTES]
    assert reader.texts["th"][1:3] == [
        "mean of target languages, mean over tasks",
        "languages harmed",
    ]


def test_a_page_says_which_seeds_the_tests_leave_out():
    left_out = "Seed 31 is left out: no test of none with it."
    reader = read(page_of(only_pruned(test_notes=[left_out])))
    assert reader.texts["p"][1] == f"Tests (tests.csv): {left_out}"


def test_text_is_escaped(page):
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;$x$" in page


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
    assert '<td data-value="0.7">70.00 %</td>' in page  # is sorted by its value


def test_only_ten_trials_are_shown():
    frame = study().trials
    many = pd.concat([frame[frame["state"] == "complete"]] * 5, ignore_index=True)
    reader = read(page_of(one_objective(trials=many.assign(trial=range(15)))))
    assert reader.elements.count("tr") == 1 + 10
    assert "The 10 highest; marked: the best." in reader.texts["p"]


def test_without_a_complete_trial_a_page_says_so():
    page = page_of(only_pruned())
    reader = read(page)
    assert reader.texts["p"] == [
        "1 trials: 0 complete, 1 pruned, 0 failed",
        "No trial is complete yet.",
    ]
    assert "<svg" not in page


def test_a_study_without_trials_has_a_page():
    page = page_of(study(trials=pd.DataFrame([]), parameters=[], best=[], importances={}))
    assert read(page).texts["p"] == ["no trials", "No trial is complete yet."]


def test_a_page_is_the_same_again(page):
    assert full_page() == page


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


def trials_of(values):
    """A study whose trials have values of x and y, and a score."""
    found = optuna.create_study(directions=["maximize", "minimize"])
    ranges = dict.fromkeys("xy", FloatDistribution(0, 1))
    for x, y, score in values:
        own = {"params": {"x": x, "y": y}, "distributions": ranges, "values": [score, 0.0]}
        found.add_trial(optuna.create_trial(**own))
    return found


def test_what_sets_the_best_apart_is_important():
    places = np.random.default_rng(0).random((20, 2))
    found = importances_of(trials_of([(x, y, x) for x, y in places]))
    assert [*found] == ["x", "y"]
    assert found["x"] > 0.6
    assert sum(found.values()) == pytest.approx(1)
    # By high scores, which x makes here, and not by low ones, which y makes.
    both_ends = [(x, y, float(x > 0.75) or -float(y > 0.75)) for x, y in places]
    found = importances_of(trials_of(both_ends))
    assert found["x"] > found["y"]


@pytest.mark.parametrize("n_trials", [0, 1, 2, 6])
def test_of_nothing_no_importance_is_made_up(n_trials):
    assert importances_of(trials_of([(0.5, 0.5, 0.7)] * n_trials)) == {}
