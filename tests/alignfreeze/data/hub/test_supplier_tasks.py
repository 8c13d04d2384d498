"""What the built-in tasks read from the hub is what they read from text files."""

import pytest
from datasets import ClassLabel, List, Value

from alignfreeze.data.finding import find_data
from alignfreeze.errors import MissingSplitError
from alignfreeze_tasks.ner import NamedEntityRecognition
from alignfreeze_tasks.nli import NaturalLanguageInference
from alignfreeze_tasks.pos import REVISION, TREEBANKS, PartOfSpeechTagging
from alignfreeze_tasks.qa import QuestionAnswering

UD_TAGS = ClassLabel(names=["NOUN", "PUNCT", "_", "VERB"])
NLI_LABELS = ClassLabel(names=["entailment", "neutral", "contradiction"])
NER_TAGS = ClassLabel(names=["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"])
STRING = Value("string")
TOKENS = [["Zum", "Zu", "dem", "Haus", "."], ["Geh"]]
UPOS = [["_", "NOUN", "NOUN", "NOUN", "PUNCT"], ["VERB"]]


def load(task, mirror, language="de", split="test"):
    return task.load(find_data(f"hub:{mirror}"), language, split)


@pytest.mark.parametrize("tag", [STRING, UD_TAGS], ids=["strings", "class labels"])
def test_pos_equals_the_text_format(publish, mirror, write, source, tag):
    features = {"sent_id": STRING, "tokens": List(STRING), "upos": List(tag)}
    columns = {"sent_id": ["1", "2"], "tokens": TOKENS, "upos": UPOS}
    publish("commul/universal_dependencies", "de_gsd", "test", columns, features)
    rest = "\t".join("______")
    write(
        "pos/de/test.conllu",
        f"1-2\tZum\t_\t_\t{rest}\n1\tZu\t_\tNOUN\t{rest}\n2\tdem\t_\tNOUN\t{rest}\n"
        f"3\tHaus\t_\tNOUN\t{rest}\n4\t.\t_\tPUNCT\t{rest}\n\n1\tGeh\t_\tVERB\t{rest}\n",
    )
    task = PartOfSpeechTagging()
    assert load(task, mirror) == task.load(source, "de", "test")


def test_a_treebank_with_a_test_split_alone(publish, mirror):
    columns = {"tokens": [["a"]], "upos": [["NOUN"]]}
    publish("commul/universal_dependencies", "th_pud", "test", columns)
    task = PartOfSpeechTagging()
    assert len(load(task, mirror, "th")) == 1
    message = (
        "^pos: the hub has no data set for it, so 'th' has no validation split; languages with"
    )
    with pytest.raises(MissingSplitError, match=message):
        load(task, mirror, "th", "validation")


def test_a_missing_split_names_its_data_set(publish, mirror):
    columns = {"tokens": [["a"]], "upos": [["NOUN"]]}
    for config in ("en_ewt", "de_gsd"):
        publish("commul/universal_dependencies", config, "test", columns)
    message = (
        r"^data set 'commul/universal_dependencies', config 'cs_pdtc', revision '2\.17' cannot be "
        r"read from .*: no config 'cs_pdtc', has: en_ewt de_gsd; use .*, so 'cs' has no test "
        "split; languages with one: de en$"
    )
    with pytest.raises(MissingSplitError, match=message):
        load(PartOfSpeechTagging(), mirror, "cs")
    with pytest.raises(
        MissingSplitError, match=r"no split 'validation' of .*'de' has no validatio"
    ):
        load(PartOfSpeechTagging(), mirror, "de", "validation")
    with pytest.raises(
        MissingSplitError, match=r"^nli: the hub has no data set for it, so 'cs' has"
    ):
        load(NaturalLanguageInference(), mirror, "cs")


def test_ner_equals_the_text_format(publish, mirror, write, source):
    features = {
        "tokens": List(STRING),
        "ner_tags": List(NER_TAGS),
        "langs": List(STRING),
        "spans": List(STRING),
    }
    columns = {
        "tokens": [["Ada", "Byron", "in", "Ulm"], ["na"]],
        "ner_tags": [[1, 2, 0, 5], [0]],
        "langs": [["de"] * 4, ["de"]],
        "spans": [["PER: Ada Byron", "LOC: Ulm"], []],
    }
    publish("unimelb-nlp/wikiann", "de", "test", columns, features)
    write("ner/de/test.tsv", "Ada\tB-PER\nByron\tI-PER\nin\tO\nUlm\tB-LOC\n\nna\tO\n")
    task = NamedEntityRecognition()
    assert load(task, mirror) == task.load(source, "de", "test")


@pytest.mark.parametrize(
    ("feature", "labels"),
    [
        (NLI_LABELS, [2, 0, -1]),
        (Value("int64"), [2, 0, -1]),
        (STRING, ["contradiction", "entailment", None]),
    ],
    ids=["class labels", "integers", "strings"],
)
def test_nli_equals_the_text_format(publish, mirror, write, source, feature, labels):
    features = {"premise": STRING, "hypothesis": STRING, "label": feature}
    columns = {"premise": ["Eins.", "Zwei.", "-"], "hypothesis": ["a", "b", "c"], "label": labels}
    publish("facebook/xnli", "de", "test", columns, features)
    write("nli/de/test.tsv", "Eins.\ta\tcontradiction\nZwei.\tb\tentailment\n")
    task = NaturalLanguageInference()
    assert load(task, mirror) == task.load(source, "de", "test")


@pytest.mark.parametrize(
    ("repository", "config", "name", "language", "split"),
    [
        ("rajpurkar/squad", "plain_text", "train", "en", "train"),
        ("google/xquad", "xquad.de", "validation", "de", "test"),
    ],
)
def test_questions_are_read(publish, mirror, repository, config, name, language, split):
    features = {
        "id": STRING,
        "context": STRING,
        "question": STRING,
        "answers": {"text": List(STRING), "answer_start": List(Value("int32"))},
    }
    columns = {
        "id": ["1"],
        "context": ["Ada lived in London."],
        "question": ["Where?"],
        "answers": [{"text": ["London"], "answer_start": [13]}],
    }
    publish(repository, config, name, columns, features)
    (example,) = load(QuestionAnswering(), mirror, language, split)
    assert (example.question, example.context) == ("Where?", "Ada lived in London.")


def test_each_language_has_a_treebank():
    languages = set(PartOfSpeechTagging.languages)
    assert len(TREEBANKS) == 35
    assert set(TREEBANKS) == languages | {"en"}
    assert all(name.startswith(f"{code}_") for code, name in TREEBANKS.items())


def test_the_treebanks_are_of_the_release_that_is_pinned():
    """UD_Czech-PDT became a part of UD_Czech-PDTC in 2.16."""
    assert (REVISION, TREEBANKS["cs"]) == ("2.17", "cs_pdtc")


def test_languages_of_a_task_are_those_that_a_mirror_has(publish, mirror):
    columns = {"tokens": [["a"]], "ner_tags": [[0]]}
    for language in ("en", "de"):
        publish("unimelb-nlp/wikiann", language, "test", columns)
    assert NamedEntityRecognition().languages_in(find_data(f"hub:{mirror}")) == ["de", "en"]
