"""What evaluation's time is made of, and ways to spend less of it that were tried.

    python benchmarks/evaluation.py [--data DIR --model DIR --languages de,fr --rounds 3]

Batches of the evaluation of part-of-speech tagging are run each way in turn, in one thread, as each
of a CPU's cores runs them. Weights are put into the order that the library of matrix products reads
once beforehand ("prepacked") by private parts of PyTorch; compiled is each shape by itself.
"""

import copy
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from common import Result, parser, record
from tagging import Tagging
from torch import Tensor, nn

from alignfreeze.evaluation.prediction import CPU_SUBWORDS
from alignfreeze.training.batches import FeatureBatch, batches_by_length
from alignfreeze.training.packed_layers import packed_layers

SHAPES = 4
"""Of batches, from the longest to the shortest; for two models as many as PyTorch compiles."""

Run = Callable[[FeatureBatch], object]


class Prepacked(nn.Module):
    """A linear layer of which the weights were put in order."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        half = torch.is_autocast_enabled("cpu")
        self.dtype = torch.get_autocast_dtype("cpu") if half else layer.weight.dtype
        self.bias = layer.bias.detach().to(self.dtype)
        weight = layer.weight.detach().to(self.dtype)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, CPU_SUBWORDS)

    def forward(self, states: Tensor) -> Tensor:
        """The products, and the bias."""
        run = torch.ops.mkldnn._linear_pointwise.default
        found: Tensor = run(states.to(self.dtype), self.weight, self.bias, "none", [], "")
        return found


def prepacked(model: nn.Module) -> nn.Module:
    """A copy with all weights of linear layers in order."""
    result = copy.deepcopy(model)
    for module in list(result.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.Linear):
                setattr(module, name, Prepacked(layer))
    return result


def calling(model: Callable[..., Any]) -> Run:
    """What calls a model with a batch."""
    return lambda batch: model(**batch.inputs)


def linear_layers(model: nn.Module) -> Run:
    """What runs the linear layers alone, with as many vectors as a batch has places."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    states = {layer.in_features: torch.randn(8192, layer.in_features) for layer in layers}

    def run(batch: FeatureBatch) -> None:
        places = batch.inputs["input_ids"].numel()
        for layer in layers:
            layer(states[layer.in_features][:places])

    return run


@contextmanager
def packing(model: Any) -> Iterator[Run]:
    """What runs batches without padding."""
    with packed_layers(model) as layers:
        assert layers is not None
        own = layers
        packed: dict[int, Any] = {}

        def run(batch: FeatureBatch) -> None:
            if id(batch) not in packed:
                packed[id(batch)] = own.packer(batch.inputs["attention_mask"].sum(dim=1).tolist())
            with own.packed(packed[id(batch)]):
                model(**batch.inputs)

        yield run


def seconds(ways: dict[str, Run], batches: Sequence[FeatureBatch], rounds: int) -> dict[str, Any]:
    """Of each way the seconds of each round, batch by batch in turn; the first is not counted."""
    found: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for batch in batches:
            for name, run in ways.items():
                began = time.process_time()
                run(batch)
                taken[name].append(time.process_time() - began)
        for name, own in taken.items():
            found[name].append(own)
    return {name: own[1:] for name, own in found.items()}


def product_rate() -> float:
    """Floating-point operations a second of products of large matrices."""
    size, best = 2048, 0.0
    matrix = torch.randn(size, size)
    for _ in range(5):
        began = time.process_time()
        matrix @ matrix
        best = max(best, 2 * size**3 / (time.process_time() - began))
    return best


def main() -> None:
    """Measure, and record."""
    asked = parser(__doc__).parse_args()
    torch.set_num_threads(1)
    tagging = Tagging(asked)
    rows = [feature for chosen in tagging.sets for feature in chosen.features]
    made = list(batches_by_length(rows, 128, tagging.padding, subwords=CPU_SUBWORDS))
    batches = made[:: max(1, len(made) // SHAPES)][:SHAPES]
    model = tagging.model.eval()
    with (
        torch.inference_mode(),
        tagging.accelerator.autocast(),
        packing(copy.deepcopy(model)) as run,
    ):
        ways = {
            "as it is": calling(model),
            "packed: without padding": run,
            "weights prepacked": calling(prepacked(model)),
            "compiled": calling(torch.compile(copy.deepcopy(model), dynamic=False)),
            "compiled, weights prepacked": calling(
                torch.compile(copy.deepcopy(model), dynamic=False, options={"freezing": True})
            ),
            "its linear layers alone": linear_layers(model),
        }
        found = seconds(ways, batches, asked.rounds)
    ours = found.pop("as it is")
    results = []
    for name, own in found.items():
        rounds = [
            statistics.median(a / b for a, b in zip(*pair, strict=True))
            for pair in zip(ours, own, strict=True)
        ]
        results.append(
            Result(f"evaluation, {name}", "", "", statistics.median(rounds), rounds=rounds)
        )
    weights = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear))
    places = sum(batch.inputs["input_ids"].numel() for batch in batches)
    rate = 2 * weights * places * len(ours) / sum(map(sum, ours))
    peak = product_rate()
    what = "matrix products of evaluation at the rate of large ones"
    results.append(Result(what, f"{rate / 1e9:.0f} GFLOP/s", f"{peak / 1e9:.0f}", peak / rate))
    record("Evaluation: what was tried, one thread", results, "How many times as fast as it is.")


if __name__ == "__main__":
    main()
