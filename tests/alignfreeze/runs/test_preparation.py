"""What preparations of several configurations share."""

import pytest

from alignfreeze.config import build_config
from alignfreeze.errors import ConfigError
from alignfreeze.runs.preparation import prepared

pytestmark = pytest.mark.usefixtures("cache")


def config(**options):
    given = {"languages": "de", "realign_languages": "de", "pair_limit": "10", "precision": "fp32"}
    return build_config({**given, **options})


def test_those_that_were_used_last_are_kept_and_share_their_data():
    kept = {}
    one = prepared(config(), kept, 2)
    other = prepared(config(pair_limit="11"), kept, 2)
    assert other.corpora is not one.corpora
    varied = prepared(config(temperature="0.2"), kept, 2)
    assert (varied.config.temperature, varied.corpora) == (0.2, one.corpora)
    prepared(config(pair_limit="12"), kept, 2)
    assert [known.config.pair_limit for known in kept.values()] == [10, 12]


def test_what_does_not_fit_leaves_those_that_are_kept():
    kept = {}
    base = prepared(config(), {}, 1)
    first = prepared(config(seed="7"), kept, 1, base)
    assert first.tasks is base.tasks
    with pytest.raises(ConfigError, match="boundary must be <= 4"):
        prepared(config(strategy_args="boundary=9"), kept, 1, base)
    assert list(kept.values()) == [first]
