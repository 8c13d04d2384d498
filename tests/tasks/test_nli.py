import numpy as np
import pytest

from alignfreeze.contracts import SPLIT_FILES, Feature, TextPair
from alignfreeze.errors import DataError
from alignfreeze.testing.task import TaskContract, byte_tokenizer
from alignfreeze_tasks.nli import NaturalLanguageInference

TASK = NaturalLanguageInference()
TSV = (
    "A dog runs .\tAn animal runs .\tentailment\n"
    "A dog runs .\tThe dog is old .\tneutral\n"
    "A dog runs .\tNo dog runs .\tcontradiction\n"
)


@pytest.fixture
def load(write, source):
    def load_text(text: str) -> list[TextPair]:
        write("nli/xx/test.tsv", text)
        return TASK.load(source, "xx", "test")

    return load_text


class TestContract(TaskContract):
    @pytest.fixture
    def task(self):
        return TASK

    @pytest.fixture
    def source(self, write, source):
        for file in SPLIT_FILES.values():
            write(f"nli/en/{file}.tsv", TSV)
        return source


def test_a_line_is_premise_hypothesis_and_label(load):
    assert load(TSV)[1] == TextPair("A dog runs .", "The dog is old .", "neutral")


def test_only_a_line_feed_ends_a_line(load):
    (pair,) = load("one\u2028line\tone\x0bline\tneutral\r\n")
    assert pair == TextPair("one\u2028line", "one\x0bline", "neutral")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a\tb", "a line must have 3 columns as the first has, got 2"),
        ("a\tb\tneutral\tc", "a line must have 3 columns as the first has, got 4"),
        ("a\tb\tmaybe", "a label must be one of entailment neutral contradiction, got 'maybe'"),
        (" \tb\tneutral", "premise must be a text that is not empty, got ' '"),
        ("a\t\tneutral", "hypothesis must be a text that is not empty, got ''"),
    ],
)
def test_a_malformed_line_is_named(load, line, message):
    with pytest.raises(DataError, match=message) as caught:
        load(TSV + line + "\n")
    assert "test.tsv:4" in str(caught.value)


@pytest.mark.parametrize(
    ("label", "expected"),
    [("neutral", "neutral"), (0, "entailment"), (1, "neutral"), (2, "contradiction")],
)
def test_labels_of_the_hub_are_names_or_numbers_in_its_order(label, expected):
    row = {"premise": "a", "hypothesis": "b", "label": label}
    assert TASK.from_row(row, "de") == TextPair("a", "b", expected)


@pytest.mark.parametrize("label", [-1, None])
def test_a_row_without_a_label_is_left_out(label):
    assert TASK.from_row({"premise": "a", "hypothesis": "b", "label": label}, "de") is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"label": 3}, "a class number must be below 3, got 3"),
        ({"label": -2}, "a class number must be below 3, got -2"),
        ({"label": True}, "a label must be one of .*, got True"),
        ({"premise": 7}, "premise must be a text that is not empty, got 7"),
        ({"hypothesis": None}, "hypothesis must be a text that is not empty, got None"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused(row, message):
    with pytest.raises(ValueError, match=message):
        TASK.from_row({"premise": "a", "hypothesis": "b", "label": 0} | row, "de")


def test_rows_in_chunks_are_the_same(monkeypatch):
    pairs = [TextPair("a" * n, "b" * (30 - n), "neutral") for n in range(1, 30)]
    whole = TASK.featurize(pairs, byte_tokenizer(), 20)
    monkeypatch.setattr("alignfreeze.contracts.classification.TOKENIZER_CHUNK", 4)
    assert TASK.featurize(pairs, byte_tokenizer(), 20) == whole
    assert [row.example for row in whole] == list(range(29))


def test_a_language_that_xnli_lacks_has_no_place_on_the_hub():
    assert TASK.hub_split("af", "test") is None
    assert TASK.hub_split("en", "train") is not None


def test_a_row_holds_both_texts_and_their_places():
    tokenizer = byte_tokenizer()
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]  # BERT's
    (row,) = TASK.featurize([TextPair("ab", "c", "neutral")], tokenizer, 24)
    assert tokenizer.convert_ids_to_tokens(list(row.input_ids)) == [
        "[CLS]", "a", "b", "[SEP]", "c", "[SEP]",
    ]  # fmt: skip
    assert row.targets == {"labels": 1}
    assert row.extra_inputs is not None
    assert list(row.extra_inputs["token_type_ids"]) == [0, 0, 0, 0, 1, 1]


def test_a_tokenizer_that_tells_no_places_apart_gives_none():
    (row,) = TASK.featurize([TextPair("ab", "c", "neutral")], byte_tokenizer(), 24)
    assert row.extra_inputs is None


def test_the_longer_text_is_cut_first_and_counted(caplog):
    tokenizer = byte_tokenizer()
    pairs = [TextPair("ab", "c", "neutral"), TextPair("a" * 40, "bcd", "neutral")]
    whole, row = TASK.featurize(pairs, tokenizer, 16)
    assert len(whole.input_ids) == 6
    assert "1 pairs were cut to 16 subwords" in caplog.text
    tokens = tokenizer.convert_ids_to_tokens(list(row.input_ids))
    assert (len(tokens), tokens.count("a"), tokens[-4:]) == (16, 10, ["b", "c", "d", "[SEP]"])


def test_accuracy_is_the_fraction_of_pairs_that_are_right():
    rows = [Feature([1], {"labels": label}, example=n) for n, label in enumerate((0, 1, 2, 2))]
    guesses = [(np.float32(guess),) for guess in (0, 1, 1, 2)]
    examples = [TextPair("a", "b", "neutral")] * 4
    assert TASK.metrics(examples, rows, guesses) == {"accuracy": 0.75}
    # A task's own `predict` may say more than the class, such as how sure it is.
    surer = [(*guess, np.float32(0.5)) for guess in guesses]
    assert TASK.metrics(examples, rows, surer) == {"accuracy": 0.75}


def test_the_suite_has_equally_many_pairs_in_every_language(suite):
    languages = TASK.languages_in(suite)
    assert set(TASK.languages) < set(languages)
    assert {len(TASK.load(suite, language, "test")) for language in languages} == {600}
    assert len(TASK.load(suite, "en", "train")) == 1800
