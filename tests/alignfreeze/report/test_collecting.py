"""From runs as they are stored to what a report shows, and what it says is missing."""

import pytest

from alignfreeze.errors import ConfigError, DataError
from alignfreeze.report.collecting import collect
from alignfreeze.report.settings import build_report


def collected(runs, **options):
    return collect(runs, build_report(options))


def sections(runs, **options):
    return collected(runs, **options).missing.sections


def test_cells_come_into_blocks(stored):
    runs = [stored(s, seed) for s in ("front", "none", "baseline") for seed in (31, 42)]
    (table,) = collected(runs).tables
    assert (table.model, table.task, table.metric) == ("m", "pos", "accuracy")
    assert table.variants == ["baseline", "none", "front"]
    assert table.languages == ["de", "fr"]
    assert table.values["front"] == {
        "en": {31: 0.9, 42: 0.9},
        "de": {31: 0.7, 42: 0.7},
        "fr": {31: 0.5, 42: 0.5},
    }
    assert sections(runs) == {}


def test_a_default_and_the_number_that_it_comes_to_are_one_row(stored):
    said = {"strategy_args": "{'boundary': 2}", "default_hyperparameters": "true"}
    runs = [stored("front", 31, **said), stored("front", 42), stored(), stored(seed=42)]
    (table,) = collected(runs).tables
    assert table.variants == ["baseline", "front"]
    assert table.seeds("front") == [31, 42]
    assert table.boundaries == {"front": ("front", 2)}
    other = stored("front", strategy_args="{'boundary': 1}", default_hyperparameters="false")
    assert collected([*runs, other]).tables[0].variants == [
        "baseline",
        "front",
        "front(boundary=1)",
    ]


def test_an_encoder_that_was_realigned_with_another_seed_is_a_row_of_its_own(stored):
    runs = [stored("front", realign_seed="42"), *(stored(s) for s in ("front", "none", "baseline"))]
    (table,) = collected(runs).tables
    assert table.variants == ["baseline", "none", "front", "front, realign_seed=42"]
    assert "older" not in str(sections(runs))


def test_a_score_that_is_no_number_is_left_out(stored):
    runs = [stored(s, seed) for s in ("baseline", "front") for seed in (31, 42)]
    runs[-1] = stored("front", 42, scores={"en": 0.9, "de": float("nan"), "fr": 0.5})
    found = collected(runs)
    assert found.tables[0].mean("front", "de") == 0.7
    assert found.missing.sections == {
        "Short of languages": ["m, pos, front: no de with seed 42"],
        "Left out": ["m, pos: accuracy of de is no number: 1 run(s)"],
    }


def test_what_is_missing_is_said(stored):
    runs = [stored(s, seed) for s in ("baseline", "none") for seed in (31, 42)]
    runs += [stored("front", 31), stored("front", 42, scores={"de": 0.7})]
    runs += [stored("none", 31, task="ner", scores={"de": 0.5})]
    found = sections(runs)
    assert found["Without runs"] == ["m, ner, baseline: no run", "m, ner, front: no run"]
    assert found["Short of seeds"] == ["m, ner, none: 1 of 2 seeds; without 42"]
    assert "m, pos, front: no fr with seed 42" in found["Short of languages"]


def test_a_failed_run_is_told_of_unless_another_made_up_for_it(stored):
    failed = stored("none", 31, status="FAILED", error="no memory", scores={})
    runs = [stored(), stored("front"), failed]
    (line,) = sections(runs)["Failed"]
    assert line.startswith("m, pos, none, seed 31: FAILED: no memory (run ")
    assert "Failed" not in sections([stored("none", 31), *runs])


def test_a_cell_that_was_killed_is_made_up_for_by_its_like(stored):
    """A cell has its strategy as it was given; its fine-tuning knows that it is the usual one."""
    given = {"name": "front pos seed 31, m", "strategy_args": '{"boundary": 6}'}
    killed = stored("front", **given, status="KILLED", error="it was killed", scores={})
    usual = stored("front", strategy_args='{"boundary": 6}', default_hyperparameters="true")
    runs = [stored(), usual, killed]
    (line,) = sections(runs)["Failed"]
    assert line.startswith("m, pos, front(boundary=6), seed 31: KILLED")
    assert "Failed" not in sections([stored("front", **given), *runs])


def test_a_realignment_that_failed_is_told_of_too(stored):
    runs = [stored(), stored("none", name="realign", status="KILLED", error="cut", scores={})]
    assert len(sections(runs)["Failed"]) == 1


def test_what_a_search_has_pruned_has_not_failed(stored):
    pruned = stored("front", status="KILLED", error="pruned (median) in fine-tuning", scores={})
    assert sections([stored(), stored("none"), pruned]) == {}


def test_another_variant_makes_up_for_no_failure(stored):
    failed = stored("none", status="FAILED", temperature="0.5", error="no memory", scores={})
    usual = [stored("none", seed, temperature="0.1") for seed in (31, 42)]
    found = sections([stored(), stored(seed=42), *usual, failed])
    assert found["Failed"][0].startswith("m, pos, none, temperature=0.5, seed 31: FAILED")


def test_tasks_with_other_languages_are_of_one_variant(stored):
    runs = [
        stored(strategy, task=task, languages=languages)
        for strategy in ("baseline", "front")
        for task, languages in (("pos", "de,fr"), ("nli", "fr"))
    ]
    collection = collected(runs)
    assert [table.variants for table in collection.tables] == [["baseline", "front"]] * 2
    assert collection.missing.sections == {}


