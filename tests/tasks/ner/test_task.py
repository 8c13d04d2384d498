import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score

from alignfreeze.contracts import SPLIT_FILES, TaggedSentence
from alignfreeze.errors import DataError, MissingSplitError
from alignfreeze.testing.task import TaskContract
from alignfreeze_tasks.ner import NamedEntityRecognition

TASK = NamedEntityRecognition()
TSV = "Ada\tB-PER\nLovelace\tI-PER\n,\tO\nLondon\tB-LOC\n\n\nthe\tO\nUN\tB-ORG\r\n"


class TestContract(TaskContract):
    @pytest.fixture
    def task(self):
        return TASK

    @pytest.fixture
    def source(self, write, source):
        for file in SPLIT_FILES.values():
            write(f"ner/en/{file}.tsv", TSV)
        return source


def test_sentences_are_between_empty_lines(load):
    assert load(TSV) == [
        TaggedSentence(("Ada", "Lovelace", ",", "London"), ("B-PER", "I-PER", "O", "B-LOC")),
        TaggedSentence(("the", "UN"), ("O", "B-ORG")),
    ]


@pytest.mark.parametrize("language", ["nb", "no", "zh-CN"])
def test_a_prefix_is_cut_off_whatever_the_folder_is_called(load, language):
    sentences = load("no:Oslo\tB-LOC\nno::\tO\n\n.\tO\n", language)
    assert [sentence.words for sentence in sentences] == [("Oslo", ":"), (".",)]
    assert sentences.notes == {
        "words whose prefix 'no:' was cut off": 2,
        "words without the prefix 'no:' of all others": 1,
    }


@pytest.mark.parametrize("text", ["de:Ulm\tB-LOC\n:\tO\n", ":\tO\nfr:Lyon\tO\n"])
def test_a_prefix_of_some_tokens_stays(load, text):
    words = [word for sentence in load(text, "de") for word in sentence.words]
    assert words == re.findall(r"^(\S+)\t", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ("a\tO\nb\n", 2, "a line must be token<TAB>tag, got 1 column(s)"),
        ("a\tO\n\n\tO\n", 3, "a token must not be empty"),
    ],
)
def test_a_malformed_line_is_named(load, text, number, message):
    with pytest.raises(DataError, match=rf"test\.tsv:{number}: .*{re.escape(message)}$"):
        load(text)


def test_text_must_be_utf8(source, write):
    write("ner/xx/test.tsv", "").write_bytes(b"a\tO\n\xff\tO\n")
    with pytest.raises(DataError, match=r"test\.tsv:2: text must be UTF-8, got byte 0xff"):
        TASK.load(source, "xx", "test")


@pytest.mark.parametrize(("text", "message"), [("", "is empty"), ("\n\n", "has no example")])
def test_a_file_has_a_sentence(load, text, message):
    with pytest.raises(DataError, match=rf"test\.tsv: the file {message}$"):
        load(text)


def test_a_missing_split_is_an_error(source):
    with pytest.raises(MissingSplitError, match="'fr' has no test split; languages with one: none"):
        TASK.load(source, "fr", "test")


@pytest.mark.parametrize(
    ("gold", "predicted", "f1", "precision", "recall", "accuracy"),
    [
        pytest.param(
            [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O"]],
            [["B-PER", "I-PER", "O", "O"], ["B-ORG", "I-ORG"]],
            0.4,  # three entities, two predicted, one of them right
            1 / 2,
            1 / 3,
            4 / 6,
            id="half-found",
        ),
        pytest.param([["B-PER", "O"]], [["O", "O"]], 0, 0, 0, 1 / 2, id="nothing-predicted"),
        pytest.param([["O", "O"]], [["B-PER", "O"]], 0, 0, 0, 1 / 2, id="nothing-to-find"),
        pytest.param([["O"]], [["O"]], 0, 0, 0, 1, id="nothing-at-all"),
        pytest.param([["B-PER"]], [["B-LOC"]], 0, 0, 0, 0, id="wrong-type"),
        pytest.param([["B-PER", "I-PER"]], [["I-PER", "I-PER"]], 1, 1, 1, 1 / 2, id="no-beginning"),
        pytest.param(
            [["O"], ["I-PER"]], [["B-PER"], ["I-PER"]], 2 / 3, 1 / 2, 1, 1 / 2, id="edges"
        ),
    ],
)
def test_metrics_are_as_counted_by_hand(gold, predicted, f1, precision, recall, accuracy):
    assert TASK.score(gold, predicted) == pytest.approx(
        {"f1": f1, "precision": precision, "recall": recall, "accuracy": accuracy}
    )
    assert all(type(value) is float for value in TASK.score(gold, predicted).values())


TAGGED_TWICE = st.lists(st.tuples(*[st.sampled_from(TASK.labels)] * 2), min_size=1, max_size=6)


@given(st.lists(TAGGED_TWICE, min_size=1, max_size=4))
def test_metrics_are_seqevals(sentences):
    """Whatever sequences there are: entities that begin with I-, that change their type ..."""
    gold, predicted = ([[tags[n] for tags in pairs] for pairs in sentences] for n in (0, 1))
    expected = {
        "f1": f1_score(gold, predicted, zero_division=0),
        "precision": precision_score(gold, predicted, zero_division=0),
        "recall": recall_score(gold, predicted, zero_division=0),
        "accuracy": accuracy_score(gold, predicted),
    }
    assert TASK.score(gold, predicted) == expected, "to the last digit"


@pytest.mark.parametrize("max_length", [12, 100])
def test_metrics_put_windows_together(tokenizer, max_length):
    example = TaggedSentence(("Ada", "Lovelace", "in", "London"), ("B-PER", "I-PER", "O", "B-LOC"))
    features = TASK.featurize([example], tokenizer, max_length)
    assert len(features) == (1 if max_length == 100 else 3)
    right = [(np.array(feature.targets["labels"]).clip(min=0),) for feature in features]
    assert TASK.metrics([example], features, right)["f1"] == 1.0


@pytest.mark.suite
def test_the_suite_loads(suite):
    languages = TASK.languages_in(suite)
    assert len(languages) == 26
    for language in languages:
        for sentence in TASK.load(suite, language, "test"):
            assert 0 < len(sentence.words) == len(sentence.tags)
    assert len(TASK.load(suite, "en", "train")) == 4000
