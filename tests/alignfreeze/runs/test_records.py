import logging
from dataclasses import dataclass

import pytest
from mlflow.tracking import MlflowClient

from alignfreeze.config import RunConfig
from alignfreeze.runs.records import log_pairs, log_words
from alignfreeze.text.words import WordCounts
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.training.orders import MixedOrder


@dataclass
class Sized:
    """As much of a corpus as is asked for its size."""

    target: str
    size: int

    def __len__(self):
        return self.size


def test_shares_of_words_are_metrics_and_told(experiment, caplog):
    counts = {
        "de": WordCounts(1000, unknown=1, partly_unknown=2, subwords=1250),
        "fa": WordCounts(200, unknown=10, partly_unknown=15, cut=4, subwords=294),
    }
    with (
        caplog.at_level(logging.INFO, logger="alignfreeze.runs.records"),
        tracked_run("one") as run,
    ):
        log_words(run, "pos", counts)
    assert MlflowClient().get_run(run.run_id).data.metrics == {
        "words/de/unknown": 0.001,
        "words/de/partly_unknown": 0.002,
        "words/de/textless": 0.0,
        "words/de/cut": 0.0,
        "words/de/fertility": 1.25,
        "words/fa/fertility": 1.5,
        "words/fa/unknown": 0.05,
        "words/fa/partly_unknown": 0.075,
        "words/fa/textless": 0.0,
        "words/fa/cut": 0.02,
    }
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("WARNING", "pos: words that the unknown token stands for: de 0.10%, fa 5.00%"),
        ("WARNING", "pos: words that hold an unknown subword: de 0.20%, fa 7.50%"),
        ("WARNING", "pos: words that are cut off: fa 2.00%"),
    ]


@pytest.mark.parametrize(
    ("unknown", "partly", "levels"),
    [(0, 0, []), (0, 9, ["INFO"]), (9, 10, ["INFO", "WARNING"]), (10, 10, ["WARNING", "WARNING"])],
)
def test_a_notable_share_is_a_warning(experiment, caplog, unknown, partly, levels):
    with (
        caplog.at_level(logging.INFO, logger="alignfreeze.runs.records"),
        tracked_run("one") as run,
    ):
        log_words(run, "pos", {"de": WordCounts(1000, unknown, partly)})
    assert [record.levelname for record in caplog.records] == levels


@pytest.mark.parametrize("accumulation", [1, 3])
def test_pairs_that_were_realigned_on_are_counted(experiment, accumulation):
    """Of two pairs a batch, and two steps of both processes, each pair counts once."""
    config = RunConfig(realign_batch_size=2, accumulation=accumulation, seed=3)
    sizes = {"de": 5, "ru": 3}
    corpora = [Sized(target, size) for target, size in sizes.items()]
    with tracked_run("one") as run:
        log_pairs(run, corpora, config, updates=2)
    order = MixedOrder([*sizes.values()], config.language_mix, config.seed)
    drawn = {*order.take(2 * 2 * accumulation).places}
    assert MlflowClient().get_run(run.run_id).data.metrics == {
        f"pairs/{language}": sum(own == number for own, _ in drawn)
        for number, language in enumerate(sizes)
    }
