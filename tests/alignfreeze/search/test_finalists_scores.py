"""The tests' scores: over seeds, as CSV, as metrics, as tables."""

import csv
import io
from dataclasses import replace
from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from alignfreeze.evaluation.scores import Score, rows_to_csv
from alignfreeze.search import finalists
from alignfreeze.search.finalists import TARGET_MEAN, comparisons, log_tests
from alignfreeze.search.objective import TaskScores

METRICS = {"pos": ("accuracy",), "ner": ("accuracy", "f1")}
LANGUAGES = ("en", "de", "fr")

fractions = st.floats(0, 1, allow_subnormal=False)


@st.composite
def some_tested(draw):
    """Some contenders with all scores of each task and seed, on two splits."""
    seeds = draw(st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True))
    return [
        finalists.Tested(
            name,
            [
                TaskScores(
                    task,
                    seed,
                    [
                        Score(language, split, metric, draw(fractions))
                        for language in LANGUAGES
                        for split in ("validation", "test")
                        for metric in METRICS[task]
                    ],
                )
                for seed in seeds
                for task in METRICS
            ],
        )
        for name in draw(st.lists(st.sampled_from(["trial-3", "none", "baseline"]), unique=True))
    ]


def of(name, *seeds, task="pos", metric="accuracy"):
    """A contender from the scores of the test split, by language, of each seed."""
    results = [
        TaskScores(task, seed, [Score(lang, "test", metric, v) for lang, v in scores.items()])
        for seed, scores in enumerate(seeds)
    ]
    return finalists.Tested(name, results)


@given(some_tested())
def test_scores_are_means_and_deviations_over_seeds(found):
    expected = {}
    for contender in found:
        for task, _seed, scores in contender.results:
            targets = {}
            for language, split, metric, value in scores:
                if split == "test":
                    key = (contender.name, task, language, metric)
                    expected.setdefault(key, []).append(value)
                    if language != "en":
                        targets.setdefault(metric, []).append(value)
            for metric, values in targets.items():
                key = (contender.name, task, TARGET_MEAN, metric)
                expected.setdefault(key, []).append(sum(values) / len(values))
    scores = {tuple(score[:4]): score for score in finalists.tested_scores(found, "en")}
    assert scores.keys() == expected.keys()
    for key, values in expected.items():
        score = scores[key]
        assert score.seeds == len(values)
        assert score.mean == pytest.approx(sum(values) / len(values))
        if len(values) == 1:
            assert score.deviation is None
        else:
            assert score.deviation == pytest.approx(stdev(values), abs=1e-12)


def test_the_deviation_of_a_mean_is_that_of_the_seeds_own_means():
    # The languages vary, their mean does not.
    found = finalists.tested_scores(
        [of("none", {"de": 0.2, "fr": 0.6}, {"de": 0.6, "fr": 0.2})], "en"
    )
    deviations = {score.language: score.deviation for score in found}
    assert deviations[TARGET_MEAN] == pytest.approx(0.0, abs=1e-12)
    assert deviations["de"] == deviations["fr"] == pytest.approx(stdev([0.2, 0.6]))


def test_the_source_language_is_in_no_mean():
    found = finalists.tested_scores([of("none", {"en": 1.0, "de": 0.2, "fr": 0.4})], "en")
    assert {s.language: s.mean for s in found}[TARGET_MEAN] == pytest.approx(0.3)
    found = finalists.tested_scores([of("none", {"en": 1.0, "de": 0.2, "fr": 0.4})], "de")
    assert {s.language: s.mean for s in found}[TARGET_MEAN] == pytest.approx(0.7)


# As a file and as metrics


def test_the_file_has_a_row_a_score():
    found = finalists.tested_scores(
        [of("trial-3", {"de": 0.25}, {"de": 0.75}), of("a, b", {"de": 0.5}, task="ner")], "en"
    )
    text = rows_to_csv(found, finalists.TestedScore)
    header, *rows = csv.reader(io.StringIO(text))
    assert header == ["contender", "task", "language", "metric", "mean", "deviation", "seeds"]
    assert [row[:4] for row in rows] == [list(score[:4]) for score in found]
    first, last = rows[0], rows[-1]
    assert (float(first[4]), float(first[5]), first[6]) == (0.5, stdev([0.25, 0.75]), "2")
    assert last == ["a, b", "ner", TARGET_MEAN, "accuracy", "0.5", "", "1"]


def test_a_file_of_no_scores_has_its_header():
    assert (
        rows_to_csv([], finalists.TestedScore)
        == "contender,task,language,metric,mean,deviation,seeds\n"
    )


class Run:
    """A run that keeps what it is given."""

    def __init__(self):
        self.metrics = {}

    def metric(self, name, value, step=0):
        assert name not in self.metrics
        self.metrics[name] = value


def test_metrics_have_a_deviation_where_there_are_several_seeds():
    run = Run()
    log_tests(
        run,
        [
            finalists.TestedScore("trial-3", "pos", "de", "accuracy", 0.5, 0.1, 5),
            finalists.TestedScore("baseline", "pos", TARGET_MEAN, "accuracy", 0.4, None, 1),
            finalists.TestedScore("baseline", "ner", "de", "f1", 0.3, 0.0, 2),
        ],
    )
    assert run.metrics == {
        "test/trial-3/pos/de/accuracy": 0.5,
        "test/trial-3/pos/de/accuracy_std": 0.1,
        "test/baseline/pos/target_mean/accuracy": 0.4,
        "test/baseline/ner/de/f1": 0.3,
        "test/baseline/ner/de/f1_std": 0.0,
    }


