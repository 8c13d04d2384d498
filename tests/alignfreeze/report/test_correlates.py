from dataclasses import replace

import pytest

from alignfreeze.data import uriel
from alignfreeze.report import correlate_tables, correlates
from alignfreeze.report.collecting import collect
from alignfreeze.report.correlate_tables import correlates_csv, correlations_csv, why_sections
from alignfreeze.report.correlates import explanations
from alignfreeze.report.covariates import Covariates
from alignfreeze.report.figure_correlates import layer_correlations_figure, scatter_figure
from alignfreeze.report.figures import correlate_figures
from alignfreeze.report.label_places import _Box, _box, _cost
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.settings import build_report

CODES = ["ar", "de", "es", "fi", "fr", "hi", "ru", "zh"]
GAINS = dict(zip(CODES, [8, 1, 2, 3, 5, 6, 4, 7], strict=True))  # in points


@pytest.fixture(autouse=True)
def no_distances(monkeypatch):
    monkeypatch.setattr(correlates, "distances", lambda source, languages: {})


def layered(values):
    """By language, layer and seed, what grows with the layer."""
    return {
        code: {layer: {0: value * (layer + 1)} for layer in (0, 1)}
        for code, value in values.items()
    }


@pytest.fixture
def table():
    """Gains of full realignment, with all that can be known."""
    scores = {
        "baseline": {code: {0: 0.5} for code in CODES},
        "none": {code: {0: 0.5 + gain / 100} for code, gain in GAINS.items()},
    }
    rising = {code: 0.01 * number for number, code in enumerate(CODES, 1)}
    alignment = {
        "baseline": layered(dict.fromkeys(CODES, 0.1)),
        "none": layered({code: 0.1 + value for code, value in rising.items()}),
    }
    known = Covariates(
        drift={"none": layered({code: 0.2 - value for code, value in rising.items()})},
        pairs={"none": {code: {0: 900, 1: 1000} for code in CODES}},
        task_words={"fertility": {code: 1 + value for code, value in rising.items()}},
    )
    return ScoreTable(
        *("m", "pos", "accuracy", "en", CODES, ["baseline", "none"], scores),
        alignment=alignment,
        covariates=known,
    )


def test_covariates_are_set_beside_gains(table):
    (explained,) = explanations([table])
    found = {correlate.name: correlate for correlate in explained.correlates}
    assert [*found] == [
        *("change of word alignment, layer 0", "change of word alignment, layer 1"),
        *("drift, layer 0", "drift, layer 1", "subwords a word, task", "sentence pairs"),
    ]
    changed = found["change of word alignment, layer 1"]
    assert changed.values["de"] == pytest.approx((0.04, 1))
    assert found["drift, layer 0"].correlation.value == pytest.approx(-changed.correlation.value)
    assert found["sentence pairs"].values["ar"] == pytest.approx((950, 8))
    assert found["sentence pairs"].correlation.fault == "the same in all languages"
    assert [c.layer for c in explained.summary] == [1, 1, None, None]


def test_a_language_without_a_gain_or_a_covariate_is_left_out(table):
    scores = {**table.values, "none": {c: s for c, s in table.values["none"].items() if c != "zh"}}
    words = {"fertility": {code: 1.0 for code in CODES if code != "de"}}
    (explained,) = explanations(
        [replace(table, values=scores, covariates=Covariates(task_words=words), alignment={})]
    )
    (only,) = explained.correlates
    assert [*only.values] == ["ar", "es", "fi", "fr", "hi", "ru"]


def test_a_section_shows_the_last_layer_and_what_cannot_be_said(table, monkeypatch):
    monkeypatch.setattr(correlate_tables, "has_uriel", lambda: False)
    section = why_sections(explanations([table]), [{}])
    assert section.text[-1] == (
        f"Distances between languages are not shown; {uriel.INSTALL} gets them."
    )
    (part,) = section.parts
    assert part.table is not None
    assert [row[1].text for row in part.table.rows] == [
        *("change of word alignment, layer 1", "drift, layer 1", "subwords a word, task"),
    ]
    assert part.table.rows[0][3].text.startswith("[")
    assert part.lists == {
        "What cannot be said": ["sentence pairs: the same in all languages (none)"]
    }


def test_of_few_languages_nothing_is_said(table):
    few = replace(table, languages=CODES[:5])
    (part,) = why_sections(explanations([few]), [{}]).parts
    assert part.table is None
    assert part.text == ["Nothing can be said: it takes 6 languages with something known."]
    assert correlate_figures(explanations([few])) == {}


def test_without_a_baseline_there_is_nothing(table):
    assert explanations([replace(table, variants=["none"])]) == []


def test_values_are_written_with_all_digits(table):
    explained = explanations([table])
    header, first, *_ = correlates_csv(explained).splitlines()
    assert header == "model,task,metric,strategy,covariate,layer,language,value,gain"
    assert first.startswith("m,pos,accuracy,none,change of word alignment,0,ar,0.0")
    *_, last = correlations_csv(explained).splitlines()
    assert last == "m,pos,accuracy,none,sentence pairs,,,,,8,the same in all languages"


def test_figures_name_every_language_once_a_panel(table):
    (explained,) = explanations([table])
    figure = scatter_figure(explained, "none")
    panels = [panel for panel in figure.axes if panel.get_visible()]
    assert len(panels) == 3
    for panel in panels:
        assert sorted(text.get_text() for text in panel.texts) == CODES
    layers = layer_correlations_figure(explained)
    assert [panel.get_title() for panel in layers.axes] == ["change of word alignment", "drift"]
    assert [*correlate_figures([explained])] == ["correlates-m-pos-layers", "correlates-m-pos-none"]


def test_a_name_costs_what_it_covers_and_what_is_outside():
    inside = _Box(0, 0, 100, 100)
    box = _box("de", (50, 50), (10, 0))
    area = (box.right - box.left) * (box.top - box.bottom)
    assert _cost(box, [], inside) == 0
    assert _cost(box, [box], inside) == pytest.approx(area)
    assert _cost(_box("de", (500, 50), (0, 0)), [], inside) == pytest.approx(area)


def test_what_runs_measured_is_of_their_variant_and_seed(stored):
    def realigned(seed, pairs):
        metrics = {"drift/realigned/de/layer_2": 0.25, "pairs/de": pairs}
        metrics |= {"words/de/fertility": 1.5, "words/de/unknown": 0.01}
        return stored("none", seed, name="realign", scores={})._replace(metrics=metrics)

    tuned = stored("none")
    tuned = tuned._replace(metrics={**tuned.metrics, "words/de/fertility": 1.25})
    runs = [tuned, stored("none", 42), stored(), realigned(31, 900), realigned(42, 1000)]
    (table,) = collect(runs, build_report({})).tables
    assert table.covariates == Covariates(
        drift={"none": {"de": {2: {31: 0.25, 42: 0.25}}}},
        pairs={"none": {"de": {31: 900, 42: 1000}}},
        task_words={"fertility": {"de": 1.25}, "unknown": {}},
        parallel_words={"fertility": {"de": 1.5}, "unknown": {"de": 0.01}},
    )
