"""Parallel text of single letters, and its realignment."""

import numpy as np
import pytest
import torch

from alignfreeze.alignment.corpus import CorpusJob, aligned_corpus
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Bitext
from alignfreeze.realignment.phase import realign
from alignfreeze.training.checkpoints import CheckpointFolder, LossRecord
from alignfreeze.training.milestones import NO_MILESTONES
from alignfreeze_aligners.pharaoh import PharaohAligner
from alignfreeze_objectives.contrastive import Contrastive

CONTRASTIVE = Contrastive()

WORDS = "abcdefghijklmnopqrstuvwx"


@pytest.fixture
def corpora(write, tmp_path):
    """Sentences of single letters; a letter's translation is its capital, the order reversed."""
    random = np.random.default_rng(0)
    lines = [random.choice(list(WORDS), random.integers(3, 8), replace=False) for _ in range(60)]
    target = "\n".join(" ".join(word.upper() for word in line[::-1]) for line in lines) + "\n"
    alignment = "\n".join(
        " ".join(f"{k}-{len(line) - 1 - k}" for k in range(len(line))) for line in lines
    )
    bitext = Bitext(
        source="en",
        target="fr",
        source_file=write("en-fr.en", "\n".join(" ".join(line) for line in lines) + "\n"),
        target_file=write("en-fr.fr", target),
        alignment_file=write("en-fr.align", alignment + "\n"),
    )
    return [aligned_corpus(CorpusJob(bitext, PharaohAligner(), "pharaoh", "1"), tmp_path)]


@pytest.fixture
def run(corpora, tokenizer, accelerator, tmp_path):
    """Realigns an encoder; returns the records of the loss."""

    def realign_encoder(
        encoder,
        strategy,
        *,
        steps,
        objective=CONTRASTIVE,
        corpora=corpora,
        prefixes=None,
        on_words=None,
        milestones=NO_MILESTONES,
        **options,
    ) -> list[LossRecord]:
        records: list[LossRecord] = []
        values = {"realign_lr": 3e-3, "realign_batch_size": 8, "projection": 0, "precision": "fp32"}
        torch.manual_seed(0)
        realign(
            encoder,
            tokenizer,
            corpora,
            strategy,
            objective,
            RunConfig(**(values | options)),
            steps=steps,
            accelerator=accelerator,
            checkpoints=CheckpointFolder(tmp_path / "checkpoints", "me"),
            on_loss=records.append,
            on_words=on_words,
            prefixes=prefixes,
            milestones=milestones,
        )
        return records

    return realign_encoder
