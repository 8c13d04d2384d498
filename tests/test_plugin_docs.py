"""The examples in the documents about plugins are whole: they run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from alignfreeze.contracts.registry import KINDS

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "plugins.md")
LEAST_TESTS = 3
"""Of each page: one for a strategy, one for a task, one for an aligner."""


def test_the_examples_pass_their_contract_suites(tmp_path):
    for page in PAGES:
        blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
        files = {}
        for block in blocks:
            named = re.match(r"# (\w+\.py)\n", block)
            assert named, f"{page}: a block must begin with the name of its file: {block[:60]}"
            files[named[1]] = block
        assert sum(name.startswith("test_") for name in files) >= LEAST_TESTS
        for name, block in files.items():
            (tmp_path / name).write_text(block, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += ["--rootdir", str(tmp_path), "-c", os.devnull, "-W", "error", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_groups_of_the_docs_are_those_of_the_registry():
    text = PAGES[1].read_text("utf-8")
    assert set(re.findall(r"`(alignfreeze\.\w+s)`", text)) == {kind.group for kind in KINDS}
