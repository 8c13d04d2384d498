"""Ways to train an encoder on made-up text, timed: ours, the others, the bare encoder."""

import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import baseline
import torch
import trainer
from gpu_timing import Measured, Timed, fresh, peak, timed_steps
from synthetic import DEVICE, Synthetic
from torch import nn

from alignfreeze.config import RunConfig
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.contracts.registry import OBJECTIVE, STRATEGY, create_plugin
from alignfreeze.encoders.accelerator import attention_of_any_shape
from alignfreeze.encoders.families import layer_count
from alignfreeze.encoders.freezing import frozen
from alignfreeze.encoders.top_layer import up_to
from alignfreeze.encoders.vocabulary import compact_vocabulary, used_ids
from alignfreeze.evaluation.finetuning import finetune
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import EncodedSide
from alignfreeze.training import devices
from alignfreeze.training.acceleration import accelerated
from alignfreeze.training.batches import FeatureStream
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import Precision, make_accelerator, resolve_precision
from alignfreeze.training.loop import LOG_STEPS, train
from alignfreeze.training.packed_layers import packed_layers
from alignfreeze.training.plan import TrainingPlan

NEVER = 10**9

Packing = Literal["as ever", "mask", "padding"]
"""How a batch is run: without padding, as a run does it or in rows under a mask; or with it."""


def listed(side: EncodedSide) -> tuple[list[int], list[int]]:
    """One side of a pair as the plain way has it."""
    return side.input_ids.tolist(), side.places.tolist()


