import re

import numpy as np
import pytest
from conllu import parse_incr
from datasets import Dataset
from transformers import AutoTokenizer

from alignfreeze.contracts import SPLIT_FILES, Examples, TaggedSentence
from alignfreeze.errors import DataError, MissingSplitError, PluginError
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
    def load_text(text: str) -> Examples[TaggedSentence]:
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
        (line(1, "a") + "x\n" + line(1, "b"), 2, "10 tab-separated columns, got 1"),
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
        (line(1, ""), 1, "FORM must not be empty"),
    ],
)
def test_a_malformed_line_is_named(load, text, number, message):
    with pytest.raises(DataError, match=rf"test\.conllu:{number}: .*{re.escape(message)}$"):
        load(text)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ("NN ADJ noun NN", "tags NN (2), noun (1) are none of the task's: ADJ ADP ADV "),
        ("_ _ _", "UPOS must be given, got '_' for 3 of 3 words: the treebank lacks UPOS"),
        ("_ X X", "UPOS must be given, got '_' for 1 of 3 words: the treebank lacks UPOS"),
    ],
)
def test_wrong_tags_are_told_at_once(load, tags, message):
    text = "".join(line(number, "a", tag) for number, tag in enumerate(tags.split(), start=1))
    with pytest.raises(DataError, match=rf"test\.conllu: {re.escape(message)}"):
        load(text)


def test_blemishes_are_mended_and_counted(load):
    text = line(1, "a") + " \n\ufeff# x\n" + line(1, "b").replace("\n", "\r\r\n") + "\t\r\n"
    sentences = load(text)
    assert [sentence.words for sentence in sentences] == [("a",), ("b",)]
    assert sentences.notes == {
        "blank lines that hold blanks": 2,
        "byte-order marks within the file, left out": 1,
        "lines that end in a carriage return": 2,
    }


def test_words_are_quoted_as_csv_has_them(load):
    sentences = load(line(1, '""""', "PUNCT") + line(2, "a") + line(3, '"x""y"', "X"))
    assert sentences[0].words == ('"', "a", 'x"y')
    assert sentences.notes == {"fields in quotation marks, read as CSV has them": 2}


def test_marks_and_underscores_of_the_text_stay(load):
    words = ('"', '""', "_", '"', "a", "_")
    text = "".join(line(number, word) for number, word in enumerate(words, start=1))
    sentences = load(text + "\n" + line(1, "_", "SYM"))
    assert [sentence.words for sentence in sentences] == [words, ("_",)]
    assert sentences.notes == {}


def test_sentences_without_their_text_are_left_out(load):
    there = "".join(line(number, "a") for number in range(1, 5))
    sentences = load(there + "\n" + line(1, "_") + line(2, "_"))
    assert [sentence.words for sentence in sentences] == [("a",) * 4]
    assert sentences.notes == {"sentences of nothing but '_', left out": 1}


@pytest.mark.parametrize("rows", [False, True], ids=["text", "rows"])
def test_a_treebank_without_its_text_is_refused(source, write, tmp_path, rows):
    words = ["_", "_", "a", "_"]
    if rows:
        (tmp_path / "pos/ar").mkdir(parents=True)
        columns = {"tokens": [words], "upos": [["NOUN"] * 4]}
        Dataset.from_dict(columns).to_parquet(tmp_path / "pos/ar/test.parquet")
    else:
        text = "".join(line(number, word) for number, word in enumerate(words, start=1))
        write("pos/ar/test.conllu", text)
    message = r"ar/test\.\w+: must have the words of its text, got '_' for 3 of 4 \(75%\): the"
    with pytest.raises(DataError, match=message):
        TASK.load(source, "ar", "test")


XTREME = "Haus\tNOUN\n10 000\tNUM\n\n#\tSYM\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pos/xx/xx_pud-ud-dev.conllu", CONLLU),
        ("pos/UD_Xx-PUD/xx_pud-ud-dev.conllu", CONLLU),
        ("UD_Xx-PUD/xx_pud-ud-dev.conllu", CONLLU),
        ("ud-treebanks-v2.14/UD_Xx-PUD/xx_pud-ud-dev.conllu", CONLLU),
        ("udpos/dev-xx.tsv", XTREME + "a\tNUM\n"),
        ("pos/xx/dev.tsv", XTREME + "a\tSYM\n"),
        ("pos/xx/dev.txt", "Haus NOUN\n10 NUM\n\n# X\na X\n"),
        ("pos/xx/dev.conll", CONLLU),
    ],
)
def test_files_lie_where_they_are_published(source, write, name, text):
    write(name, text)
    assert TASK.languages_in(source, "validation") == ["xx"]
    sentences = TASK.load(source, "xx", "validation")
    assert TASK.counts(sentences) == {"sentences": 2, "words": 5 if text is CONLLU else 4}


def test_two_treebanks_of_a_language_are_too_many(source, write):
    for name in ("gsd", "hdt"):
        write(f"UD_German-{name.upper()}/de_{name}-ud-test.conllu", CONLLU)
    message = "must have one file for its test split, got de_gsd-ud-test.conllu and de_hdt-ud-test"
    with pytest.raises(DataError, match=re.escape(message)):
        TASK.load(source, "de", "test")


def test_a_test_split_without_tags_is_told(source, write):
    write("udpos/test-de.tsv", "Ulm\nist\n\nschön\n")
    message = "test-de.tsv: a line must be token<TAB>tag, got 3 of 3 lines without a tag, as "
    with pytest.raises(DataError, match=re.escape(message)):
        TASK.load(source, "de", "test")


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
    with pytest.raises(PluginError, match=r"parts fails: ValueError: .* shorter"):
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
def test_sentences_and_words_are_those_that_conllu_reads(suite):
    files = sorted((suite.root / "pos").glob("*/*.conllu"))
    assert len({file.parent for file in files}) == len(TASK.languages_in(suite)) == 25
    for file in files:
        sentences = TASK.read(file, file.parent.name)
        with file.open(encoding="utf-8") as text:
            # Multiword tokens and empty nodes have IDs of several parts.
            found = [s.filter(id=lambda name: type(name) is int) for s in parse_incr(text)]
        assert TASK.counts(sentences) == {"sentences": len(found), "words": sum(map(len, found))}
        for ours, theirs in zip(sentences, found, strict=True):
            assert ours.words == tuple(token["form"] for token in theirs), file
            assert ours.tags == tuple(token["upos"] for token in theirs), file


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
