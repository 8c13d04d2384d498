import subprocess
import sys
import zipfile

import pytest
import torch
from transformers import AutoModel

from alignfreeze.data import finding
from alignfreeze.data.finding import ENCODER, find_data, find_model, unpacked_corpus
from alignfreeze.errors import DataError


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    folder = tmp_path / "cache"
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(folder))
    return folder


def test_the_demo_is_in_the_cache(cache):
    source = find_data("demo")
    assert (source.name, source.root, source.supplier) == ("demo", unpacked_corpus(), None)
    assert source.root.is_relative_to(cache)


def test_a_folder_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    source = find_data("data", max_pairs=3)
    assert (source.name, source.root, source.supplier) == ("data", tmp_path / "data", None)


def test_the_hub_is_in_the_cache(cache):
    source = find_data("hub")
    assert source.supplier is not None
    assert source.root.is_relative_to(cache / "hub")


def test_mirrors_do_not_mix_with_each_other_or_the_hub(tmp_path, cache):
    roots = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        source = find_data(f"hub:{tmp_path / name}")
        assert source.supplier is not None
        roots.add(source.root)
    assert len(roots | {find_data("hub").root}) == 3
    assert all(root.is_relative_to(cache) for root in roots)


@pytest.mark.parametrize(
    ("data", "folder"), [("nothing", "nothing"), ("hub:nothing", "nothing"), ("hub:", "")]
)
def test_what_does_not_exist_is_one_line(data, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = rf"^data must be 'demo', 'hub', .* or a folder, and there is no folder '{folder}'\Z"
    with pytest.raises(DataError, match=message):
        find_data(data)


def test_models():
    assert find_model("demo") == str(ENCODER)
    assert find_model("xlm-roberta-base") == "xlm-roberta-base"


# The demo


@pytest.fixture
def archived(monkeypatch, tmp_path):
    """Puts an archive of the given files in the place of the shipped one."""

    def put(files):
        with zipfile.ZipFile(tmp_path / "corpus.zip", "w") as packed:
            for name, text in files.items():
                packed.writestr(name, text)
        monkeypatch.setattr(finding, "CORPUS", tmp_path / "corpus.zip")

    return put


def test_what_is_shipped_is_small():
    assert finding.CORPUS.stat().st_size < 1_000_000
    assert sum(path.stat().st_size for path in ENCODER.iterdir()) < 6_000_000


def test_the_corpus_is_unpacked_once(cache):
    root = unpacked_corpus()
    assert root.is_relative_to(cache / "demo")
    text = root / "parallel" / "en-de.en"
    before = text.stat()
    assert unpacked_corpus() == root
    assert text.stat() == before


def test_another_archive_is_another_folder(archived):
    roots = []
    for text in ("one", "two"):
        archived({"pos/a.txt": text})
        roots.append(unpacked_corpus())
    assert [(root / "pos" / "a.txt").read_text() for root in roots] == ["one", "two"]


def test_a_damaged_corpus_is_unpacked_again(archived, caplog):
    archived({"parallel/en-de.en": "one\ntwo\n"})
    root = unpacked_corpus()
    text = root / "parallel" / "en-de.en"
    text.write_text("one\n")
    assert unpacked_corpus() == root
    assert text.read_text() == "one\ntwo\n"
    assert caplog.messages == [
        f"{root}: the demo's corpus is damaged, parallel/en-de.en is not what was written; "
        "it is made again"
    ]


def test_nothing_is_written_outside_of_the_folder(archived, tmp_path):
    archived({"../../../out": "a", f"{tmp_path}/out": "b", "in": "c"})
    root = unpacked_corpus()
    assert (root / "in").is_file()
    assert not [path for path in tmp_path.rglob("out") if not path.is_relative_to(root)]


def test_the_encoder_loads_in_single_precision_with_a_layer_count_that_halves():
    model, report = AutoModel.from_pretrained(ENCODER, output_loading_info=True)
    assert not any(report.values())
    assert model.dtype == torch.float32
    assert model.config.num_hidden_layers in (4, 6)


USES_A_WRONG_FOLDER = """
try:
    finding.find_data("hub:nothing")
except DataError:
    pass
"""


@pytest.mark.parametrize("use", ["", USES_A_WRONG_FOLDER])
def test_neither_the_demo_nor_a_wrong_folder_imports_torch_or_the_hub(use):
    code = (
        "import sys; from alignfreeze.data import finding; from alignfreeze.errors import DataError"
        f"\n{use}\nsys.exit(bool({{'torch', 'transformers', 'datasets'}} & {{*sys.modules}}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
