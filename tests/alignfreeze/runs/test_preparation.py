"""What a configuration asks for, and what preparations of several share."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from alignfreeze.config import build_config
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.errors import ConfigError, EncoderError
from alignfreeze.runs.preparation import Preparation, prepared
from alignfreeze_aligners.dictionary import DictionaryAligner

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


def without_links(monkeypatch, data, tmp_path):
    """A folder of data with neither dictionaries nor alignments, and no aligner to be asked."""
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    shutil.rmtree(folder / "dictionaries", ignore_errors=True)
    for file in folder.glob("parallel/*.align"):
        file.unlink()
    monkeypatch.setattr(DictionaryAligner, "align", lambda *_: pytest.fail("words are aligned"))
    return str(folder)


def test_whole_sentences_are_read_without_a_link(monkeypatch, tmp_path):
    data = without_links(monkeypatch, find_data("demo").root, tmp_path)
    whole = Preparation(config(data=data, objective="sentence", preset="demo"))
    assert [len(corpus) for corpus in whole.corpora] == [10]
    assert not any(pair.alignment for pair in whole.corpora[0].rows(range(10)))
    assert whole.aligner == "auto"
    varied = whole.varied(whole.config.model_copy(update={"temperature": 0.3}))
    assert varied.corpora is whole.corpora


def test_words_are_aligned_for_whole_sentences_only_to_be_measured():
    options = {"pair_limit": "100", "objective": "sentence"}
    whole = Preparation(config(**options, alignment_pairs="5"))
    (corpus,), (held_out,) = whole.corpora, whole.held_out
    assert len(held_out) == 5
    assert any(pair.alignment for pair in held_out.rows(range(5)))
    assert len(corpus) + 5 == len(Preparation(config(**options)).corpora[0])


def test_another_objective_reads_the_text_anew_only_where_it_needs_links_and_the_other_not():
    words = Preparation(config())
    distance = words.varied(config(objective="distance"))
    assert distance.corpora is words.corpora
    assert distance.objective.name == "distance"
    assert words.objective.name == "contrastive"
    whole = words.varied(config(objective="sentence"))
    assert whole.corpora[0].fingerprint != words.corpora[0].fingerprint


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
