from dataclasses import replace

import huggingface_hub
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Value

from alignfreeze.contracts import HubSplit
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.data.finding import find_data
from alignfreeze.data.hub import streams
from alignfreeze.data.hub.supplier import HubSupplier
from alignfreeze.errors import DataError

STRING = Value("string")
COMMIT = "c0ffee" * 6 + "0000"
PLACE = HubSplit("some/data", "de", "train", ("a",), COMMIT)


def test_files_of_a_split_follow_each_other_in_batches(
    publish, supplier, mirror, monkeypatch, rows_of
):
    monkeypatch.setattr(streams, "ROWS_PER_BATCH", 4)
    only = publish("some/data", "de", "train", {"a": [str(n) for n in range(10)]})
    first = only.rename(only.with_name("train-00000-of-00002.parquet"))
    second = {"a": [str(n) for n in range(10, 15)]}
    Dataset.from_dict(second).to_parquet(str(first.with_name("train-00001-of-00002.parquet")))
    supplier.fetch(PLACE)
    assert [row["a"] for row in rows_of(supplier, PLACE)] == [str(n) for n in range(15)]
    assert pq.ParquetFile(supplier.file(PLACE)).metadata.num_row_groups >= 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"repository": "no/data"}, "there is no folder .*data"),
        ({"config": "xx"}, "no config 'xx', has: de"),
        ({"columns": ("a", "z")}, None),
    ],
)
def test_what_a_mirror_lacks_is_one_line(publish, supplier, change, reason):
    publish("some/data", "de", "train", {"a": ["x"]})
    place = replace(PLACE, **change)
    message = (
        "^some/data de must have a column 'z', has: a$"
        if reason is None
        else rf"^data set '{place.repository}', config '{place.config}', revision '{COMMIT}' "
        rf"cannot be read from .*mirror: {reason}; use local files: data=FOLDER "
        rf"\(docs/data.md\), or data=hub:FOLDER after `hf download {place.repository} "
        rf"--repo-type dataset --revision {COMMIT} --local-dir FOLDER/{place.repository}`\Z"
    )
    with pytest.raises(DataError, match=message):
        supplier.fetch(place)
    assert not supplier.file(place).exists()


def test_a_truncated_download_is_one_line(publish, supplier):
    path = publish("some/data", "de", "train", {"a": ["x"] * 1000})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"^data set 'some/data'.* cannot be read from .*\Z"):
        supplier.fetch(PLACE)
    assert not supplier.file(PLACE).exists()


def test_without_a_network_the_error_says_so(monkeypatch):
    monkeypatch.setattr(streams, "why_offline", lambda: "HF_HUB_OFFLINE is set")
    message = r"^data set 'some/data', .* cannot be read from the hub: HF_HUB_OFFLINE is set; use"
    with pytest.raises(DataError, match=message):
        HubSupplier().fetch(PLACE)


def test_a_refusal_of_the_hub_is_one_line(online, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError("Dataset 'some/data' is a gated dataset.\nVisit it.")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(DataError, match=r"the hub: Dataset 'some/data' is a gated dataset\.; use"):
        HubSupplier().fetch(PLACE)


@pytest.mark.parametrize("feature", [None, {"de": STRING, "en": STRING}])
def test_texts_have_a_line_for_each_pair(opus, mirror, feature, caplog):
    opus("de", feature)
    source = find_data(f"hub:{mirror}")
    (bitext,) = find_bitexts(source, "en", ["de"])
    assert bitext.source_file.read_bytes().decode() == "Good day.\nOne two\nthree\n"
    assert bitext.target_file.read_bytes().decode() == (
        "Guten Tag.\nEins  zwei\u2028drei\tvier\x85\n\n"
    )
    assert "line breaks in 2 texts were replaced by spaces" in caplog.text
    assert (bitext.forward_dictionary, bitext.backward_dictionary) == (None, None)


def test_a_limit_is_another_text(opus, mirror, monkeypatch):
    monkeypatch.setattr(streams, "ROWS_PER_BATCH", 2)
    opus()
    for limit in (1, 2, 3, None):
        source = find_data(f"hub:{mirror}", max_pairs=limit)
        (bitext,) = find_bitexts(source, "en", ["de"])
        for path in (bitext.source_file, bitext.target_file):
            assert path.read_text().count("\n") == (limit or 3)
