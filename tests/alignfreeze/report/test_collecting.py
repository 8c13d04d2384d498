"""From runs as they are stored to what a report shows, and what it says is missing."""

import pytest

from alignfreeze.errors import ConfigError, DataError
from alignfreeze.report.collecting import collect
from alignfreeze.report.settings import build_report
from alignfreeze.tracking.store import StoredRun

LANGUAGES = {"en": 0.9, "de": 0.7, "fr": 0.5}


def stored(strategy="baseline", seed=31, *, scores=None, name="", status="FINISHED", **about):
    """A run of a fine-tuning, newer than what comes after it in a list."""
    tags = {"model": "owner/m", "task": "pos", "strategy": strategy, "seed": str(seed)}
    others = {"imported", "aligner", "error", "usual_strategy", "realign_hash", "data_hash"}
    others |= {"metric", "made_from"}
    tags |= {n: about.pop(n) for n in list(about) if n in {*tags, *others}}
    metrics = {
        f"test/{language}/accuracy": value
        for language, value in (LANGUAGES if scores is None else scores).items()
    }
    params = {"finetune_lr": "2e-05", "strategy_args": "{}", "source_language": "en"} | about
    name = name or f"finetune-{tags['task']}"
    run_id = f"{name}-{strategy}-{seed}"
    return StoredRun(run_id, name, status, 0, 1.0, tags, params, metrics)


def collected(runs, **options):
    return collect(runs, build_report(options))


def sections(runs, **options):
    return collected(runs, **options).missing.sections()


def test_cells_come_into_blocks():
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


def test_a_default_and_the_number_that_it_comes_to_are_one_row():
    said = {"strategy_args": "{'boundary': 2}", "usual_strategy": "true"}
    runs = [stored("front", 31, **said), stored("front", 42), stored(), stored(seed=42)]
    (table,) = collected(runs).tables
    assert table.variants == ["baseline", "front"]
    assert table.seeds("front") == [31, 42]
    assert table.boundaries == {"front": ("front", 2)}
    other = stored("front", strategy_args="{'boundary': 1}", usual_strategy="false")
    assert collected([*runs, other]).tables[0].variants == [
        "baseline",
        "front",
        "front(boundary=1)",
    ]


def test_an_encoder_that_was_realigned_with_another_seed_is_a_row_of_its_own():
    runs = [stored("front", realign_seed="42"), *(stored(s) for s in ("front", "none", "baseline"))]
    (table,) = collected(runs).tables
    assert table.variants == ["baseline", "none", "front", "front, realign_seed=42"]
    assert "older" not in str(sections(runs))


def test_what_is_missing_is_said():
    runs = [stored(s, seed) for s in ("baseline", "none") for seed in (31, 42)]
    runs += [stored("front", 31), stored("front", 42, scores={"de": 0.7})]
    runs += [stored("none", 31, task="ner", scores={"de": 0.5})]
    found = sections(runs)
    assert found["Without runs"] == ["m, ner, baseline: no run", "m, ner, front: no run"]
    assert found["Short of seeds"] == ["m, ner, none: 1 of 2 seeds; without 42"]
    assert "m, pos, front: no fr with seed 42" in found["Short of languages"]


def test_a_failed_run_is_told_of_unless_another_made_up_for_it():
    failed = stored("none", 31, status="FAILED", error="no memory", scores={})
    runs = [stored(), stored("front"), failed]
    (line,) = sections(runs)["Failed"]
    assert line.startswith("m, pos, none, seed 31: FAILED: no memory (run ")
    assert "Failed" not in sections([stored("none", 31), *runs])


def test_a_realignment_that_failed_is_told_of_too():
    runs = [stored(), stored("none", name="realign", status="KILLED", error="cut", scores={})]
    assert len(sections(runs)["Failed"]) == 1


def test_what_a_search_has_pruned_has_not_failed():
    pruned = stored("front", status="KILLED", error="pruned (median) in fine-tuning", scores={})
    assert sections([stored(), stored("none"), pruned]) == {}


