import io
import logging
import re
import shutil
import urllib.error
from dataclasses import replace
from types import SimpleNamespace

import datasets
import huggingface_hub
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import ClassLabel, Dataset, Features, List, Translation, Value
from fsspec.implementations.local import LocalFileSystem
from fsspec.registry import _registry

from alignfreeze.contracts import HubSplit, parquet_rows
from alignfreeze.data.bitexts import find_bitexts, parallel_languages
from alignfreeze.data.finding import find_data
from alignfreeze.data.hub import HubSupplier, dictionaries, streams
from alignfreeze.data.hub.files import replacing
from alignfreeze.errors import DataError, MissingSplitError
from alignfreeze_tasks.ner import NamedEntityRecognition
from alignfreeze_tasks.nli import NaturalLanguageInference
from alignfreeze_tasks.pos import TREEBANKS, PartOfSpeechTagging
from alignfreeze_tasks.qa import QuestionAnswering

OPUS = "Helsinki-NLP/opus-100"
UD_TAGS = ClassLabel(names=["NOUN", "PUNCT", "_", "VERB"])
NLI_LABELS = ClassLabel(names=["entailment", "neutral", "contradiction"])
NER_TAGS = ClassLabel(names=["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"])
STRING = Value("string")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    folder = tmp_path / "cache"
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(folder))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
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


COMMIT = "c0ffee" * 6 + "0000"
PLACE = HubSplit("some/data", "de", "train", ("a",), COMMIT)


def rows_of(supplier, place):
    return [row for _, row in parquet_rows(supplier.file(place), place.columns)]


# Labelled data, from its source to examples


def load(task, mirror, language="de", split="test"):
    return task.load(find_data(f"hub:{mirror}"), language, split)


TOKENS = [["Zum", "Zu", "dem", "Haus", "."], ["Geh"]]
UPOS = [["_", "NOUN", "NOUN", "NOUN", "PUNCT"], ["VERB"]]


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
    with pytest.raises(MissingSplitError, match="'th' has no validation split"):
        load(task, mirror, "th", "validation")


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


# Splits


def test_a_split_is_fetched_once(publish, supplier, monkeypatch):
    place = replace(PLACE, repository="a/b", columns=("x", "y"))
    publish("a/b", "de", "train", {"x": ["1", "2"], "unused": [3, 4], "y": [5, 6]})
    supplier.fetch(place)
    assert rows_of(supplier, place) == [{"x": "1", "y": 5}, {"x": "2", "y": 6}]
    assert pq.read_schema(supplier.file(place)).names == ["x", "y"]
    monkeypatch.setattr("alignfreeze.data.hub.supplier.open_split", None)
    supplier.fetch(place)


def test_files_of_a_split_follow_each_other_in_batches(publish, supplier, mirror, monkeypatch):
    monkeypatch.setattr(streams, "ROWS_PER_BATCH", 4)
    only = publish("some/data", "de", "train", {"a": [str(n) for n in range(10)]})
    first = only.rename(only.with_name("train-00000-of-00002.parquet"))
    second = {"a": [str(n) for n in range(10, 15)]}
    Dataset.from_dict(second).to_parquet(str(first.with_name("train-00001-of-00002.parquet")))
    supplier.fetch(PLACE)
    assert [row["a"] for row in rows_of(supplier, PLACE)] == [str(n) for n in range(15)]
    assert pq.ParquetFile(supplier.file(PLACE)).metadata.num_row_groups >= 4


def test_columns_are_added_to_what_is_there(publish, supplier):
    publish("some/data", "de", "train", {"a": ["x"], "b": ["y"], "c": ["z"]})
    for column in ("a", "b", "a"):
        place = replace(PLACE, columns=(column,))
        supplier.fetch(place)
        assert rows_of(supplier, place) == [{column: {"a": "x", "b": "y"}[column]}]
    assert pq.read_schema(supplier.file(PLACE)).names == ["a", "b"]


@pytest.mark.parametrize(
    ("sealed", "fault"), [(True, "is not what was written"), (False, "cannot be read")]
)
def test_a_truncated_file_in_the_cache_is_fetched_anew(publish, supplier, caplog, sealed, fault):
    publish("some/data", "de", "train", {"a": ["x"]})
    supplier.fetch(PLACE)
    path = supplier.file(PLACE)
    path.write_bytes(path.read_bytes()[:50])
    if not sealed:  # as older versions wrote it
        path.with_name(f".{path.name}.sha256").unlink()
    supplier.fetch(PLACE)
    assert f"{path}: {fault}, and is fetched anew" in caplog.text
    assert rows_of(supplier, PLACE) == [{"a": "x"}]


