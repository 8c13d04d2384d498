from pathlib import Path

import pytest
from transformers import AutoModel

import alignfreeze
from alignfreeze.errors import ConfigError

OPTIONS = {
    "realign_steps": 2,
    "finetune_steps": 2,
    "languages": ["de", "ru"],
    "compare": ("baseline",),
    "pair_limit": 60,
    "precision": "fp32",
    "task": "pos",
}
TEXT = {
    "realign_steps": "2",
    "finetune_steps": "2",
    "languages": "de,ru",
    "compare": "baseline",
    "pair_limit": "60",
    "precision": "fp32",
}


def test_values_of_python_text_and_a_configuration_are_the_same_run(experiment, cache):
    outcome = alignfreeze.run(OPTIONS)
    scores = outcome.scores
    assert set(scores["strategy"]) == {"baseline", "front"}
    assert set(scores["language"]) == {"en", "de", "ru"}
    assert set(scores["split"]) == {"validation", "test"}
    assert Path(outcome.encoder, "config.json").is_file()
    assert AutoModel.from_pretrained(outcome.encoder).config.num_hidden_layers == 4
    for same in (TEXT, alignfreeze.build_config(OPTIONS)):
        again = alignfreeze.run(same)
        assert again.scores.equals(scores)
        assert again.encoder == outcome.encoder  # taken over, from where it is
    evaluated = alignfreeze.run_evaluate(
        {**OPTIONS, "compare": (), "encoder": Path(outcome.encoder)}
    )
    own = scores[scores["strategy"] == "front"].reset_index(drop=True)
    assert evaluated.scores.equals(own)
    assert evaluated.encoder is None  # it realigned nothing


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"realign_steps": "four"}, r"^realign_steps must be a valid integer, .*, got 'four'$"),
        ({"realign_steps": 4.5}, r"^realign_steps must be a valid integer, .*, got 4.5$"),
        ({"realign_steps": True}, r"^realign_steps must be a number, got True$"),
        ({"realign_lr": False}, r"^realign_lr must be a number, got False$"),
        ({"realign_stepz": 4}, r"^realign_stepz is not a known option; did you mean 'realign_ste"),
        ({"languages": ["de", 7]}, r"^languages.1 must be a valid string, got 7$"),
        ({"model": b"demo"}, r"^model must be a valid string, got b'demo'$"),
        ({"strategy": None}, r"^strategy must be a valid string, got None$"),
        ({"strategy_args": [3]}, r"^strategy_args must be a valid dictionary, got \[3\]$"),
        (["realign_steps"], r"^options must be a dict of values by name, got \['realign_steps'\]$"),
        ("demo", r"^options must be a dict of values by name, got 'demo'$"),
        (None, r"^options must be a dict of values by name, got None$"),
        ({4: 5}, r"^names of options must be text, got 4$"),
        ({"preset": 3}, r"^preset must be one of demo, demo-all, paper, .*xlmr, got '3'$"),
    ],
)
@pytest.mark.parametrize("function", [alignfreeze.run, alignfreeze.run_realign])
def test_nonsense_is_one_line_and_no_run(function, options, rule, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    with pytest.raises(ConfigError, match=rule):
        function(options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("function", "options", "rule"),
    [
        (alignfreeze.run_search, {"trials": True}, "trials must be a number, got True"),
        (alignfreeze.run_search, {"search_seeds": [True]}, r"search_seeds must be a number, got"),
        (alignfreeze.run_search, ["trials"], "options must be a dict of values by name"),
        (alignfreeze.run_benchmark, {"sedes": [1], "dry_run": True}, "did you mean 'seeds'"),
        (alignfreeze.run_benchmark, {"seeds": [1.5], "dry_run": True}, "must be a valid integer"),
        (alignfreeze.make_report, {"published": "perhaps"}, "published must be a valid boolean"),
        (alignfreeze.make_report, {"tasc": "pos"}, "tasc is not a known option; did you mean 'tas"),
    ],
)
def test_other_entry_points_take_values_of_python_too(function, options, rule, experiment):
    with pytest.raises(ConfigError, match=rule):
        function(options)


def test_a_benchmark_is_planned_from_values_of_python(experiment, cache):
    outcome = alignfreeze.run_benchmark(
        {"seeds": [1, 2], "strategies": ["none"], "tasks": ("pos",), "dry_run": True}
    )
    assert {cell.config.seed for cell in outcome.plan.cells} == {1, 2}
