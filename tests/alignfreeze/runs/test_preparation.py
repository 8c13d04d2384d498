"""What a configuration asks for, and what preparations of several share."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from alignfreeze.config import build_config
from alignfreeze.data.finding import find_model
from alignfreeze.errors import ConfigError, EncoderError
from alignfreeze.runs.preparation import Preparation, prepared

pytestmark = pytest.mark.usefixtures("cache")


def config(**options):
    given = {"languages": "de", "realign_languages": "de", "pair_limit": "10", "precision": "fp32"}
    return build_config({**given, **options})


def test_held_out_pairs_are_not_trained_on():
    every = {"pair_limit": "", "realign_languages": "de,ru"}
    preparation = Preparation(config(**every, alignment_pairs="10"))
    whole = Preparation(config(**every)).corpora
    for corpus, held_out, all_pairs in zip(
        preparation.corpora, preparation.held_out, whole, strict=True
    ):
        assert (len(held_out), len(corpus)) == (10, len(all_pairs) - 10)
        texts = {
            " ".join(pair.source + pair.target) for pair in held_out.rows(range(len(held_out)))
        }
        trained = {" ".join(p.source + p.target) for p in corpus.rows(range(len(corpus)))}
        assert not texts & trained


def test_hyperparameters_of_a_task_reach_it_and_make_another_result():
    pos, qa = Preparation(config(task="pos,qa", task_args="qa.stride=7,qa.n_best=3")).tasks
    assert (qa.task.stride, qa.task.n_best) == (7, 3)
    (other,) = Preparation(config(task="qa", task_args='{"qa": {"stride": 7}}')).tasks
    assert other.task.stride == 7
    assert other.identity != qa.identity
    assert pos.identity["args"] == {}


def test_those_that_were_used_last_are_kept_and_share_their_data():
    kept = {}
    one = prepared(config(), kept, 2)
    other = prepared(config(pair_limit="11"), kept, 2)
    assert other.corpora is not one.corpora
    varied = prepared(config(temperature="0.2"), kept, 2)
    assert (varied.config.temperature, varied.corpora) == (0.2, one.corpora)
    prepared(config(pair_limit="12"), kept, 2)
    assert [known.config.pair_limit for known in kept.values()] == [10, 12]


def test_what_does_not_fit_leaves_those_that_are_kept():
    kept = {}
    base = prepared(config(), {}, 1)
    first = prepared(config(seed="7"), kept, 1, base)
    assert first.tasks is base.tasks
    with pytest.raises(ConfigError, match="boundary must be <= 4"):
        prepared(config(strategy_args="boundary=9"), kept, 1, base)
    assert list(kept.values()) == [first]


@pytest.fixture
def model(tmp_path):
    """A copy of the demo's model."""
    shutil.copytree(find_model("demo"), tmp_path / "model")
    return tmp_path / "model"


def test_an_encoder_is_tried_before_data_is_read(model, tmp_path):
    (tmp_path / "data").mkdir()
    given = {"preset": "demo", "model": str(model), "data": str(tmp_path / "data")}
    weights = load_file(model / "model.safetensors")
    name = next(name for name in weights if name.endswith("layer.1.output.LayerNorm.weight"))
    huge = torch.full(weights[name].shape, 3e38)
    save_file(weights | {name: huge}, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"layer \d for .* must be finite, and is not"):
        Preparation(config(**given))
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens(["<more>"])
    tokenizer.save_pretrained(model)
    with pytest.raises(EncoderError, match=r"<more>.*, but the model .* embeddings, none for 1 of"):
        Preparation(config(**given))