def test_a_missing_split_writes_no_parquet_and_is_remembered(publish, online, caplog):
    caplog.set_level(logging.INFO)
    publish("some/data", "de", "test", {"a": ["x"]})
    supplier = HubSupplier()
    assert supplier.has(PLACE)
    supplier.fetch(PLACE)
    assert not supplier.file(PLACE).exists()
    assert "some/data de has no split 'train', has: test" in caplog.text
    assert not supplier.has(PLACE)
    caplog.clear()
    supplier.fetch(PLACE)
    assert not caplog.text


def test_a_split_that_a_mirror_loses_is_gone(publish, supplier):
    path = publish("some/data", "de", "train", {"a": ["x"]})
    publish("some/data", "de", "test", {"a": ["y"]})
    supplier.fetch(PLACE)
    path.unlink()
    supplier.fetch(PLACE)
    assert not supplier.file(PLACE).exists()


def test_the_validation_split_may_be_called_dev(publish, supplier):
    publish("some/data", "de", "dev", {"a": ["x"]})
    place = replace(PLACE, split="validation")
    supplier.fetch(place)
    assert rows_of(supplier, place) == [{"a": "x"}]


def test_a_mirror_may_hold_a_part(publish, supplier, mirror):
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


def test_what_a_mirror_has(publish, supplier, mirror):
    for config in ("de", "fr"):
        publish("some/data", config, "train", {"a": ["x"]})
    shutil.rmtree(mirror / "some/data/fr")
    assert supplier.has(PLACE)
    for change in ({"repository": "no/data"}, {"config": "fr"}, {"config": "xx"}):
        assert not supplier.has(replace(PLACE, **change))
    assert not supplier.has(replace(PLACE, split="test"))


def test_languages_of_a_task_are_those_that_a_mirror_has(publish, mirror):
    columns = {"tokens": [["a"]], "ner_tags": [[0]]}
    for language in ("en", "de"):
        publish("unimelb-nlp/wikiann", language, "test", columns)
    assert NamedEntityRecognition().languages_in(find_data(f"hub:{mirror}")) == ["de", "en"]


@pytest.mark.parametrize("config", [None, "default"])
def test_a_config_without_a_name_is_the_default(publish, supplier, mirror, config):
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
        ("configs: [", "the header must be YAML: while parsing"),
        ("- a", "the header must be YAML: repo card metadata block should be a dict"),
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


def test_the_card_says_what_integers_mean(publish, supplier, mirror):
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


def test_a_data_set_without_a_card_is_its_folder(publish, supplier, mirror):
    path = publish("some/data", "de", "train", {"a": ["x"]})
    path.rename(mirror / "some/data/train.parquet")
    (mirror / "some/data/README.md").write_text("Text.\n")
    place = replace(PLACE, config=None)
    supplier.fetch(place)
    assert rows_of(supplier, place) == [{"a": "x"}]


def test_a_data_set_that_changes_is_another(publish, mirror):
    publish("some/data", "de", "train", {"a": ["x"]})
    HubSupplier(mirror).fetch(PLACE)
    publish("some/data", "de", "train", {"a": ["x", "y"]})
    changed = HubSupplier(mirror)
    changed.fetch(PLACE)
    assert rows_of(changed, PLACE) == [{"a": "x"}, {"a": "y"}]


def test_a_language_that_is_added_leaves_the_others(opus, publish, mirror, cache, monkeypatch):
    def fetch():
        HubSupplier(mirror).fetch(PLACE)
        HubSupplier(mirror).fetch_bitext("en", "de")
        return {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}

    opus()
    publish("some/data", "de", "train", {"a": ["x"]})
    before = fetch()
    opus("fr")
    publish("some/data", "fr", "train", {"a": ["x"]})
    monkeypatch.setattr("alignfreeze.data.hub.supplier.open_split", None)
    assert fetch() == before


