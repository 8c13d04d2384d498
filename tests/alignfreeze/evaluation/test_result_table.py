import io

from rich.console import Console

from alignfreeze.evaluation.result_table import MEAN, result_table
from alignfreeze.evaluation.scores import Score, TaskResult


def result(strategy: str, task: str = "pos", *, en=0.9, fr=0.5, de=0.6) -> TaskResult:
    """Scores of three languages; what is not the test split's accuracy must not be shown."""
    scores = [
        Score(language, split, metric, value + shift)
        for split, metric, shift in (
            ("validation", "accuracy", 0.01),
            ("test", "accuracy", 0.0),
            ("test", "f1", 0.02),
        )
        for language, value in (("fr", fr), ("en", en), ("de", de))
    ]
    return TaskResult(strategy, task, "accuracy", scores)


def texts(table) -> list[list[str]]:
    """The cells of a table, row by row, the header first."""
    columns = [[column.header, *column.cells] for column in table.columns]
    return [[str(cell) for cell in row] for row in zip(*columns, strict=True)]


def styles(table, column: int) -> list[str]:
    return [cell.style for cell in table.columns[column].cells]


def test_languages_go_down_the_source_first_the_mean_last():
    table = result_table([result("front")], "en")
    assert texts(table) == [
        ["language", "front"],
        ["en (source)", "90.0"],
        ["fr", "50.0"],
        ["de", "60.0"],
        [MEAN, "55.0"],
    ]


def test_strategies_go_across_with_their_difference_to_the_baseline():
    results = [result("baseline"), result("none", fr=0.7), result("front", en=0.8, de=0.5996)]
    table = result_table(results, "en")
    assert texts(table) == [
        ["language", "baseline", "none", "diff.", "front", "diff."],
        ["en (source)", "90.0", "90.0", "+0.0", "80.0", "-10.0"],
        ["fr", "50.0", "70.0", "+20.0", "50.0", "+0.0"],
        ["de", "60.0", "60.0", "+0.0", "60.0", "+0.0"],
        [MEAN, "55.0", "65.0", "+10.0", "55.0", "+0.0"],
    ]


def test_gains_are_green_and_losses_are_red_and_what_rounds_to_0_is_neither():
    results = [result("baseline"), result("none", en=0.9001, fr=0.7, de=0.5)]
    table = result_table(results, "en")
    assert styles(table, 3) == ["", "green", "red", "green"]


def test_without_the_baseline_there_is_no_difference():
    table = result_table([result("none"), result("front")], "en")
    assert texts(table)[0] == ["language", "none", "front"]


def test_several_tasks_share_a_table_with_languages_below_each_strategy():
    qa = TaskResult(
        "front", "qa", "f1", [Score("en", "test", "f1", 0.5), Score("it", "test", "f1", 0.25)]
    )
    table = result_table([result("baseline"), result("front", fr=0.4), qa], "en")
    assert texts(table) == [
        ["strategy, language", "pos\naccuracy", "qa\nf1"],
        ["baseline", "", ""],
        ["en (source)", "90.0", "–"],
        ["de", "60.0", "–"],
        ["fr", "50.0", "–"],
        [MEAN, "55.0", "–"],
        ["front", "", ""],
        ["en (source)", "90.0 +0.0", "50.0"],
        ["de", "60.0 +0.0", "–"],
        ["fr", "40.0 -10.0", "–"],
        ["it", "–", "25.0"],
        [MEAN, "50.0 -5.0", "25.0"],
    ]


def test_a_table_as_it_is_printed():
    table = result_table([result("baseline"), result("front", fr=0.7)], "en")
    output = io.StringIO()
    Console(file=output, width=80, color_system=None).print(table)
    lines = output.getvalue().splitlines()
    assert lines[0].strip() == "pos: accuracy on test, %"
    rows = [[cell.strip() for cell in line.strip("│┃").split("│")] for line in lines if "│" in line]
    assert rows == [
        ["en (source)", "90.0", "90.0", "+0.0"],
        ["fr", "50.0", "70.0", "+20.0"],
        ["de", "60.0", "60.0", "+0.0"],
        [MEAN, "55.0", "65.0", "+10.0"],
    ]
    assert lines[-3].startswith("├")
