"""Rows of other objectives and times of realignment: what they are called, and where they stand."""

from itertools import product

import pytest

from alignfreeze.report import realignment_names
from alignfreeze.report.collecting import collect
from alignfreeze.report.imported import imported_table
from alignfreeze.report.notes import mixed_versions
from alignfreeze.report.realignment_names import row_name
from alignfreeze.report.settings import build_report
from alignfreeze.tracking.reference import as_ours


def tables(runs, **options):
    return collect(runs, build_report(options)).tables


@pytest.fixture
def realigned(stored):
    """A fine-tuning of what was realigned, with the params that a phase logs."""

    def made(strategy="front", seed=31, *, objective="contrastive", args=None, **about):
        told = {"objective": objective, "objective_args": str(args or {}), "aligner_args": "{}"}
        told |= {"realign_when": "before", "realign_weight": "0.1", "temperature": "0.1"}
        run = stored(strategy, seed, **{**told, **about})
        aligner = {"aligner": about.get("aligner", "dictionary")}
        return run._replace(run_id=f"{run.run_id}-{len(about)}", params={**run.params, **aligner})

    return made


def test_rows_say_what_is_not_as_by_default_and_stand_in_groups(stored, realigned):
    when = ("during", "before", "after", "before+during")
    runs = [
        realigned(strategy, objective=objective, args=args, realign_when=time)
        for strategy, (objective, args), time in product(
            ("zigzag", "parts", "back", "front"),
            (
                ("distance", {"pull": 2.0}),
                ("contrastive", {}),
                ("contrastive", {"negatives": "weak"}),
            ),
            when,
        )
    ]
    (table,) = tables([*runs, stored()])
    assert table.variants[:5] == ["baseline", "front", "back", "parts", "zigzag"]
    assert table.grouped["objective"][:4] == [
        "front, objective=contrastive(negatives=weak)",
        "front, objective=distance(pull=2.0)",
        "back, objective=contrastive(negatives=weak)",
        "back, objective=distance(pull=2.0)",
    ]
    assert table.grouped["realign_when"] == [
        f"{strategy}, realign_when={time}"
        for time in ("during", "before+during", "after")
        for strategy in ("front", "back", "parts", "zigzag")
    ]
    both = table.grouped["objective, realign_when"]
    assert both[0] == "front, objective=contrastive(negatives=weak), realign_when=during"
    assert [*table.grouped] == ["", "objective", "realign_when", "objective, realign_when"]


@pytest.mark.parametrize("newest", [0, 1])
def test_the_default_is_unnamed_whatever_the_most_or_the_newest_have(stored, realigned, newest):
    runs = [realigned(objective="distance", seed=seed) for seed in (31, 42)]
    runs.insert(2 * newest, realigned())
    (table,) = tables([*runs, stored(), stored(seed=42)])
    assert table.variants == ["baseline", "front", "front, objective=distance"]
    assert table.seeds("front, objective=distance") == [31, 42]


def test_what_older_runs_did_is_known(stored, realigned):
    runs = [
        realigned("none", objective="sentence"),
        stored("none", 42, temperature="0.1"),
        stored(),
    ]
    (table,) = tables(runs)
    assert table.variants == ["baseline", "none", "none, objective=sentence"]


def test_the_weight_is_a_setting_where_there_is_one(stored, realigned):
    runs = [
        realigned(realign_weight="0.5"),
        realigned("none"),
        realigned("none", realign_when="during", realign_weight="0.5"),
        realigned("front", realign_when="during"),
        realigned("back", realign_when="during"),
        stored(),
    ]
    (table,) = tables(runs)
    assert table.variants == [
        "baseline",
        "none",
        "front",
        "front, realign_when=during",
        "back, realign_when=during",
        "none, realign_when=during, realign_weight=0.5",
    ]


def test_an_objective_without_links_has_no_aligner(stored, realigned):
    linked = [realigned(name, parallel_hash="with dictionaries") for name in ("none", "front")]
    runs = [
        realigned(objective="sentence", aligner="auto", parallel_hash="texts alone"),
        realigned("none", objective="sentence", aligner="auto", parallel_hash="texts alone"),
        realigned("back", objective="sentence", aligner="auto", parallel_hash="other texts"),
        *linked,
        stored(),
    ]
    tagged = [
        run._replace(tags={**run.tags, "parallel_hash": run.params["parallel_hash"]})
        if "parallel_hash" in run.params
        else run
        for run in runs
    ]
    (table,) = tables(tagged)
    assert table.variants == [
        *("baseline", "none", "front", "none, objective=sentence", "front, objective=sentence"),
        "back, objective=sentence, unlinked_parallel_hash=other texts",
    ]


