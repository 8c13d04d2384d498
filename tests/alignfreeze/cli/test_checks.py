"""A wrong option is told of at once: before what is heavy is imported, and without a run."""

import subprocess
import sys

import mlflow
import pytest

from alignfreeze.cli.main import main

WRONG = {
    "run --temperature -1": "temperature must be >= 0.0001, got '-1'",
    "run --strategy fornt": "no strategy 'fornt'; did you mean 'front'?",
    "run --strategy-args bound=1": "strategy 'front': bound is not a known option",
    "run --compare bascline": "no strategy 'bascline'; did you mean 'baseline'?",
    "run --languages zh/x": "language 'zh/x' cannot be called so in the names of metrics",
    "search --languages a@b,a-b": "languages 'a@b' and 'a-b' are both called 'a-b'",
    "realign --realign-languages target_mean": "that is what means over languages are called",
    "benchmark --source-language ..": "language '..' cannot be called so",
    "run --data nowhere": "there is no folder 'nowhere'",
    "run --config none.yaml": "config: cannot read none.yaml",
    "realign --task poss": "no task 'poss'; did you mean 'pos'?",
    "realign --aligner mutal": "no aligner 'mutal'; did you mean 'mutual'?",
    "evaluate": "encoder must be given: a run that realigned, by its id, or a folder",
    "evaluate --seed x --encoder 1": "seed must be a valid integer",
    "search --trials 0": "trials must be > 0, got '0'",
    "search --search-strategies front,bak": "no strategy 'bak'; did you mean 'back'?",
    "benchmark --seeds x": "seeds.0 must be a valid integer",
    "benchmark --strategies front,frnt:boundary=1": "no strategy 'frnt'; did you mean 'front'?",
    "benchmark --tasks pos,nre": "no task 'nre'; did you mean 'ner'?",
    "report --counting some": "counting must be 'exact', 'paper' or 'published', got 'some'",
    "align --output x --pair-limit 0": "pair_limit must be > 0, got '0'",
    "data check nowhere": "there is no folder 'nowhere'",
    "data check . --task pso": "no task 'pso'; did you mean 'pos'?",
    "import-results x.csv --experiment x --rename a": "rename must be OLD=NEW, got 'a'",
    "benchmark-worker --study x --storage y --model a": "model must be NAME=FOLDER, got 'a'",
    "cache prune --older-than x": "older-than must be an age such as 30d, 12h or 2w, got",
    "run --stratgy front": "No such option: --stratgy",
}

HEAVY = {"torch", "transformers", "mlflow", "optuna", "datasets", "accelerate", "pandas"}


def test_wrong_options_import_nothing_heavy(tmp_path):
    code = f"""
import sys
from alignfreeze.cli.main import main
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


@pytest.mark.parametrize("line", ["run --temperature -1", "search --trials 0", "report --seeds x"])
def test_the_run_that_mlflow_has_opened_says_why(line, experiment, monkeypatch, capsys):
    run = mlflow.MlflowClient().create_run(experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    with pytest.raises(SystemExit, match="1"):
        main(line.split())
    failed = mlflow.get_run(run.info.run_id)
    assert failed.info.status == "FAILED"
    assert capsys.readouterr().err == f"alignfreeze: {failed.data.tags['alignfreeze.error']}\n"