def test_another_variant_makes_up_for_no_failure():
    failed = stored("none", status="FAILED", temperature="0.5", error="no memory", scores={})
    usual = [stored("none", seed, temperature="0.1") for seed in (31, 42)]
    found = sections([stored(), stored(seed=42), *usual, failed])
    assert found["Failed"][0].startswith("m, pos, none, temperature=0.5, seed 31: FAILED")


def test_tasks_with_other_languages_are_of_one_variant():
    runs = [
        stored(strategy, task=task, languages=languages)
        for strategy in ("baseline", "front")
        for task, languages in (("pos", "de,fr"), ("nli", "fr"))
    ]
    collection = collected(runs)
    assert [table.variants for table in collection.tables] == [["baseline", "front"]] * 2
    assert collection.missing.sections() == {}


def test_the_newest_of_several_counts_and_the_others_are_listed():
    runs = [stored("none", scores={"de": 0.9}), stored("none", scores={"de": 0.1}), stored()]
    collection = collected(runs)
    assert collection.tables[0].values["none"]["de"] == {31: 0.9}
    assert collection.missing.sections()["Left out"] == [
        "m, pos, none, seed 31: 1 older run(s) of the same"
    ]


def test_another_fine_tuning_is_left_out_and_said():
    runs = [stored(), stored("none"), stored("none", 42, finetune_lr="1e-3")]
    collection = collected(runs)
    assert collection.tables[0].seeds("none") == [31]
    (line,) = collection.missing.sections()["Left out"]
    assert line == "m, pos: fine-tuned with finetune_lr 1e-3, not 2e-05: 1 run(s)"


def test_a_stray_run_leaves_no_grid_out_though_it_is_the_newest():
    grid = [stored(s, seed) for s in ("front", "none", "baseline") for seed in (31, 42)]
    # Three times the same cell are one cell.
    strays = [stored("front", 31, finetune_lr="1e-3") for _ in range(7)]
    collection = collected([*strays, *grid])
    (table,) = collection.tables
    assert table.variants == ["baseline", "none", "front"]
    assert {variant: table.seeds(variant) for variant in table.variants} == {
        variant: [31, 42] for variant in table.variants
    }
    assert collection.missing.sections()["Left out"] == [
        "m, pos: fine-tuned with finetune_lr 1e-3, not 2e-05: 7 run(s)"
    ]
    assert collection.settings[0].startswith("Of several settings, a table")


def test_of_as_many_cells_the_newest_run_decides():
    new = [stored(finetune_lr="1e-3"), stored("none", finetune_lr="1e-3")]
    old = [stored("none"), stored()]
    for runs, rate in (([*new, *old], "2e-05, not 1e-3"), ([*old, *new], "1e-3, not 2e-05")):
        (line,) = sections(runs)["Left out"]
        assert line == f"m, pos: fine-tuned with finetune_lr {rate}: 2 run(s)"


def test_settings_are_chosen_together_not_one_by_one():
    # Each of lr 1 and of 9 warm-up is in most cells, both together in none.
    about = [("1", "3"), ("1", "3"), ("1", "5"), ("7", "9"), ("7", "9"), ("7", "9")]
    runs = [stored("none", n, finetune_lr=a, warmup=b) for n, (a, b) in enumerate(about)]
    (table,) = collected(runs).tables
    assert table.seeds("none") == [3, 4, 5]


def test_a_setting_that_older_runs_do_not_know_leaves_them_in():
    runs = [stored("none", 42, warmup="0.2"), stored("none", warmup="0.1"), stored(warmup="0.1")]
    runs.append(stored(seed=42))
    (table,) = collected(runs).tables
    assert table.seeds("baseline") == [31, 42]
    assert table.seeds("none") == [31]


def test_runs_of_other_languages_are_of_other_settings():
    runs = [stored(s, languages="de,fr,zh") for s in ("none", "baseline")]
    runs += [stored("front", languages="fr,de"), stored("back", languages="zh,de,fr")]
    collection = collected(runs)
    assert collection.tables[0].variants == ["baseline", "none", "back"]
    assert collection.missing.sections()["Left out"] == [
        "m, pos: fine-tuned with languages de,fr, not de,fr,zh: 1 run(s)"
    ]


