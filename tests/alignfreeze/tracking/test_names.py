"""What is made of a name is what is read of it, and names that others have written stay."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.tracking import names
from alignfreeze.tracking.names import (
    LAYER_KINDS,
    LayerName,
    ScoreName,
    layers_in,
    scores_in,
    task_prefix,
)

PARTS = st.text("abz-_.0", min_size=1, max_size=8)
SCORES = st.builds(
    ScoreName,
    st.sampled_from(["validation", "test"]),
    PARTS.filter(lambda name: name != names.TARGET_MEAN),
    PARTS,
)
LAYERS = st.builds(LayerName, st.sampled_from(LAYER_KINDS), PARTS, PARTS, st.integers(0, 99))
FOREIGN = {
    names.REALIGN_LOSS: 1.0,
    names.FINETUNE_LOSS: 1.0,
    names.FINETUNE_RATE: 9.0,
    names.EMPTY_STEPS: 2.0,
    names.words_metric("de", "unknown"): 0.1,
    names.objective_metric("mean"): 0.5,
    names.contender_metric("best", "pos", ScoreName("test", "de", "accuracy")): 0.5,
    f"{task_prefix('pos', 2)}{ScoreName('test', 'de', 'accuracy')}": 0.5,
    "alignment/realigned/de": 0.5,
    "alignment/realigned/de/layer_x": 0.5,
    "alignment": 0.5,
}
"""What is neither a score of a run of one task nor a measurement of a layer."""


@given(st.dictionaries(SCORES, st.floats(0, 1)), st.dictionaries(LAYERS, st.floats(0, 1)))
def test_what_is_written_is_read(scores, layers):
    means = {ScoreName(name.split, names.TARGET_MEAN, name.metric): 0.5 for name in scores}
    written = {str(name): value for name, value in {**scores, **means, **layers}.items()}
    metrics = FOREIGN | written
    assert scores_in(metrics, ("validation", "test")) == scores
    assert layers_in(metrics) == layers
    test = {name: value for name, value in scores.items() if name.split == "test"}
    assert scores_in(metrics, ("test",)) == test


def test_names_are_those_of_runs_that_are_kept():
    score = ScoreName("test", "de", "accuracy")
    assert [
        f"{task_prefix('pos', 1)}{score}",
        f"{task_prefix('pos', 2)}{score}",
        str(LayerName("alignment_weak", names.realigned_stage(8, one_of_several=True), "de", 3)),
        str(LayerName("drift", names.realigned_stage(8, one_of_several=False), "de", 0)),
        str(LayerName("alignment", names.finetuned_stage("pos"), "en", 11)),
        names.deviation_metric(names.contender_metric("best", "pos", score)),
        names.words_metric("de", "cut"),
        names.objective_metric("worst"),
        names.objective_metric("worst", best=True),
        names.cells_metric("to do"),
        names.reused_tag("realignment"),
        names.reused_tag("fine-tuning on pos"),
    ] == [
        "test/de/accuracy",
        "pos/test/de/accuracy",
        "alignment_weak/realigned-8/de/layer_3",
        "drift/realigned/de/layer_0",
        "alignment/finetuned-pos/en/layer_11",
        "test/best/pos/de/accuracy_std",
        "words/de/cut",
        "objective/worst",
        "best/worst",
        "cells/to_do",
        names.REUSED_REALIGNMENT,
        f"{names.REUSED_FINETUNING}pos",
    ]


def test_names_are_read_without_mlflow():
    code = f"import sys, {names.__name__}; assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
