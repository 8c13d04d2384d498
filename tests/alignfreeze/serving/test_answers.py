"""Saved models say what their task's own evaluation counts, whatever the tokenizer is."""

import copy
import string

import pytest
import torch
import transformers
import yaml
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from alignfreeze.config import RunConfig
from alignfreeze.contracts.classification import TextClassificationTask
from alignfreeze.contracts.labelled_texts import LabelledText, TextPair
from alignfreeze.contracts.tagged_lines import TaggedSentence
from alignfreeze.evaluation.prediction import predict
from alignfreeze.runs.saving import save_model
from alignfreeze.serving.loader import Model
from alignfreeze.testing.task import byte_tokenizer
from alignfreeze.text.words import REMOVES_MARKS
from alignfreeze_tasks.ner import NamedEntityRecognition
from alignfreeze_tasks.nli import NaturalLanguageInference
from alignfreeze_tasks.pos import PartOfSpeechTagging
from alignfreeze_tasks.qa import QuestionAnswering
from alignfreeze_tasks.qa.answers import AnsweredQuestion

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
LETTERS = string.ascii_letters + string.digits + string.punctuation + "äöüßé東京猫犬ต้น"
LENGTH = 24

WORDS = ["Die", "Katze", "schläft", "猫", "犬", "東京", "e\u0301te\u0301", "\u200d", "ต้น", "1815."]
SENTENCES = [WORDS[:3], WORDS, WORDS[::-1] * 2, ["a" * 60, "猫"], ["猫"] * 40]
CONTEXTS = [
    "Ada Lovelace was born in London, in 1815. Zürich came later.",
    "  Noord  (cafe\u0301) 東京 ต้น, naïve\u00a0end \u200d 👩\u200d👧 Vie\u0323\u0302t. " * 3,
    "x",
]
ASKED = [
    "Where?",
    "When was she born, and by whom was it said to be so? " * 3,
    "東京 ต้น cafe\u0301?",
]


def sentencepiece():
    """As XLM-R's: marks of words are often subwords of their own."""
    pieces = [(token, 0.0) for token in SPECIAL]
    pieces += [(token, -9.0) for token in dict.fromkeys("▁" + LETTERS)]
    pieces += [(token, -5.0) for token in ("▁the", "▁D", "▁K", "▁in", ").", "18")]
    backend = Tokenizer(models.Unigram(pieces, unk_id=SPECIAL.index("<unk>")))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return made(backend)


def roberta():
    """As RoBERTa's: bytes, a space put in, ranges without blanks."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *alphabet])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return made(backend)


def typed():
    """With token types, as BERT's."""
    return PreTrainedTokenizerFast(
        tokenizer_object=byte_tokenizer().backend_tokenizer,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")},
    )


def made(backend):
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        **dict(zip(("cls_token", "pad_token", "sep_token", "unk_token"), SPECIAL, strict=True)),
    )


@pytest.fixture(params=["wordpiece", "sentencepiece", "roberta", "typed"])
def any_tokenizer(request, tokenizer):
    kinds = {
        "wordpiece": lambda: copy.deepcopy(tokenizer),
        "sentencepiece": sentencepiece,
        "roberta": roberta,
    }
    return kinds.get(request.param, typed)()


