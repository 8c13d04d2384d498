from typing import ClassVar

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from alignfreeze.contracts import Feature, Outcomes, Task
from alignfreeze.evaluation.prediction import evaluate, predict
from alignfreeze.evaluation.scores import EvaluationSet, Score, target_means
from alignfreeze.testing import tiny_encoder


class Logits(Task):
    """Predicts the logits as they are; one of its metrics is the rows, another their sum."""

    primary_metric: ClassVar[str] = "rows"

    def predict(self, outputs):
        return (outputs["logits"].argmax(dim=-1), outputs["logits"])

    def metrics(self, examples, features, predictions):
        assert len(features) == len(predictions)
        total = sum(float(logits.sum()) for _, logits in predictions)
        return {"rows": len(examples) / 100, "logits": total}


def rows(n: int, seed: int = 0) -> list[Feature]:
    random = np.random.default_rng(seed)
    ids = [random.integers(5, 60, random.integers(2, 20)).tolist() for _ in range(n)]
    return [Feature(numbers, {"labels": 0}, row) for row, numbers in enumerate(ids)]


def model_of(auto_class):
    config = tiny_encoder(n_layers=2).config
    config.num_labels = 3
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return auto_class.from_config(config)


@pytest.fixture
def tagger():
    return model_of(AutoModelForTokenClassification)


@pytest.fixture
def predicted(tagger, accelerator):
    def predict_rows(features, batch_size, model=tagger):
        return predict(
            model, Logits(), features, batch_size=batch_size, padding=0, accelerator=accelerator
        )

    return predict_rows


# Predictions


@pytest.mark.parametrize("batch_size", [2, 7, 23, 100])
def test_predictions_do_not_depend_on_the_batch_size(predicted, batch_size):
    features = rows(23)
    for one, other in zip(predicted(features, 1), predicted(features, batch_size), strict=True):
        assert one[0].tolist() == other[0].tolist()
        np.testing.assert_allclose(one[1], other[1], rtol=1e-4, atol=1e-5)


def test_predictions_are_those_of_the_row_alone(predicted, tagger):
    features = rows(9)
    found = predicted(features, 4)
    for feature, (labels, logits) in zip(features, found, strict=True):
        with torch.no_grad():
            expected = tagger(input_ids=torch.tensor([feature.input_ids])).logits[0]
        assert logits.shape == (len(feature.input_ids), 3)
        assert labels.shape == (len(feature.input_ids),)
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_one_prediction_a_row_has_no_subwords(predicted):
    model = model_of(AutoModelForSequenceClassification)
    ((label, logits), *_) = predicted(rows(5), 2, model)
    assert (label.shape, logits.shape) == ((), (3,))


def test_dropout_is_off(predicted, tagger):
    tagger.train()
    one, again = predicted(rows(3), 3), predicted(rows(3), 3)
    assert not tagger.training
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(one, again, strict=True))


def test_threads_predict_what_one_does(predicted, monkeypatch):
    features = rows(40)
    monkeypatch.setattr("alignfreeze.evaluation.prediction.CPU_SUBWORDS", 30)
    one = predicted(features, 4)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 3)
        shared = predicted(features, 4)
    for (labels, logits), (expected_labels, expected) in zip(shared, one, strict=True):
        assert labels.tolist() == expected_labels.tolist()
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_nothing_is_no_prediction(predicted):
    assert predicted([], 3) == []


# Scores


@pytest.fixture
def sets() -> list[EvaluationSet]:
    asked = [("en", "validation", 3), ("fr", "validation", 5), ("en", "test", 2), ("fr", "test", 4)]
    return [EvaluationSet(language, split, range(n), rows(n)) for language, split, n in asked]


def test_scores_come_in_the_order_of_the_sets(tagger, accelerator, sets):
    found = evaluate(tagger, Logits(), sets, batch_size=4, padding=0, accelerator=accelerator)
    scores = found.scores
    assert found.outcomes == {}, "which is not asked for"
    assert [(s.language, s.split, s.metric) for s in scores] == [
        (one.language, one.split, metric) for one in sets for metric in ("rows", "logits")
    ]
    assert [s.value for s in scores if s.metric == "rows"] == [0.03, 0.05, 0.02, 0.04]


def test_evaluation_changes_nothing(tagger, accelerator, sets):
    before = [p.detach().clone() for p in tagger.parameters()]
    state = torch.get_rng_state()
    evaluate(tagger, Logits(), sets, batch_size=4, padding=0, accelerator=accelerator)
    assert all(map(torch.equal, tagger.parameters(), before))
    assert torch.equal(torch.get_rng_state(), state)


class Told(Logits):
    """Tells how long the rows are."""

    def outcomes(self, examples, features, predictions):
        lengths = [str(len(labels)) for labels, _ in predictions]
        gold = [str(len(feature.input_ids)) for feature in features]
        return Outcomes(gold, lengths, {})


def test_outcomes_are_by_split_and_language(tagger, accelerator, sets):
    found = evaluate(
        tagger, Told(), sets, batch_size=4, padding=0, accelerator=accelerator, keep=True
    )
    assert {split: [*own] for split, own in found.outcomes.items()} == {
        "validation": ["en", "fr"],
        "test": ["en", "fr"],
    }
    own = found.outcomes["test"]["fr"]
    assert own.gold == own.predicted == [str(len(row.input_ids)) for row in sets[3].features]


def test_a_task_may_tell_no_outcomes(tagger, accelerator, sets, caplog):
    caplog.set_level("INFO", "alignfreeze")
    found = evaluate(
        tagger, Logits(), sets, batch_size=4, padding=0, accelerator=accelerator, keep=True
    )
    assert found.outcomes == {}
    assert caplog.text.count("tells no outcomes: no predictions are kept") == 1


# Means


def test_means_leave_the_source_language_out():
    scores = [
        Score("en", "test", "accuracy", 1.0),
        Score("fr", "test", "accuracy", 0.5),
        Score("de", "test", "accuracy", 0.25),
        Score("fr", "test", "f1", 0.125),
        Score("en", "validation", "accuracy", 0.75),
        Score("fr", "validation", "accuracy", 0.0625),
    ]
    assert target_means(scores, "en") == {
        ("test", "accuracy"): 0.375,
        ("validation", "accuracy"): 0.0625,
    }, "and a metric that some of them lack has none"


def test_without_a_target_language_there_is_no_mean():
    assert target_means([Score("en", "test", "accuracy", 1.0)], "en") == {}
