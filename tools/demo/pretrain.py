"""Rebuild the demo's encoder: `python -m tools.demo.pretrain --output DIR`.

A small BERT learns by masked language modelling from text of one language at a time: each
language's sentences are drawn by a generator of their own, so that nothing says which
sentence or word translates which.  It takes 470 seconds on one core, and about 1.5 GB of memory.
The library numbers subwords in an order that changes from run to run: another encoder comes of it.
"""

import argparse
import logging
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM, BertModel, PreTrainedTokenizerFast

from tools.demo.grammar import Linearizer, Token
from tools.demo.lexicon import SOURCE_LANGUAGE, load_lexicon
from tools.demo.world import World

_log = logging.getLogger(__name__)

_SEED = 7
_SENTENCES_PER_LANGUAGE = 15_000
_NAME_RATE = 0.35
_ENGLISH_NAMES = 0.4
_VOCABULARY = 5_000
_LAYERS = 4
_WIDTH = 64
_INNER_WIDTH = 128
_HEADS = 4
_MAX_SUBWORDS = 128
_STEPS = 12_000
_BATCH = 64
_LEARNING_RATE = 3e-3
_WARM_UP = 0.05
_MASKED = 0.3
_SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def monolingual_text(language: str, n: int) -> list[str]:
    """Draw `n` sentences of a language, unrelated to those of any other language.

    As in real text, some names are left as English writes them; with the acronyms, digits
    and marks of the lexicon, this shared vocabulary is all that ties the languages together.
    """
    generator = random.Random(f"{_SEED}-{language}")
    world = World(generator, name_rate=_NAME_RATE)
    linearizer = Linearizer(language)
    concepts = load_lexicon().concepts

    def written(token: Token) -> str:
        foreign = token.upos == "PROPN" and generator.random() < _ENGLISH_NAMES
        return concepts[token.concept].words[SOURCE_LANGUAGE] if foreign else token.form

    return [
        " ".join(written(token) for token in linearizer.sentence(world.sentence()))
        for _ in range(n)
    ]


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Learn an uncased WordPiece vocabulary from the texts of all languages."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=_VOCABULARY, special_tokens=_SPECIAL_TOKENS, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=_MAX_SUBWORDS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def pretrain(
    texts: list[str], tokenizer: PreTrainedTokenizerFast, *, steps: int
) -> BertForMaskedLM:
    """Train a new encoder on the texts, in batches that mix the languages at random.

    Raises:
        ValueError: If there is no text or no step.
    """
    if not texts or steps < 1:
        raise ValueError(f"texts and steps must be >= 1, got {len(texts)} and {steps}")
    torch.manual_seed(_SEED)
    model = BertForMaskedLM(_configuration(tokenizer))
    model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=_LEARNING_RATE, weight_decay=0.01, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _LEARNING_RATE, total_steps=steps, pct_start=_WARM_UP, anneal_strategy="linear"
    )
    batches = _batches(texts, tokenizer)
    for step in range(1, steps + 1):
        loss = _masked_loss(model, next(batches), tokenizer)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        if step % 250 == 0:
            _log.info("step %d of %d: loss %.3f", step, steps, loss.item())
    return model


def _configuration(tokenizer: PreTrainedTokenizerFast) -> BertConfig:
    return BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=_WIDTH,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        intermediate_size=_INNER_WIDTH,
        max_position_embeddings=_MAX_SUBWORDS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.pad_token_id,
    )


def _batches(texts: list[str], tokenizer: PreTrainedTokenizerFast) -> Iterator[Tensor]:
    """Yield subword ids, (batch, subwords), without end; batches hold similar lengths."""
    generator = random.Random(_SEED)
    encoded = tokenizer(texts)["input_ids"]
    while True:
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]) + generator.random() * 3)
        starts = list(range(0, len(order) - _BATCH + 1, _BATCH)) or [0]
        generator.shuffle(starts)
        for start in starts:
            rows = [encoded[i] for i in order[start : start + _BATCH]]
            yield tokenizer.pad({"input_ids": rows}, return_tensors="pt")["input_ids"]


def _masked_loss(model: BertForMaskedLM, ids: Tensor, tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """Mean cross-entropy of the hidden subwords, masked as in BERT (80 / 10 / 10 %)."""
    ordinary = ids >= len(_SPECIAL_TOKENS)
    chosen = (torch.rand(ids.shape) < _MASKED) & ordinary
    fate = torch.rand(ids.shape)
    corrupted = ids.masked_fill(chosen & (fate < 0.8), tokenizer.mask_token_id)
    noise = torch.randint(len(_SPECIAL_TOKENS), len(tokenizer), ids.shape)
    corrupted = torch.where(chosen & (fate >= 0.9), noise, corrupted)
    states = model.bert(
        input_ids=corrupted, attention_mask=(ids != tokenizer.pad_token_id).long()
    ).last_hidden_state
    return cross_entropy(model.cls(states[chosen]), ids[chosen])


def save(model: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the encoder below the language-modelling head, its weights in half precision."""
    encoder = BertModel(model.config)  # has the pooler that `AutoModel` expects, untrained
    encoder.load_state_dict(model.bert.state_dict(), strict=False)
    # Half precision only saves space: the configuration still asks for single precision.
    half = {name: weight.half() for name, weight in encoder.state_dict().items()}
    encoder.save_pretrained(folder, state_dict=half)
    tokenizer.save_pretrained(folder)


def main() -> None:
    """Rebuild the encoder and save it in half precision."""
    parser = argparse.ArgumentParser(description="Rebuild the encoder of the embedded demo.")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--steps", type=int, default=_STEPS, help="optimizer steps")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    start = time.monotonic()
    texts = [
        text
        for language in load_lexicon().languages
        for text in monolingual_text(language, _SENTENCES_PER_LANGUAGE)
    ]
    tokenizer = train_tokenizer(texts)
    encoder = pretrain(texts, tokenizer, steps=arguments.steps)
    save(encoder, tokenizer, arguments.output)
    _log.info("wrote %s in %.0f s", arguments.output, time.monotonic() - start)


if __name__ == "__main__":
    main()
