from pathlib import Path

import pytest
from transformers.utils import logging as transformers_logging

from alignfreeze.encoders import modelfiles
from alignfreeze.encoders.families import layer_count
from alignfreeze.encoders.loading import load_encoder, load_tokenizer
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
