import io
import re
import urllib.error
from types import SimpleNamespace

import datasets
import huggingface_hub
import pytest
import yaml
from datasets import Dataset, Features, Translation
from fsspec.implementations.local import LocalFileSystem
from fsspec.registry import _registry

from alignfreeze.contracts import parquet_rows
from alignfreeze.data.hub import streams
from alignfreeze.data.hub import supplier as hub_supplier
from alignfreeze.data.hub.supplier import HubSupplier

OPUS = "Helsinki-NLP/opus-100"
TRANSLATIONS = [
    {"de": "Guten Tag.", "en": "Good day."},
    {"de": "Eins\r\nzwei\u2028drei\tvier\x85", "en": "One\ntwo"},
    {"de": "", "en": "three"},
]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    folder = tmp_path / "cache"
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(folder))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    # It would tell the hub of each load, and wait 5 s for a name server that is not there.
    monkeypatch.setattr(datasets.config, "HF_UPDATE_DOWNLOAD_COUNTS", False)
    return folder


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror"
    folder.mkdir()
    return folder


@pytest.fixture
def publish(mirror):
    """Writes a split as the hub has it: parquet files, and a card that lists them."""

    def publish_split(repository, config, split, columns, features=None):
        folder = mirror / repository
        path = folder / config / f"{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_dict(columns, features and Features(features)).to_parquet(str(path))
        list_files(folder, config, split)
        return path

    return publish_split


def list_files(folder, config, split):
    card = folder / "README.md"
    configs = yaml.safe_load(card.read_text().split("---\n")[1])["configs"] if card.exists() else []
    entry = next((entry for entry in configs if entry["config_name"] == config), None)
    if entry is None:
        configs.append(entry := {"config_name": config, "data_files": []})
    item = {"split": split, "path": f"{config}/{split}-*"}
    if item not in entry["data_files"]:
        entry["data_files"].append(item)
    card.write_text(f"---\n{yaml.safe_dump({'configs': configs})}---\nText.\n")


@pytest.fixture
def supplier(mirror):
    return HubSupplier(mirror)


@pytest.fixture
def online(monkeypatch, mirror):
    """A hub that has what is published; the revisions of which files were read are in a list."""
    asked = []

    class Hub(LocalFileSystem):
        protocol = "hf"

        @classmethod
        def _strip_protocol(cls, path):
            found = re.fullmatch(r"(?:hf://)?datasets/([^@]+)@(\w+)/(.+)", path)
            if found is None:
                return super()._strip_protocol(f"/{path.removeprefix('hf://').lstrip('/')}")
            asked.append(found[2])
            return super()._strip_protocol(f"{mirror}/{found[1]}/{found[3]}")

    def hf_hub_download(repository, name, *, repo_type, revision):
        asked.append(revision)
        return str(mirror / repository / name)

    monkeypatch.setattr(streams, "why_offline", lambda: "")
    monkeypatch.setitem(_registry, "hf", Hub)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    return asked


@pytest.fixture
def commits(monkeypatch):
    """Commits of the hub's data sets, one after the other; what was looked up is in a list."""
    looked_up = []

    def dataset_info(_, repository, revision):
        looked_up.append((repository, revision))
        return SimpleNamespace(sha=str(len(looked_up)) * 40)

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)
    return looked_up


@pytest.fixture
def rows_of():
    """Reads the columns of a split that was fetched."""

    def read(supplier, place):
        return [row for _, row in parquet_rows(supplier.file(place), place.columns)]

    return read


@pytest.fixture
def opus(publish):
    def publish_pairs(language="de", feature=None):
        config = "-".join(sorted(("en", language)))
        pairs = [{language: pair["de"], "en": pair["en"]} for pair in TRANSLATIONS]
        feature = feature or Translation(languages=sorted(("en", language)))
        publish(OPUS, config, "train", {"translation": pairs}, {"translation": feature})

    return publish_pairs


@pytest.fixture
def site(monkeypatch):
    """A site whose answers by file name are set, and whose requests are kept."""
    answers, asked = {}, []

    def urlopen(address, timeout):
        name = address.rpartition("/")[2]
        asked.append(name)
        answer = answers.get(name, urllib.error.HTTPError(address, 403, "Forbidden", None, None))
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer)

    monkeypatch.setattr(hub_supplier, "why_offline", lambda: "")
    monkeypatch.setattr(hub_supplier.urllib.request, "urlopen", urlopen)
    return SimpleNamespace(answers=answers, asked=asked)
