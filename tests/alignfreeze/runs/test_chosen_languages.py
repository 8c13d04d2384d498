"""Languages to realign that are chosen: which, what runs say of it, what is taken over."""

import mlflow
import pytest

from alignfreeze.config import build_config
from alignfreeze.data.uriel import has_uriel
from alignfreeze.errors import ConfigError
from alignfreeze.planning.dry_run import plan_run
from alignfreeze.runs import pipeline
from alignfreeze.runs.identity import material_of
from alignfreeze.runs.preparation import Preparation, prepared
from tests.alignfreeze.tracked import what

pytestmark = pytest.mark.usefixtures("cache")

needs_uriel = pytest.mark.skipif(not has_uriel(), reason="needs lang2vec")

OPTIONS = {
    "languages": "de,ru",
    "realign_steps": "2",
    "finetune_steps": "2",
    "pair_limit": "20",
    "precision": "fp32",
    "task": "pos",
}


def config(asked, **options):
    return build_config({**OPTIONS, "realign_languages": asked, **options})


def runs(experiment, name):
    found = mlflow.search_runs([experiment], output_format="list")
    return [run for run in found if what(run) == name]


def languages(preparation):
    return [corpus.target for corpus in preparation.corpora]


@needs_uriel
def test_the_targets_that_are_covered_are_those_given_or_those_of_all_tasks():
    assert languages(Preparation(config("diverse:2"))) == ["de", "ru"]
    every = Preparation(config("diverse:3", languages="", task="pos,ner"))
    assert languages(every) == ["ru", "tr", "zh"]
    assert languages(Preparation(config("diverse:3", languages=""), needs_tasks=False)) == [
        *("ru", "tr", "zh")
    ]


@needs_uriel
def test_a_choice_is_the_same_realignment_as_the_languages_it_comes_to():
    chosen, named = (Preparation(config(text)) for text in ("nearest:3", "de,es,ru"))
    assert [c.fingerprint for c in chosen.corpora] == [c.fingerprint for c in named.corpora]
    assert (chosen.chosen_by, named.chosen_by) == ("nearest:3", None)


def test_another_seed_has_other_data_where_it_draws_languages():
    one, other = config("random:2", seed="1"), config("random:2", seed="2")
    assert material_of(one) != material_of(other)
    assert material_of(config("all", seed="1")) == material_of(config("all", seed="2"))
    base = Preparation(one)
    varied = base.varied(other)
    assert languages(varied) == languages(Preparation(other)) != languages(base)
    assert base.varied(config("random:2", seed="1", temperature="0.3")).corpora is base.corpora
    kept: dict[str, Preparation] = {}
    assert [languages(prepared(c, kept, 2)) for c in (one, other, one)] == [
        *(languages(base), languages(varied), languages(base))
    ]
    assert len(kept) == 2


def test_all_runs_say_how_they_were_chosen_and_the_phases_which(experiment, caplog):
    caplog.set_level("INFO")
    given = {**OPTIONS, "realign_languages": "random:2", "seed": "6101"}
    plan = plan_run(given)
    outcome = pipeline.realign_only(given)
    (chosen,) = {m for m in caplog.messages if m.startswith("realign languages random:2: ")}
    codes = chosen.rpartition(": ")[2].split()
    assert len(codes) == 2
    assert any(f"{codes[0]} 20, {codes[1]} 20" in line for line in plan.sizes)
    parent = mlflow.get_run(outcome.run_id).data
    assert parent.params["cfg.realign_languages"] == "random:2"
    (realigned,) = runs(experiment, "realign")
    pipeline.evaluate_only({**given, "encoder": realigned.info.run_id})
    (finetuned,) = runs(experiment, "finetune-pos")
    (evaluation,) = runs(experiment, "alignfreeze evaluate")
    for run in (realigned, finetuned, evaluation):
        assert run.data.params["cfg.realign_languages"] == ",".join(codes)
        assert run.data.tags["alignfreeze.languages_chosen_by"] == "random:2"
    with pytest.raises(ConfigError, match=f"realign_languages must be {','.join(codes)}, got rand"):
        pipeline.evaluate_only(
            {**given, "realign_languages": "random:3", "encoder": realigned.info.run_id}
        )
