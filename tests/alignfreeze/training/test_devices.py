import pytest
import torch

from alignfreeze.errors import ResourceError
from alignfreeze.training import devices
from alignfreeze.training.devices import (
    device_text,
    join_processes,
    make_accelerator,
    resolve_precision,
)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_precision_that_is_asked_for_is_taken(precision):
    assert resolve_precision(precision) == precision


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({"avx512_bf16": True}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": False}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_auto_is_what_the_processor_computes_in(monkeypatch, capabilities, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert resolve_precision("auto") == precision


@pytest.mark.parametrize(("supported", "precision"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_what_the_gpu_computes_in(monkeypatch, supported, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    assert resolve_precision("auto") == precision


def test_a_device_is_told_with_what_digits_depend_on(monkeypatch, on_cpu):
    accelerator = make_accelerator("fp32")
    for threads, text in ((1, "1 thread"), (2, "2 threads")):
        monkeypatch.setattr(torch, "get_num_threads", lambda number=threads: number)
        kind = torch.backends.cpu.get_cpu_capability()
        assert device_text(accelerator) == f"cpu with {kind}, {text}"


@pytest.mark.parametrize(
    "error", [RuntimeError("Gloo: refused\n[x]"), ValueError("no MASTER_ADDR")], ids=repr
)
def test_processes_that_cannot_meet_are_told_in_one_line(monkeypatch, error):
    def fail(**_):
        raise error

    monkeypatch.setattr(devices, "PartialState", fail)
    with pytest.raises(type(error)):
        join_processes()
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ResourceError, match=r"^the processes of this run cannot meet: .*start"):
        join_processes()