# As tables


def rendered(table):
    """The title of a table as it is seen, and the cells of its rows, the header first."""
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(table)
    lines = console.export_text().splitlines()
    top = next(number for number, line in enumerate(lines) if line.startswith("┏"))
    title = " ".join(line.strip() for line in lines[:top])  # no wider than the table
    rows = [line.replace("┃", "│").split("│") for line in lines[top:] if line[0] in "┃│"]
    return title, [[cell.strip() for cell in row[1:-1]] for row in rows]


def test_languages_are_down_and_contenders_across():
    tested = [
        of("trial-3", {"de": 0.5, "en": 0.9, "fr": 0.7}),
        of("baseline", {"de": 0.25, "en": 0.875, "fr": 0.125}),
    ]
    (table,) = comparisons(tested, {"pos": "accuracy"}, "en")
    title, rows = rendered(table)
    assert title == "pos: accuracy on test, %, one seed"
    assert rows == [
        ["language", "trial-3", "baseline"],
        ["en (source)", "90.0", "87.5"],
        ["de", "50.0", "25.0"],
        ["fr", "70.0", "12.5"],
        ["mean of targets", "60.0", "18.8"],
    ]


def test_several_seeds_have_their_deviation_beside_the_mean():
    seeds = [{"en": 0.8, "de": 0.4}, {"en": 0.8, "de": 0.5}, {"en": 0.8, "de": 0.6}]
    (table,) = comparisons([of("none", *seeds)], {"pos": "accuracy"}, "en")
    title, rows = rendered(table)
    assert title == "pos: accuracy on test, %, mean ± standard deviation over 3 seeds"
    assert rows == [
        ["language", "none"],
        ["en (source)", "80.0 ± 0.0"],
        ["de", "50.0 ± 10.0"],
        ["mean of targets", "50.0 ± 10.0"],
    ]


def test_seeds_that_are_left_out_are_named_below_the_table():
    names = ("trial-1", "none", "front")
    one, none, front = (of(name, {"en": 0.9, "de": 0.5}) for name in names)
    tested = [replace(one, left_out=[31, 66]), replace(none, left_out=[66]), front]
    (table,) = comparisons(tested, {"pos": "accuracy"}, "en")
    assert table.caption == (
        "Seed 31 is left out: no test of none, front with it.\n"
        "Seed 66 is left out: no test of front with it."
    )
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(table)
    assert "Seed 31 is left out" in console.export_text()
    (table,) = comparisons([one, front], {"pos": "accuracy"}, "en")
    assert table.caption is None


def test_there_is_a_table_a_task_with_its_own_metric():
    results = [
        TaskScores("pos", 31, [Score("de", "test", "accuracy", 0.5)]),
        TaskScores("ner", 31, [Score("de", "test", m, v) for m, v in (("f1", 0.2), ("x", 0.9))]),
    ]
    tested = [finalists.Tested("none", results)]
    pos, ner = map(rendered, comparisons(tested, {"pos": "accuracy", "ner": "f1"}, "en"))
    assert pos[0] == "pos: accuracy on test, %, one seed"
    assert ner[0] == "ner: f1 on test, %, one seed"
    assert pos[1][-1] == ["mean of targets", "50.0"]
    assert ner[1][-1] == ["mean of targets", "20.0"]


def test_what_was_not_scored_is_a_dash():
    tested = [of("none", {"de": 0.5, "fr": 0.7}), of("baseline", {"de": 0.25})]
    (table,) = comparisons(tested, {"pos": "accuracy"}, "en")
    assert rendered(table)[1][1:] == [
        ["en (source)", "–", "–"],
        ["de", "50.0", "25.0"],
        ["fr", "70.0", "–"],
        ["mean of targets", "60.0", "25.0"],
    ]


def test_scores_of_validation_are_not_shown():
    scores = [Score("de", "validation", "accuracy", 0.9), Score("de", "test", "accuracy", 0.5)]
    tested = [finalists.Tested("none", [TaskScores("pos", 31, scores)])]
    assert [score.mean for score in finalists.tested_scores(tested, "en")] == [0.5, 0.5]
    (table,) = comparisons(tested, {"pos": "accuracy"}, "en")
    assert ["de", "50.0"] in rendered(table)[1]


def test_a_line_sets_the_mean_apart():
    (table,) = comparisons([of("none", {"en": 0.9, "de": 0.5})], {"pos": "accuracy"}, "en")
    assert [row.end_section for row in table.rows] == [False, True, False]


def test_the_mean_shown_is_the_mean_of_what_is_shown():
    values = {"de": 0.123, "fr": 0.456, "th": 0.789}
    (table,) = comparisons([of("none", values)], {"pos": "accuracy"}, "en")
    assert rendered(table)[1][-1][1] == f"{100 * mean(values.values()):.1f}"
