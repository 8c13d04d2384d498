"""The benchmarks for GPUs run without one, and without MLflow."""

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
# Transformers' Trainer imports some of them where they are.
sys.modules |= dict.fromkeys(("mlflow", "datasets", "optuna", "pandas"))
runpy.run_path(sys.path[0] + "/gpu.py", run_name="__main__")
"""


@pytest.mark.usefixtures("on_cpu")
def test_it_says_what_it_measured_of_each_encoder(tmp_path):
    command = [sys.executable, "-c", CODE, str(BENCHMARKS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    assert {line["model"] for line in found["lines"]} == {"mBERT", "XLM-R", "mmBERT"}
    assert all(line["measured"]["rate"] > 0 for line in found["lines"])
    table = (tmp_path / "GPU.md").read_text("utf-8")
    assert table.count("\n| ") == len(found["lines"]) + 1


@pytest.mark.usefixtures("on_cpu")
def test_the_published_sizes_are_timed_in_both_precisions(tmp_path):
    asked = ["--models", "DistilmBERT", "--steps", "2", "--tiny", "--output", "steps.json"]
    command = [sys.executable, str(BENCHMARKS / "published.py"), *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "steps.json").read_text("utf-8"))["lines"]
    assert {(line["model"], line["precision"]) for line in found} == {
        ("DistilmBERT", "bf16"),
        ("DistilmBERT", "fp32"),
    }
    assert len({line["what"] for line in found}) == 6
    assert all(line["milliseconds"] > 0 for line in found)
