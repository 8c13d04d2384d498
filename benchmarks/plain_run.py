"""A whole run in the plain way of `baseline.py`, on part-of-speech tagging.

Usage:
    python benchmarks/plain_run.py [--data DIR --model DIR --languages de,fr --realign-steps 300 …]
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from baseline import finetune, read_pairs, realign, tagging_accuracy, tagging_rows
from transformers import set_seed

from alignfreeze.contracts.registry import STRATEGY, TASK, create_plugin
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.encoders.loading import load_encoder, load_tokenizer, load_with_head


def arguments() -> argparse.Namespace:
    """What the command line asks for; the names are those of AlignFreeze's options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="demo")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--languages", default="de,es,ru")
    parser.add_argument("--strategy", default="none", help="a strategy that realigns")
    parser.add_argument("--realign-steps", type=int, default=300)
    parser.add_argument("--finetune-steps", type=int, default=125)
    parser.add_argument("--realign-lr", type=float, default=2e-5)
    parser.add_argument("--finetune-lr", type=float, default=2e-5)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--output", type=Path, help="file for the accuracies, JSON")
    return parser.parse_args()


def main() -> None:
    """Realign, fine-tune, evaluate on the validation and test splits, print."""
    asked = arguments()
    set_seed(asked.seed)
    source, path = find_data(asked.data), find_model(asked.model)
    languages = asked.languages.split(",")
    tokenizer, encoder = load_tokenizer(path), load_encoder(path)
    pairs = read_pairs(source, languages)
    strategy = create_plugin(STRATEGY, asked.strategy, {})
    options = {"seed": asked.seed}
    realign(
        encoder,
        tokenizer,
        pairs,
        strategy,
        steps=asked.realign_steps,
        learning_rate=asked.realign_lr,
        **options,
    )
    task = create_plugin(TASK, "pos", {})
    scores = {}
    with TemporaryDirectory() as folder:
        encoder.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        # As ours does: after few steps, much depends on which head is drawn.
        set_seed(asked.seed)
        model = load_with_head(folder, task.auto_class, task.labels)
    rows = tagging_rows(task.load(source, "en", "train"), task.labels, tokenizer)
    steps = asked.finetune_steps
    finetune(model, tokenizer, rows, steps=steps, learning_rate=asked.finetune_lr, **options)
    for language in ["en", *languages]:
        for split in ("validation", "test"):
            rows = tagging_rows(task.load(source, language, split), task.labels, tokenizer)
            scores[f"{split}/{language}"] = tagging_accuracy(model, tokenizer, rows)
    text = json.dumps(scores, indent=2)
    print(text)
    if asked.output:
        asked.output.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
