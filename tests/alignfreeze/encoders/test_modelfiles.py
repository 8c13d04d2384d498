import io
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers
from transformers.utils import logging as transformers_logging

from alignfreeze.encoders import modelfiles
from alignfreeze.encoders.families import layer_count, read_layer_count
from alignfreeze.encoders.loading import load_encoder, load_tokenizer, load_with_head
from alignfreeze.errors import EncoderError

pytestmark = pytest.mark.usefixtures("no_network")


def test_loading_leaves_transformers_as_talkative_as_it_was(folder: Path) -> None:
    before = transformers_logging.get_verbosity()
    load_encoder(str(folder))
    assert transformers_logging.get_verbosity() == before
    assert transformers_logging.is_progress_bar_enabled()


def test_a_relative_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert layer_count(load_encoder("model")) == layer_count(load_encoder("./model")) == 4


@pytest.mark.parametrize("name", ["./gone", "/no/such/folder", "~/no-such-folder-here"])
def test_a_path_that_is_not_there(name: str) -> None:
    for load in (load_encoder, load_tokenizer):
        with pytest.raises(EncoderError, match=f"model '{name}': there is no such folder"):
            load(name)


def test_a_name_that_is_neither_here_nor_on_the_hub() -> None:
    match = "^model 'some/model': neither a folder nor in the cache, and the test has no network$"
    for load in (load_encoder, load_tokenizer):
        with pytest.raises(EncoderError, match=match):
            load("some/model")


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    modelfiles.why_offline.cache_clear()
    monkeypatch.setattr(modelfiles.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(modelfiles.constants, "ENDPOINT", "http://127.0.0.1:9")
    assert modelfiles.why_offline() == "http://127.0.0.1:9 cannot be reached"
    modelfiles.why_offline.cache_clear()
    monkeypatch.setattr(modelfiles.constants, "HF_HUB_OFFLINE", True)
    assert modelfiles.why_offline() == "HF_HUB_OFFLINE is set"
    modelfiles.why_offline.cache_clear()


def test_a_hub_whose_name_is_looked_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    modelfiles.why_offline.cache_clear()
    monkeypatch.setattr(modelfiles.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(modelfiles, "_HUB_TIMEOUT", 0.01)
    ended = threading.Event()
    monkeypatch.setattr(modelfiles, "_answers", ended.wait)
    try:
        assert modelfiles.why_offline().endswith(" cannot be reached")
    finally:
        ended.set()
        modelfiles.why_offline.cache_clear()


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (None, "the folder must hold a model, but has no config.json"),
        ("{}", "cannot be loaded: Unrecognized model"),
        ("{", "cannot be loaded: .*not a valid JSON"),
        ('{"model_type": "bert"}', "cannot be loaded: .*no file named model.safetensors"),
        ('{"model_type": "t5"}', r"is an encoder-decoder \(t5\); it must be an encoder"),
        ('{"model_type": "gpt2"}', r"is a decoder \(gpt2\); it must be an encoder"),
        ('{"model_type": "bert", "is_decoder": true}', r"is a decoder \(bert\)"),
    ],
)
def test_a_folder_that_is_no_encoder(tmp_path: Path, config: str | None, match: str) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(EncoderError, match=match) as caught:
        load_encoder(str(tmp_path))
    assert "\n" not in str(caught.value)


def load_head(name: str) -> object:
    return load_with_head(name, "AutoModelForTokenClassification", ("a", "b"))


CODE = "from pathlib import Path\nPath({!r}).touch()\n"


@pytest.fixture
def own_code(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with code of its own, which would leave a file; who is asked says yes."""
    auto = {"AutoConfig": "own.Config", "AutoModel": "own.Model", "AutoTokenizer": ["own.T", None]}
    config = json.loads((folder / "config.json").read_text()) | {"auto_map": auto}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(CODE.format(str(tmp_path / "run")))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 9))
    return folder


@pytest.mark.parametrize("load", [load_encoder, load_tokenizer, read_layer_count, load_head])
def test_a_models_own_code_is_never_run(
    own_code: Path, tmp_path: Path, load: Callable[[str], object], capfd: pytest.CaptureFixture[str]
) -> None:
    config = json.loads((own_code / "config.json").read_text()) | {"model_type": "nobodys"}
    (own_code / "config.json").write_text(json.dumps(config))
    capfd.readouterr()
    match = "^model .* needs .*"
    if load != load_tokenizer:
        match += r"code of its own \(auto_map in its configuration\), which is never run"
    with pytest.raises(EncoderError, match=match):
        load(str(own_code))
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "run").exists()


def test_a_family_that_transformers_has_needs_no_code(own_code: Path, tmp_path: Path) -> None:
    assert type(load_encoder(str(own_code))) is transformers.BertModel
    assert not (tmp_path / "run").exists()
