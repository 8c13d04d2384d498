"""Realigning before, during or after fine-tuning: what is run, left behind and known by what."""

from types import SimpleNamespace

import mlflow
import pytest
import torch

from alignfreeze.cli.checks import CHECKS
from alignfreeze.config import BASELINE, RunConfig, build_config
from alignfreeze.contracts import FreezingStrategy, LowRank
from alignfreeze.encoders.times import check_during, usual_sites
from alignfreeze.errors import ConfigError
from alignfreeze.runs import pipeline
from alignfreeze.runs.phases import Phases
from alignfreeze.runs.preparation import Preparation
from alignfreeze.runs.realigned import RealignedEncoder
from alignfreeze.runs.strategies import strategy_choices
from alignfreeze.tracking.layer_names import curves_in
from alignfreeze.training.checkpoints import CheckpointFolder
from tests.alignfreeze.tracked import what

pytestmark = pytest.mark.usefixtures("cache", "experiment")

OPTIONS = {
    "languages": "de,ru",
    "compare": ",",
    "strategy": "front",
    "realign_steps": "4",
    "finetune_steps": "4",
    "finetune_batch_size": "8",
    "realign_batch_size": "4",
    "checkpoint_steps": "2",
    "precision": "fp32",
    "seed": "31",
}


def runs(experiment):
    """The experiment's runs by name, the newest of a name."""
    found = mlflow.search_runs([experiment], output_format="list")
    return {what(run): run for run in reversed(found)}


def steps_of(run, name: str) -> list[int]:
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, name)
    return [metric.step for metric in history]


# Whole runs


@pytest.mark.parametrize("when", ["during", "after"])
def test_one_run_fine_tunes_and_realigns(experiment, when):
    options = OPTIONS | {"realign_when": when, "alignment_pairs": "10", "realign_steps": "3"}
    outcome = pipeline.run(options)
    found = runs(experiment)
    assert set(found) == {"alignfreeze", "finetune-pos"}
    assert found["alignfreeze"].info.run_name == f"front {when} pos seed 31"
    assert outcome.encoder is None
    run = found["finetune-pos"]
    assert steps_of(run, "finetune/loss") == [4]
    assert steps_of(run, "realign/loss") == [4 if when == "during" else 3]
    metrics = run.data.metrics
    assert {"finetune/rows_per_second", "realign/pairs_per_second", "pairs/de"} <= set(metrics)
    assert run.data.params["cfg.realign_when"] == when
    stages = {name.stage for name in curves_in(metrics).values() if name.kind == "alignment"}
    after = {"finetuned-pos-realigned"} if when == "after" else set()
    assert stages == {"pretrained", "finetuned-pos"} | after
    assert {data.dataset.name for data in run.inputs.dataset_inputs} >= {"demo parallel text"}
    # It is taken over, with what it has measured.
    pipeline.run(options)
    (again, *_) = mlflow.search_runs([experiment], output_format="list")
    assert again.data.tags["alignfreeze.reused.fine-tuning_on_pos"] == run.info.run_id


def test_before_and_during_takes_over_the_encoder_that_was_realigned_before(experiment):
    pipeline.run(OPTIONS)
    realigned = runs(experiment)["realign"]
    pipeline.run(OPTIONS | {"realign_when": "before+during"})
    found = runs(experiment)
    assert found["realign"].info.run_id == realigned.info.run_id
    assert found["alignfreeze"].data.tags["alignfreeze.reused.realignment"] == realigned.info.run_id
    tags = found["finetune-pos"].data.tags
    assert tags["alignfreeze.realign_run"] == realigned.info.run_id
    assert steps_of(found["finetune-pos"], "realign/loss") == [4]


def test_the_baseline_is_the_same_whenever_others_realign(experiment):
    baseline = OPTIONS | {"strategy": "baseline"}
    pipeline.run(baseline)
    first = runs(experiment)["finetune-pos"]
    pipeline.run(baseline | {"realign_when": "during", "realign_weight": "0.5"})
    parent = runs(experiment)["alignfreeze"]
    assert parent.data.tags["alignfreeze.reused.fine-tuning_on_pos"] == first.info.run_id
    assert first.data.params["cfg.realign_when"] == "before"


@pytest.mark.parametrize("when", ["during", "after"])
def test_a_resumed_run_ends_as_if_it_had_not_been_interrupted(experiment, monkeypatch, when):
    options = OPTIONS | {"realign_when": when}
    expected = pipeline.run(options | {"reuse": "false"}).scores
    save, folders = CheckpointFolder.save, []

    def crash(self, accelerator, progress):
        save(self, accelerator, progress)
        folders.append(self)
        if len(folders) == (1 if when == "during" else 2):  # of the fine-tuning, then after it
            raise RuntimeError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", crash)
        with pytest.raises(RuntimeError, match="stopped"):
            pipeline.run(options | {"reuse": "false"})
    resumed = pipeline.run(options | {"reuse": "false", "resume": "true"}).scores
    assert resumed.equals(expected)
    assert not any(folder.root.exists() for folder in folders)


def test_realigned_after_the_head_is_as_fine_tuned(monkeypatch):
    seen = []
    realign_after = Phases.realign_after

    def watching(self, run, choice, model, *args, **options):
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        result = realign_after(self, run, choice, model, *args, **options)
        still = {n for n, p in model.named_parameters() if torch.equal(p, before[n])}
        seen.append((still, before.keys() - still))
        return result

    monkeypatch.setattr(Phases, "realign_after", watching)
    pipeline.run(OPTIONS | {"realign_when": "after", "reuse": "false"})
    ((still, moved),) = seen
    assert {"classifier.weight", "classifier.bias"} <= still
    assert any(".layer." in name for name in moved)


