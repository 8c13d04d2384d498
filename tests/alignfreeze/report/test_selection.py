"""Which runs a report shows: by their settings, and those that others have taken over."""

import pytest

from alignfreeze.report.collecting import collect
from alignfreeze.report.selection import with_taken_over
from alignfreeze.report.settings import build_report
from alignfreeze.tracking.store import StoredRun


def collected(runs, **options):
    return collect(runs, build_report(options))


def sections(runs, **options):
    return collected(runs, **options).missing.sections


@pytest.mark.parametrize(
    ("usual", "others", "line"),
    [
        ({}, [{"finetune_lr": "1e-3"}], "finetune_lr 1e-3, not 2e-05"),
        # Their order is no setting.
        (
            {"languages": "de,fr,zh"},
            [{"languages": "fr,de"}, {"languages": "zh,de,fr"}],
            "languages de,fr, not de,fr,zh",
        ),
        ({"processes": "1"}, [{"processes": "2"}], "processes 2, not 1"),  # they have other batches
        # Nor is the place of the data, but what is in it.
        (
            {"data": "/a/suite"},
            [{"data": "/a/other"}, {"data": "/b/suite"}],
            "data other, not suite",
        ),
        (
            {"data": "a/suite", "data_hash": "1"},
            [{"data": "b/suite", "data_hash": "2"}],
            "data_hash 2, not 1",
        ),
    ],
)
def test_another_fine_tuning_is_left_out_and_said(stored, usual, others, line):
    """The first of the others is left out, a second one is not."""
    runs = [stored(s, **usual) for s in ("baseline", "none")]
    runs += [stored(s, **about) for s, about in zip(("front", "back"), others, strict=False)]
    collection = collected(runs)
    assert collection.tables[0].variants == ["baseline", "none", "back"][: 1 + len(others)]
    assert collection.missing.sections["Left out"] == [f"m, pos: fine-tuned with {line}: 1 run(s)"]


@pytest.mark.parametrize("temperatures", [[None] * 7, [f"0.{n}" for n in range(1, 8)]])
def test_strays_leave_no_grid_out_though_they_are_the_newest(stored, temperatures):
    """Seven times the same cell are one cell, and so are those of a sweep."""
    grid = [stored(s, seed) for s in ("front", "none", "baseline") for seed in (31, 42)]
    about = [{"temperature": t} if t else {} for t in temperatures]
    strays = [stored("front", 31, finetune_lr="1e-3", **own) for own in about]
    collection = collected([*strays, *grid])
    (table,) = collection.tables
    assert {variant: table.seeds(variant) for variant in table.variants} == {
        variant: [31, 42] for variant in ("baseline", "none", "front")
    }
    assert collection.missing.sections["Left out"] == [
        "m, pos: fine-tuned with finetune_lr 1e-3, not 2e-05: 7 run(s)"
    ]
    assert collection.settings[0].startswith("Of several settings, a table")


def test_of_as_many_cells_the_newest_run_decides(stored):
    new = [stored(finetune_lr="1e-3"), stored("none", finetune_lr="1e-3")]
    old = [stored("none"), stored()]
    for runs, rate in (([*new, *old], "2e-05, not 1e-3"), ([*old, *new], "1e-3, not 2e-05")):
        (line,) = sections(runs)["Left out"]
        assert line == f"m, pos: fine-tuned with finetune_lr {rate}: 2 run(s)"


def test_settings_are_chosen_together_not_one_by_one(stored):
    # Each of lr 1 and of 9 warm-up is in most cells, both together in none.
    about = [("1", "3"), ("1", "3"), ("1", "5"), ("7", "9"), ("7", "9"), ("7", "9")]
    runs = [stored("none", n, finetune_lr=a, warmup=b) for n, (a, b) in enumerate(about)]
    (table,) = collected(runs).tables
    assert table.seeds("none") == [3, 4, 5]


def test_a_setting_that_older_runs_do_not_know_leaves_them_in(stored):
    runs = [stored("none", 42, warmup="0.2"), stored("none", warmup="0.1"), stored(warmup="0.1")]
    runs.append(stored(seed=42))
    (table,) = collected(runs).tables
    assert table.seeds("baseline") == [31, 42]
    assert table.seeds("none") == [31]


def test_steps_are_the_same_however_they_were_given(stored):
    by_epochs = {"finetune_steps": "625", "finetune_epochs": "5.0", "realign_steps": "None"}
    by_steps = {"finetune_steps": "625", "finetune_epochs": "None", "realign_steps": "625"}
    runs = [stored("none", 42, **by_steps), stored("none", **by_epochs), stored(**by_epochs)]
    collection = collected(runs)
    assert collection.tables[0].variants == ["baseline", "none"]
    assert collection.tables[0].seeds("none") == [31, 42]
    assert "Left out" not in collection.missing.sections


def test_another_realignment_is_another_variant(stored):
    usual = [stored("none", seed, temperature="0.1") for seed in (31, 42)]
    runs = [stored("none", temperature="0.5"), stored(), *usual]
    collection = collected(runs)
    assert collection.tables[0].variants == ["baseline", "none", "none, temperature=0.5"]
    assert collection.settings[1:] == [
        "m, pos: rows that do not say otherwise have temperature 0.1."
    ]


