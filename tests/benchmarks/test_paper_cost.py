"""What the published experiments cost, as the page says it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_has_what_is_computed():
    command = [sys.executable, str(ROOT / "benchmarks" / "paper_cost.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "paper.md").read_text("utf-8").splitlines()
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 2 * 15  # twelve of models and tasks, a sum, two of headings
    assert [line for line in rows if line not in page] == []
    (total,) = [line for line in rows if line.startswith("| all |  | 2,903,400 ")]
    assert "| 1,104,480 |" in total
