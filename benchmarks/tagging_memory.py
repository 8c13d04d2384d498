"""Memory of tagged sentences and of their rows, with made-up text of WikiANN's size.

    python benchmarks/tagging_memory.py [--model DIR --sentences 10000 --words 8]

WikiANN has 20,000 sentences to train on and 10,000 of either other split in each of 34 languages; a
run keeps the former of English alone, and may keep the latter of all.
"""

import argparse
import random
import tempfile
import time
import tracemalloc
from pathlib import Path

from common import parser

from alignfreeze.contracts.registry import TASK, create_plugin
from alignfreeze.data.finding import find_model
from alignfreeze.encoders.loading import load_tokenizer

FORMS = 30_000
"""Different words, which occur by Zipf's law."""
LETTERS = "abcdefghijklmnopqrst"
TAGS = ("O", "O", "B-PER", "B-LOC")
KEPT = 20_000 + 34 * 2 * 10_000
"""Sentences of a run: those to train on, and both other splits of all languages."""


def written(folder: Path, sentences: int, words: int) -> Path:
    """A file of so many sentences of so many words each."""
    draw = random.Random(0)
    forms = ["".join(draw.choices(LETTERS, k=draw.randint(2, 9))) for _ in range(FORMS)]

    def sentence() -> str:
        chosen = [forms[int(FORMS ** draw.random()) - 1] for _ in range(words)]
        return "".join(f"{word}\t{draw.choice(TAGS)}\n" for word in chosen)

    path = folder / "train.tsv"
    path.write_text("\n".join(sentence() for _ in range(sentences)), "utf-8")
    return path


def asked_for() -> argparse.Namespace:
    """What the command line asks for."""
    arguments = parser(__doc__)
    arguments.add_argument("--sentences", type=int, default=10_000)
    arguments.add_argument("--words", type=int, default=8, help="of a sentence")
    return arguments.parse_args()


def main() -> None:
    """Measure, and print."""
    asked = asked_for()
    tokenizer, task = load_tokenizer(find_model(asked.model)), create_plugin(TASK, "ner", {})
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), asked.sentences, asked.words)
        began = time.process_time()
        task.featurize(task.read(path, "en"), tokenizer, 256)
        seconds = time.process_time() - began
        tracemalloc.start()
        examples = task.read(path, "en")
        read, _ = tracemalloc.get_traced_memory()
        features = task.featurize(examples, tokenizer, 256)
        both, _ = tracemalloc.get_traced_memory()
    subwords = sum(len(feature.input_ids) for feature in features) / len(features)
    print(f"{asked.sentences:,} sentences, {subwords:.1f} subwords each, {seconds:.1f} s")
    for what, size in (("sentences", read), ("rows", both - read), ("both", both)):
        whole = size / asked.sentences * KEPT
        print(f"{what}: {size / asked.sentences:.0f} bytes each, {whole / 1e9:.2f} GB of {KEPT:,}")


if __name__ == "__main__":
    main()
