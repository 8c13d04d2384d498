"""A wrong option is told of at once: before what is heavy is imported, and without a run."""

import os
import re
import subprocess
import sys

import mlflow
import pytest

from alignfreeze.cli.checks import CHECKS
from alignfreeze.cli.main import main
from alignfreeze.data import language_choice
from alignfreeze.errors import AlignFreezeError, ConfigError

WRONG = {
    "run --temperature -1": "temperature must be >= 0.0001, got '-1'",
    "run --strategy fornt": "no strategy 'fornt'; did you mean 'front'?",
    "run --strategy-args bound=1": "strategy 'front': bound is not a known option",
    "run --objective distanze": "no objective 'distanze'; did you mean 'distance'?",
    "run --objective-args near=1": "objective 'contrastive': near is not a known option",
    "realign --objective distance --objective-args pull=-1": "'distance': pull must be >= 0",
    "run --compare bascline": "no strategy 'bascline'; did you mean 'baseline'?",
    "run --languages zh/x": "language 'zh/x' cannot be called so in the names of metrics",
    "search --languages a@b,a-b": "languages 'a@b' and 'a-b' are both called 'a-b'",
    "realign --realign-languages target_mean": "that is what means over languages are called",
    "benchmark --source-language ..": "language '..' cannot be called so",
    "run --data nowhere": "there is no folder 'nowhere'",
    "run --config none.yaml": "config: cannot read none.yaml",
    "realign --task poss": "no task 'poss'; did you mean 'pos'?",
    "realign --aligner mutal": "no aligner 'mutal'; did you mean 'mutual'?",
    "run --realign-languages diverse": "realign_languages must be diverse:K with a whole number K",
    "align --output x --realign-languages random:0": "must be random:K with a whole number K >= 1",
    "search --realign-languages nearst:3": "diverse, nearest or random (did you mean nearest:3?)",
    "benchmark --realign-languages random:8,de": "must be random:8 alone, or languages without it",
    "run --realign-languages random:99": "realign_languages must choose at most 8 language(s), as",
    "align --output x --realign-languages random:9": "must choose at most 8 language(s), as many",
    "evaluate": "encoder must be given: a run that realigned, by its id, or a folder",
    "evaluate --seed x --encoder 1": "seed must be a valid integer",
    "search --trials 0": "trials must be > 0, got '0'",
    "search --search-strategies front,bak": "no strategy 'bak'; did you mean 'back'?",
    "search --search-strategies front,baseline": "strategy 'baseline' must realign to be searched",
    "search --space none.yaml": "space: cannot read none.yaml",
    "benchmark --seeds x": "seeds.0 must be a valid integer",
    "benchmark --strategies front,frnt:boundary=1": "no strategy 'frnt'; did you mean 'front'?",
    "benchmark --tasks pos,nre": "no task 'nre'; did you mean 'ner'?",
    "run --task-args pos.junk=1": "task 'pos': junk is not a known option",
    "run --task-args ner.scheme=1 --task pos": "task_args must be task.name=value with one of",
    "run --aligner mutual --aligner-args junk=1": "aligner 'mutual': junk is not a known option",
    "run --model ./nowhere": "model './nowhere': there is no such folder",
    "run --layer 99": "layer must be in [-4, 3], got 99",
    "run --layer -1,3": "layer must not name a layer twice, got (-1, 3)",
    "run --strategy-args boundary=99": "strategy 'front': boundary must be <= 4, the encoder's",
    "run --max-length 5000": "max_length must be <= 128, the encoder's, got 5000",
    "run --task pos --languages xx": "so 'xx' has no test split; languages with one: ar de",
    "run --languages de,en": "languages must not hold the source language 'en'",
    "realign --realign-languages xx": "so en-xx has no parallel text; languages with one: ar",
    "evaluate --encoder ./nowhere": "encoder must be a folder, or the id of a run that realigned",
    "search --task-args pos.junk=1": "task 'pos': junk is not a known option",
    "search --layer 99": "layer must be in [-4, 3], got 99",
    "benchmark --strategies front:boundary=99": "strategy 'front': boundary must be <= 4",
    "benchmark --models ./nowhere": "model './nowhere': there is no such folder",
    "align --output x --languages xx": "so en-xx has no parallel text",
    "run --pair-quality 0.25 --realign-languages de,ru": "en-de.scores: no such file, and pair_qu",
    "align --output x --pair-quality 0.5 --languages ar": "score --data demo --languages ar` wri",
    "report --counting some": "counting must be 'exact', 'paper', 'published' or 'significant'",
    "align --output x --pair-limit 0": "pair_limit must be > 0, got '0'",
    "data check nowhere": "there is no folder 'nowhere'",
    "data check . --task pso": "no task 'pso'; did you mean 'pos'?",
    "import-results x.csv --experiment x --rename a": "rename must be OLD=NEW, got 'a'",
    "search --storage nonsense://x": "storage nonsense://x: Can't load plugin",
    "benchmark --storage x": "storage 'x': Could not parse SQLAlchemy URL",
    "search-worker --study x --storage sqlite:///x.db": "x.db: there is no such file",
    "benchmark-worker --study x --storage sqlite:///x.db": "x.db: there is no such file",
    "benchmark-worker --study x --storage y --model a": "model must be NAME=FOLDER, got 'a'",
    "cache prune --older-than x": "older-than must be an age such as 30d, 12h or 2w, got",
    "run --stratgy front": "No such option: --stratgy",
}

