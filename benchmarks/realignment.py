"""Realignment steps with length-bucketed batches against batches in random order.

Run from the checkout: ``python benchmarks/realignment.py [--data DIR --model DIR]``. Both sides use
the same encoder, corpus, optimizer and number of sentence pairs, and take turns; what is printed is
the median over the rounds.
"""

import argparse
import statistics
import time
from itertools import islice

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from alignfreeze.batching import BUFFER_BATCHES, bucketed, mixed_order
from alignfreeze.bitexts import find_bitexts, parallel_languages, resolve_aligner
from alignfreeze.caching import cache_root
from alignfreeze.corpus import AlignedCorpus, aligned_corpus
from alignfreeze.encoders import load_encoder, load_tokenizer
from alignfreeze.pairs import PairBatch, PairStream, collate_pairs
from alignfreeze.realign import RealignmentModel
from alignfreeze.registry import ALIGNER, create_plugin, fingerprint
from alignfreeze.sources import find_data, find_model

BATCH_SIZE = 16
SEED = 31


def corpora_of(data: str, languages: list[str]) -> list[AlignedCorpus]:
    """The aligned parallel text of some languages, all of them if none is named."""
    source = find_data(data)
    chosen = languages or parallel_languages(source, "en")
    result = []
    for bitext in find_bitexts(source, "en", chosen):
        name = resolve_aligner("auto", bitext)
        aligner, digest = create_plugin(ALIGNER, name, {}), fingerprint(ALIGNER, name)
        result.append(
            aligned_corpus(bitext, aligner, aligner_name=name, digest=digest, cache=cache_root())
        )
    return result


def both_orders(
    corpora: list[AlignedCorpus], tokenizer: PreTrainedTokenizerBase
) -> dict[str, list[PairBatch]]:
    """The same sentence pairs twice: in batches of similar length, and as they come."""
    sizes = [len(corpus) for corpus in corpora]
    order = islice(mixed_order(sizes, "proportional", SEED), BATCH_SIZE * BUFFER_BATCHES)
    stream = PairStream(
        corpora, tokenizer, batch_size=BATCH_SIZE, max_length=96, mix="proportional", seed=SEED
    )
    pairs = stream.encode([(corpus, row) for _, corpus, row in order])
    lengths = np.array([pair.length for pair in pairs])
    random = np.arange(len(pairs)).reshape(-1, BATCH_SIZE)
    by_length = bucketed(lengths, np.zeros_like(lengths), BATCH_SIZE, np.random.default_rng(SEED))
    padding = tokenizer.pad_token_id or 0
    return {
        "bucketed": [collate_pairs([pairs[i] for i in rows], padding) for rows in by_length],
        "random order": [collate_pairs([pairs[i] for i in rows], padding) for rows in random],
    }


def pairs_per_second(model: RealignmentModel, batches: list[PairBatch]) -> float:
    """Train on batches in bf16, and say how fast it went."""
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-5, fused=True)
    began = time.perf_counter()
    for batch in batches:
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(batch) / max(batch.weight, 1)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return sum(batch.size for batch in batches) / (time.perf_counter() - began)


def padding_share(batches: list[PairBatch]) -> float:
    """Share of padding among the subwords."""
    total = sum(batch.input_ids.numel() for batch in batches)
    return 1 - sum(int(batch.attention_mask.sum()) for batch in batches) / total


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="demo")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--languages", default="")
    parser.add_argument("--batches", type=int, default=16, help="of each side in a round")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    asked = arguments()
    path = find_model(asked.model)
    corpora = corpora_of(asked.data, [name for name in asked.languages.split(",") if name])
    sides = both_orders(corpora, load_tokenizer(path))
    model = RealignmentModel(
        load_encoder(path).train(), layers=(-1,), projection=128, temperature=0.1
    )
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(asked.rounds + 1):
        start = number * asked.batches % BUFFER_BATCHES
        for name, batches in sides.items():
            rate = pairs_per_second(model, batches[start : start + asked.batches])
            if number:  # the first round warms up
                rates[name].append(rate)
    for name, batches in sides.items():
        rate = statistics.median(rates[name])
        print(f"{name:13} {rate:7.1f} pairs/s  {padding_share(batches):5.1%} padding")
    ratios = [a / b for a, b in zip(rates["bucketed"], rates["random order"], strict=True)]
    print(f"ratio         {statistics.median(ratios):7.2f}  (median of {asked.rounds} pairs)")


if __name__ == "__main__":
    main()
