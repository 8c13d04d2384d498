import torch

from alignfreeze.encoders.accelerator import on_accelerator


def test_attention_prepares_nothing_for_each_shape_there():
    enabled = torch.backends.cuda.cudnn_sdp_enabled
    assert enabled()
    with on_accelerator(torch.nn.Linear(1, 1)):
        assert not enabled()
    assert enabled()
