import re
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import Mock

import huggingface_hub
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Value
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from alignfreeze.contracts import HubSplit
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.data.finding import find_data
from alignfreeze.data.hub import streams
from alignfreeze.data.hub.supplier import HubSupplier
from alignfreeze.errors import DataError, MissingSplitError

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


def refusal(kind, status=404, message="Client Error.\n\nSee the log."):
    address = "https://huggingface.co/datasets/some/data/resolve/c0ffee/README.md"
    response = SimpleNamespace(headers={}, request=None, status_code=status, url=address)
    return kind(message, response=response)


LOCAL = r"use local files: data=FOLDER .* --local-dir FOLDER/some/data`"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            refusal(GatedRepoError, 403),
            r"access is granted on request; ask at https://huggingface\.co/datasets/some/data, "
            "then `hf auth login`",
        ),
        (
            refusal(HfHubHTTPError, 401),
            "token is not valid .401.; `hf auth login`, or unset HF_TOKEN",
        ),
        (
            refusal(HfHubHTTPError, 403),
            r"forbidden \(403\); `hf auth login` with a token that .*",
        ),
        (refusal(HfHubHTTPError, 500), rf"Client Error\.; {LOCAL}"),
        (LocalEntryNotFoundError("it cannot be located.\nCheck."), rf"be located\.; {LOCAL}"),
        (PermissionError("it is not\nfor you"), rf"it is not; {LOCAL}"),
        (TimeoutError(), rf"TimeoutError; {LOCAL}"),
    ],
)
def test_what_fails_at_the_hub_is_one_line(online, monkeypatch, error, message):
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", Mock(side_effect=error))
    begins = f"^data set 'some/data', config 'de', revision '{COMMIT}' cannot be read from the hub"
    with pytest.raises(DataError, match=rf"{begins}: .*{message}\Z") as caught:
        HubSupplier().fetch(PLACE)
    assert not isinstance(caught.value, MissingSplitError)


@pytest.mark.parametrize(
    ("error", "reason", "remedy"),
    [
        (
            refusal(RepositoryNotFoundError, 401),
            "there is no such data set",
            "; see whether it was renamed; if it is private, `hf auth login`",
        ),
        (refusal(RevisionNotFoundError), f"there is no revision '{COMMIT}'", ""),
        (
            refusal(RemoteEntryNotFoundError),
            "there is no https://huggingface.co/datasets/some/data/resolve/c0ffee/README.md",
            "",
        ),
    ],
)
def test_what_is_not_at_the_hub_is_missing(online, monkeypatch, error, reason, remedy):
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", Mock(side_effect=error))
    with pytest.raises(
        MissingSplitError, match=re.escape(f"the hub: {reason}{remedy}") + r"\Z"
    ) as e:
        HubSupplier().fetch(PLACE)
    assert e.value.reason == f"some/data: {reason}"


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