HEAVY = {"torch", "transformers", "mlflow", "optuna", "datasets", "accelerate", "pandas"}


def test_wrong_options_import_nothing_heavy(tmp_path):
    code = f"""
import sys
from alignfreeze.cli.main import main
from alignfreeze.errors import AlignFreezeError, ConfigError
for line in {list(WRONG)}:
    try:
        main(line.split())
    except SystemExit as end:
        print(end.code, sorted({HEAVY} & set(sys.modules)))
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    lines = found.stderr.splitlines()
    for line, message in zip(lines, WRONG.values(), strict=True):
        assert line.startswith("alignfreeze: ")
        assert message in line
    assert found.stdout.splitlines() == ["1 []"] * (len(WRONG) - 1) + ["2 []"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        (
            "run",
            {"model": "demo", "preset": "paper"},
            "max_length must .*, got 256 (the default)",
        ),
        ("run", {"model": "{model}"}, "realign_max_length must .*, got 96 (from preset standard)"),
        ("run", {"max_length": "300"}, "max_length must .*, got 300"),
        ("run", {"config": "{file}"}, "layer must .*, got 7 (from config {file})"),
        ("run", {"compare": "range"}, "strategy 'range': start must be given; end must be given"),
        ("search", {"config": "{file}"}, "layer must .*, got 7 (from config {file})"),
        ("benchmark", {"preset": "paper"}, "max_length must .*, got 256 (the default)"),
        (
            "benchmark",
            {"preset": "paper", "model_settings": "demo.max_length=300"},
            "max_length must .*, got 300",
        ),
    ],
)
def test_a_value_that_was_not_given_says_where_it_is_from(command, options, said, write):
    file = str(write("run.yaml", "layer: 7"))
    short = str(write("short/config.json", '{"max_position_embeddings": 32}').parent)
    usual = {"data": "demo"} | ({"models": "demo"} if command == "benchmark" else {})
    given = {n: t.format(file=file, model=short) for n, t in options.items()}
    pattern = re.escape(said.format(file=file)).replace(r"\.\*", ".*")
    with pytest.raises(AlignFreezeError, match=f"^{pattern}$"):
        CHECKS[command](usual | given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("temprature: [0.1, 0.2]", "space.yaml: .*temprature.* did you mean"),
        ("front.boundary: [2, 9]", "space.yaml: front.boundary must be <= 4"),
        ("a: [", "space.yaml: cannot be read as YAML: line 1"),
    ],
)
def test_a_space_file_is_checked_at_once(text, message, write):
    with pytest.raises(ConfigError, match=message):
        CHECKS["search"]({"space": str(write("space.yaml", text))})


def test_help_and_typing_mistakes_wait_for_no_plugin():
    code = f"""
import sys
from alignfreeze.cli.main import main
from alignfreeze.errors import AlignFreezeError, ConfigError
for line in ["--help", "run --help", "run --stratgy front", "run --temperature -1"]:
    try:
        main(line.split())
    except SystemExit:
        pass
print(sorted({HEAVY | {"numpy", "tqdm", "alignfreeze.contracts"}} & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_a_run_that_is_not_there_is_no_encoder_and_none_is_left(tmp_path):
    code = """
import sys
from alignfreeze.cli.main import main
from alignfreeze.errors import AlignFreezeError, ConfigError
try:
    main(["evaluate", "--encoder", "0123456789abcdef"])
finally:
    print("torch" in sys.modules)
"""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}"}
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert (found.returncode, found.stdout) == (1, "False\n")
    assert "encoder must be a folder, or the id of a run that realigned" in found.stderr
    assert not list(tmp_path.iterdir())


def test_what_a_hub_model_or_a_bare_configuration_does_not_say_is_left_for_later(tmp_path):
    (tmp_path / "config.json").write_text("{}", "utf-8")
    for model in (str(tmp_path), "some/model"):
        CHECKS["run"]({"model": model, "layer": "99", "max_length": "5000", "data": "demo"})


@pytest.mark.parametrize(
    "line",
    ["run --temperature -1", "run --resume maybe", "search --trials 0", "report --seeds x"],
)
def test_the_run_that_mlflow_has_opened_says_why(line, experiment, monkeypatch, capsys):
    run = mlflow.MlflowClient().create_run(experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    with pytest.raises(SystemExit, match="1"):
        main(line.split())
    failed = mlflow.get_run(run.info.run_id)
    assert failed.info.status == "FAILED"
    assert capsys.readouterr().err == f"alignfreeze: {failed.data.tags['alignfreeze.error']}\n"


@pytest.mark.parametrize(
    "command", ["run", "realign", "search", "benchmark", "align", "data check"]
)
def test_languages_need_not_be_named(command):
    for languages in ("", "all", "random:3"):
        CHECKS[command]({"realign_languages": languages})


@pytest.mark.parametrize(
    "command", ["run", "realign", "search", "benchmark", "align", "data check"]
)
def test_distances_that_are_not_installed_are_missed_at_once(command, monkeypatch):
    monkeypatch.setattr(language_choice, "has_uriel", lambda: False)
    for data in ("demo", "hub"):
        with pytest.raises(ConfigError, match=r"^realign_languages needs distances .*\[uriel\]"):
            CHECKS[command]({"data": data, "realign_languages": "nearest:3"})