def test_a_text_that_changes_takes_the_place_of_the_old(opus, mirror, cache):
    opus()
    HubSupplier(mirror).fetch_bitext("en", "de")
    files = sorted(cache.rglob("*"))
    path = mirror / OPUS / "de-en/train-00000-of-00001.parquet"
    pairs = {"translation": [{"de": "neu", "en": "new"}]}
    Dataset.from_dict(pairs).to_parquet(str(path))
    bitext = HubSupplier(mirror).fetch_bitext("en", "de")
    assert bitext.target_file.read_text() == "neu\n"
    assert sorted(cache.rglob("*")) == files


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"repository": "no/data"}, "there is no folder .*data"),
        ({"config": "xx"}, "config must be one of de, got 'xx'"),
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


# The hub


def test_a_pinned_commit_is_read(publish, online, cache):
    publish("some/data", "de", "train", {"a": ["x", "y"]})
    supplier = HubSupplier()
    supplier.fetch(PLACE)
    assert set(online) == {COMMIT}
    assert supplier.file(PLACE) == cache / f"hub/some/data/{COMMIT}/de/train.parquet"
    assert rows_of(supplier, PLACE) == [{"a": "x"}, {"a": "y"}]


def test_a_folder_of_the_data_sets_name_is_not_read(publish, online, tmp_path, monkeypatch):
    publish("some/data", "de", "train", {"a": ["the hub's"]})
    folder = tmp_path / "some" / "data"
    folder.mkdir(parents=True)
    Dataset.from_dict({"a": ["a stranger's"]}).to_parquet(str(folder / "train.parquet"))
    monkeypatch.chdir(tmp_path)
    supplier = HubSupplier()
    supplier.fetch(PLACE)
    assert rows_of(supplier, PLACE) == [{"a": "the hub's"}]


@pytest.mark.parametrize(("revision", "folder"), [(None, "newest"), ("2.17", "2.17")])
def test_what_may_move_is_looked_up_once_and_kept_to(
    publish, online, commits, cache, caplog, revision, folder
):
    caplog.set_level(logging.INFO)
    for config in ("de", "fr"):
        publish("some/data", config, "train", {"a": ["x"]})
        HubSupplier().fetch(replace(PLACE, revision=revision, config=config))
    assert commits == [("some/data", revision)]
    assert set(online) == {"1" * 40}
    assert (cache / f"hub/some/data/{folder}/revision").read_text() == "1" * 40 + "\n"
    assert f"some/data, revision {folder!r}: from now on at commit 1111" in caplog.text


def test_a_mirror_has_no_revision_to_look_up(publish, supplier, commits):
    publish("some/data", "de", "train", {"a": ["x"]})
    supplier.fetch(replace(PLACE, revision="2.17"))
    assert commits == []


def test_without_a_network_the_error_says_so(monkeypatch):
    monkeypatch.setattr(streams, "why_offline", lambda: "HF_HUB_OFFLINE is set")
    message = r"^data set 'some/data', .* cannot be read from the hub: HF_HUB_OFFLINE is set; use"
    with pytest.raises(DataError, match=message):
        HubSupplier().fetch(PLACE)


def test_what_is_in_the_cache_needs_no_network(publish, online, monkeypatch):
    publish("some/data", "de", "train", {"a": ["x"]})
    missing = replace(PLACE, split="test")
    for place in (PLACE, missing):
        HubSupplier().fetch(place)
    online.clear()
    monkeypatch.setattr(streams, "why_offline", lambda: "there is no network")
    for place in (PLACE, missing):
        HubSupplier().fetch(place)
    assert online == []


