"""Fine-tuning and evaluation: ours against the plain way, on part-of-speech tagging.

    python benchmarks/tagging.py [--data DIR --model DIR --languages de,fr --rounds 3]

Ours is the whole fine-tuning phase and the whole evaluation of a run; the plain way trains as many
rows, and reads the sentences in the order of the file with gradients on. Both are tokenized before.
"""

import copy
import itertools
import tempfile
import time
from pathlib import Path

import baseline
import torch
from common import Result, in_turn, median_ratio, parser, record, setting

from alignfreeze.checkpoints import CheckpointFolder
from alignfreeze.config import RunConfig
from alignfreeze.encoders import load_with_head
from alignfreeze.evaluate import EvaluationSet, evaluate
from alignfreeze.finetune import finetune
from alignfreeze.registry import TASK, create_plugin
from alignfreeze.sources import find_data
from alignfreeze.training import make_accelerator, resolve_precision

OURS, PLAIN = 32, 8
"""Optimizer steps in a round."""
SENTENCES = 100
"""Of each language, in a round of evaluation."""
BOUND = (
    "matrix products at the CPU's peak alone would come to 5.6; they are 70 % of the time, "
    "attention 16 %"
)


def main() -> None:
    """Measure, and record."""
    asked = parser(__doc__).parse_args()
    found = setting(asked)
    source, tokenizer = find_data(asked.data), found.tokenizer
    task = create_plugin(TASK, "pos", {})
    model = load_with_head(found.model, task.auto_class, task.labels)
    accelerator = make_accelerator(resolve_precision("auto"))
    padding = tokenizer.pad_token_id or 0
    folder = Path(tempfile.mkdtemp())
    sentences = task.load(source, "en", "train")
    features = task.featurize(sentences, tokenizer, 256)
    rows = baseline.tagging_rows(sentences, task.labels, tokenizer)
    languages = asked.languages.split(",")
    tests = {code: task.load(source, code, "test")[:SENTENCES] for code in languages}
    sets = [
        EvaluationSet(code, "test", examples, task.featurize(examples, tokenizer, 256))
        for code, examples in tests.items()
    ]
    plain_sets = [baseline.tagging_rows(e, task.labels, tokenizer) for e in tests.values()]
    n_rows = sum(len(chosen.features) for chosen in sets)

    def ours(number: int) -> float:
        result = finetune(
            copy.deepcopy(model),
            features,
            RunConfig(seed=number),
            padding=padding,
            steps=OURS,
            accelerator=accelerator,
            checkpoints=CheckpointFolder(folder, "me"),
            on_loss=lambda record: None,
        )
        return result.per_second

    def plain(number: int) -> float:
        trained = copy.deepcopy(model).train()
        pad = baseline.PlainTokenizer(tokenizer, 256)
        optimizer = torch.optim.Adam(trained.parameters(), lr=2e-5)
        batches = baseline.in_random_order(rows, 32, number)
        began = time.perf_counter()
        for batch in itertools.islice(batches, PLAIN):
            baseline.tagging_step(trained, batch, pad, optimizer)
        return PLAIN * 32 / (time.perf_counter() - began)

    def our_evaluation(number: int) -> float:
        began = time.perf_counter()
        evaluate(model, task, sets, batch_size=128, padding=padding, accelerator=accelerator)
        return n_rows / (time.perf_counter() - began)

    def plain_evaluation(number: int) -> float:
        began = time.perf_counter()
        for chosen in plain_sets:
            baseline.tagging_accuracy(model, tokenizer, chosen)
        return n_rows / (time.perf_counter() - began)

    medians, rates = in_turn(
        asked.rounds,
        {
            "fine-tuning": ours,
            "fine-tuning, plain": plain,
            "evaluation": our_evaluation,
            "evaluation, plain": plain_evaluation,
        },
    )
    record(
        "Fine-tuning and evaluation, PoS",
        [
            Result(
                f"{what}, rows/s",
                f"{medians[name]:.1f}",
                f"{medians[f'{name}, plain']:.1f}",
                median_ratio(rates[name], rates[f"{name}, plain"]),
                target,
                note,
            )
            for name, what, target, note in (
                ("fine-tuning", "fine-tuning, 32 rows a step", ">= 2.5", ""),
                ("evaluation", f"evaluation, {len(languages)} languages", ">= 4", BOUND),
            )
        ],
    )


if __name__ == "__main__":
    main()
