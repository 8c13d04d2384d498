import json
import logging
import re

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from transformers import AutoModelForQuestionAnswering
from transformers.modeling_outputs import QuestionAnsweringModelOutput

from alignfreeze.contracts import SPLIT_FILES
from alignfreeze.contracts.registry import TASK as TASK_KIND
from alignfreeze.contracts.registry import create_plugin
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.testing import tiny_encoder
from alignfreeze.testing.task import TaskContract
from alignfreeze.training.batches import collate_features
from alignfreeze_tasks.qa import QuestionAnswering
from alignfreeze_tasks.qa.answers import AnsweredQuestion

TASK = QuestionAnswering()
METRICS = ("f1", "exact_match", "f1_squad", "exact_match_squad")
CONTEXT = "Ada Lovelace was born in London, in 1815. Zürich came later."
QUESTIONS = (("Where?", "London", 25), ("When was she born?", "1815", 36), ("What?", "Zürich", 42))


class TestContract(TaskContract):
    @pytest.fixture
    def task(self):
        return TASK

    @pytest.fixture
    def source(self, write, source, squad_json):
        for file in SPLIT_FILES.values():
            write(f"qa/en/{file}.json", squad_json(CONTEXT, *QUESTIONS))
        return source


class TestDropContract(TestContract):
    @pytest.fixture
    def task(self):
        return QuestionAnswering(stride=16, unanswerable="drop", n_best=1)


@pytest.fixture
def examples(write, source, squad_json):
    write("qa/en/test.json", squad_json(CONTEXT, *QUESTIONS))
    return TASK.load(source, "en", "test")