def test_runs_of_several_processes_have_other_batches():
    runs = [stored(), stored("none"), stored("front")]
    runs = [run._replace(tags={**run.tags, "processes": "1"}) for run in runs]
    runs.append(stored("back"))
    runs[-1].tags["processes"] = "2"
    assert sections(runs)["Left out"] == ["m, pos: fine-tuned with processes 2, not 1: 1 run(s)"]


def test_steps_are_the_same_however_they_were_given():
    by_epochs = {"finetune_steps": "625", "finetune_epochs": "5.0", "realign_steps": "None"}
    by_steps = {"finetune_steps": "625", "finetune_epochs": "None", "realign_steps": "625"}
    runs = [stored("none", 42, **by_steps), stored("none", **by_epochs), stored(**by_epochs)]
    collection = collected(runs)
    assert collection.tables[0].variants == ["baseline", "none"]
    assert collection.tables[0].seeds("none") == [31, 42]
    assert "Left out" not in collection.missing.sections()


def test_another_place_of_the_same_data_is_no_other_data():
    runs = [
        stored(data="/a/suite"),
        stored("none", data="/b/suite"),
        stored("none", 42, data="/a/other"),
    ]
    found = sections(runs)["Left out"]
    assert found == ["m, pos: fine-tuned with data other, not suite: 1 run(s)"]


def test_another_realignment_is_another_variant():
    usual = [stored("none", seed, temperature="0.1") for seed in (31, 42)]
    runs = [stored("none", temperature="0.5"), stored(), *usual]
    collection = collected(runs)
    assert collection.tables[0].variants == ["baseline", "none", "none, temperature=0.5"]
    assert collection.settings[1:] == [
        "m, pos: rows that do not say otherwise have temperature 0.1."
    ]


def test_mixed_versions_are_told_by_table():
    runs = [stored(), stored("none"), stored(task="ner")]
    runs = [run._replace(tags={**run.tags, "version": "0.2.0"}) for run in runs]
    runs[0].tags["version"] = "0.1.0"
    collection = collected(runs)
    mixed = ["alignfreeze 0.1.0 (1 run(s)), 0.2.0 (1 run(s))"]
    assert [table.versions for table in collection.tables] == [mixed, []]
    assert collection.versions == ["alignfreeze 0.1.0 (1 run(s)), 0.2.0 (2 run(s))"]


def test_hyperparameters_and_boundaries_are_in_the_name():
    runs = [stored(), stored("front", strategy_args="{'boundary': 3}"), stored("front")]
    (table,) = collected(runs).tables
    assert table.variants == ["baseline", "front", "front(boundary=3)"]
    assert table.boundaries == {"front(boundary=3)": ("front", 3)}


@pytest.mark.parametrize(
    ("source", "models"),
    [("own", {"m"}), ("imported", {"r"}), ("both", {"m", "r (imported)"})],
)
def test_imported_results_are_mixed_with_none_of_ours_unless_asked(source, models):
    runs = [stored(), stored(model="r", imported="true", name="imported-baseline-pos")]
    assert {table.model for table in collected(runs, source=source).tables} == models


def test_aligners_of_imported_results_are_told_apart():
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
def test_a_report_may_ask_for_some(options, kept):
    runs = [stored(), stored("none"), stored("front", 42), stored(task="ner")]
    found = {(b.task, v) for b in collected(runs, **options).tables for v in b.variants}
    assert found == kept


def test_runs_of_several_tasks_and_searches_are_no_results():
    runs = [stored(), stored("none", task="pos,ner"), stored("front", name="trial-3")]
    runs.append(stored("back", name="finetune-pos", scores={}))  # validated only, by a search
    assert collected(runs).tables[0].variants == ["baseline"]


def test_nothing_to_report_is_an_error_that_says_what_was_asked():
    with pytest.raises(DataError, match=r"no finished run with test scores \(source=own, tasks=qa"):
        collected([stored()], tasks="qa")
    with pytest.raises(ConfigError, match="metrics must be of accuracy for pos, got 'f1'"):
        collected([stored()], metrics="pos=f1")
    with pytest.raises(ConfigError, match="metrics must be of tasks with runs, pos, got 'nre'"):
        collected([stored()], metrics="nre=f1")


