"""What makes another phase of a run, and what does not."""

from types import SimpleNamespace

import pytest

from alignfreeze.base import versions
from alignfreeze.base.versions import LIBRARIES
from alignfreeze.config import RunConfig
from alignfreeze.runs.identity import MEMORY_FIELDS
from alignfreeze.runs.phase_runs import PhaseRuns
from alignfreeze.runs.realign_phase import RealignPhase
from alignfreeze.runs.strategies import strategy_choices


@pytest.fixture
def realign_identity(accelerator, tokenizer, tmp_path):
    """The hash of a realignment with some options."""

    def of(**options) -> str:
        config = RunConfig(strategy="front", strategy_args={"boundary": 2}, **options)
        preparation = SimpleNamespace(
            config=config,
            model="model",
            model_identity="weights",
            tokenizer=tokenizer,
            corpora=[SimpleNamespace(fingerprint="text")],
            held_out=[],
        )
        runs = PhaseRuns(preparation, accelerator, parent=SimpleNamespace(), folder=tmp_path)
        return RealignPhase(runs).identity(strategy_choices(config)[-1], 10)

    return of


@pytest.mark.parametrize("library", LIBRARIES)
def test_another_version_of_what_computes_is_another_phase(realign_identity, monkeypatch, library):
    before = realign_identity()
    assert realign_identity() == before
    version = versions.version
    monkeypatch.setattr(
        versions, "version", lambda name: "0.0.1" if name == library else version(name)
    )
    assert realign_identity() != before


def test_numpy_and_what_splits_text_are_among_what_computes():
    assert {"torch", "numpy", "tokenizers", "icu4py"} <= set(LIBRARIES)


@pytest.mark.parametrize(
    "options", [{"loss_block": 8}, {"temperature": 0.2}, {"word_marks": "removed"}, {"seed": 1}]
)
def test_what_changes_a_bit_is_another_phase(realign_identity, options):
    assert realign_identity(**options) != realign_identity()


def test_what_only_saves_memory_is_not(realign_identity):
    other = {"prefix_memory": 1, "activation_checkpointing": True}
    assert other.keys() == MEMORY_FIELDS
    assert realign_identity(**other) == realign_identity()
