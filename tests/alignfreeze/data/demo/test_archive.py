import subprocess
import sys
import zipfile

import pytest
import torch
from transformers import AutoModel

from alignfreeze.data.demo import ENCODER, archive, unpacked_corpus
from alignfreeze.errors import DataError


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    folder = tmp_path / "cache"
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(folder))
    return folder


@pytest.fixture
def archived(monkeypatch, tmp_path):
    """Puts an archive of the given files in the place of the shipped one."""

    def put(files):
        with zipfile.ZipFile(tmp_path / "corpus.zip", "w") as packed:
            for name, text in files.items():
                packed.writestr(name, text)
        monkeypatch.setattr(archive, "ARCHIVE", tmp_path / "corpus.zip")

    return put


def test_what_is_shipped_is_small():
    assert archive.ARCHIVE.stat().st_size < 1_000_000
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


def test_a_damaged_corpus_is_named(archived):
    archived({"parallel/en-de.en": "one\ntwo\n"})
    root = unpacked_corpus()
    (root / "parallel" / "en-de.en").write_text("one\n")
    message = (
        f"^{root}: the demo's corpus is damaged, parallel/en-de.en is not what was written; "
        "delete the folder$"
    )
    with pytest.raises(DataError, match=message):
        unpacked_corpus()


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


def test_importing_the_demo_does_not_import_torch():
    code = (
        "import sys, alignfreeze.data.demo; "
        "sys.exit(bool({'torch', 'transformers'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
