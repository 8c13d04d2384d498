import re

import numpy as np
import pytest
from transformers import AutoTokenizer

from alignfreeze.contracts import SPLIT_FILES, TaggedSentence
from alignfreeze.errors import DataError, MissingSplitError
from alignfreeze.testing.task import TaskContract
from alignfreeze.text.words import IGNORED_LABEL
from alignfreeze_tasks.pos import PartOfSpeechTagging

TASK = PartOfSpeechTagging()
REST = "\t_" * 6


def line(number: object, form: str, tag: str = "NOUN") -> str:
    return f"{number}\t{form}\t_\t{tag}{REST}\n"


CONLLU = (
    "# sent_id = 1\n# text = au bois a dit\n"
    + line("1-2", "au", "_")
    + line(1, "à", "ADP")
    + line(2, "le", "DET")
    + line("2.1", "_", "_")
    + line("2.2", "_", "_")
    + line(3, "10 000", "NUM")
    + "\n\n# only a comment\n\n"
    + line("0.1", "_", "X")
    + line(1, "#", "SYM")
    + line(2, "\u2028\x85", "X").replace("\n", "\r\n")
)


@pytest.fixture
def load(write, source):
    def load_text(text: str) -> list[TaggedSentence]:
        write("pos/xx/test.conllu", text)
        return TASK.load(source, "xx", "test")

    return load_text


class TestContract(TaskContract):
    @pytest.fixture
    def task(self):
        return TASK

    @pytest.fixture
    def source(self, write, source):
        for file in SPLIT_FILES.values():
            write(f"pos/fr/{file}.conllu", CONLLU)
        return source


def test_words_are_the_syntactic_words(load):
    assert load(CONLLU) == [
        TaggedSentence(words=("à", "le", "10 000"), tags=("ADP", "DET", "NUM")),
        TaggedSentence(words=("#", "\u2028\x85"), tags=("SYM", "X")),
    ]


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        (line(1, "a") + "2\tb\t_\tNOUN\n", 2, "10 tab-separated columns, got 4"),
        (line(1, "a").replace("\n", "\t_\n"), 1, "10 tab-separated columns, got 11"),
        (line(1, "a") + " \n" + line(1, "b"), 2, "10 tab-separated columns, got 1"),
        (
            "# x\n\n" + line("one", "a"),
            3,
            "an ID must be an integer, a range or a decimal, got 'one'",
        ),
        (line("", "a"), 1, "an ID must be an integer, a range or a decimal, got ''"),
        (line("1-", "a"), 1, "an ID must be an integer, a range or a decimal, got '1-'"),
        (line("\u0661", "a"), 1, "an ID must be an integer, a range or a decimal, got '\u0661'"),
        (line(0, "a"), 1, "got '0' out of order"),
        (line(2, "a"), 1, "got '2' out of order"),
        (line(1, "a") + line(1, "b"), 2, "got '1' out of order"),
        (line(1, "a") + line(3, "b"), 2, "got '3' out of order"),
        (line(1, "a") + line("1-2", "b", "_"), 2, "got '1-2' out of order"),
        (line("1-0", "b", "_") + line(1, "a"), 1, "got '1-0' out of order"),
        (line(1, "a") + line("0.1", "_", "_"), 2, "got '0.1' out of order"),
        (line("0.1", "_", "_") + line("0.1", "_", "_"), 2, "got '0.1' out of order"),
        (line(1, "a", "N"), 1, "UPOS must be one of the 17 universal tags, got 'N'"),
        (line(1, "a", "noun"), 1, "UPOS must be one of the 17 universal tags, got 'noun'"),
        (line(1, "a", "_"), 1, "got '_': the treebank lacks UPOS"),
        (line(1, ""), 1, "FORM must not be empty"),
    ],
)
def test_a_malformed_line_is_named(load, text, number, message):
    with pytest.raises(DataError, match=rf"test\.conllu:{number}: .*{re.escape(message)}$"):
        load(text)


def test_text_must_be_utf8(source, write):
    path = write("pos/xx/test.conllu", "")
    path.write_bytes(line(1, "a").encode() + line(2, "ü").encode("latin-1"))
    with pytest.raises(DataError, match=r"test\.conllu:2: text must be UTF-8, got byte 0xfc"):
        TASK.load(source, "xx", "test")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "the file is empty"), ("\n\n", "no example"), ("# text = a\n\n", "no example")],
)
def test_a_file_has_a_sentence(load, text, message):
    with pytest.raises(DataError, match=rf"test\.conllu: .*{message}$"):
        load(text)


def test_a_missing_split_lists_the_languages(source, write):
    write("pos/de/test.conllu", CONLLU)
    with pytest.raises(MissingSplitError, match=r"'fr' has no test split; languages with one: de$"):
        TASK.load(source, "fr", "test")


def test_accuracy_counts_words():
    gold = [["NOUN", "VERB", "ADP"], ["X"]]
    assert TASK.score(gold, [["NOUN", "VERB", "DET"], ["SYM"]]) == {"accuracy": 0.5}
    assert TASK.score(gold, gold) == {"accuracy": 1.0}


def test_a_prediction_for_every_word():
    with pytest.raises(ValueError, match="shorter"):
        TASK.score([["NOUN", "VERB"]], [["NOUN"]])


@pytest.mark.parametrize("max_length", [3, 4, 7, 10, 300])
def test_windows_hold_each_word_once(tokenizer, max_length):
    words = tuple("abcdefgh"[: 1 + (7 * n) % 8] for n in range(60))
    tags = tuple(TASK.labels[n % 17] for n in range(60))
    other = TaggedSentence(words=("a",), tags=("X",))
    features = TASK.featurize([TaggedSentence(words, tags), other], tokenizer, max_length)
    assert [feature.example for feature in features] == [0] * (len(features) - 1) + [1]
    found = [
        (tokenizer.convert_ids_to_tokens(feature.input_ids[place]), TASK.labels[label])
        for feature in features[:-1]
        for place, label in enumerate(feature.targets["labels"])
        if label != IGNORED_LABEL
    ]
    assert found == [(word[0], tag) for word, tag in zip(words, tags, strict=True)]
    assert all(len(feature.input_ids) <= max_length for feature in features)


@pytest.mark.suite
def test_the_suite_loads(suite):
    languages = TASK.languages_in(suite)
    assert len(languages) == 25
    for language in languages:
        for sentence in TASK.load(suite, language, "test"):
            assert 0 < len(sentence.words) == len(sentence.tags)
    assert len(TASK.load(suite, "en", "train")) == 4000


@pytest.mark.suite
@pytest.mark.parametrize("max_length", [8, 128])
def test_a_real_tokenizer_loses_no_word(suite, max_length):
    tokenizer = AutoTokenizer.from_pretrained(suite.root / "model")
    for language in ("en", "ar", "th", "zh"):
        examples = TASK.load(suite, language, "test")[:100]
        features = TASK.featurize(examples, tokenizer, max_length)
        assert all(len(feature.input_ids) <= max_length for feature in features)
        gold = [(np.array(feature.targets["labels"]).clip(min=0),) for feature in features]
        assert TASK.metrics(examples, features, gold) == {"accuracy": 1.0}