def test_english_is_trained_on_squad_and_all_are_tested_on_xquad():
    assert TASK.languages == ("ar", "de", "el", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
    places = {
        (language, split): TASK.hub_split(language, split)
        for language in ("en", *TASK.languages, "fr")
        for split in ("train", "validation", "test")
    }
    known = {key: place for key, place in places.items() if place is not None}
    assert set(known) == {
        *(("en", split) for split in ("train", "validation", "test")),
        *((language, "test") for language in TASK.languages),
    }
    for (language, split), place in known.items():
        xquad = split == "test"
        assert place.repository == ("google/xquad" if xquad else "rajpurkar/squad")
        assert place.config == (f"xquad.{language}" if xquad else None)
        assert place.split == ("validation" if xquad else split)
        assert place.columns == ("question", "context", "answers")
        assert re.fullmatch("[0-9a-f]{40}", place.revision)


@pytest.mark.parametrize(
    "values",
    [
        {"stride": -1},
        {"question_length": 0},
        {"n_best": 0},
        {"answer_length": 0},
        {"unanswerable": "keep"},
        {"misplaced": "move"},
        {"no_answer": "null"},
    ],
)
def test_hyperparameters_have_bounds(values):
    with pytest.raises(ValidationError, match=next(iter(values))):
        QuestionAnswering(**values)


def test_every_hyperparameter_is_described():
    assert all(field.description for field in QuestionAnswering.model_fields.values())


def test_questions_answers_and_texts_are_counted(examples):
    assert TASK.counts(examples) == {"questions": 3, "answers": 3, "texts": 1}
    assert TASK.label_counts(examples) == {}


@pytest.fixture
def windows(examples, bytes_tokenizer):
    return QuestionAnswering(stride=8).featurize(examples, bytes_tokenizer, 40)


def test_all_windows_are_trained_or_those_with_the_answer(windows, caplog):
    held = [window for window in windows if window.holds_answer]
    assert 3 <= len(held) < len(windows)
    lacking = f"{len(windows) - len(held)} of {len(windows)} windows for training lack the whole"
    with caplog.at_level(logging.INFO):
        assert TASK.training_rows(windows) == windows
        assert QuestionAnswering(unanswerable="drop").training_rows(windows) == held
    kept, dropped = caplog.messages
    assert kept.startswith(f"{lacking} answer: trained to point to the first token; 0 of 3")
    assert dropped.startswith(f"{lacking} answer: dropped; 0 of 3")


def test_questions_that_no_window_answers_are_counted(windows, caplog):
    short = [w for w in windows if not (w.example == 1 and w.holds_answer)]
    with caplog.at_level(logging.INFO):
        TASK.training_rows(short)
    assert caplog.messages[0].endswith("1 of 3 questions have none that holds it")


def test_something_must_be_left_to_train_on(windows):
    lacking = [window for window in windows if not window.holds_answer]
    for choice in ("null", "drop"):
        message = r"none of \d+ does; the longest has 40 subwords: raise max_length above that"
        with pytest.raises(DataError, match=message):
            QuestionAnswering(unanswerable=choice).training_rows(lacking)


def test_the_best_of_all_windows_is_the_answer(examples, windows, right):
    predictions = right(windows)
    assert TASK.answers(examples, windows, predictions) == ["London", "1815", "Zürich"]
    assert TASK.metrics(examples, windows, predictions) == dict.fromkeys(METRICS, 1.0)


def test_metrics_are_means_over_questions(examples, windows, right):
    """One right, one with a word too many (P = 1/2, R = 1), one wrong."""
    predictions = right(windows)
    for number, window in enumerate(windows):
        spans = window.offsets.tolist()
        for example, (begin, end) in {1: (33, 40), 2: (0, 3)}.items():
            if window.example != example:
                continue
            starts, ends = (np.zeros(len(spans), dtype=np.float32) for _ in range(2))
            tokens = [k for k, span in enumerate(spans) if begin <= span[0] and span[1] <= end]
            if len(tokens) == end - begin:
                starts[tokens[0]], ends[tokens[-1]] = 7, 7
            predictions[number] = (starts, ends)
    assert TASK.answers(examples, windows, predictions) == ["London", "in 1815", "Ada"]
    metrics = TASK.metrics(examples, windows, predictions)
    for suffix in ("", "_squad"):  # English is scored by SQuAD's script in both
        assert metrics[f"f1{suffix}"] == pytest.approx((1 + 2 / 3 + 0) / 3)
        assert metrics[f"exact_match{suffix}"] == pytest.approx(1 / 3)


def test_both_sets_of_rules_are_logged(write, source, squad_json, bytes_tokenizer):
    """To each of two Thai questions the model says the same word: right, and the end of it."""
    write("qa/th/test.json", squad_json("อยู่ใน ปี", ("Where?", "ใน", 4), ("Where?", "อยู่ใน", 0)))
    examples = TASK.load(source, "th", "test")
    features = TASK.featurize(examples, bytes_tokenizer, 128)
    predictions = []
    for feature in features:
        starts, ends = (np.zeros(len(feature.input_ids), dtype=np.float32) for _ in range(2))
        starts[np.flatnonzero(feature.offsets[:, 0] == 4)[0]] = 1
        ends[np.flatnonzero(feature.offsets[:, 1] == 6)[-1]] = 1
        predictions.append((starts, ends))
    assert TASK.answers(examples, features, predictions) == ["ใน", "ใน"]
    assert TASK.metrics(examples, features, predictions) == {
        "f1": (1 + 1 / 2) / 2,  # ใ น against อ ย ู ่ ใ น: P = 2/2, R = 2/6
        "exact_match": 1 / 2,
        "f1_squad": (1 + 0) / 2,  # ใน against อยู่ใน: another word
        "exact_match_squad": 1 / 2,
    }


def test_the_primary_metric_is_of_the_languages_own_rules():
    assert TASK.primary_metric == "f1"
    own, squad = (TASK.metric_notes[name] for name in ("f1", "f1_squad"))
    assert "MLQA's rules" in own
    assert "SQuAD's script in every language" in squad
    assert tuple(TASK.metric_notes) == METRICS


def test_of_equal_windows_the_first_counts(write, source, squad_json, bytes_tokenizer, right):
    context = "Ada" + "." * 60 + "Bob"
    write("qa/en/test.json", squad_json(context, ("Who?", "Ada", 0)))
    examples = TASK.load(source, "en", "test")
    features = QuestionAnswering(stride=0).featurize(examples, bytes_tokenizer, 40)
    predictions = right(features)
    starts, ends = (np.zeros(len(features[-1].input_ids), dtype=np.float32) for _ in range(2))
    starts[-4], ends[-2] = 1, 1
    predictions[-1] = (starts, ends)
    assert TASK.answers(examples, features, predictions) == ["Ada"]
    predictions[-1] = (starts * 2, ends)
    assert TASK.answers(examples, features, predictions) == ["Bob"]


def test_an_answer_may_be_empty(examples, windows):
    """The highest start comes after the highest end in every window."""
    predictions = []
    for window in windows:
        starts, ends = (np.zeros(len(window.input_ids), dtype=np.float32) for _ in range(2))
        context = np.flatnonzero(window.offsets[:, 0] >= 0)
        starts[context[-1]], ends[context[0]] = 1, 1
        predictions.append((starts, ends))
    task = QuestionAnswering(n_best=1)
    assert task.answers(examples, windows, predictions) == ["", "", ""]
    assert task.metrics(examples, windows, predictions) == dict.fromkeys(METRICS, 0.0)


def test_predictions_are_float32():
    start, end = torch.randn(2, 3, 7, dtype=torch.bfloat16)
    outputs = QuestionAnsweringModelOutput(start_logits=start, end_logits=end)
    predicted = TASK.predict(outputs)
    assert [tensor.dtype for tensor in predicted] == [torch.float32] * 2
    assert torch.equal(predicted[0], start.float())
    assert torch.equal(predicted[1], end.float())


def test_a_head_is_trained_on_the_rows(examples, tokenizer):
    """The loss is that of the two positions, as cross entropy has it."""
    features = TASK.featurize(examples, tokenizer, 40)
    config = tiny_encoder("bert", n_layers=1).config
    config.vocab_size = len(tokenizer)
    model = AutoModelForQuestionAnswering.from_config(config).eval()
    batch = collate_features(features, np.arange(len(features)), 0)
    assert batch.weight == len(features)
    with torch.inference_mode():
        outputs = model(**batch.inputs, **batch.targets)
        start, end = TASK.predict(outputs)
    losses = [
        torch.nn.functional.cross_entropy(logits, batch.targets[name])
        for logits, name in ((start, "start_positions"), (end, "end_positions"))
    ]
    assert outputs.loss == pytest.approx((sum(losses) / 2).item())


@pytest.mark.suite
def test_the_suite_loads(suite):
    assert set(TASK.languages_in(suite)) == {"en", *TASK.languages}
    assert len(TASK.load(suite, "en", "train")) == 3696
    for language in TASK.languages_in(suite, "validation"):
        content = json.loads(TASK.file(suite, language, "validation").read_text("utf-8"))
        ids = [q["id"] for a in content["data"] for p in a["paragraphs"] for q in p["qas"]]
        assert [question.id for question in TASK.load(suite, language, "validation")] == ids


def test_windows_of_evaluation_may_share_more(tokenizer):
    examples = [AnsweredQuestion("", "Where?", CONTEXT * 4, ("London",), (25,), "en")]

    def n_windows(task):
        return len(task.featurize(examples, tokenizer, 40))

    assert TASK.evaluated() is TASK
    apart = QuestionAnswering(stride=0, eval_stride=16)
    assert apart.evaluated() == QuestionAnswering(stride=16, eval_stride=16)
    assert n_windows(apart) == n_windows(QuestionAnswering(stride=0))
    assert (
        n_windows(apart.evaluated()) == n_windows(QuestionAnswering(stride=16)) > n_windows(apart)
    )


def test_no_overlap_in_evaluation_is_not_that_of_training():
    assert QuestionAnswering(stride=8, eval_stride=0).evaluated().stride == 0


@pytest.mark.parametrize("eval_stride", [-1, 513])
def test_the_stride_of_evaluation_is_a_stride(eval_stride):
    with pytest.raises(ConfigError, match=r"task 'qa': eval_stride must be [<>]= \d+, got"):
        create_plugin(TASK_KIND, "qa", {"eval_stride": eval_stride})