def test_of_an_objective_that_is_not_installed_words_are_taken_to_be_linked(realigned):
    assert realignment_names.links_words(realigned(objective="gone"))
    assert not realignment_names.links_words(realigned(objective="sentence"))


def test_an_encoder_is_that_of_all_that_fine_tune_it(stored, realigned):
    same = {"realign_hash": "r"}
    measured = {"alignment/realigned/de": 0.5}
    made = realigned(realign_when="before+during", name="realign", scores={}, **same)
    made = made._replace(metrics=measured)
    runs = [
        realigned(**same),
        realigned(realign_when="before+during", **same),
        realigned(realign_when="during", realign_hash=""),
        made,
        stored(),
    ]
    (table,) = tables(runs)
    assert len(table.variants) == 4


def test_imported_results_are_called_as_ours(stored):
    assert as_ours("during") == ("none", "during")
    assert as_ours("during-back") == ("back", "during")
    assert as_ours("front") == ("front", "before")
    runs = [
        stored(name, imported="true", aligner="dico")
        for name in ("during-back", "during", "during-front", "none", "front", "back")
    ]
    (table,) = tables([*runs, stored(imported="true")], source="imported")
    assert table.variants == [
        *("baseline", "none", "front", "back"),
        *(f"{name}, realign_when=during" for name in ("none", "front", "back")),
    ]
    (asked,) = tables([*runs, stored(imported="true")], source="imported", strategies="front")
    assert asked.variants == ["baseline", "front", "front, realign_when=during"]
    (asked,) = tables([*runs, stored(imported="true")], source="imported", strategies="during")
    assert asked.variants == ["baseline", "none, realign_when=during"]


def test_ours_stand_beside_imported_results(stored, realigned):
    lower = {"en": 0.8, "de": 0.6, "fr": 0.4}
    theirs = [
        stored(name, imported="true", aligner="dico", scores=scores)
        for name, scores in (
            ("none", lower),
            ("during", {"en": 0.8, "de": 0.5}),
            ("during-front", lower),
        )
    ]
    ours = [
        realigned("none"),
        realigned("none", realign_when="during"),
        realigned("front", realign_when="during"),
        realigned("back", realign_when="during"),
    ]
    runs = [*ours, stored(), *theirs, stored(imported="true")]
    config = build_report({"source": "both"})
    collected = collect(runs, config)
    table = imported_table(collected.tables, collected.missing, config)
    assert table is not None
    rows = [[cell.text.replace("\N{MINUS SIGN}", "-") for cell in row] for row in table.rows]
    assert [row[2] for row in rows] == [
        "baseline",
        "none",
        "none, realign_when=during",
        "front, realign_when=during",
    ]
    assert [row[:2] for row in rows] == [["m", "pos"], *[["", ""]] * 3]
    assert [row[5] for row in rows] == ["+0.0", "+10.0", "–", "+10.0"]
    assert [row[8] for row in rows] == ["2 / 2", "2 / 2", "2 / 1", "2 / 2"]
    assert imported_table(tables([*ours, stored()]), collected.missing, config) is None


def test_a_run_is_told_from_another_of_its_strategy(realigned):
    assert row_name(realigned()) == "front"
    assert row_name(realigned(objective="distance", args={"pull": 3})) == (
        "front, objective=distance(pull=3)"
    )
    assert row_name(realigned("baseline", realign_when="during")) == "baseline"


def test_several_codes_of_an_objective_are_told(realigned):
    runs = [realigned(seed=seed, objective="distance") for seed in (31, 42)]
    tagged = [
        run._replace(tags={**run.tags, "objective_code": str(n)}) for n, run in enumerate(runs)
    ]
    (line,) = mixed_versions(tagged)
    assert line.startswith("code of objective distance ")
    assert mixed_versions(tagged[:1]) == []
