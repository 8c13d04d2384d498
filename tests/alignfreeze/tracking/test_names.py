"""What is made of a name is what is read of it, and names that others have written stay."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, _validate_metric

from alignfreeze.errors import ConfigError, PluginError
from alignfreeze.tracking import names
from alignfreeze.tracking.layer_names import LAYER_METRICS, LayerName, curves_in, single_layers_in
from alignfreeze.tracking.names import (
    LONGEST_PART,
    Kind,
    ScoreName,
    as_now,
    check_languages,
    check_metrics,
    fault_of_part,
    kind_of,
    language_part,
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
LAYERS = st.builds(
    LayerName, st.sampled_from(list(LAYER_METRICS)), PARTS, PARTS, st.integers(0, 99)
)
FOREIGN = {
    names.REALIGN_LOSS: 1.0,
    names.FINETUNE_LOSS: 1.0,
    names.FINETUNE_RATE: 9.0,
    names.EMPTY_STEPS: 2.0,
    names.words_metric("de", "unknown"): 0.1,
    names.objective_metric("mean"): 0.5,
    names.contender_metric("best", "pos", ScoreName("test", "de", "accuracy")): 0.5,
    f"{task_prefix('pos', 2)}{ScoreName('test', 'de', 'accuracy')}": 0.5,
    "alignment/realigned/de/layer_x": 0.5,
    "word_alignment/realigned": 0.5,
    "alignment": 0.5,
}
"""What is neither a score of a run of one task nor a measurement of a layer."""


@given(st.dictionaries(SCORES, st.floats(0, 1)), st.dictionaries(LAYERS, st.floats(0, 1)))
def test_what_is_written_is_read(scores, layers):
    means = {ScoreName(name.split, names.TARGET_MEAN, name.metric): 0.5 for name in scores}
    written = {str(name): value for name, value in {**scores, **means}.items()}
    curves = {name.metric: value for name, value in layers.items()}
    older = {f"{n.kind}/{n.stage}/{n.language}/layer_{n.layer}": v for n, v in layers.items()}
    metrics = FOREIGN | written | curves | older
    assert scores_in(metrics, ("validation", "test")) == scores
    read = curves_in(metrics)
    assert read == {name.metric: name._replace(layer=0) for name in layers}
    assert single_layers_in(metrics) == layers
    test = {name: value for name, value in scores.items() if name.split == "test"}
    assert scores_in(metrics, ("test",)) == test


def test_names_are_those_of_runs_that_are_kept():
    score = ScoreName("test", "de", "accuracy")
    assert [
        f"{task_prefix('pos', 1)}{score}",
        f"{task_prefix('pos', 2)}{score}",
        LayerName("alignment_weak", names.realigned_stage(8, one_of_several=True), "de", 3).metric,
        LayerName("drift", names.realigned_stage(8, one_of_several=False), "de", 0).metric,
        LayerName("alignment", names.finetuned_stage("pos"), "en", 11).metric,
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
        "word_alignment_weak/realigned-8/de",
        "word_drift/realigned/de",
        "word_alignment/finetuned-pos/en",
        "test/best/pos/de/accuracy_std",
        "words/de/cut",
        "objective/worst",
        "best/worst",
        "cells/to_do",
        names.REUSED_REALIGNMENT,
        f"{names.REUSED_FINETUNING}pos",
    ]


def test_curves_come_behind_the_scores():
    curves = [LayerName(kind, "realigned", "de", 0).metric for kind in LAYER_METRICS]
    scores = [str(ScoreName(split, "zh", "f1")) for split in ("validation", "test")]
    assert max([*scores, names.FINETUNE_LOSS, names.REALIGN_LOSS]) < min(curves)


@pytest.mark.parametrize(
    ("name", "tags", "kind"),
    [
        ("realign", {}, Kind.REALIGNMENT),  # as version 0.1.0 has left it
        ("realign-none", {}, Kind.REALIGNMENT),
        ("finetune-pos-baseline", {}, Kind.FINETUNING),
        ("alignfreeze realign", {}, None),
        ("what the user likes", {"kind": "fine-tuning"}, Kind.FINETUNING),
        ("realign front pos seed 31", {"kind": "realign"}, Kind.REALIGN),
        ("realign", {"kind": "of a later version"}, None),
    ],
)
def test_a_run_is_of_the_kind_that_it_says(name, tags, kind):
    assert kind_of(name, tags) is kind


def test_what_older_runs_say_is_said_as_now():
    older = {"precision": "no", "usual_strategy": "true", "realign_precision": "no", "a": "no"}
    assert as_now(older) == {
        **{"precision": "fp32", "default_hyperparameters": "true"},
        **{"realign_precision": "fp32", "a": "no"},
    }
    assert as_now({"precision": "bf16"}) == {"precision": "bf16"}


def test_names_are_read_without_mlflow():
    code = f"import sys, {names.__name__}; assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# What MLflow takes


def mlflow_takes(name: str) -> bool:
    try:
        _validate_metric(name, 0.5, 0, 0)
    except MlflowException:
        return False
    return True


CODES = st.text(max_size=6) | st.text("az-_.@+/ ()\n\u200bé猫", max_size=4)


@given(CODES)
def test_a_part_is_what_mlflow_takes_without_a_slash(text):
    if not fault_of_part(text):
        assert mlflow_takes(f"test/{text}/accuracy")
        assert language_part(text) == text
    elif text and not text.endswith("\n"):  # MLflow's own rule overlooks that
        assert "/" in text or not mlflow_takes(f"test/{text}/accuracy")


@given(st.lists(CODES, max_size=3, unique=True))
def test_codes_that_are_checked_have_names_of_their_own(codes):
    try:
        check_languages(codes)
    except ConfigError:
        return
    scores = {ScoreName("test", code, "accuracy"): number for number, code in enumerate(codes)}
    metrics = {str(name): value for name, value in scores.items()}
    assert len(metrics) == len(codes)
    assert all(map(mlflow_takes, metrics))
    read = scores_in(metrics, ("test",))
    assert [*read.values()] == [*scores.values()]
    assert {str(name): value for name, value in read.items()} == metrics
    curves = [LayerName("drift", "realigned", code, 3).metric for code in codes]
    assert [name.metric for name in curves_in(curves).values()] == curves


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("de", "de"),
        ("zh-Hant_TW", "zh-Hant_TW"),
        ("ca@valencia", "ca-valencia"),
        ("sr@latin", "sr-latin"),
        ("sr+Latn+RS", "sr-Latn-RS"),
        ("zh (Hant)", "zh -Hant-"),
        ("中文", "中文"),
        ("x" * LONGEST_PART, "x" * LONGEST_PART),
    ],
)
def test_a_code_that_has_a_name(code, part):
    check_languages(["en", code, code])
    assert language_part(code) == part
    assert str(ScoreName("test", code, "f1")) == f"test/{part}/f1"
    assert LayerName("drift", "realigned", code, 0).metric == f"word_drift/realigned/{part}"
    assert names.words_metric(code, "cut") == f"words/{part}/cut"
    score = ScoreName("test", code, "f1")
    assert names.contender_metric("best", "pos", score) == f"test/best/pos/{part}/f1"


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (["zh_Hant/x"], "language 'zh_Hant/x' cannot be .*: it must have no '/'; rename it, or"),
        (["de,fr"], "language 'de,fr' .*: it must have no ','"),
        (["d\te"], r"language 'd\\te' .*: it must have no control characters"),
        (["d\u200be"], r"language 'd\\u200be' .*: it must have no control characters"),
        (["de "], "language 'de ' .*: it must not begin or end with a blank"),
        ([""], "language '' .*: it must be letters, digits"),
        ([".."], r"language '\.\.' .*: it names a folder"),
        (["target_mean"], "language 'target_mean' .*: that is what means over languages are"),
        (["x" * 65], "language 'x{60}'… .*: it must have at most 64 characters, has 65"),
        (["ca-valencia", "ca@valencia"], "'ca-valencia' and 'ca@valencia' are both called 'ca-v"),
    ],
)
def test_a_code_that_has_none(codes, message):
    with pytest.raises(ConfigError, match=message):
        check_languages(["en", *codes])


def test_the_longest_names_are_not_too_long():
    longest = "x" * LONGEST_PART
    check_languages([longest])
    check_metrics(longest, [longest])
    score = ScoreName("validation", longest, longest)
    contender = names.contender_metric("trial-123456", longest, score)
    written = [names.deviation_metric(contender), f"{task_prefix(longest, 2)}{score}"]
    stage = names.finetuned_stage(longest)
    written.append(LayerName("alignment_weak", stage, longest, 99).metric)
    assert max(map(len, written)) <= MAX_ENTITY_KEY_LENGTH
    assert all(map(mlflow_takes, written))


def test_a_task_whose_name_cannot_be_in_a_metrics():
    with pytest.raises(PluginError, match="'a/b': its name is in those of metrics: it must be"):
        check_metrics("a/b", [])
