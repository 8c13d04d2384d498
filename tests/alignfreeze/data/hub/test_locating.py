import re
import shutil
from dataclasses import replace

import pytest
import yaml
from datasets import Dataset

from alignfreeze.contracts import HubSplit
from alignfreeze.data.hub.supplier import HubSupplier
from alignfreeze.errors import DataError, MissingSplitError

COMMIT = "c0ffee" * 6 + "0000"
PLACE = HubSplit("some/data", "de", "train", ("a",), COMMIT)


def test_the_validation_split_may_be_called_dev(publish, supplier, rows_of):
    publish("some/data", "de", "dev", {"a": ["x"]})
    place = replace(PLACE, split="validation")
    supplier.fetch(place)
    assert rows_of(supplier, place) == [{"a": "x"}]


def test_a_mirror_may_hold_a_part(publish, supplier, mirror, rows_of):
    for config in ("af", "de", "fr"):
        publish("some/data", config, "train", {"a": [config]})
    publish("some/data", "de", "test", {"a": ["test"]}).unlink()
    shutil.rmtree(mirror / "some/data/af")
    supplier.fetch(PLACE)
    assert rows_of(supplier, PLACE) == [{"a": "de"}]
    with pytest.raises(DataError, match="there is no file of config 'af' in"):
        supplier.fetch(replace(PLACE, config="af"))


def test_a_split_that_is_there_in_part_is_an_error(publish, supplier, caplog):
    only = publish("some/data", "de", "train", {"a": ["x"]})
    only.rename(only.with_name("train-00000-of-00002.parquet"))
    publish("some/data", "de", "test", {"a": ["test"]})
    missing = r"mirror/some/data/de/train-00001-of-00002\.parquet: no such file, so the split is"
    with pytest.raises(DataError, match=missing):
        supplier.fetch(PLACE)
    assert not supplier.has(PLACE)
    assert re.search(f"some/data is left out: .*{missing}", caplog.text)
    supplier.fetch(replace(PLACE, split="test"))


def test_a_listed_file_that_is_missing_is_an_error(publish, supplier, mirror):
    publish("some/data", "de", "train", {"a": ["x"]})
    card = mirror / "some/data/README.md"
    card.write_text(card.read_text().replace("path: de/train-*", "path: [de/train-*, de/b/*]"))
    with pytest.raises(DataError, match=r"some/data/de/b/\*: no such file, so the split is there"):
        supplier.fetch(PLACE)


@pytest.mark.parametrize("config", [None, "default"])
def test_a_config_without_a_name_is_the_default(publish, supplier, mirror, config, rows_of):
    publish("some/data", "default", "train", {"a": ["x"]})
    card = mirror / "some/data/README.md"
    text = card.read_text()
    card.write_text(text.replace("- config_name: default\n  data_files", "- data_files"))
    assert card.read_text() != text
    place = replace(PLACE, config=config)
    supplier.fetch(place)
    assert rows_of(supplier, place) == [{"a": "x"}]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("configs: [", "the header must be YAML: line 1, column 11: while parsing"),
        ("- a", "the header must be a mapping"),
        ("configs: de", "configs must be a list of mappings, got 'de'"),
        ("configs: [{config_name: de, data_files: [{split: train}]}]", "config 'de': Invalid"),
    ],
)
def test_a_malformed_card_is_named(publish, supplier, mirror, header, reason):
    publish("some/data", "de", "train", {"a": ["x"]})
    (mirror / "some/data/README.md").write_text(f"---\n{header}\n---\n")
    for ask in (supplier.fetch, supplier.has):
        with pytest.raises(DataError, match=rf"some/data/README\.md: {reason}"):
            ask(PLACE)


@pytest.mark.parametrize(
    ("n_configs", "has"), [(1, "has: cs_pdtc"), (9, "nearest of 9: cs_pdtc")], ids=["few", "many"]
)
def test_a_config_that_is_not_there_is_told_by_what_there_is(publish, supplier, n_configs, has):
    for number in range(n_configs - 1):
        publish("some/data", f"other{number}", "test", {"a": ["x"]})
    publish("some/data", "cs_pdtc", "test", {"a": ["x"]})
    with pytest.raises(
        MissingSplitError, match=rf"mirror: no config 'cs_pdt', {has}; use"
    ) as error:
        supplier.fetch(replace(PLACE, config="cs_pdt"))
    assert error.value.reason == f"some/data: no config 'cs_pdt', {has}"