def test_alignment_by_layer_is_of_each_seed():
    def measured(seed, before, after):
        run = stored("none", seed, name="realign", scores={})
        metrics = {
            "alignment/pretrained/de/layer_2": before,
            "alignment/realigned/de/layer_2": after,
        }
        return run._replace(metrics=metrics)

    runs = [stored(), stored("none"), stored("none", 42)]
    runs += [measured(31, 0.2, 0.6), measured(42, 0.4, 0.8)]
    runs.append(measured(31, 0.9, 0.9))  # an older one of the same
    (table,) = collected(runs).tables
    assert table.alignment["baseline"]["de"] == {2: {31: 0.2, 42: 0.4}}
    assert table.alignment["none"]["de"] == {2: {31: 0.6, 42: 0.8}}


def realignment(strategy="none", seed=31, *, value, task="pos", **about):
    """A realignment that has measured one layer of German, 0.1 before it."""
    run = stored(strategy, seed, task=task, name="realign", scores={}, **about)
    metrics = {
        "alignment/pretrained/de/layer_0": 0.1,
        "alignment/realigned/de/layer_0": value,
    }
    return run._replace(metrics=metrics)


def aligned(runs):
    """By task and variant, what was measured, by seed."""
    return {
        (table.task, variant): found["de"][0]
        for table in collected(runs).tables
        for variant, found in table.alignment.items()
    }


def test_a_realignment_that_several_tasks_share_is_of_each_of_them():
    runs = [stored(s, task=task) for s in ("none", "baseline") for task in ("pos", "ner")]
    runs.append(realignment(value=0.6, task="pos,ner"))
    assert aligned(runs) == {
        (task, variant): {31: value}
        for task in ("pos", "ner")
        for variant, value in (("baseline", 0.1), ("none", 0.6))
    }


def test_of_several_tasks_realignments_each_has_that_of_its_steps():
    steps = {"pos": "300", "ner": "200"}
    runs = [
        stored("none", task=task, finetune_steps=n, realign_steps="None")
        for task, n in steps.items()
    ]
    runs += [
        realignment(value=int(n) / 1000, task="pos,ner", realign_steps=n, finetune_steps="None")
        for n in steps.values()
    ]
    assert aligned(runs) == {("pos", "none"): {31: 0.3}, ("ner", "none"): {31: 0.2}}
    failed = stored("none", task="pos,ner", name="realign", status="FAILED", realign_steps="200")
    assert "Failed" not in sections([*runs, failed])


def test_what_is_left_out_is_not_drawn():
    about = {"temperature": "0.1", "realign_steps": "300", "data": "suite"}
    shown = [stored(s, seed, **about) for s in ("none", "baseline") for seed in (31, 42)]
    left_out = [
        stored("none", 66, finetune_lr="1e-3", **about),
        realignment("none", 66, value=0.9, finetune_lr="1e-3", **about),
        realignment("none", 31, value=0.9, **{**about, "realign_steps": "1000"}),
        realignment("none", 31, value=0.9, **{**about, "temperature": "0.5"}),
        realignment("none", 31, value=0.9, **{**about, "data": "other"}),
        realignment("front", 31, value=0.9, **about),
    ]
    measured = [realignment("none", seed, value=0.6, **about) for seed in (31, 42)]
    assert aligned([*left_out, *shown, *measured]) == {
        ("pos", "baseline"): {31: 0.1, 42: 0.1},
        ("pos", "none"): {31: 0.6, 42: 0.6},
    }


def test_an_encoder_that_was_taken_over_from_another_fine_tuning_is_drawn():
    runs = [stored("none"), stored(), realignment(value=0.6, finetune_lr="1e-3")]
    assert aligned(runs)["pos", "none"] == {31: 0.6}


def test_the_realignment_of_an_older_run_of_the_same_is_not_drawn():
    older = [
        stored("none", realign_hash="older"),
        realignment(value=0.9, realign_hash="older"),
    ]
    runs = [stored("none", realign_hash="newer"), stored(), *older]
    assert sections(runs)["Left out"] == ["m, pos, none, seed 31: 1 older run(s) of the same"]
    assert aligned(runs) == {}
    runs.append(realignment(value=0.6, realign_hash="newer"))
    assert aligned(runs)["pos", "none"] == {31: 0.6}


