"""Encoders and tokenizers that do not work together are found before anything is read."""

import string
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn

from alignfreeze.encoders import aligner
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.encoders.trial import check_forward, check_vocabulary, computing, untrained_head
from alignfreeze.errors import EncoderError
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder

pytestmark = pytest.mark.usefixtures("no_network")

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
TOKENS = [*SPECIAL, *string.ascii_letters, *string.digits][:64]
SMALL: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


def tokenizer_of(n_tokens: int, gap: int = 0) -> Any:
    """A tokenizer of letters with so many ids; a gap lies before the last of them."""
    tokens = {token: number for number, token in enumerate(TOKENS[:n_tokens])}
    tokens[TOKENS[n_tokens - 1]] += gap
    backend = Tokenizer(models.WordPiece(vocab=tokens, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {f"{token[1:-1].lower()}_token": token for token in SPECIAL}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **names)


def made(family: str, **options: Any) -> Any:
    config = transformers.AutoConfig.for_model(family, **{**SMALL, **options})
    with torch.random.fork_rng(devices=[]):
        return transformers.AutoModel.from_config(config).eval()


def tried(encoder: Any, precision: Any = "fp32", layers: tuple[int, ...] = (-1,)) -> None:
    check_forward(encoder, tokenizer_of(64), layers, precision=precision, longest=30)


# Tokens and rows


@pytest.mark.parametrize("n_tokens", [20, 64])
def test_a_table_may_have_more_rows_than_there_are_tokens(n_tokens: int) -> None:
    check_vocabulary(tiny_encoder("bert"), tokenizer_of(n_tokens))


def test_added_tokens_count() -> None:
    tokenizer, encoder = tokenizer_of(64), tiny_encoder("bert")
    tokenizer.add_tokens(["<first>", "<last>"])
    match = r"ids up to 65 \('<last>'\), but the model 64 embeddings, none for 2 of the ids"
    with pytest.raises(EncoderError, match=match) as caught:
        check_vocabulary(encoder, tokenizer)
    assert "\n" not in str(caught.value)
    encoder.resize_token_embeddings(len(tokenizer))
    check_vocabulary(encoder, tokenizer)


def test_ids_count_not_how_many_there_are() -> None:
    with pytest.raises(
        EncoderError, match=r"ids up to 69 \('P'\), .* 64 embeddings, none for 1 of"
    ):
        check_vocabulary(tiny_encoder("bert"), tokenizer_of(46, gap=24))


def test_an_aligners_encoder_is_checked_too(folder: Path) -> None:
    tokenizer = tokenizer_of(64)
    tokenizer.add_tokens(["<more>"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(EncoderError, match=r"ids up to 64 \('<more>'\)"):
        aligner._loaded(str(folder), ())


def test_an_aligners_encoder_is_tried_too(tmp_path: Path) -> None:
    made("xmod", languages=["en_XX"]).save_pretrained(tmp_path)
    tokenizer_of(64).save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match=r"\(XmodModel\) fails .*Input language unknown"):
        aligner._loaded(str(tmp_path), ())


@pytest.mark.parametrize("kind", ["no table", "no plain table"])
def test_embeddings_that_are_no_plain_table_are_left_to_the_forward(kind: str) -> None:
    class Hashed(nn.Module):
        def __init__(self, table: nn.Embedding) -> None:
            super().__init__()
            self.table = table

        def forward(self, ids: torch.Tensor) -> Any:
            return self.table(ids % 10)

    encoder: Any = tiny_encoder("bert")
    encoder.embeddings.word_embeddings = Hashed(encoder.embeddings.word_embeddings)
    if kind == "no table":
        encoder.get_input_embeddings = _not_implemented
    tokenizer = tokenizer_of(64)
    tokenizer.add_tokens(["<more>"])
    check_vocabulary(encoder, tokenizer)
    check_forward(encoder, tokenizer, (-1,), precision="fp32", longest=12)


def _not_implemented() -> None:
    raise NotImplementedError


# A forward


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_every_family_works(family: str, precision: str, caplog: pytest.LogCaptureFixture) -> None:
    encoder = tiny_encoder(family)
    before = {name: weight.clone() for name, weight in encoder.state_dict().items()}
    state = torch.get_rng_state()
    tried(encoder, precision, layers=(0, -2, -1))
    assert torch.equal(torch.get_rng_state(), state)
    assert "depends on how long" not in caplog.text
    assert all(torch.equal(before[name], weight) for name, weight in encoder.state_dict().items())


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("xmod", {"languages": ["en_XX", "de_DE"], "default_language": "de_DE"}),
        ("nystromformer", {"num_landmarks": 8, "segment_means_seq_len": 8}),
        ("longformer", {"attention_window": 8}),
        ("big_bird", {"block_size": 4, "num_random_blocks": 1}),
        ("mpnet", {}),
        ("rembert", {"input_embedding_size": 8}),
        ("roformer", {"embedding_size": 16}),
    ],
)
def test_other_families_work(
    family: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    tried(made(family, **options))
    assert "depends on how long" not in caplog.text


@pytest.mark.usefixtures("on_cpu")  # a GPU has no Fourier transform in bf16
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_encoder_that_reads_padding_is_warned_of(
    precision: str, caplog: pytest.LogCaptureFixture
) -> None:
    tried(made("fnet"), precision)
    (message,) = caplog.messages
    assert "(FNetModel): what it says of a sentence depends on how long the others" in message


@pytest.mark.parametrize(
    ("family", "options", "match"),
    [
        (
            "xmod",
            {"languages": ["en_XX"]},
            r"\(XmodModel\) fails .*Input language unknown.*must name a default_language",
        ),
        (
            "nystromformer",
            {"num_landmarks": 8, "segment_means_seq_len": 32},
            r"\(NystromformerModel\) fails on 2 rows of 9 subwords in fp32: .*shape.*; with seg",
        ),
        (
            "canine",
            {"num_hash_buckets": 64, "local_transformer_stride": 16, "max_position_embeddings": 20},
            r"\(CanineModel\) fails on a row of 30 subwords",
        ),
        (
            "bert",
            {"max_position_embeddings": 20},
            r"\(BertModel\) fails on a row of 30 .*; rows of 9 work, so a smaller max_length may$",
        ),
    ],
)
def test_an_encoder_that_fails_says_what_its_class_said(
    family: str, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(EncoderError, match=match) as caught:
        tried(made(family, **options))
    assert "\n" not in str(caught.value)


def test_an_encoder_that_fails_in_half_precision_alone_says_so() -> None:
    encoder = made("xmod", languages=["en_XX"], default_language="en_XX")
    tried(encoder)
    with pytest.raises(
        EncoderError, match=r"fails .* in bf16: .*; it works with precision=fp32$"
    ) as told:
        tried(encoder, "bf16")
    assert "default_language" not in str(told.value)


def test_a_device_that_has_failed_does_not_hide_why(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = made("xmod", languages=["en_XX"])
    moved: list[str] = []

    def move(device: torch.device | str) -> None:
        moved.append(str(device))
        if len(moved) > 1:
            raise RuntimeError("device-side assert triggered")

    monkeypatch.setattr(encoder, "to", move)
    with pytest.raises(EncoderError, match=r"in bf16: .*Input language unknown"):
        tried(encoder, "bf16")


def test_full_precision_is_not_advised_where_it_does_not_help() -> None:
    with pytest.raises(EncoderError, match=r"in fp32: .*unknown.*a default_language, one of its"):
        tried(made("xmod", languages=["en_XX"]), "bf16")


@pytest.mark.parametrize(("layer", "told"), [(1, 1), (-1, 3)])
def test_what_is_not_finite_is_told_by_its_layer(layer: int, told: int) -> None:
    encoder: Any = tiny_encoder("bert")
    encoder.encoder.layer[1].output.LayerNorm.weight.data.fill_(3e38)
    with pytest.raises(EncoderError, match=f"layer {told} for .* must be finite, and is not$"):
        tried(encoder, layers=(layer,))
    tried(encoder, layers=(0,))


def test_states_of_another_width() -> None:
    encoder = tiny_encoder("bert")
    encoder.config.hidden_size = 8
    with pytest.raises(EncoderError, match=r"a vector of 8 numbers for each, .*is \(2, 9, 16\)"):
        tried(encoder)


# A head


@pytest.mark.parametrize("with_pooler", [True, False])
@pytest.mark.parametrize(
    ("auto_class", "labels", "output"),
    [
        ("AutoModelForTokenClassification", ("a", "b", "c"), "logits"),
        ("AutoModelForSequenceClassification", ("a", "b"), "logits"),
        ("AutoModelForQuestionAnswering", (), "start_logits"),
    ],
)
def test_a_head_is_there_for_a_while(
    folder: Path, auto_class: str, labels: tuple[str, ...], output: str, *, with_pooler: bool
) -> None:
    encoder: Any = load_encoder(str(folder))
    if not with_pooler:
        encoder.pooler = None
    names, state = [name for name, _ in encoder.named_parameters()], torch.get_rng_state()
    with (
        untrained_head(encoder, str(folder), auto_class, labels) as model,
        computing(model, "fp32"),
    ):
        assert model.base_model is encoder
        ids = torch.arange(4, 14, device=encoder.device).view(2, 5)
        assert model(input_ids=ids)[output].isfinite().all()
    assert [name for name, _ in encoder.named_parameters()] == names
    assert torch.equal(torch.get_rng_state(), state)
