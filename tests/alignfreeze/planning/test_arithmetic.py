"""Steps, subwords and FLOPs of the published experiments."""

import json
from pathlib import Path

import pytest

from alignfreeze.config import build_config
from alignfreeze.contracts.registry import STRATEGY, create_plugin
from alignfreeze.planning.arithmetic import (
    GIVEN,
    LEAST,
    PUBLISHED,
    SIDE_SUBWORDS,
    Cost,
    Steps,
    finetuning_cost,
    known_steps,
    realignment_cost,
    realignment_flops,
    row_subwords,
)
from alignfreeze.planning.published import TRAINING_SETS, EncoderSize
from alignfreeze.planning.speeds import Speeds

BERT = EncoderSize("BERT", 12)
WEIGHTS = 12 * 768**2
"""Of the matrices of a layer."""


def config(preset="paper-as-run", task="pos", **options):
    return build_config({"preset": preset, "task": task, **options})


def strategy(name, **args):
    return create_plugin(STRATEGY, name, args)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Steps(1965, PUBLISHED)),
        ({"preset": "paper"}, Steps(1960, LEAST)),
        ({"finetune_steps": "7"}, Steps(7, GIVEN)),
        ({"data": "folder"}, None),
    ],
)
def test_steps_and_where_they_are_known_from(options, expected):
    assert known_steps(config(**options), Speeds([])) == expected


def test_fine_tuning_costs_six_flops_a_weight_and_subword():
    found = finetuning_cost(config(), 10)
    subwords = 10 * 32 * 23
    assert found == Cost(10, subwords, 6 * subwords * 12 * WEIGHTS)
    assert finetuning_cost(config(accumulation="2"), 10).subwords == 2 * subwords
    assert finetuning_cost(config(data="folder"), 10) is None
    assert finetuning_cost(config(model="some/model"), 10) is None


def test_a_question_is_one_row_where_rows_may_be_long():
    assert row_subwords(config(task="qa"), "qa") == 96
    assert row_subwords(config("paper", "qa"), "qa") == 256
    assert row_subwords(config("paper", "qa", max_length="500"), "qa") == 316
    assert row_subwords(config(max_length="9"), "pos") == 9


@pytest.mark.parametrize(
    ("chosen", "top", "factor"),
    [
        (strategy("none"), 11, 12 * 6),
        (strategy("none"), 10, 11 * 6 + 2),
        (strategy("front"), 11, 6 * 4 + 6 * 6),
        # Nothing that is trained lies below the first layer that is.
        (strategy("front", embeddings=True), 11, 6 * 2 + 4 + 5 * 6),
        (strategy("back"), 11, 6 * 6 + 6 * 4),
    ],
)
def test_frozen_layers_have_no_gradient_of_weights(chosen, top, factor):
    assert realignment_flops(BERT, chosen, top) == factor * WEIGHTS


def test_realigning_reads_both_sides_of_a_pair():
    found = realignment_cost(config("paper"), strategy("none"), 10)
    assert found == Cost(10, 10 * 16 * 2 * 21, 10 * 16 * 2 * 21 * 12 * 6 * WEIGHTS)
    assert realignment_cost(config(data="folder"), strategy("none"), 10) is None


def test_lengths_are_those_that_the_benchmarks_have():
    path = Path(__file__).parents[3] / "benchmarks" / "lengths.json"
    lengths = json.loads(path.read_text("utf-8"))
    rows, pairs = lengths["rows"], lengths["pairs"]
    assert round(sum(rows) / len(rows)) == TRAINING_SETS["pos"].subwords
    assert round(sum(p[0] + p[1] for p in pairs) / len(pairs) / 2) == SIDE_SUBWORDS