def test_the_newest_of_several_counts_and_the_others_are_listed(stored):
    runs = [stored("none", scores={"de": 0.9}), stored("none", scores={"de": 0.1}), stored()]
    collection = collected(runs)
    assert collection.tables[0].values["none"]["de"] == {31: 0.9}
    assert collection.missing.sections["Left out"] == [
        "m, pos, none, seed 31: 1 older run(s) of the same"
    ]


def test_mixed_versions_are_told_by_table(stored):
    runs = [stored(), stored("none"), stored(task="ner")]
    runs = [run._replace(tags={**run.tags, "version": "0.2.0"}) for run in runs]
    runs[0].tags["version"] = "0.1.0"
    collection = collected(runs)
    mixed = ["alignfreeze 0.1.0 (1 run(s)), 0.2.0 (1 run(s))"]
    assert [table.versions for table in collection.tables] == [mixed, []]
    assert collection.versions == ["alignfreeze 0.1.0 (1 run(s)), 0.2.0 (2 run(s))"]


def test_hyperparameters_and_boundaries_are_in_the_name(stored):
    runs = [stored(), stored("front", strategy_args="{'boundary': 3}"), stored("front")]
    (table,) = collected(runs).tables
    assert table.variants == ["baseline", "front", "front(boundary=3)"]
    assert table.boundaries == {"front(boundary=3)": ("front", 3)}


@pytest.mark.parametrize(
    ("source", "models"),
    [("own", {"m"}), ("imported", {"r"}), ("both", {"m", "r (imported)"})],
)
def test_imported_results_are_mixed_with_none_of_ours_unless_asked(stored, source, models):
    runs = [stored(), stored(model="r", imported="true", name="imported-baseline-pos")]
    assert {table.model for table in collected(runs, source=source).tables} == models


def test_aligners_of_imported_results_are_told_apart(stored):
    about = {"imported": "true", "name": "imported"}
    runs = [stored(**about), *(stored("none", s, aligner="dico", **about) for s in (1, 2))]
    runs.append(stored("none", 1, aligner="awesome", **about))
    (table,) = collected(runs, source="imported").tables
    assert table.variants == ["baseline", "none", "none, aligner=awesome"]
    (table,) = collected(runs, source="imported", aligner="awesome").tables
    assert table.variants == ["baseline", "none"]
    assert table.seeds("none") == [1]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"strategies": "none"}, {("pos", "baseline"), ("pos", "none"), ("ner", "baseline")}),
        ({"tasks": "ner"}, {("ner", "baseline")}),
        ({"seeds": "42"}, {("pos", "front")}),
        (
            {"models": "m"},
            {("pos", "baseline"), ("pos", "none"), ("pos", "front"), ("ner", "baseline")},
        ),
    ],
)
def test_a_report_may_ask_for_some(stored, options, kept):
    runs = [stored(), stored("none"), stored("front", 42), stored(task="ner")]
    found = {(b.task, v) for b in collected(runs, **options).tables for v in b.variants}
    assert found == kept


def test_runs_of_several_tasks_and_searches_are_no_results(stored):
    runs = [stored(), stored("none", task="pos,ner"), stored("front", name="trial-3")]
    runs.append(stored("back", name="finetune-pos", scores={}))  # validated only, by a search
    assert collected(runs).tables[0].variants == ["baseline"]


def test_nothing_to_report_is_an_error_that_says_what_was_asked(stored):
    with pytest.raises(DataError, match=r"no finished run with test scores \(source=own, tasks=qa"):
        collected([stored()], tasks="qa")
    with pytest.raises(ConfigError, match="metrics must be of accuracy for pos, got 'f1'"):
        collected([stored()], metrics="pos=f1")
    with pytest.raises(ConfigError, match="metrics must be of tasks with runs, pos, got 'nre'"):
        collected([stored()], metrics="nre=f1")


def test_a_model_that_was_realigned_before_is_named_with_how(stored):
    how = ("m realigned with front(boundary=1)", "m realigned with front(boundary=3)")
    runs = [stored(model=f"/{n}/encoder", made_from=text) for n, text in enumerate(how)]
    assert [table.model for table in collected(runs).tables] == [f"encoder ({h})" for h in how]
    assert sections(runs).keys() <= {"Without runs"}


def test_a_run_without_the_usual_metric_is_told_of(stored):
    lacking = stored("none", scores={})._replace(metrics={"test/de/f1": 0.9, "test/fr/f1": 0.9})
    collection = collected([lacking, stored()])
    assert collection.tables[0].variants == ["baseline"]
    assert "m, pos: without accuracy: 1 run(s)" in collection.missing.sections["Left out"]


def test_a_printed_metric_that_no_run_has_is_not_asked_for(stored):
    run = stored(task="ner", scores={})._replace(metrics={"test/de/f1": 0.4})
    assert collected([run]).tables[0].metric == "f1"


def test_the_metric_of_another_task_is_its_primary_one(stored):
    def scored(strategy, **about):
        run = stored(strategy, task="parse", scores={}, **about)
        return run._replace(metrics={"test/de/las": 0.4, "test/de/uas": 0.5})

    (table,) = collected([scored("none", metric="uas"), scored("baseline", metric="uas")]).tables
    assert table.metric == "uas"
    (table,) = collected([scored("none"), scored("baseline")]).tables  # older ones do not say
    assert table.metric == "las"
