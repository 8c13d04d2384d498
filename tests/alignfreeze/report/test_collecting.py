"""From runs as they are stored to what a report shows, and what it says is missing."""

import pytest

from alignfreeze.errors import ConfigError, DataError
from alignfreeze.report.collecting import collect
from alignfreeze.report.settings import build_report
from alignfreeze.tracking import StoredRun

LANGUAGES = {"en": 0.9, "de": 0.7, "fr": 0.5}


def stored(strategy="baseline", seed=31, *, scores=None, name="", status="FINISHED", **about):
    """A run of a fine-tuning, newer than what comes after it in a list."""
    tags = {"model": "owner/m", "task": "pos", "strategy": strategy, "seed": str(seed)}
    tags |= {n: about.pop(n) for n in list(about) if n in {*tags, "imported", "aligner", "error"}}
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
    return collected(runs, **options).gaps.sections()


def test_cells_come_into_blocks():
    runs = [stored(s, seed) for s in ("front", "none", "baseline") for seed in (31, 42)]
    (block,) = collected(runs).blocks
    assert (block.model, block.task, block.metric) == ("m", "pos", "accuracy")
    assert block.variants == ["baseline", "none", "front"]
    assert block.languages == ["de", "fr"]
    assert block.values["front"] == {
        "en": {31: 0.9, 42: 0.9},
        "de": {31: 0.7, 42: 0.7},
        "fr": {31: 0.5, 42: 0.5},
    }
    assert sections(runs) == {}


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
    assert [block.variants for block in collection.blocks] == [["baseline", "front"]] * 2
    assert collection.gaps.sections() == {}


def test_the_newest_of_several_counts_and_the_others_are_listed():
    runs = [stored("none", scores={"de": 0.9}), stored("none", scores={"de": 0.1}), stored()]
    collection = collected(runs)
    assert collection.blocks[0].values["none"]["de"] == {31: 0.9}
    assert collection.gaps.sections()["Left out"] == [
        "m, pos, none, seed 31: 1 older run(s) of the same"
    ]


def test_another_fine_tuning_is_left_out_and_said():
    runs = [stored(), stored("none"), stored("none", 42, finetune_lr="1e-3")]
    collection = collected(runs)
    assert collection.blocks[0].seeds("none") == [31]
    (line,) = collection.gaps.sections()["Left out"]
    assert line == "m, pos: fine-tuned with finetune_lr 1e-3, not 2e-05: 1 run(s)"


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
    runs = [stored(), *usual, stored("none", temperature="0.5")]
    (block,) = collected(runs).blocks
    assert block.variants == ["baseline", "none", "none, temperature=0.5"]


def test_hyperparameters_and_boundaries_are_in_the_name():
    runs = [stored(), stored("front", strategy_args="{'boundary': 3}"), stored("front")]
    (block,) = collected(runs).blocks
    assert block.variants == ["baseline", "front", "front(boundary=3)"]
    assert block.boundaries == {"front(boundary=3)": ("front", 3)}


@pytest.mark.parametrize(
    ("source", "models"),
    [("own", {"m"}), ("imported", {"r"}), ("both", {"m", "r (imported)"})],
)
def test_imported_results_are_mixed_with_none_of_ours_unless_asked(source, models):
    runs = [stored(), stored(model="r", imported="true", name="imported-baseline-pos")]
    assert {block.model for block in collected(runs, source=source).blocks} == models


def test_aligners_of_imported_results_are_told_apart():
    about = {"imported": "true", "name": "imported"}
    runs = [stored(**about), *(stored("none", s, aligner="dico", **about) for s in (1, 2))]
    runs.append(stored("none", 1, aligner="awesome", **about))
    (block,) = collected(runs, source="imported").blocks
    assert block.variants == ["baseline", "none", "none, aligner=awesome"]
    (block,) = collected(runs, source="imported", aligner="awesome").blocks
    assert block.variants == ["baseline", "none"]
    assert block.seeds("none") == [1]


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
    found = {(b.task, v) for b in collected(runs, **options).blocks for v in b.variants}
    assert found == kept


def test_runs_of_several_tasks_and_searches_are_no_results():
    runs = [stored(), stored("none", task="pos,ner"), stored("front", name="trial-3")]
    runs.append(stored("back", name="finetune-pos", scores={}))  # validated only, by a search
    assert collected(runs).blocks[0].variants == ["baseline"]


def test_nothing_to_report_is_an_error_that_says_what_was_asked():
    with pytest.raises(DataError, match=r"no finished run with test scores \(source=own, tasks=qa"):
        collected([stored()], tasks="qa")
    with pytest.raises(ConfigError, match="metrics must be of accuracy for pos, got 'f1'"):
        collected([stored()], metrics="pos=f1")


def test_alignment_by_layer_is_the_mean_over_seeds():
    def measured(seed, before, after):
        run = stored("none", seed, name="realign", scores={})
        metrics = {
            "alignment/pretrained/de/layer_2": before,
            "alignment/realigned/de/layer_2": after,
        }
        return run._replace(metrics=metrics)

    runs = [stored(), stored("none"), measured(31, 0.2, 0.6), measured(42, 0.4, 0.8)]
    runs.append(measured(31, 0.9, 0.9))  # an older one of the same
    (block,) = collected(runs).blocks
    assert block.alignment["baseline"]["de"] == {2: pytest.approx(0.3)}
    assert block.alignment["none"]["de"] == {2: pytest.approx(0.7)}