def saved(task, tokenizer, folder, accelerator, examples, **options):
    """A network that was never trained, as saved; and what evaluation has it say of examples."""
    config = RunConfig(max_length=LENGTH, **options)
    setattr(tokenizer, REMOVES_MARKS, config.word_marks == "removed")
    labels = {"num_labels": len(task.labels) or 2}
    if task.labels:
        labels["id2label"] = dict(enumerate(task.labels))
    sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32}
    shape = transformers.BertConfig(
        vocab_size=len(tokenizer), num_hidden_layers=2, initializer_range=1.0, **sizes, **labels
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = getattr(transformers, task.auto_class).from_config(shape)
    features = task.featurize(examples, tokenizer, LENGTH)
    said = predict(
        network,
        task,
        features,
        batch_size=8,
        padding=tokenizer.pad_token_id,
        accelerator=accelerator,
    )
    save_model(network, tokenizer, folder, config, task)
    described = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    asked = described["flavors"]["python_function"]["config"]
    return Model(folder, asked), features, said


@pytest.mark.parametrize("marks", ["kept", "removed"])
@pytest.mark.parametrize("kind", [PartOfSpeechTagging, NamedEntityRecognition])
def test_labels_of_words(kind, marks, any_tokenizer, tmp_path, accelerator, monkeypatch):
    task = kind()
    sentences = [
        TaggedSentence(tuple(words), (task.labels[0],) * len(words)) for words in SENTENCES
    ]
    folder = tmp_path / "model"
    model, features, said = saved(
        task, any_tokenizer, folder, accelerator, sentences, word_marks=marks
    )
    counted = []
    monkeypatch.setattr(
        kind, "score", lambda self, gold, predicted: counted.append(predicted) or {"accuracy": 0.0}
    )
    task.metrics(sentences, features, said)
    answers = model.predict([{"text": " ".join(words)} for words in SENTENCES])
    found = [[part["label"] for part in answer["words"]] for answer in answers]
    assert found == counted[0]
    assert len({label for labels in found for label in labels}) > 1
    assert [[part["word"] for part in answer["words"]] for answer in answers] == SENTENCES


class Sentiment(TextClassificationTask):
    """Good or bad."""

    languages = ("de",)
    labels = ("good", "bad", "neither")


@pytest.mark.parametrize("task", [NaturalLanguageInference(), Sentiment()], ids=["nli", "single"])
def test_classes(task, any_tokenizer, tmp_path, accelerator):
    texts = [" ".join(words) for words in SENTENCES] + CONTEXTS
    pairs = list(zip(texts, texts[::-1], strict=True))
    if isinstance(task, Sentiment):
        examples = [LabelledText(text, task.labels[0]) for text in texts]
        asked = [{"text": text} for text in texts]
    else:
        examples = [TextPair(*pair, task.labels[0]) for pair in pairs]
        asked = [{"text": one, "text_pair": other} for one, other in pairs]
    model, _, said = saved(task, any_tokenizer, tmp_path / "m", accelerator, examples)
    expected = [task.labels[int(guess[0])] for guess in said]
    assert [answer["label"] for answer in model.predict(asked)] == expected


def test_answers_of_questions(any_tokenizer, tmp_path, accelerator):
    task = QuestionAnswering(stride=5, question_length=9, n_best=4, answer_length=7)
    pairs = [(question, context) for context in CONTEXTS for question in ASKED]
    examples = [
        AnsweredQuestion("1", q, c, (c.split()[0],), (c.find("x"),), "en") for q, c in pairs
    ]
    model, features, said = saved(task, any_tokenizer, tmp_path / "m", accelerator, examples)
    assert len(features) > 2 * len(examples)
    answers = model.predict([{"question": question, "context": text} for question, text in pairs])
    assert [answer["answer"] for answer in answers] == task.answers(examples, features, said)
    for answer, (_, text) in zip(answers, pairs, strict=True):
        assert text[answer["start"] : answer["end"]] == answer["answer"]


def test_a_model_answers_by_the_settings_of_evaluation(tokenizer, tmp_path):
    shape = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    network = transformers.BertForQuestionAnswering(shape)
    task, config = QuestionAnswering(stride=4, eval_stride=12), RunConfig(max_length=LENGTH)
    described = {}
    for length in (None, 48):
        folder = tmp_path / str(length)
        save_model(network, tokenizer, folder, config, task, length=length)
        found = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
        described[length] = found["flavors"]["python_function"]["config"]
    assert {length: d["max_length"] for length, d in described.items()} == {None: LENGTH, 48: 48}
    assert {d["stride"] for d in described.values()} == {12}
