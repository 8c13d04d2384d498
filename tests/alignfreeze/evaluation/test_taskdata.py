"""Which languages a task is evaluated in, where the hub turns out to lack some."""

from typing import get_args

import pytest

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Split
from alignfreeze.data.finding import find_data
from alignfreeze.errors import DataError, MissingSplitError
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze_tasks.pos import TREEBANKS, PartOfSpeechTagging

OTHERS = sorted(TREEBANKS.keys() - {"en", "de", "ru"})
"""Languages that the demo has not, and the hub is thought to have."""


@pytest.fixture
def read(tokenizer):
    """Reads the data of PoS tagging."""

    def read_from(source, task=None, **options):
        config = RunConfig(**options)
        return TaskData(
            "pos", task or PartOfSpeechTagging(), config, source=source, tokenizer=tokenizer
        )

    return read_from


def test_languages_that_the_hub_lacks_are_left_out_and_told_at_once(demo_hub, read, caplog):
    source = demo_hub(splits=OTHERS)
    for _ in range(2):  # as often as it is run
        caplog.clear()
        data = read(source)
        assert (data.targets, data.missing) == (("de", "ru"), tuple(OTHERS))
        assert data.languages("test") == ["en", "de", "ru"]
        listed = ", ".join(f"{language} (no {TREEBANKS[language]})" for language in OTHERS)
        (warning,) = (record for record in caplog.records if record.levelname == "WARNING")
        told = f"left out, for the hub has no test split for pos: {listed}"
        assert warning.getMessage() == told
    every = {f"{language}/{split}" for language in ("en", "de", "ru") for split in get_args(Split)}
    assert {name for name in source.supplier.fetched if name[:2] not in OTHERS} == every - {
        f"{language}/train" for language in ("de", "ru")
    }


def test_validation_splits_that_are_missing_are_told_at_once(demo_hub, read, caplog):
    data = read(demo_hub(splits=["de/validation", "ru/validation"]), languages=("ru", "de"))
    assert (data.targets, data.missing) == (("ru", "de"), ())
    assert data.languages("validation") == ["en"]
    assert caplog.messages[-1] == "pos: no validation split of ru de"


def test_the_order_is_that_of_the_languages(demo_hub, read):
    source = demo_hub(splits=["fr"])
    read(source, languages=("ru", "fr", "de"))
    fetched = list(dict.fromkeys(source.supplier.fetched))
    assert fetched == [
        *("en/train", "en/validation", "en/test", "ru/test", "fr/test", "de/test"),
        *("ru/validation", "de/validation"),
    ]


def test_it_may_be_an_error(demo_hub, read):
    source = demo_hub(splits=["cs", "fr"])
    message = (
        r"^the hub has no test split for pos of fr \(no fr_gsd\), cs \(no cs_pdtc\) \(missing="
    )
    with pytest.raises(MissingSplitError, match=message):
        read(source, languages=("fr", "de", "cs"), missing="error")


@pytest.mark.parametrize(
    ("lacks", "message"),
    [
        (["en"], "it has none, so 'en' has no train split"),
        (["en/test"], "it has none, so 'en' has no test split"),
        (["de", "ru"], r"for pos of de \(no de_gsd\), ru \(no ru_gsd\), and no language is left$"),
    ],
)
def test_the_source_language_and_some_target_must_be_there(demo_hub, read, lacks, message):
    with pytest.raises(MissingSplitError, match=message):
        read(demo_hub(splits=lacks), languages=("de", "ru"))


def test_what_fails_otherwise_costs_the_run(demo_hub, read, monkeypatch):
    source = demo_hub()
    fetch = source.supplier.fetch

    def fail(place):
        if place.config == "ru_gsd":
            raise DataError("there is no network")
        fetch(place)

    monkeypatch.setattr(source.supplier, "fetch", fail)
    with pytest.raises(DataError, match="there is no network"):
        read(source, languages=("de", "ru"))


def test_a_folder_is_to_have_the_languages_that_are_named(cache, read):
    with pytest.raises(MissingSplitError, match=r"fr/test\.conllu: no such file, so 'fr' has"):
        read(find_data("demo"), languages=("de", "fr"))


def test_a_language_that_the_task_does_not_know_is_no_loss_of_the_hub(demo_hub, read):
    with pytest.raises(MissingSplitError, match="pos: the hub has no data set for it, so 'xx' has"):
        read(demo_hub(), languages=("de", "xx"))


class Unpublished(PartOfSpeechTagging):
    """Tags words of files alone."""

    def hub_split(self, language, split):
        return None


def test_a_task_without_data_sets_says_so(demo_hub, read):
    message = (
        r"^Unpublished names no data set on the hub; use files \(data=FOLDER\), so 'en' has no "
        "test split; languages with one: none$"
    )
    with pytest.raises(MissingSplitError, match=message):
        read(demo_hub(), Unpublished())


# Lengths of evaluation

LONG = "1\t" + "a" * 30 + "\t_\tNOUN" + "\t_" * 6 + "\n"


@pytest.fixture
def long_rows(write, source):
    """English and German sentences of eight words, each of 30 letters."""
    lines = "".join(LONG.replace("1", str(number), 1) for number in range(1, 9))
    for language in ("en", "de"):
        for split in ("train", "dev", "test"):
            write(f"pos/{language}/{split}.conllu", f"{lines}\n")
    return source


def longest(data):
    """The longest row that is trained on, and of each split that is evaluated."""
    sets = data.evaluation_sets(get_args(Split))
    rows = {"trained": data.training_features, "first": data.first_validated(1).features}
    rows |= {f"{found.language}/{found.split}": found.features for found in sets}
    return {name: max(len(row.input_ids) for row in found) for name, found in rows.items()}


@pytest.mark.parametrize("given", ["40", "pos=40", {"pos": 40, "qa": 90}])
def test_rows_of_evaluation_have_a_length_of_their_own(read, long_rows, given):
    usual = longest(read(long_rows, max_length=80))
    other = longest(read(long_rows, max_length=80, eval_max_length=given))
    assert usual["trained"] == other["trained"] > 40
    assert {usual[name] for name in usual} == {usual["trained"]}
    assert {n for name, n in other.items() if name != "trained"} == {usual["de/test"] - 30}


def test_another_length_of_evaluation_is_another_result(read, long_rows):
    usual, same, other = (
        read(long_rows, max_length=80, eval_max_length=given).identity
        for given in ({}, "pos=80", "pos=40")
    )
    assert usual == same != other


def test_a_task_may_be_read_otherwise_in_evaluation(read, long_rows):
    class Cuts(PartOfSpeechTagging):
        half: bool = False

        def evaluated(self):
            return self.model_copy(update={"half": True})

        def featurize(self, examples, tokenizer, max_length):
            return super().featurize(examples, tokenizer, max_length // (2 if self.half else 1))

    found = longest(read(long_rows, task=Cuts(), max_length=80))
    assert found == {name: 62 if name == "trained" else 32 for name in found}
