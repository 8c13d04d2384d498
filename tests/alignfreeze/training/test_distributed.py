"""Two real processes, on one machine or on what looks like two."""

import json
import os
import re
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from alignfreeze.training.devices import make_accelerator
from tests.alignfreeze.training.toys import TOGETHER, TOY_WORKER

WORKER = Path(__file__).with_name("distributed_worker.py")

STEP = "alignfreeze.training.loop:_Loop._step"


@pytest.fixture(scope="module")
def worker():
    """What forks processes, so that they need not import all."""
    quiet = {**os.environ, **TOGETHER, "TORCH_CPP_LOG_LEVEL": "ERROR"}
    command = [sys.executable, str(WORKER)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=quiet, text=True) as process:
        yield process


def free_port():
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        return taken.getsockname()[1]


@pytest.fixture
def run(worker):
    """Run two processes, with one cache or apart; what each has found, how it has ended."""

    def run(mode, out, *, apart, fault=None):
        out.mkdir()
        marker = out / "struck"
        shared = {
            "FAULT": json.dumps(fault and {**fault, "marker": str(marker)}),
            "MASTER_ADDR": "localhost",
            "MASTER_PORT": str(free_port()),
            "WORLD_SIZE": "2",
        }
        # As torchrun would start them; without its agents, which end the others of a machine.
        environments = []
        for rank in range(2):
            machine = rank if apart else 0
            places = {"TMPDIR": f"tmp{machine}", "ALIGNFREEZE_CACHE": f"cache{machine}"}
            for name, place in places.items():
                places[name] = str(out.parent / place)
                Path(places[name]).mkdir(exist_ok=True)
            ranks = {"RANK": rank, "LOCAL_RANK": 0 if apart else rank, "GROUP_RANK": machine}
            environments.append({**shared, **places, **{name: str(n) for name, n in ranks.items()}})
        task = {"mode": mode, "out": str(out), "environments": environments}
        print(json.dumps(task), file=worker.stdin, flush=True)
        codes = json.loads(worker.stdout.readline())
        assert marker.exists() == bool(fault)
        found = [json.loads(file.read_text("utf-8")) for file in sorted(out.glob("?.json"))]
        ends = [json.loads(file.read_text("utf-8")) for file in sorted(out.glob("?.end"))]
        return codes, found, ends

    return run


def test_what_the_main_process_has_is_on_every_machine(run, tmp_path):
    codes, found, _ = run("share", tmp_path / "out", apart=True)
    assert codes == [0, 0]
    assert (tmp_path / "out" / "turns").read_text() == "0 1 "
    for one in found:
        assert one["files"] == {"below/file": "ten bytes!", "empty": ""}
        assert re.match(
            r"process 2 of 2 .* has not the same as process 1 .*: task pos; all", (one["differs"])
        )
    assert [one["copied"] for one in found] == [False, True]
    assert [path.parent.name for path in tmp_path.rglob("made")] == ["tmp0"]


@pytest.mark.usefixtures("no_accelerator")
def test_two_processes_gather_scores_and_outcomes_of_all_sets(run, tmp_path):
    codes, found, _ = run("evaluate", tmp_path / "out", apart=False)
    assert codes == [0, 0]
    alone = runpy.run_path(str(WORKER))["evaluated"](make_accelerator("fp32"))
    assert found == [json.loads(json.dumps(alone))] * 2
    assert [*found[0]["outcomes"]] == ["en", "de", "fr", "ru", "no"]


def test_a_signal_to_one_of_two_machines_ends_both_which_go_on_alike(run, tmp_path):
    (tmp_path / "whole").mkdir()
    codes, undisturbed, _ = run("train", tmp_path / "whole" / "out", apart=False)
    assert codes == [0, 0]
    fault = {"point": STEP, "call": 12, "kind": "SIGTERM", "rank": 1}
    codes, _, ends = run("train", tmp_path / "first", apart=True, fault=fault)
    assert codes == [143, 143]
    assert {end["reason"] for end in ends} == {
        "toy was interrupted by a signal after step 20 of 32; go on"
    }
    left = {p.name for n in (0, 1) for p in (tmp_path / f"cache{n}").rglob("step*")}
    assert left == {"step-000000015", "step-000000020"}
    codes, found, _ = run("resume", tmp_path / "second", apart=True)
    assert codes == [0, 0]
    assert found == undisturbed
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("kind", "rank", "codes", "said"),
    [
        ("disk", 0, [1, 1], "the disk is full"),
        ("raise", 1, [1, 70], "struck by a fault"),
        ("SIGKILL", 1, [1, -9], "another process of this run has ended without a word"),
        ("SIGKILL", 0, [-9, 1], "another process of this run has ended without a word"),
    ],
)
def test_what_ends_one_ends_the_other_with_its_reason(run, tmp_path, kind, rank, codes, said):
    fault = {"point": STEP, "call": 12, "kind": kind, "rank": rank}
    found, _, ends = run("train", tmp_path / "out", apart=False, fault=fault)
    assert found == codes
    assert [said in end["reason"] for end in ends] == [True] * len(ends), ends
    lines = [end["said"] for end in ends if end["said"]]
    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.usefixtures("no_accelerator")
def test_two_processes_are_one_that_accumulates_two_batches(two_processes, tmp_path):
    runpy.run_path(str(TOY_WORKER))["main"](tmp_path, 2)
    alone = torch.load(tmp_path / "0.pt")
    assert [state["processes"] for state in (*two_processes, alone)] == [2, 2, 1]
    first, second = two_processes
    assert first["losses"] == second["losses"]
    for name, parameter in first["parameters"].items():
        assert torch.equal(parameter, second["parameters"][name])
        torch.testing.assert_close(parameter, alone["parameters"][name])
    for (step, loss), (expected_step, expected_loss) in zip(
        first["losses"], alone["losses"], strict=True
    ):
        assert (step, loss) == (expected_step, pytest.approx(expected_loss))