def test_how_languages_were_chosen_is_their_name(stored):
    """Of random ones each seed has others, and so other files."""
    usual = [stored("none", n, realign_languages="de,fr,ru", parallel_hash="0") for n in (31, 42)]
    chosen = [
        stored("none", n, realign_languages=codes, languages_chosen_by=how, parallel_hash=text)
        for n, how, codes, text in (
            (31, "diverse:2", "de,ru", "1"),
            (42, "diverse:2", "de,ru", "1"),
            (31, "nearest:2", "de,fr", "2"),
            (31, "random:2", "de,ru", "1"),
            (42, "random:2", "fr,ru", "3"),
        )
    ]
    (table,) = collected([*usual, *chosen, stored(), stored(seed=42)]).tables
    assert {variant: table.seeds(variant) for variant in table.variants[1:]} == {
        "none": [31, 42],
        "none, realign_languages=diverse:2": [31, 42],
        "none, realign_languages=nearest:2": [31],
        "none, realign_languages=random:2": [31, 42],
    }


def test_other_languages_have_other_files_which_says_no_more(stored):
    usual = [stored("none", n, realign_languages="de,fr", parallel_hash="0") for n in range(3)]
    named = [stored("none", n, realign_languages="ru,de", parallel_hash="1") for n in range(2)]
    changed = stored("none", realign_languages="de,ru", parallel_hash="2")
    (table,) = collected([*usual, *named, changed, stored()]).tables
    assert table.variants[1:] == [
        "none",
        "none, realign_languages=de,ru",
        "none, realign_languages=de,ru, parallel_hash=2",
    ]


def test_target_languages_that_an_older_run_does_not_say_agree_with_any(stored):
    runs = [stored(languages=""), stored("none", languages="de,fr"), stored("front", languages="")]
    collection = collected(runs)
    assert collection.tables[0].variants == ["baseline", "none", "front"]
    assert collection.missing.sections == {}


def test_what_is_held_out_of_realignment_is_a_setting_of_it(stored):
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


TAKEN = "reused.fine-tuning_on_pos"


def finetuned(strategy, name="finetune-pos", *, model="owner/m", data=""):
    tags = {"model": model, "task": "pos", "strategy": strategy, "seed": "31"}
    metrics = {"test/de/accuracy": 0.5}
    run_id = f"{name}-{strategy}-{model}-{data}"
    return StoredRun(run_id, name, "FINISHED", 0, 1.0, tags, {"data": data}, metrics)


def parent(*taken_over, model="owner/m", data=""):
    """A run of its own, that has taken fine-tunings over."""
    run = finetuned("front", "alignfreeze run", data=data)
    tags = {
        TAKEN + suffix: text for suffix, text in zip(("", "_baseline"), taken_over, strict=False)
    }
    return run._replace(tags={**run.tags, **tags, "model": model})


def completed(runs, *elsewhere):
    by_id = {run.run_id: run for run in [*runs, *elsewhere]}
    return with_taken_over(runs, by_id.get)


def test_a_result_of_another_experiment_is_taken_in():
    elsewhere = finetuned("baseline", data="suite")
    run = parent("", elsewhere.run_id, data="suite")
    assert completed([run], elsewhere) == [run, elsewhere]


def test_the_same_model_under_another_name_has_its_own_row():
    original = finetuned("baseline", model="m1", data="a/one")
    run = parent(original.run_id, model="m2", data="b/two")
    _, copy, *rest = completed([run, original])
    assert rest == [original]
    assert (copy.tags["model"], copy.params["data"]) == ("m2", "b/two")
    assert copy.metrics == original.metrics
    assert copy.tags["strategy"] == "baseline"


def test_what_is_there_under_the_same_names_counts_once():
    original = finetuned("baseline", model="x/m1", data="a/one")
    run = parent(original.run_id, model="y/m1", data="b/one")
    assert completed([run, run, original]) == [run, run, original]


def test_what_another_choice_has_come_to_has_its_own_row():
    """As when a seed draws the languages that are the nearest."""
    original = finetuned("front")
    original = original._replace(
        tags={**original.tags, "languages_chosen_by": "nearest:2"},
        params={"data": "", "realign_languages": "de,fr"},
    )
    baseline = finetuned("baseline")

    def taken_over_by(asked):
        run = parent(original.run_id, baseline.run_id)
        run = run._replace(params={"data": "", "realign_languages": asked})
        found = completed([run, original, baseline])
        assert found.count(baseline) == 1
        return [r.tags["languages_chosen_by"] for r in found if r.run_id == original.run_id]

    assert taken_over_by("random:2") == ["random:2", "nearest:2"]
    assert taken_over_by("nearest:2") == ["nearest:2"]
    assert taken_over_by("fr,de") == ["", "nearest:2"]


def test_what_is_gone_is_not_taken_in():
    run = parent("gone")
    assert completed([run]) == [run]