def test_a_refusal_of_the_hub_is_one_line(online, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError("Dataset 'some/data' is a gated dataset.\nVisit it.")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(DataError, match=r"the hub: Dataset 'some/data' is a gated dataset\.; use"):
        HubSupplier().fetch(PLACE)


# Parallel text


TRANSLATIONS = [
    {"de": "Guten Tag.", "en": "Good day."},
    {"de": "Eins\r\nzwei\u2028drei\tvier\x85", "en": "One\ntwo"},
    {"de": "", "en": "three"},
]


@pytest.fixture
def opus(publish):
    def publish_pairs(language="de", feature=None):
        config = "-".join(sorted(("en", language)))
        pairs = [{language: pair["de"], "en": pair["en"]} for pair in TRANSLATIONS]
        feature = feature or Translation(languages=sorted(("en", language)))
        publish(OPUS, config, "train", {"translation": pairs}, {"translation": feature})

    return publish_pairs


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


def test_dictionaries_come_from_the_mirror(opus, mirror, write, caplog):
    opus()
    write("mirror/dictionaries/en-de.txt", "day Tag\n")
    (bitext,) = find_bitexts(find_data(f"hub:{mirror}"), "en", ["de"])
    assert bitext.forward_dictionary.read_text() == "day Tag\n"
    assert bitext.backward_dictionary is None
    assert "no dictionary de-en.txt: " in caplog.text


def test_a_limit_is_another_text(opus, mirror, monkeypatch):
    monkeypatch.setattr(streams, "ROWS_PER_BATCH", 2)
    opus()
    for limit in (1, 2, 3, None):
        source = find_data(f"hub:{mirror}", max_pairs=limit)
        (bitext,) = find_bitexts(source, "en", ["de"])
        for path in (bitext.source_file, bitext.target_file):
            assert path.read_text().count("\n") == (limit or 3)


def test_all_of_a_text_will_do_for_a_part(opus, mirror, online, site, monkeypatch):
    opus()
    site.answers["en-de.txt"] = b"day Tag\n"
    whole = HubSupplier().fetch_bitext("en", "de")
    monkeypatch.setattr(streams, "why_offline", lambda: "there is no network")
    assert HubSupplier(max_pairs=1).fetch_bitext("en", "de") == whole
    assert site.asked.count("en-de.txt") == 1


def test_texts_and_dictionaries_that_were_cut_are_fetched_anew(opus, online, site, caplog):
    opus()
    site.answers["en-de.txt"] = b"day Tag\nnight Nacht\n"
    bitext = HubSupplier().fetch_bitext("en", "de")
    files = (bitext.source_file, bitext.target_file, bitext.forward_dictionary)
    whole = [path.read_bytes() for path in files]
    for path, content in zip(files, whole, strict=True):
        path.write_bytes(content[: content.index(b"\n") + 1])
    assert HubSupplier().fetch_bitext("en", "de") == bitext
    assert [path.read_bytes() for path in files] == whole
    for path in (bitext.source_file, bitext.forward_dictionary):
        assert f"{path}: is not what was written, and is fetched anew" in caplog.text


def test_texts_without_digests_are_taken_as_they_are(opus, online, site):
    """As older versions wrote them."""
    opus()
    bitext = HubSupplier().fetch_bitext("en", "de")
    for path in (bitext.source_file, bitext.target_file):
        path.with_name(f".{path.name}.sha256").unlink()
    before = bitext.source_file.stat().st_mtime_ns
    assert HubSupplier().fetch_bitext("en", "de") == bitext
    assert bitext.source_file.stat().st_mtime_ns == before


def test_a_part_of_a_text_is_not_taken_for_all(opus, online, site):
    opus()
    part = HubSupplier(max_pairs=1).fetch_bitext("en", "de")
    whole = HubSupplier().fetch_bitext("en", "de")
    assert part.source_file.read_text() == "Good day.\n"
    assert whole.source_file.read_text().startswith("Good day.\nOne two\n")


def test_a_complete_language_is_not_read_again(opus, mirror, monkeypatch):
    opus("de")
    opus("fr")
    find_bitexts(find_data(f"hub:{mirror}"), "en", ["de"])
    opened = []
    original = streams.open_split

    def open_split(place, *arguments):
        opened.append(place.config)
        return original(place, *arguments)

    monkeypatch.setattr("alignfreeze.data.hub.supplier.open_split", open_split)
    find_bitexts(find_data(f"hub:{mirror}"), "en", ["de", "fr"])
    assert opened == ["en-fr"]


def test_an_interrupted_language_leaves_nothing_and_starts_anew(opus, mirror, monkeypatch):
    opus()
    supplier = HubSupplier(mirror)
    original = streams.tables

    def interrupted(*arguments):
        yield from original(*arguments)
        raise ConnectionResetError("gone")

    with monkeypatch.context() as context:
        context.setattr(streams, "tables", interrupted)
        with pytest.raises(DataError, match=r"config 'de-en', revision '805090dc.*: gone; use"):
            supplier.fetch_bitext("en", "de")
    assert not [path for path in supplier.root.rglob("*") if path.is_file()]
    supplier.fetch_bitext("en", "de")
    (text,) = supplier.root.rglob("en-de.en")
    assert text.read_text().startswith("Good day.")


def test_languages_of_a_mirror_are_those_that_are_there(opus, mirror):
    opus("de")
    opus("zh")
    source = find_data(f"hub:{mirror}")
    assert parallel_languages(source, "en") == ["de", "zh"]
    assert parallel_languages(source, "de") == []


def test_languages_of_the_hub_are_the_published_ones():
    languages = parallel_languages(find_data("hub"), "en")
    assert languages == sorted(PartOfSpeechTagging.languages)
    assert len(languages) == 34


def test_text_is_with_english_alone(mirror):
    with pytest.raises(DataError, match="has the source language 'en' alone, got 'de'"):
        find_bitexts(find_data(f"hub:{mirror}"), "de", ["fr"])


def test_a_language_without_text_is_named(opus, mirror):
    opus()
    with pytest.raises(
        DataError, match=r"'Helsinki-NLP/opus-100', config 'en-xx', .* one of de-en"
    ):
        find_bitexts(find_data(f"hub:{mirror}"), "en", ["xx"])


# Dictionaries


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

    monkeypatch.setattr(dictionaries, "why_offline", lambda: "")
    monkeypatch.setattr(dictionaries.urllib.request, "urlopen", urlopen)
    return SimpleNamespace(answers=answers, asked=asked)


def test_dictionaries_are_downloaded_once(site, tmp_path):
    site.answers["en-de.txt"] = b"day Tag\n"
    for _ in range(2):
        dictionaries.Dictionaries(tmp_path / "d", None).fetch("en", "de")
    assert (tmp_path / "d/en-de.txt").read_bytes() == b"day Tag\n"
    assert site.asked == ["en-de.txt"]


def test_a_missing_dictionary_is_a_warning(site, tmp_path, caplog):
    site.answers["de-en.txt"] = b"Tag day\n"
    some = dictionaries.Dictionaries(tmp_path / "d", None)
    some.fetch("en", "de")
    some.fetch("de", "en")
    assert "no dictionary en-de.txt: HTTP Error 403: Forbidden" in caplog.text
    assert [path.name for path in (tmp_path / "d").glob("*.txt")] == ["de-en.txt"]


def test_a_silent_site_is_asked_once(site, tmp_path, caplog):
    site.answers["en-de.txt"] = TimeoutError("timed out")
    some = dictionaries.Dictionaries(tmp_path / "d", None)
    for target in ("de", "fr"):
        some.fetch("en", target)
    assert site.asked == ["en-de.txt"]
    assert "no dictionary en-de.txt: timed out" in caplog.text
    assert "no dictionary en-fr.txt: not asked for, since timed out" in caplog.text


def test_offline_no_site_is_asked(site, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(dictionaries, "why_offline", lambda: "HF_HUB_OFFLINE is set")
    dictionaries.Dictionaries(tmp_path / "d", None).fetch("en", "de")
    assert site.asked == []
    assert "no dictionary en-de.txt: HF_HUB_OFFLINE is set" in caplog.text


def test_a_mirrors_dictionaries_are_as_they_are_there(site, write, tmp_path):
    some = dictionaries.Dictionaries(tmp_path / "d", tmp_path / "mirror")
    for text in ("day Tag\n", "day Tage\n"):
        path = write("mirror/en-de.txt", text)
        some.fetch("en", "de")
        assert (tmp_path / "d/en-de.txt").read_text() == text
    path.unlink()
    some.fetch("en", "de")
    assert not (tmp_path / "d/en-de.txt").exists()
    assert site.asked == []


def test_files_are_replaced_together(write, tmp_path):
    old, new = write("old", "before"), tmp_path / "sub" / "new"
    with replacing(old, new) as (first, second):
        first.write_text("after")
        second.write_text("after")
        assert (old.read_text(), new.exists()) == ("before", False)
    assert (old.read_text(), new.read_text()) == ("after", "after")


def test_after_an_error_files_are_as_they_were(write, tmp_path):
    old, new = write("old", "before"), tmp_path / "sub" / "new"

    def fail():
        with replacing(old, new) as (first, _):
            first.write_text("after")
            raise ValueError("half done")

    with pytest.raises(ValueError, match="half done"):
        fail()
    assert old.read_text() == "before"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["old"]
