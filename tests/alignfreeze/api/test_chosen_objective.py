import pytest
import torch

import alignfreeze
from alignfreeze.errors import ConfigError, PluginError
from alignfreeze_objectives.distance import Distance
from alignfreeze_objectives.sentence import Sentence

SHORT = {"realign_max_length": 64, "realign_steps": 1, "precision": "fp32"}


def realigned(**options):
    demo = alignfreeze.load_demo(["de"], pairs=16)
    words = {"dictionaries": demo.dictionaries}
    if isinstance(options.get("objective"), Sentence) or options.get("objective") == "sentence":
        words = {}
    result = alignfreeze.realign(
        demo.encoder, demo.tokenizer, demo.pairs, **SHORT, **words, **options
    )
    return result, [p.detach() for p in demo.encoder.parameters()]


def test_a_name_and_an_objective_are_the_same():
    named, one = realigned(objective="distance", objective_args="pull=0.5")
    made, other = realigned(objective=Distance(pull=0.5))
    assert all(map(torch.equal, one, other))
    assert (named.objective, made.objective) == ("distance", "Distance")
    assert named.objective_args == made.objective_args == {"pull": 0.5}


def test_whole_sentences_need_neither_dictionaries_nor_an_aligner():
    result, _ = realigned(objective="sentence")
    assert result.pairs.loc["de", ["kept", "links"]].tolist() == [16, 0]
    assert result.pairs.loc["de", "aligner"] == "none"
    assert result.empty_steps == 0


def test_what_its_loss_does_not_have_is_told(caplog):
    realigned(objective=Distance(), temperature=0.05)
    assert "temperature=0.05 changes nothing, since objective Distance has none" in caplog.text


@pytest.mark.parametrize(
    ("options", "error", "rule"),
    [
        ({"objective": "sentense"}, PluginError, "no objective 'sentense'; did you mean"),
        ({"objective": 3}, ConfigError, "objective must be a name or an instance"),
        ({"objective_args": {"pull": 1}}, ConfigError, "objective 'contrastive': pull is not"),
        (
            {"objective": Distance(), "objective_args": "pull=1"},
            ConfigError,
            "objective_args must be left out with an objective that is made",
        ),
    ],
)
def test_what_is_wrong_is_told(options, error, rule):
    with pytest.raises(error, match=rule):
        realigned(**options)
