"""Fixtures of the report's tests."""

from collections.abc import Callable

import pytest

from alignfreeze.tracking.store import StoredRun

LANGUAGES = {"en": 0.9, "de": 0.7, "fr": 0.5}


def _stored(strategy="baseline", seed=31, *, scores=None, name="", status="FINISHED", **about):
    """A run of a fine-tuning, newer than what comes after it in a list."""
    tags = {"model": "owner/m", "task": "pos", "strategy": strategy, "seed": str(seed)}
    others = {"imported", "aligner", "error", "realign_hash", "data_hash"}
    others |= {"default_hyperparameters", "metric", "made_from", "processes"}
    others |= {"parallel_hash", "languages_chosen_by"}
    tags |= {n: about.pop(n) for n in list(about) if n in {*tags, *others}}
    metrics = {
        f"test/{language}/accuracy": value
        for language, value in (LANGUAGES if scores is None else scores).items()
    }
    params = {"finetune_lr": "2e-05", "strategy_args": "{}", "source_language": "en"} | about
    name = name or f"finetune-{tags['task']}"
    run_id = f"{name}-{strategy}-{seed}"
    return StoredRun(run_id, name, status, 0, 1.0, tags, params, metrics)


@pytest.fixture
def stored() -> Callable[..., StoredRun]:
    """Makes a run of a fine-tuning; a list of them has the newest first."""
    return _stored