# Identities


class _Identity:
    """The hash of a fine-tuning by options, without anything being read."""

    def __init__(self, tokenizer, accelerator, folder):
        self._made = {"tokenizer": tokenizer, "model": "model", "model_identity": "weights"}
        self._accelerator, self._folder = accelerator, folder

    def __call__(self, **options) -> str:
        config = RunConfig(finetune_steps=5, **options)
        objective = SimpleNamespace(identity=config.objective_args)
        made = SimpleNamespace(
            **self._made,
            config=config,
            objective=objective,
            corpora=[SimpleNamespace(fingerprint=config.aligner)],
            held_out=[],
            left_out={},
            strategies=strategy_choices(config, 4),
        )
        phases = Phases(made, self._accelerator, parent=SimpleNamespace(), folder=self._folder)
        data = SimpleNamespace(identity={}, task=None)
        encoder = RealignedEncoder("", "made before")
        return phases.finetune_identity(encoder, made.strategies[-1], data)


@pytest.fixture
def identity(tokenizer, accelerator, tmp_path):
    return _Identity(tokenizer, accelerator, tmp_path)


def test_each_time_is_another_fine_tuning_of_the_same_encoder(identity):
    times = ["before", "during", "after"]
    assert len({identity(realign_when=when) for when in times}) == 3
    # What was realigned before is told by the encoder.
    assert identity(realign_when="before+during") == identity(realign_when="during")


@pytest.mark.parametrize(
    ("change", "of"),
    [
        ({"realign_weight": 0.2}, ("during",)),
        ({"temperature": 0.2}, ("during", "after")),
        ({"strategy": "back"}, ("during", "after")),
        ({"strategy_args": {"boundary": 1}}, ("during", "after")),
        ({"objective_args": {"negatives": "strong"}}, ("during", "after")),
        ({"aligner": "pharaoh"}, ("during", "after")),  # stands for other text
        ({"realign_steps": 7}, ("after",)),
        ({"finetune_lr": 1e-4}, ("before", "during", "after")),
    ],
    ids=repr,
)
def test_a_fine_tuning_depends_on_what_it_realigns_with(identity, change, of):
    def changes(when: str) -> bool:
        return identity(realign_when=when) != identity(**({"realign_when": when} | change))

    assert {when for when in ("before", "during", "after") if changes(when)} == {*of}


@pytest.mark.parametrize("when", ["before", "during", "before+during", "after"])
def test_without_realignment_no_option_of_it_matters(identity, when):
    plain = identity(strategy=BASELINE)
    assert identity(strategy=BASELINE, realign_when=when, realign_weight=0.7) == plain


def test_a_phase_says_only_what_matters_of_when():
    def applied(**options) -> tuple[str, float]:
        config = RunConfig(**options)
        found = strategy_choices(config, 4)[-1].applied_to(config)
        return found.realign_when, found.realign_weight

    assert applied(realign_when="during", realign_weight=0.3) == ("during", 0.3)
    assert applied(realign_when="after", realign_weight=0.3) == ("after", 0.1)
    given = {"realign_when": "during", "realign_weight": 0.3}
    assert applied(strategy=BASELINE, **given) == ("before", 0.1)


# What cannot be


@pytest.mark.parametrize("when", ["during", "before+during"])
@pytest.mark.parametrize(
    ("strategy", "why"),
    [("revert", "puts parameters back after realignment"), ("lora", "trains by updates of low")],
)
def test_what_is_done_after_realigning_cannot_be_during(strategy, why, when):
    options = {"strategy": strategy, "realign_when": when}
    said = f"realign_when must be before or after with strategy '{strategy}', which {why}.*{when}"
    with pytest.raises(ConfigError, match=said.replace("+", r"\+")):
        CHECKS["run"](options)
    with pytest.raises(ConfigError, match=said.replace("+", r"\+")):
        Preparation(build_config(options))


def test_a_strategy_is_asked_about_every_kind_of_parameter():
    class Putting(FreezingStrategy):
        """Puts one kind of parameter back."""

        part: str
        layer: int | None

        def freezes(self, site, n_layers):
            return False

        def restores(self, site, n_layers):
            return (site.part, site.layer) == (self.part, self.layer) and not site.is_bias

    class Updating(FreezingStrategy):
        """Trains one projection by updates."""

        projection: str

        def freezes(self, site, n_layers):
            return True

        def low_rank(self, site, n_layers):
            return LowRank(2, 4.0) if site.projection == self.projection else None

    def check(strategy):
        check_during(strategy, usual_sites(2), 2, "it", "during")

    for part, layer in (("embeddings", None), ("attention", 1), ("feed-forward", 0), ("norm", 1)):
        with pytest.raises(ConfigError, match="with it, which puts parameters back"):
            check(Putting(part=part, layer=layer))
    check(Putting(part="attention", layer=2))
    for projection in ("query", "key", "value", "output", "up", "down"):
        with pytest.raises(ConfigError, match="with it, which trains by updates of low rank"):
            check(Updating(projection=projection))


@pytest.mark.parametrize("option", [{"register_encoder": "name"}, {"keep_optimizer": "true"}])
@pytest.mark.parametrize("when", ["during", "after"])
def test_what_keeps_a_realigned_encoder_wants_one(option, when):
    (name,) = option
    said = f"{name} needs an encoder that is realigned before .* got '{when}'"
    with pytest.raises(ConfigError, match=said):
        build_config({**option, "realign_when": when})
    build_config({**option, "realign_when": "before+during"})


def test_a_weight_is_more_than_nothing():
    with pytest.raises(ConfigError, match="realign_weight must be > 0"):
        build_config({"realign_weight": "0"})
