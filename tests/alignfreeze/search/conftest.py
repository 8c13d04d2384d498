"""Fixtures of the search's tests."""

import gc
from collections.abc import Callable

import pandas as pd
import pytest

from alignfreeze.search.trial_table import StudyTable


@pytest.fixture(autouse=True)
def fewer_objects_to_collect() -> None:
    """What earlier tests have imported is not looked through at the end of each training."""
    gc.freeze()


SCORES = ("pos/de", "pos/fr", "ner/de")


@pytest.fixture
def study_of() -> Callable[..., StudyTable]:
    """Makes a table of ``(state, front.boundary, back.boundary, temperature, mean)`` rows."""
    return _study


def _study(rows, **changes) -> StudyTable:
    columns = ["state", "front.boundary", "back.boundary", "temperature", "mean"]
    trials = pd.DataFrame(rows, columns=columns)
    trials.insert(0, "trial", range(len(trials)))
    for shift, name in enumerate(SCORES):
        trials[name] = trials["mean"] + shift / 100
    fields = {
        "title": "study",
        "trials": trials,
        "objectives": ["mean"],
        "parameters": ["front.boundary", "back.boundary", "temperature"],
        "boundaries": ["front.boundary", "back.boundary"],
        "logarithmic": ["temperature"],
        "scores": SCORES,
        "best": [0],
        "n_layers": 3,
    }
    return StudyTable(**fields | changes)