def test_a_split_may_have_a_name_of_its_own(publish, supplier, rows_of):
    publish("some/data", "de", "validation_matched", {"a": ["x"]})
    place = replace(PLACE, split="validation_matched")
    supplier.fetch(place)
    assert rows_of(supplier, place) == [{"a": "x"}]
    with pytest.raises(
        MissingSplitError, match=r"no split 'train' of .*, has: validation_matched; "
    ):
        supplier.fetch(PLACE)


@pytest.mark.parametrize("header", ["license: mit", "dataset_info: [{config_name: de}]"])
def test_a_card_that_lists_no_configs_is_no_loss_of_a_language(publish, supplier, mirror, header):
    publish("some/data", "de", "train", {"a": ["x"]})
    (mirror / "some/data/README.md").write_text(f"---\n{header}\n---\nText.\n")
    for ask in (supplier.fetch, supplier.has):
        with pytest.raises(
            DataError, match=r"its README\.md lists no configs, so .* 'de'"
        ) as error:
            ask(PLACE)
        assert not isinstance(error.value, MissingSplitError)


def test_a_data_set_without_its_card_is_one_line(publish, supplier, mirror):
    publish("some/data", "de", "train", {"a": ["x"]})
    (mirror / "some/data/README.md").unlink()
    with pytest.raises(DataError, match=r"there is no README\.md in .*some/data; use"):
        supplier.fetch(PLACE)


def test_files_of_another_kind_are_named(publish, supplier):
    path = publish("some/data", "de", "train", {"a": ["x"]})
    path.with_name("train-more.csv").write_text("a\n")
    with pytest.raises(DataError, match=r"de/train-more\.csv: the files .* must be parquet"):
        supplier.fetch(PLACE)


def test_the_card_says_what_integers_mean(publish, supplier, mirror, rows_of):
    publish("some/data", "de", "train", {"a": [1, 0]})
    card = mirror / "some/data/README.md"
    info = {
        "config_name": "de",
        "features": [{"name": "a", "dtype": {"class_label": {"names": {"0": "no", "1": "yes"}}}}],
        "splits": [{"name": "train", "num_bytes": 16, "num_examples": 2}],
    }
    text = yaml.safe_dump({"dataset_info": [info]})
    card.write_text(card.read_text().replace("---\n", f"---\n{text}", 1))
    supplier.fetch(PLACE)
    assert rows_of(supplier, PLACE) == [{"a": "yes"}, {"a": "no"}]


def test_what_a_card_says_of_other_columns_is_nothing_to_those_that_are_read(
    publish, supplier, mirror, rows_of
):
    publish("some/data", "de", "train", {"a": ["x"], "head": ["root"]})
    card = mirror / "some/data/README.md"
    listed = card.read_text().removeprefix("---\n")

    def say(name):
        dtypes = [{"name": name, "dtype": "string"}, {"name": "head", "dtype": "uint16"}]
        text = yaml.safe_dump({"dataset_info": [{"config_name": "de", "features": dtypes}]})
        card.write_text(f"---\n{text}{listed}")

    say("a")
    supplier.fetch(PLACE)
    assert rows_of(supplier, PLACE) == [{"a": "x"}]
    say("renamed")
    with pytest.raises(DataError, match=r"some/data de must have a column 'a', has: renamed head$"):
        supplier.fetch(PLACE)


def test_a_data_set_without_a_card_is_its_folder(publish, supplier, mirror, rows_of):
    path = publish("some/data", "de", "train", {"a": ["x"]})
    path.rename(mirror / "some/data/train.parquet")
    (mirror / "some/data/README.md").write_text("Text.\n")
    place = replace(PLACE, config=None)
    supplier.fetch(place)
    assert rows_of(supplier, place) == [{"a": "x"}]


def test_a_folder_of_the_data_sets_name_is_not_read(
    publish, online, tmp_path, monkeypatch, rows_of
):
    publish("some/data", "de", "train", {"a": ["the hub's"]})
    folder = tmp_path / "some" / "data"
    folder.mkdir(parents=True)
    Dataset.from_dict({"a": ["a stranger's"]}).to_parquet(str(folder / "train.parquet"))
    monkeypatch.chdir(tmp_path)
    supplier = HubSupplier()
    supplier.fetch(PLACE)
    assert rows_of(supplier, PLACE) == [{"a": "the hub's"}]
