"""Which attention PyTorch may take while encoders run, wherever a run has them run."""

import torch
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import PreTrainedModel

from alignfreeze.runs import pipeline

OPTIONS = {
    "languages": "de",
    "pair_limit": "60",
    "realign_steps": "3",
    "finetune_steps": "3",
    "aligner": "mutual",
    "alignment_pairs": "10",
    "strategy_args": "embeddings=true",
    "seed": "8801",
}


def test_attention_never_plans_for_a_shape(cache, experiment):
    found = []

    def look(module, args):
        if isinstance(module, PreTrainedModel):
            found.append(torch.backends.cuda.cudnn_sdp_enabled())

    assert torch.backends.cuda.cudnn_sdp_enabled()
    with register_module_forward_pre_hook(look):
        pipeline.run(OPTIONS)
    assert len(found) > 20
    assert not any(found)
