"""The benchmark for GPUs runs without one, and without MLflow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CODE = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
sys.argv = ["gpu.py", "--output", sys.argv[2]]
runpy.run_path(sys.path[0] + "/gpu.py", run_name="__main__")
print(sorted({"mlflow", "datasets", "optuna", "pandas"} & sys.modules.keys()))
"""


@pytest.mark.usefixtures("on_cpu")
def test_it_says_what_it_measured_of_each_encoder(tmp_path):
    command = [sys.executable, "-c", CODE, str(BENCHMARKS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    found = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    assert {line["model"] for line in found["lines"]} == {"mBERT", "XLM-R", "mmBERT"}
    assert all(line["measured"]["rate"] > 0 for line in found["lines"])
    table = (tmp_path / "GPU.md").read_text("utf-8")
    assert table.count("\n| ") == len(found["lines"]) + 1
