import pytest
from transformers import BertConfig, BertForTokenClassification, BertModel

import alignfreeze
from alignfreeze.errors import ConfigError, PluginError
from alignfreeze_strategies.back import BackFreezing

CONFIG = BertConfig(num_hidden_layers=4, hidden_size=12, vocab_size=9)


def trained(model):
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


@pytest.mark.parametrize(
    ("strategy", "args", "layers"),
    [
        ("front", "", (0, 1)),
        ("front", "boundary=3", (0, 1, 2)),
        ("front", {"boundary": 1}, (0,)),
        (BackFreezing(boundary=2), "", (2, 3)),
        ("none", "", ()),
        ("baseline", "", ()),
    ],
)
def test_a_name_or_a_strategy_freezes_for_a_while(strategy, args, layers):
    model = BertForTokenClassification(CONFIG)
    before = trained(model)
    with alignfreeze.frozen(model, strategy, strategy_args=args) as summary:
        assert summary.frozen_layers == layers
        prefixes = tuple(f"bert.encoder.layer.{layer}." for layer in layers)
        assert trained(model) == [name for name in before if not name.startswith(prefixes or "-")]
    assert trained(model) == before


@pytest.mark.parametrize(
    ("model", "options", "error", "rule"),
    [
        ("bert", {}, ConfigError, "encoder must be a transformers model, .*, got 'bert'"),
        (BertModel(CONFIG), {"strategy": "frnt"}, PluginError, "no strategy 'frnt'; did you mean"),
        (BertModel(CONFIG), {"strategy": 3}, ConfigError, "strategy must be a name or an instance"),
        (BertModel(CONFIG), {"strategy_args": {"boundary": 5}}, ConfigError, "boundary must be <="),
        (BertModel(CONFIG), {"strategy_args": "boundary"}, ConfigError, "must be name=value"),
    ],
)
def test_what_is_wrong_is_told(model, options, error, rule):
    with pytest.raises(error, match=rule), alignfreeze.frozen(model, **options):
        pass
