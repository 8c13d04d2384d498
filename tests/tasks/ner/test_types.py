import re
from itertools import combinations
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from alignfreeze.config import build_config
from alignfreeze.contracts import TaggedSentence
from alignfreeze.contracts.registry import TASK as TASK_KIND
from alignfreeze.contracts.registry import catalogue, create_plugin
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.evaluation.tasks import create_tasks
from alignfreeze_tasks.ner import NamedEntityRecognition

TASK = NamedEntityRecognition()


# Other entities than WikiANN's

CONLL2003 = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC
call NN I-NP I-MISC

May NNP O B-DATE
Day NNP O B-MISC
"""
FULL = ("PER", "ORG", "LOC", "MISC", "DATE")


def test_other_types_are_told_at_once(load):
    message = (
        "tags MISC (2), DATE (1) are none of the task's: give ner.labels=PER,ORG,LOC,MISC,DATE, "
        "or ner.other=O to read them as O"
    )
    with pytest.raises(DataError, match=rf"test\.tsv: {re.escape(message)}$"):
        load(CONLL2003)


def test_a_file_of_nothing_but_other_types_is_refused(load):
    """With ``other=O`` there would be nothing to find."""
    message = r"tags group \(1\) are none of the task's: give ner\.labels=group$"
    for task in (TASK, NamedEntityRecognition(other="O")):
        with pytest.raises(DataError, match=message):
            load("a\tB-group\n", task=task)


def test_a_file_of_another_kind_gets_no_proposal(load):
    text = "".join(f"a\tB-type{n}\n" for n in range(200))
    with pytest.raises(DataError, match=r"and 190 more are none of the task's, PER,ORG,LOC$"):
        load(text)


@pytest.mark.parametrize(
    "given", [FULL, [*FULL], "PER,ORG,LOC,MISC,DATE", "PER, ORG,LOC,MISC,DATE,"]
)
def test_types_may_be_others(load, given):
    task = NamedEntityRecognition(labels=given)
    assert task.labels[:3] == ("O", "B-PER", "I-PER")
    assert task.labels[-2:] == ("B-DATE", "I-DATE")
    assert len(task.labels) == 11
    first, second = sentences = load(CONLL2003, task=task)
    assert first.tags == ("B-ORG", "O", "B-MISC", "I-MISC")
    assert second.words == ("May", "Day")
    assert task.counts(sentences) == {"sentences": 2, "words": 6, "entities": 4}
    assert task.label_counts(sentences) == {
        **{"O": 1, "B-ORG": 1, "B-MISC": 2, "I-MISC": 1, "B-DATE": 1}
    }


def test_other_types_may_be_read_as_nothing(load):
    first, second = sentences = load(CONLL2003, task=NamedEntityRecognition(other="O"))
    assert (first.tags, second.tags) == (("B-ORG", "O", "O", "O"), ("O", "O"))
    assert sentences.notes["entities of other types, read as O: MISC (2), DATE (1)"] == 3


def test_the_default_says_nothing_of_itself():
    """So that its results are those of a run that gives no types."""
    same = NamedEntityRecognition(labels="PER,ORG,LOC", other="error")
    assert same == TASK
    assert (
        same.labels == TASK.labels == ("O", *["B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"])
    )
    assert same.model_dump(mode="json", exclude_defaults=True) == {}
    identities = [
        task.model_dump(mode="json")  # what results are known by
        for task in (TASK, NamedEntityRecognition(other="O"), NamedEntityRecognition(labels=FULL))
    ]
    assert same.model_dump(mode="json") == identities[0]
    assert all(one != other for one, other in combinations(identities, 2))
    given = NamedEntityRecognition(labels="MISC", other="O").model_dump(mode="json")
    assert given == {"labels": ["MISC"], "other": "O"}
    assert NamedEntityRecognition(**given).labels == ("O", "B-MISC", "I-MISC")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            {"labels": "PER,B-LOC"},
            "labels must be types such as PER, not tags: 'B-LOC'",
        ),
        ({"labels": "O"}, "labels must be types such as PER, not tags: 'O'"),
        ({"labels": ["A B"]}, "labels must be types such as PER, not tags: 'A B'"),
        ({"labels": ""}, "labels must name at least one type of entities, got ''"),
        ({"labels": "PER,PER"}, "labels must not name anything twice: PER"),
        ({"labels": False}, "labels must be a list of values, got False"),
        ({"other": "drop"}, "other must be 'error' or 'O', got 'drop'"),
        ({"types": "PER"}, "types is not a known option; known: labels, other"),
    ],
)
def test_wrong_types_are_refused(args, message):
    with pytest.raises(ConfigError, match=f"^task 'ner': {re.escape(message)}"):
        create_plugin(TASK_KIND, "ner", args)


def test_the_catalogue_shows_what_to_give():
    (info,) = (info for info in catalogue([TASK_KIND]) if info.name == "ner")
    assert info.fields == ("labels=('PER', 'ORG', 'LOC')", "other='error'")


@pytest.mark.parametrize(
    "text",
    [
        "ner.labels=PER,ORG,LOC,MISC,ner.other=O",
        '{"ner": {"labels": ["PER", "ORG", "LOC", "MISC"], "other": "O"}}',
        '{"ner.labels": "PER,ORG,LOC,MISC", "ner.other": "O"}',
    ],
)
def test_types_are_given_as_an_option(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_text(f"task: ner\ntask_args: {text if text[0] == '{' else repr(text)}\n", "utf-8")
    for options in ({"task": "ner", "task_args": text}, {"config": str(file)}):
        (task,) = create_tasks(build_config(options)).values()
        assert task == NamedEntityRecognition(labels="PER,ORG,LOC,MISC", other="O")


def test_a_scheme_of_a_file_is_told(load):
    (sentence,) = sentences = load("a\tU-PER\nb\tB-LOC\nc\tL-LOC\n")
    assert sentence.tags == ("B-PER", "B-LOC", "I-LOC")
    assert sentences.notes == {"tags with L-, U-, read as IOB2": 2}
    with pytest.raises(DataError, match=r"test\.tsv: tags must be O, or B- or I- .* got x \(1\)$"):
        load("a\tx\n")


# Rows


def save(
    path: Path, tags: list[object], names: list[str] | None = None, words: str = "w w w w"
) -> None:
    kind = Value("int64") if names is None and type(tags[0]) is int else Value("string")
    feature = List(ClassLabel(names=names) if names else kind)
    path.parent.mkdir(parents=True)
    columns = {"tokens": [words.split()[: len(tags)]], "ner_tags": [tags]}
    features = Features({"tokens": List(Value("string")), "ner_tags": feature})
    Dataset.from_dict(columns, features=features).to_parquet(path)


def test_rows_with_other_types_say_the_same(source, tmp_path):
    names = [*TASK.labels, "B-MISC", "I-MISC"]
    save(tmp_path / "ner/xx/test.parquet", [7, 8, 1, 0], names)
    with pytest.raises(DataError, match=r"test\.parquet: tags MISC \(1\) are none of .*labels=PER"):
        TASK.load(source, "xx", "test")
    (sentence,) = NamedEntityRecognition(labels=FULL).load(source, "xx", "test")
    assert sentence.tags == ("B-MISC", "I-MISC", "B-PER", "O")


def test_numbers_are_tags_of_the_published_types_alone(source, tmp_path):
    save(tmp_path / "ner/xx/test.parquet", [1, 2, 0])
    (sentence,) = TASK.load(source, "xx", "test")
    assert sentence.tags == ("B-PER", "I-PER", "O")
    message = r"row 1: tags must be names with ner\.labels=PER,ORG,LOC,MISC,DATE, got the number 1"
    with pytest.raises(DataError, match=message):
        NamedEntityRecognition(labels=FULL).load(source, "xx", "test")


def test_rows_are_mended_as_text_is(source, tmp_path):
    save(tmp_path / "ner/nb/test.parquet", ["U-LOC", "O"], words="no:Oslo no:er")
    (sentence,) = sentences = TASK.load(source, "nb", "test")
    assert sentence == TaggedSentence(("Oslo", "er"), ("B-LOC", "O"))
    assert sentences.notes == {
        "words whose prefix 'no:' was cut off": 2,
        "tags with U-, read as IOB2": 1,
    }


# Places


@pytest.mark.parametrize(
    "name",
    [
        "ner/xx/dev",
        "ner/xx/dev.txt",
        "ner/xx/dev.conll",
        "ner/xx/dev.bio",
        "ner/xx/dev.iob2",
        "ner/xx/valid.txt",
        "ner/xx/validation.tsv",
        "ner/xx/esp.testa",
        "panx/dev-xx.tsv",
        "panx_dataset/xx/dev",
        "UNER_Xx-Yy/xx_yy-ud-dev.iob2",
    ],
)
def test_files_lie_where_they_are_published(source, write, name):
    write(name, "a O\nb B-PER\n")
    assert TASK.languages_in(source, "validation") == ["xx"]
    assert TASK.load(source, "xx", "validation") == [TaggedSentence(("a", "b"), ("O", "B-PER"))]


def test_a_test_split_without_tags_is_told(source, write):
    write("panx/test-de.tsv", "Ulm\nist\n\nschön\n")
    message = "test-de.tsv: a line must be token<TAB>tag, got 3 of 3 lines without a tag, as "
    with pytest.raises(DataError, match=re.escape(message)):
        TASK.load(source, "de", "test")
