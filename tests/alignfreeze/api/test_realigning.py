import copy
import logging
import random
import signal
import sys

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from transformers import AutoModelForMaskedLM, AutoModelForTokenClassification

import alignfreeze
from alignfreeze.base.versions import imported_modules
from alignfreeze.contracts import numbered_lines
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.errors import DataError, EncoderError
from alignfreeze.realignment import phase
from alignfreeze.text.tokens import split_tokens
from alignfreeze_aligners.mutual import MutualAligner
from alignfreeze_strategies.front import FrontFreezing

N_PAIRS = 40
OPTIONS = {
    "realign_steps": 4,
    "realign_lr": 3e-3,
    "realign_max_length": 64,
    "realign_batch_size": 4,
    "precision": "fp32",
}
LANGUAGES = ["ru", "de"]


@pytest.fixture
def demo(cache):
    return alignfreeze.load_demo(LANGUAGES, pairs=N_PAIRS)


def realigned(demo, **options):
    given = {"dictionaries": demo.dictionaries, **OPTIONS, **options}
    return alignfreeze.realign(demo.encoder, demo.tokenizer, demo.pairs, **given)


def weights(encoder):
    return {name: tensor.clone() for name, tensor in encoder.state_dict().items()}


def same(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def lines(name):
    path = find_data("demo").root / "parallel" / name
    return [text for _, text in numbered_lines(path)][:N_PAIRS]


def linked(language):
    """The demo's words and links as its files have them, for the aligner pharaoh."""
    files = (lines(f"en-{language}.{ending}") for ending in ("en", language, "align"))
    for source, target, links in zip(*files, strict=True):
        found = [tuple(map(int, link.split("-"))) for link in links.split()]
        yield split_tokens(source), split_tokens(target), found


CASES = {
    "front": {"strategy": "front"},
    "a prefix that is frozen": {"strategy": "front", "strategy_args": {"embeddings": True}},
    "several layers, accumulation": {"strategy": "back", "layer": [-2, -1], "accumulation": 2},
    "marks": {"strategy": "none", "word_marks": "removed", "language_mix": "uniform"},
    "links by the encoder": {"strategy": "none", "aligner": "mutual"},
    "links that are given": {"strategy": "front", "aligner": "pharaoh"},
}


@pytest.mark.parametrize("case", CASES)
def test_the_result_is_that_of_a_run_to_the_bit(case, demo, experiment):
    options = {**OPTIONS, "pair_limit": N_PAIRS, "seed": 7, "aligner": "dictionary", **CASES[case]}
    whole = {**options, "data": "demo", "model": "demo", "realign_languages": LANGUAGES}
    outcome = alignfreeze.run_realign({**whole, "reuse": False})
    assert outcome.encoder is not None
    if options["aligner"] == "pharaoh":
        demo = demo._replace(pairs={code: list(linked(code)) for code in LANGUAGES})
    result = realigned(demo, **options)
    assert same(weights(demo.encoder), weights(load_encoder(outcome.encoder)))
    assert result.pairs.index.tolist() == LANGUAGES
    assert (result.pairs["aligner"] == options["aligner"]).all()


def test_a_result_tells_what_was_done(demo):
    demo.pairs["de"] += [demo.pairs["de"][0], ("", "leer"), ("nothing", "nichts")]
    before = weights(demo.encoder)
    result = realigned(demo, realign_steps=12)
    counts = result.pairs.loc["de"]
    assert counts["read"] == N_PAIRS + 3
    assert (counts["duplicates"], counts["empty"]) == (1, 1)
    assert counts["kept"] == counts["read"] - 2 - counts["unaligned"]
    assert result.steps == 12
    assert result.losses["step"].tolist() == [10, 12]
    assert result.losses["loss"].gt(0).all()
    assert result.strategy_args == {"boundary": 2, "embeddings": False}
    assert result.frozen.frozen_layers == (0, 1)
    assert result.words.index.tolist() == ["en", *LANGUAGES]
    assert (result.words["words"] > 0).all()
    assert result.seconds > 0
    assert result.pairs_per_second > 0
    assert result.empty_steps == 0
    said = repr(result)
    assert said.startswith("<RealignmentResult: strategy front, 66,944 of 466,496 weights frozen")
    assert "\n" not in said
    after = weights(demo.encoder)
    for name, tensor in after.items():
        frozen = name in result.frozen.frozen_names or name.startswith("pooler")
        assert not frozen or torch.equal(tensor, before[name])
    assert not same(before, after)


def test_without_steps_it_is_one_pass(demo):
    result = realigned(demo, realign_steps=None)
    assert result.steps == -(-result.pairs["kept"].sum() // OPTIONS["realign_batch_size"])


def test_objects_are_as_good_as_names(demo):
    others = [copy.deepcopy(demo.encoder) for _ in range(2)]
    by_name = {"strategy_args": {"boundary": 1}, "aligner_args": {"words": "first"}}
    realigned(demo, strategy="front", aligner="mutual", **by_name)
    twin = demo._replace(encoder=others[0])
    aligner = MutualAligner(words="first")
    result = realigned(twin, strategy=FrontFreezing(boundary=1), aligner=aligner)
    assert same(weights(demo.encoder), weights(twin.encoder))
    assert result.strategy == "FrontFreezing"
    assert aligner.model == ""


def test_words_in_lists_are_read_as_they_are(demo):
    words = alignfreeze.align(demo.pairs, dictionaries=demo.dictionaries)
    twin = demo._replace(
        encoder=copy.deepcopy(demo.encoder),
        pairs={code: [pair[:2] for pair in pairs] for code, pairs in words.items()},
    )
    linked = demo._replace(encoder=copy.deepcopy(demo.encoder), pairs=words)
    for some in (demo, twin, linked):
        realigned(some)
    assert same(weights(demo.encoder), weights(twin.encoder))
    assert same(weights(demo.encoder), weights(linked.encoder))


@pytest.mark.parametrize("auto_class", [AutoModelForTokenClassification, AutoModelForMaskedLM])
def test_a_model_with_a_head_is_realigned_below_it(demo, auto_class):
    realigned(demo)
    model = auto_class.from_pretrained(find_model("demo"))
    head = {name: p for name, p in model.named_parameters() if not name.startswith("bert.")}
    before = {name: parameter.detach().clone() for name, parameter in head.items()}
    realigned(demo._replace(encoder=model))
    own, alone = weights(model.base_model), weights(demo.encoder)
    assert all(torch.equal(own[name], alone[name]) for name in own.keys() & alone.keys())
    assert all(torch.equal(parameter, before[name]) for name, parameter in head.items())
    if auto_class is AutoModelForMaskedLM:
        embeddings, output = model.get_input_embeddings(), model.get_output_embeddings()
        assert embeddings.weight is output.weight


class Failure(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("fails", [False, True])
def test_all_else_is_as_it_was(demo, fails, monkeypatch, no_accelerator):
    encoder = demo.encoder
    encoder.train()
    encoder.encoder.layer[1].eval()
    encoder.embeddings.word_embeddings.weight.requires_grad_(False)
    users = Accelerator(cpu=True, mixed_precision="bf16", gradient_accumulation_steps=3)
    flags = {name: p.requires_grad for name, p in encoder.named_parameters()}
    modes = {name: module.training for name, module in encoder.named_modules()}
    table = encoder.embeddings.word_embeddings.weight.detach().clone()
    normalizer = demo.tokenizer.backend_tokenizer.to_str()
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    if fails:

        def fail(model, *args, **kwargs):
            raise Failure

        monkeypatch.setattr(phase, "train", fail)
        with pytest.raises(Failure):
            realigned(demo, precision="fp32", word_marks="removed")
    else:
        realigned(demo, precision="fp32", word_marks="removed")
    assert {name: p.requires_grad for name, p in encoder.named_parameters()} == flags
    assert {name: module.training for name, module in encoder.named_modules()} == modes
    assert all(p.grad is None for p in encoder.parameters())
    assert torch.equal(encoder.embeddings.word_embeddings.weight, table)
    assert demo.tokenizer.backend_tokenizer.to_str() == normalizer
    assert states == (
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(),
    )
    assert users.mixed_precision == "bf16"
    assert users.gradient_accumulation_steps == 3


def test_the_seed_decides_and_nothing_that_was_drawn_before(demo):
    twins = [demo._replace(encoder=copy.deepcopy(demo.encoder)) for _ in range(3)]
    for number, (twin, seed) in enumerate(zip(twins, (5, 5, 6), strict=True)):
        torch.manual_seed(number)
        realigned(twin, seed=seed)
    first, second, other = (weights(twin.encoder) for twin in twins)
    assert same(first, second)
    assert not same(first, other)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_does_what_it_does_elsewhere(demo, monkeypatch, number, raised):
    """Ctrl-C in a notebook ends the cell, after the step in hand, and nothing else."""
    monkeypatch.setattr(phase, "accelerated", _signalling(phase.accelerated, number))
    terminates = lambda *_: sys.exit(1)  # noqa: E731
    before = signal.signal(signal.SIGTERM, terminates)
    try:
        with pytest.raises(raised):
            realigned(demo)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert all(parameter.requires_grad for parameter in demo.encoder.parameters())


def _signalling(accelerated, number):
    """The context of a phase, in which the first forward pass raises a signal."""

    def wrapped(model, **options):
        once = model.register_forward_pre_hook(
            lambda *_: (once.remove(), signal.raise_signal(number))[0]
        )
        return accelerated(model, **options)

    return wrapped


PAIRS = [("a house", "ein Haus")]

WRONG = {
    "an option that is none": (
        {"realign_stepz": 4},
        "realign_stepz is not an option of realign; did you mean 'realign_steps'",
    ),
    "an option of other phases": ({"finetune_lr": 0.1}, "finetune_lr is not an option of realign"),
    "text for a number": ({"realign_steps": "four"}, "realign_steps must be a valid integer, "),
    "a part of a step": ({"realign_steps": 4.5}, "realign_steps must be a valid integer, "),
    "a flag for a number": ({"temperature": True}, "temperature must be a number, got True"),
    "a value out of bounds": ({"temperature": -1}, r"temperature must be >= 0.0001, got -1"),
    "a layer that is not there": ({"layer": 4}, r"layer must be in \[-4, 3\], got 4"),
    "a layer twice": ({"layer": [-1, 3]}, "layer must not name a layer twice"),
    "too many subwords": ({"realign_max_length": 600}, "realign_max_length must be <= 128"),
    "a strategy that does nothing": ({"strategy": "baseline"}, "strategy must be one that realign"),
    "an unknown strategy": ({"strategy": "frnt"}, "no strategy 'frnt'; did you mean 'front'?"),
    "a strategy's class": ({"strategy": FrontFreezing}, "a name or an instance of a strategy"),
    "a boundary of nonsense": (
        {"strategy_args": {"boundary": True}},
        "strategy 'front': boundary must be a number, got True",
    ),
    "a boundary beyond": ({"strategy_args": {"boundary": 9}}, "boundary must be <= 4, the encoder"),
    "two of one": (
        {"strategy": FrontFreezing(), "strategy_args": {"boundary": 1}},
        "strategy_args must be left out",
    ),
    "an aligner's class": ({"aligner": MutualAligner}, "a name or an instance of an aligner"),
    "an unknown aligner": ({"aligner": "mutal"}, "no aligner 'mutal'; did you mean 'mutual'?"),
    "no links": ({"aligner": "pharaoh"}, "aligner must not be 'pharaoh' where"),
    "no encoder": ({"encoder": "bert-base-multilingual-cased"}, "encoder must be a transformers"),
    "no tokenizer": ({"tokenizer": None}, "tokenizer must be a fast tokenizer, .* got a NoneType"),
}


@pytest.mark.parametrize("case", WRONG)
def test_nonsense_is_told_in_one_line(demo, case):
    given, rule = WRONG[case]
    given = {"encoder": demo.encoder, "tokenizer": demo.tokenizer, **given}
    options = {**OPTIONS, "pairs": PAIRS, "dictionaries": {"und": {"house": "Haus"}}, **given}
    before = weights(demo.encoder)
    with pytest.raises(alignfreeze.AlignFreezeError, match=rule) as caught:
        alignfreeze.realign(**options)
    assert "\n" not in str(caught.value)
    assert same(weights(demo.encoder), before)


def test_half_precision_is_refused(demo):
    with pytest.raises(EncoderError, match=r"must be torch.float32 .*, got torch.bfloat16"):
        realigned(demo._replace(encoder=demo.encoder.to(torch.bfloat16)))


def test_pairs_without_links_are_an_error(demo):
    with pytest.raises(DataError, match="en-und: none of the 1 sentence pairs has words aligned"):
        realigned(demo._replace(pairs=[("a b", "c d")]), dictionaries={"und": {"x": "y"}})


def test_auto_is_the_encoder_itself_where_nothing_else_links(demo, caplog):
    caplog.set_level(logging.INFO, logger="alignfreeze")
    result = realigned(demo, dictionaries={"ru": demo.dictionaries / "en-ru.txt"})
    assert result.pairs["aligner"].to_dict() == {"ru": "dictionary", "de": "mutual"}
    assert "de: words are linked by aligner 'mutual'" in caplog.text


@pytest.mark.parametrize("module", ["realigning", "layer_scores", "word_links", "chosen_strategy"])
def test_mlflow_is_not_touched(module):
    """It is imported by `tracking` alone, says the architecture's test."""
    used = imported_modules([f"alignfreeze.api.{module}"], below="alignfreeze.")
    assert "alignfreeze.contracts.registry" in used
    assert not [name for name in used if name.startswith("alignfreeze.tracking")]
