"""Two real processes, which tell each word from those of both."""

import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.alignfreeze.training.toys import TOGETHER

WORKER = Path(__file__).with_name("gather_worker.py")


@pytest.mark.usefixtures("no_accelerator")
def test_two_processes_do_what_one_does_with_both_their_batches(tmp_path):
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        port = str(taken.getsockname()[1])
    shared = {**os.environ, **TOGETHER, "MASTER_ADDR": "localhost", "MASTER_PORT": port}
    command = [sys.executable, "-W", "ignore", str(WORKER), str(tmp_path)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, env=shared, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    alone = runpy.run_path(str(WORKER))
    (tmp_path / "alone").mkdir()
    alone["main"](tmp_path / "alone", together=2)
    for name in alone["CASES"]:
        (first, losses), (second, same) = (torch.load(tmp_path / f"{name}-{n}.pt") for n in (0, 1))
        expected, expected_losses = torch.load(tmp_path / "alone" / f"{name}-0.pt")
        assert losses == same
        assert losses == pytest.approx(expected_losses, rel=1e-7), name
        for parameter, value in expected.items():
            assert torch.equal(first[parameter], second[parameter]), parameter
            if not parameter.endswith("key.bias"):  # its gradient is noise
                case = f"{name}: {parameter}"
                torch.testing.assert_close(first[parameter], value, rtol=0, atol=1e-7, msg=case)