def test_tasks_that_share_an_encoder_share_what_was_measured_of_it():
    # As in a grid: the cell of one task has realigned, that of the other has taken it over.
    runs = [stored("none", task=task, realign_hash="one") for task in ("pos", "ner")]
    runs.append(realignment(value=0.6, task="pos", realign_hash="one"))
    runs.append(realignment(value=0.9, task="pos", realign_hash="other"))
    assert aligned(runs) == {(task, "none"): {31: 0.6} for task in ("pos", "ner")}


def test_a_stray_sweep_does_not_leave_a_grid_out():
    grid = [stored(s, seed) for s in ("front", "none", "baseline") for seed in (31, 42)]
    stray = [stored("front", finetune_lr="1e-3", temperature=f"0.{n}") for n in range(1, 8)]
    (table,) = collected([*stray, *grid]).tables
    assert table.variants == ["baseline", "none", "front"]
    (line,) = sections([*stray, *grid])["Left out"]
    assert line == "m, pos: fine-tuned with finetune_lr 1e-3, not 2e-05: 7 run(s)"


def test_target_languages_that_an_older_run_does_not_say_agree_with_any():
    runs = [stored(languages=""), stored("none", languages="de,fr"), stored("front", languages="")]
    collection = collected(runs)
    assert collection.tables[0].variants == ["baseline", "none", "front"]
    assert collection.missing.sections() == {}


def test_other_data_of_the_same_name_is_another_setting():
    one, other = {"data": "a/suite", "data_hash": "1"}, {"data": "b/suite", "data_hash": "2"}
    runs = [
        stored("none", **other),
        stored("none", 42, **one),
        stored(**one),
        stored(seed=42, **one),
    ]
    collection = collected(runs)
    assert collection.tables[0].seeds("none") == [42]
    assert "fine-tuned with data_hash 2, not 1: 1 run(s)" in str(collection.missing.left_out)


def test_what_is_held_out_of_realignment_is_a_setting_of_it():
    runs = [stored("none", alignment_pairs="0"), stored("none", 42, alignment_pairs="100")]
    runs += [stored(alignment_pairs="0"), stored(seed=42, alignment_pairs="100")]
    (table,) = collected(runs).tables
    assert table.variants == ["baseline", "none", "none, alignment_pairs=100"]
    assert table.seeds("baseline") == [31, 42]  # which it changes nothing of
    # An encoder that was realigned elsewhere has what was held out there.
    evaluated = stored("none", 42, alignment_pairs="0", realign_alignment_pairs="100")
    assert collected([stored("none", alignment_pairs="100"), stored(), evaluated]).tables[0].seeds(
        "none"
    ) == [31, 42]


def test_a_model_that_was_realigned_before_is_named_with_how():
    how = ("m realigned with front(boundary=1)", "m realigned with front(boundary=3)")
    runs = [stored(model=f"/{n}/encoder", made_from=text) for n, text in enumerate(how)]
    assert [table.model for table in collected(runs).tables] == [f"encoder ({h})" for h in how]
    assert sections(runs).keys() <= {"Without runs"}


def test_a_run_without_the_usual_metric_is_told_of():
    lacking = stored("none", scores={})._replace(metrics={"test/de/f1": 0.9, "test/fr/f1": 0.9})
    collection = collected([lacking, stored()])
    assert collection.tables[0].variants == ["baseline"]
    assert "m, pos: without accuracy: 1 run(s)" in collection.missing.left_out


def test_a_printed_metric_that_no_run_has_is_not_asked_for():
    run = stored(task="ner", scores={})._replace(metrics={"test/de/f1": 0.4})
    assert collected([run]).tables[0].metric == "f1"


def test_the_metric_of_another_task_is_its_primary_one():
    def scored(strategy, **about):
        run = stored(strategy, task="parse", scores={}, **about)
        return run._replace(metrics={"test/de/las": 0.4, "test/de/uas": 0.5})

    (table,) = collected([scored("none", metric="uas"), scored("baseline", metric="uas")]).tables
    assert table.metric == "uas"
    (table,) = collected([scored("none"), scored("baseline")]).tables  # older ones do not say
    assert table.metric == "las"