class Bench:
    """The ways to train one encoder, in one precision."""

    def __init__(self, made: Synthetic, precision: Precision | None = None) -> None:
        self.made = made
        self.folder = Path(tempfile.mkdtemp())
        self.accelerator = make_accelerator(precision or resolve_precision("auto"))

    def realign(
        self,
        steps: int,
        *,
        strategy: FreezingStrategy | None = None,
        batch_size: int = 16,
        warm: int = 10,
        attention: str = "sdpa",
        compact: bool = True,
        compiled: bool = False,
        sparing: bool = False,
        packing: Packing = "as ever",
    ) -> Measured:
        """Our realignment; ``sparing``: with what takes less memory."""
        fresh()
        encoder, stream = self.made.encoder(attention), self.made.stream(batch_size)
        timed = Timed(stream, warm)
        plan = TrainingPlan("realignment", "pairs", warm + steps, 2e-5, None, 1, NEVER)
        ids = stream.vocabulary(warm + steps) if compact else None
        masked = compiled or packing == "mask"
        with (
            frozen(encoder, strategy or create_plugin(STRATEGY, "none", {})),
            compact_vocabulary(encoder, ids),
            packed_layers(encoder, self.accelerator, compiled=masked) as packed,
            up_to(encoder, layer_count(encoder) - 1) as top,
            accelerated(encoder, compiled=compiled, activation_checkpointing=sparing),
        ):
            if packed is not None and packing != "padding":
                stream.packer = packed.packer
            model = RealignmentModel(
                encoder,
                create_plugin(OBJECTIVE, "contrastive", {}),
                layers=(-1,),
                projection=128,
                temperature=0.1,
                loss_block=256 if sparing else 0,
                packed=packed,
                top=None if compiled else top,
            )
            checkpoints = CheckpointFolder(self.folder, "me")
            options: Any = {"checkpoints": checkpoints, "resume": False, "on_loss": timed.look}
            train(model, timed, plan, self.accelerator, **options)
            return timed.measured()

    def _precision(self, bf16: bool) -> Any:
        return self.accelerator.autocast() if bf16 else nullcontext()

    def realign_plainly(self, steps: int, *, bf16: bool = False) -> Measured:
        """The plain way, 16 pairs a step; in float32 as it is written, or in bf16 around it."""
        fresh()
        tokenizer: Any = SimpleNamespace(pad_token_id=self.made.padding)
        plain = [
            baseline.PlainPair((listed(p.source), listed(p.target)), list(map(tuple, p.links)))
            for p in self.made.pairs
        ]
        with DEVICE, attention_of_any_shape(), self._precision(bf16):
            model = baseline.PlainRealignment(self.made.encoder().train(), tokenizer)
            optimizer = torch.optim.Adam(model.parameters(), lr=2e-5)
            batches = baseline.in_random_order(plain, 16, 0)
            return timed_steps(
                lambda: baseline.realignment_step(model, next(batches), optimizer), steps, 16
            )

    def trainer(self, steps: int, *, rows: bool = False) -> float:
        """Rows, 32 a step, or pairs, 16 a step, a second of transformers' Trainer."""
        fresh()
        precision, rate = devices.precision_of(self.accelerator), 0.0
        given: Any = {"padding": self.made.padding, "precision": precision}
        for n_steps in (4, steps):  # the first are not counted
            chosen, pairs = self.made.features[: 32 * n_steps], self.made.pairs[: 16 * n_steps]
            if rows:
                rate = trainer.finetune_rate(self.made.tagger(), chosen, **given)
            else:
                rate = trainer.realign_rate(self.made.encoder(), pairs, **given)
        return rate

    def bare(
        self,
        steps: int,
        *,
        rows: bool = False,
        warm: int = 10,
        cudnn: bool = False,
        longest: int = 0,
        graphs: bool = False,
    ) -> Measured:
        """The encoder alone, forward and backward, and its optimizer, on batches made before.

        Args:
            steps: How many are timed.
            rows: Of 32 rows, padded; else of 16 pairs.
            warm: How many go before.
            cudnn: Let PyTorch choose cuDNN's attention.
            longest: All batches are padded to so many subwords, or cut to them; 0: as they are.
            graphs: Compile it with ``reduce-overhead``, which launches CUDA graphs.
        """
        fresh()
        made, encoder, n_batches = self.made, self.made.encoder().train(), steps + warm
        pairs = made.stream(16)
        stream: Any = FeatureStream(made.features, 32, made.padding, 0) if rows else pairs
        ids = used_ids((f.input_ids for f in made.features), made.padding)
        batches = [batch.to(DEVICE) for batch in islice(stream.batches(0), n_batches)]
        run = torch.compile(encoder, mode="reduce-overhead") if graphs else encoder

        def step() -> None:
            batch = batches.pop()
            inputs = batch.inputs if rows else vars(batch)
            given = {name: inputs[name] for name in ("input_ids", "attention_mask")}
            if longest:
                more = longest - given["input_ids"].shape[1]
                fill = {"input_ids": made.padding, "attention_mask": 0}
                given = {
                    name: nn.functional.pad(own, (0, more), value=fill[name])
                    for name, own in given.items()
                }
            with self.accelerator.autocast():
                states = run(**given).last_hidden_state
            states.float().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

        with (
            compact_vocabulary(encoder, ids if rows else pairs.vocabulary(n_batches)),
            nullcontext() if cudnn else attention_of_any_shape(),
        ):
            optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-5, fused=True)
            return timed_steps(step, steps, 32 if rows else 16, warm)

    def finetune(self, steps: int, *, batch_size: int = 32) -> Measured:
        """Our fine-tuning of a tagger."""
        fresh()
        marks: list[tuple[int, float]] = []
        finetune(
            self.made.tagger(),
            self.made.features,
            RunConfig(finetune_batch_size=batch_size, checkpoint_steps=NEVER),
            padding=self.made.padding,
            steps=steps + LOG_STEPS,
            accelerator=self.accelerator,
            checkpoints=CheckpointFolder(self.folder, "me"),
            on_loss=lambda record: marks.append((record.step, time.perf_counter())),
        )
        step = (marks[-1][1] - marks[0][1]) / (marks[-1][0] - marks[0][0])
        return Measured(batch_size / step, step, batch_size * self.made.row_length / step, peak())

    def finetune_plainly(self, steps: int, *, bf16: bool = False) -> Measured:
        """The plain way to fine-tune a tagger, 32 rows a step."""
        fresh()
        tokenizer: Any = SimpleNamespace(pad_token_id=self.made.padding)
        rows: Any = [(list(f.input_ids), f.targets["labels"]) for f in self.made.features]
        with DEVICE, attention_of_any_shape(), self._precision(bf16):
            model = self.made.tagger().train()
            pad = baseline.PlainTokenizer(tokenizer, 256)
            optimizer = torch.optim.Adam(model.parameters(), lr=2e-5)
            batches = baseline.in_random_order(rows, 32, 0)
            return timed_steps(
                lambda: baseline.tagging_step(model, next(batches), pad, optimizer), steps, 32
            )

    def adam(self, steps: int, *, compact: bool) -> Measured:
        """The optimizer's step alone: of all rows of the embedding table, or of those in use."""
        fresh()
        encoder = self.made.encoder()
        ids = self.made.stream(16).vocabulary(len(self.made.pairs) // 16) if compact else None
        with compact_vocabulary(encoder, ids):
            optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-5, fused=True)
            for parameter in encoder.parameters():
                parameter.grad = torch.randn_like(parameter)
            return timed_steps(optimizer.step, steps, 1)

    def waits(self, call: Callable[[int], object], steps: int = 40) -> float:
        """How often the host waits for the GPU in a step, its part of records of the loss too."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            call(steps)
            torch.cuda.set_sync_debug_mode("default")
        return sum("synchroniz" in str(warning.message) for warning in caught) / steps

    def busy(self, steps: int = 40) -> float:
        """Seconds of a step of realignment in which the GPU computes."""
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as found:
            self.realign(steps, warm=0)
        return float(sum(e.self_device_time_total for e in found.key_averages()) / steps / 1e6)
