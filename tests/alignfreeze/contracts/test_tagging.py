"""Sentences from rows of the hub, and their features."""

from array import array

import pytest
from datasets import Dataset

from alignfreeze.contracts import Examples, TaggedSentence, TaggingTask
from alignfreeze.errors import DataError
from alignfreeze.text.words import WordCounts
from alignfreeze_tasks.ner import NamedEntityRecognition
from alignfreeze_tasks.pos import PartOfSpeechTagging

POS, NER = PartOfSpeechTagging(), NamedEntityRecognition()


def test_words_of_multiword_tokens_are_left_out():
    row = {"tokens": ["du", "de", "le", "pain"], "upos": ["_", "ADP", "DET", "NOUN"]}
    assert POS.from_row(row, "fr") == TaggedSentence(("de", "le", "pain"), ("ADP", "DET", "NOUN"))


def test_a_sentence_without_words_is_left_out():
    assert POS.from_row({"tokens": ["du"], "upos": ["_"]}, "fr") is None
    assert NER.from_row({"tokens": [], "ner_tags": []}, "fr") is None


def test_numbers_are_tags_in_the_published_order_where_there_is_one():
    row = {"tokens": ["Ada", "in", "Ulm"], "ner_tags": [1, 0, 5]}
    assert NER.from_row(row, "de") == TaggedSentence(("Ada", "in", "Ulm"), ("B-PER", "O", "B-LOC"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": None, "upos": None}, "words and tags must be lists, got None and None"),
        ({"tokens": "ab", "upos": ["X", "X"]}, "words and tags must be lists, got 'ab'"),
        ({"tokens": ["a"], "upos": ["X", "X"]}, "words and tags must be as many, got 1 and 2"),
        ({"tokens": [3], "upos": ["X"]}, "a word must be a text that is not empty, got 3"),
        ({"tokens": [""], "upos": ["X"]}, "a word must be a text that is not empty, got ''"),
        ({"tokens": ["a"], "upos": [3]}, "a tag must be one of ADJ .*, got 3"),
        ({"tokens": ["a"], "upos": [""]}, "a tag must be one of ADJ .*, got ''"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused(row, message):
    with pytest.raises(ValueError, match=message):
        POS.from_row(row, "de")


@pytest.mark.parametrize("number", [7, -2])
def test_a_number_that_stands_for_no_tag_is_refused(number):
    with pytest.raises(ValueError, match=f"a tag must be one of O B-PER .*, got {number}"):
        NER.from_row({"tokens": ["a"], "ner_tags": [number]}, "de")


def test_words_that_show_nothing_are_told(write):
    words = ("a", "\u200b", "\ufeff", "\u200f\u200f", "\u00a0", "b\u200bc", "d\ufeff", "می\u200cخ")
    (sentence,) = found = NER.read(write("test.tsv", "\tO\n".join([*words, ""])), "de")
    assert sentence.words == words
    assert found.notes == {
        "words without a visible character": 4,
        "words that hold U+FEFF or U+200B, which have no width": 2,
    }


class Tags(TaggingTask):
    """Reads a file of tags, for words ``w``."""

    folder = "tags"
    suffix = ".txt"
    labels = ("A", "B", "C")

    def read_text(self, path, language):
        words = path.read_text("utf-8").split()
        sentences = [TaggedSentence((word, "w"), (tag, "A")) for word, tag in map(tuple, words)]
        return Examples(sentences, {"things": 2})


def test_a_file_is_counted_and_looked_at_as_a_whole(write):
    task = Tags()
    sentences = task.read(write("tags.txt", "xB \u200bA xB _B"), "de")
    assert sentences.notes == {"things": 2, "words without a visible character": 1}
    assert task.counts(sentences) == {"sentences": 4, "words": 8}
    assert list(task.label_counts(sentences).items()) == [("A", 5), ("B", 3)]
    with pytest.raises(DataError, match=r"tags\.txt: tags X \(2\), Y \(1\) are none of .*: A B C$"):
        task.read(write("tags.txt", "xY xA xX xX"), "de")


def test_words_and_tags_that_occur_again_take_no_more_memory(write):
    one, other = NER.read(write("train.tsv", "Ulmen\tB-LOC\n\nUlmen\tB-LOC\n"), "de")
    assert one == other
    assert one.words[0] is other.words[0]
    assert one.tags[0] is other.tags[0]


def test_rows_are_arrays(tokenizer):
    (row,) = NER.featurize([TaggedSentence(("ab", "c"), ("O", "B-LOC"))], tokenizer, 32)
    assert isinstance(row.input_ids, array)
    assert isinstance(row.targets["labels"], array)
    assert [label for label in row.targets["labels"] if label >= 0] == [0, 5]


def test_marks_of_documents_are_left_out(tmp_path):
    """Some data sets of the hub have them as sentences."""
    rows = {"tokens": [["-DOCSTART-"], ["a"]], "ner_tags": [["O"], ["B-PER"]]}
    Dataset.from_dict(rows).to_parquet(tmp_path / "test.parquet")
    sentences = NER.read(tmp_path / "test.parquet", "en")
    assert sentences == [TaggedSentence(("a",), ("B-PER",))]
    assert sentences.notes == {"sentences of -DOCSTART-, left out": 1}


def labels_by_subword(features, tokenizer) -> list[dict[str, str]]:
    return [
        {
            tokenizer.convert_ids_to_tokens(number): POS.labels[label]
            for number, label in zip(feature.input_ids, feature.targets["labels"], strict=True)
            if label >= 0
        }
        for feature in features
    ]


def test_a_label_is_on_the_first_subword_with_text(sentencepiece):
    sentence = TaggedSentence(("hello", "猫", "x"), ("INTJ", "NOUN", "X"))
    features = POS.featurize([sentence], sentencepiece, 16)
    assert labels_by_subword(features, sentencepiece) == [
        {"▁he": "INTJ", "猫": "NOUN", "<unk>": "X"}
    ]
    assert POS.word_counts(features, sentencepiece) == WordCounts(
        3, unknown=1, partly_unknown=1, subwords=7
    )


def test_words_are_counted_by_their_representative_and_by_any_subword(sentencepiece):
    words = ("猫x", "x猫", "a", "猫")  # ▁ 猫 <unk>, ▁ <unk> 猫, ▁a, ▁ 猫
    features = POS.featurize([TaggedSentence(words, ("NOUN",) * 4)], sentencepiece, 16)
    assert labels_by_subword(features, sentencepiece) == [
        {"猫": "NOUN", "<unk>": "NOUN", "▁a": "NOUN"}
    ]
    assert POS.word_counts(features, sentencepiece) == WordCounts(
        4, unknown=1, partly_unknown=2, subwords=10
    )


def test_a_word_cut_before_its_text_has_its_label_all_the_same(sentencepiece):
    sentence = TaggedSentence(("a", "▁▁▁▁▁▁▁▁▁▁猫"), ("DET", "NOUN"))
    features = POS.featurize([sentence], sentencepiece, 8)
    assert labels_by_subword(features, sentencepiece) == [{"▁a": "DET"}, {"▁": "NOUN"}]
    predictions = [(feature.targets["labels"],) for feature in features]
    assert POS.metrics([sentence], features, predictions)["accuracy"] == 1.0
