import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from alignfreeze.encoders.families import parameter_sites
from alignfreeze.encoders.loading import load_encoder, load_tokenizer, load_with_head
from alignfreeze.errors import EncoderError
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder
from alignfreeze.text.words import subwords_of

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_loads_what_was_saved(
    family: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    original = tiny_encoder(family)
    original.half().save_pretrained(tmp_path)
    capfd.readouterr()
    encoder = load_encoder(str(tmp_path))
    assert capfd.readouterr() == ("", "")
    assert not encoder.training
    assert parameter_sites(encoder) == parameter_sites(original)
    for name, parameter in encoder.named_parameters():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter, original.get_parameter(name).float())


def test_a_head_for_labels(folder: Path) -> None:
    head = "AutoModelForTokenClassification"
    model = load_with_head(str(folder), head, ("NOUN", "VERB", "X"))
    assert model.config.id2label == {0: "NOUN", 1: "VERB", 2: "X"}
    assert model.config.label2id == {"NOUN": 0, "VERB": 1, "X": 2}
    assert model.get_parameter("classifier.weight").shape == (3, 16)
    encoder = load_encoder(str(folder))
    for name, parameter in model.base_model.named_parameters():
        assert torch.equal(parameter, encoder.get_parameter(name))
    model.save_pretrained(folder)
    other = load_with_head(str(folder), head, ("a", "b"))
    assert other.get_parameter("classifier.weight").shape == (2, 16)
    again = load_with_head(str(folder), head, ("a", "b", "c"))
    weight = again.get_parameter("classifier.weight")
    assert not torch.equal(weight, model.get_parameter("classifier.weight"))
    for name, parameter in again.base_model.named_parameters():
        assert torch.equal(parameter, encoder.get_parameter(name))


def test_a_head_without_labels(folder: Path) -> None:
    model = load_with_head(str(folder), "AutoModelForQuestionAnswering", ())
    assert model.get_parameter("qa_outputs.weight").shape == (2, 16)


@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_every_family_takes_a_head(family: str, tmp_path: Path) -> None:
    encoder = tiny_encoder(family)
    encoder.save_pretrained(tmp_path)
    model = load_with_head(str(tmp_path), "AutoModelForTokenClassification", ("a", "b", "c"))
    assert model(input_ids=torch.arange(3, 15).view(2, 6)).logits.shape == (2, 6, 3)
    loaded = dict(model.base_model.named_parameters())
    for name, parameter in encoder.named_parameters():
        assert name not in loaded or torch.equal(parameter, loaded[name])


def test_an_unknown_head(folder: Path) -> None:
    with pytest.raises(EncoderError, match="transformers has no class 'AutoModelForDreams'"):
        load_with_head(str(folder), "AutoModelForDreams", ())


def test_a_head_that_the_family_lacks(folder: Path) -> None:
    match = "transformers has no AutoModelForSpeechSeq2Seq for its family, bert$"
    with pytest.raises(EncoderError, match=match) as caught:
        load_with_head(str(folder), "AutoModelForSpeechSeq2Seq", ())
    assert "\n" not in str(caught.value)


def test_damaged_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not what it says it is")
    with pytest.raises(EncoderError, match=r"model.safetensors is damaged, or not whole: .*header"):
        load_encoder(str(folder))


def test_weights_that_are_missing_or_have_another_shape(folder: Path) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    some = {name: weight for name, weight in weights.items() if "layer.1.output" not in name}
    save_file(some, file, metadata={"format": "pt"})
    match = r"lacks 4 of the encoder's parameters.*e\.g\. encoder\.layer\.1\.output\.LayerNorm"
    with pytest.raises(EncoderError, match=match):
        load_encoder(str(folder))
    match = r"lacks 4 of the encoder's.*e\.g\. encoder\.layer\.1\.output\.LayerNorm"
    with pytest.raises(EncoderError, match=match):
        load_with_head(str(folder), "AutoModelForTokenClassification", ("a",))
    name = "encoder.layer.0.output.dense.bias"
    save_file(weights | {name: torch.zeros(3)}, file, metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=rf"lacks 1 of .*{name}"):
        load_with_head(str(folder), "AutoModelForTokenClassification", ("a",))
    with pytest.raises(EncoderError, match=rf"lacks 1 of .*{name}"):
        load_encoder(str(folder))


@pytest.fixture
def without_pooler(folder: Path, tmp_path: Path) -> Path:
    """A copy of `folder` whose weights have no pooler."""
    copy = tmp_path / "without-pooler"
    shutil.copytree(folder, copy)
    file = copy / "model.safetensors"
    weights = {n: w for n, w in load_file(file).items() if not n.startswith("pooler")}
    save_file(weights, file, metadata={"format": "pt"})
    return copy


def test_a_pooler_that_is_missing_is_not_made_up(without_pooler: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(without_pooler))
    assert not [name for name, _ in encoder.named_parameters() if "pooler" in name]
    ids = torch.ones((1, 4), dtype=torch.long)
    assert encoder(input_ids=ids).last_hidden_state.isfinite().all()
    encoder.save_pretrained(tmp_path / "saved")
    saved = load_file(tmp_path / "saved" / "model.safetensors")
    assert saved.keys() == load_file(without_pooler / "model.safetensors").keys()
    assert transformers.AutoModel.from_pretrained(tmp_path / "saved").pooler is not None


def test_loading_an_encoder_draws_nothing(folder: Path, without_pooler: Path) -> None:
    draws = []
    for name in (folder, without_pooler):
        torch.manual_seed(31)
        load_encoder(str(name))
        draws.append(torch.rand(3).tolist())
    torch.manual_seed(31)
    assert draws == [torch.rand(3).tolist()] * 2


@pytest.mark.parametrize(
    ("auto_class", "drawn"),
    [
        ("AutoModelForTokenClassification", "classifier."),
        ("AutoModelForQuestionAnswering", "qa_outputs."),
        ("AutoModelForSequenceClassification", "classifier."),
    ],
)
def test_equal_seeds_give_equal_heads_whatever_the_checkpoint_holds(
    folder: Path, without_pooler: Path, auto_class: str, drawn: str
) -> None:
    labels = () if auto_class.endswith("Answering") else ("a", "b", "c")
    loaded = []
    for name in (folder, without_pooler):
        torch.manual_seed(31)
        model = load_with_head(str(name), auto_class, labels)
        loaded.append((dict(model.named_parameters()), torch.rand(3)))
    (whole, after), (lacking, after_lacking) = loaded
    heads = [name for name in whole if name.startswith(drawn)]
    assert heads
    for name in heads:
        assert torch.equal(whole[name], lacking[name])
    assert torch.equal(after, after_lacking)
    torch.manual_seed(17)
    other = load_with_head(str(folder), auto_class, labels)
    assert not torch.equal(dict(other.named_parameters())[heads[0]], whole[heads[0]])


@pytest.mark.parametrize("family", ["xlm-roberta", "distilbert"])
@pytest.mark.parametrize(
    "auto_class", ["AutoModelForTokenClassification", "AutoModelForSequenceClassification"]
)
def test_heads_of_other_families_depend_on_the_seed_alone(
    tmp_path: Path, family: str, auto_class: str
) -> None:
    encoder = tiny_encoder(family)
    encoder.save_pretrained(tmp_path / "encoder")
    whole: Any = transformers.AutoModelForMaskedLM.from_config(encoder.config)
    whole.save_pretrained(tmp_path / "pretrained")
    load_encoder(str(tmp_path / "pretrained")).save_pretrained(tmp_path / "realigned")
    heads = []
    for name, seed in [("encoder", 31), ("pretrained", 31), ("realigned", 31), ("encoder", 17)]:
        torch.manual_seed(seed)
        model = load_with_head(str(tmp_path / name), auto_class, ("a", "b", "c"))
        within = f"{model.base_model_prefix}."
        found = {n: p for n, p in model.named_parameters() if not n.startswith(within)}
        heads.append(found)
    first, *others, of_another_seed = heads
    assert first
    for other in others:
        assert other.keys() == first.keys()
        assert all(torch.equal(other[name], first[name]) for name in first)
    assert not all(torch.equal(of_another_seed[name], first[name]) for name in first)


def test_a_missing_pooler_is_drawn_with_the_head(without_pooler: Path, tmp_path: Path) -> None:
    """Before realignment and after it, though that draws random numbers of its own."""
    torch.manual_seed(42)
    realigned = load_encoder(str(without_pooler))
    realigned.save_pretrained(tmp_path / "realigned")
    poolers = []
    for name in (without_pooler, tmp_path / "realigned"):
        torch.manual_seed(31)
        model = load_with_head(str(name), "AutoModelForSequenceClassification", ("a", "b"))
        poolers.append(model.base_model.pooler.dense.weight)
    assert torch.equal(*poolers)


@pytest.mark.parametrize(
    ("auto_class", "labels", "n_outputs"),
    [
        ("AutoModelForQuestionAnswering", (), 2),
        ("AutoModelForSequenceClassification", ("a", "b", "c"), 3),
    ],
)
def test_a_head_is_as_the_task_wants_it_whatever_the_checkpoint_was_made_for(
    folder: Path, auto_class: str, labels: tuple[str, ...], n_outputs: int
) -> None:
    file = folder / "config.json"
    other = {"id2label": {str(n): f"l{n}" for n in range(5)}, "label2id": {}}
    config = json.loads(file.read_text()) | other | {"problem_type": "multi_label_classification"}
    file.write_text(json.dumps(config))
    model = load_with_head(str(folder), auto_class, labels)
    assert model.config.num_labels == n_outputs
    ids = torch.ones((2, 5), dtype=torch.long)
    if labels:
        assert model(input_ids=ids, labels=torch.tensor([0, 2])).loss.isfinite()
    else:
        places = torch.tensor([0, 2])
        assert model(input_ids=ids, start_positions=places, end_positions=places).loss.isfinite()


# Tokenizers


FAST = "PreTrainedTokenizerFast"


def write_tokenizer(
    folder: Path, pre_tokenizer: Any, tokenizer_class: str, normalizer: Any = None
) -> str:
    special = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "mask_token": "<mask>",
    }
    letters = [*pre_tokenizers.ByteLevel.alphabet(), "▁"]
    pieces = [*dict.fromkeys(special.values()), *sorted(letters), "he", "Ġhe", "▁he"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    merges = [("h", "e"), ("Ġ", "he"), ("▁", "he")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.normalizer = normalizer
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text('{"model_type": "roberta"}')
    settings = {"tokenizer_class": tokenizer_class, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return str(folder)


@pytest.mark.parametrize(
    ("tokenizer_class", "pre_tokenizer", "normalizer"),
    [
        ("RobertaTokenizer", pre_tokenizers.ByteLevel(add_prefix_space=False), None),
        (FAST, pre_tokenizers.ByteLevel(add_prefix_space=False), normalizers.NFC()),
        (FAST, pre_tokenizers.Split(" ", "merged_with_previous"), normalizers.Replace(" ", "▁")),
        (FAST, pre_tokenizers.Metaspace(prepend_scheme="never"), None),
        (FAST, pre_tokenizers.Metaspace(prepend_scheme="always"), None),
        (FAST, pre_tokenizers.BertPreTokenizer(), None),
    ],
    ids=["roberta", "modernbert", "gemma", "metaspace-never", "xlm-roberta", "bert"],
)
def test_a_word_alone_reads_as_in_a_sentence(
    tmp_path: Path, tokenizer_class: str, pre_tokenizer: Any, normalizer: Any
) -> None:
    name = write_tokenizer(tmp_path, pre_tokenizer, tokenizer_class, normalizer)
    tokenizer = load_tokenizer(name)
    sentence = tokenizer("he he is", return_offsets_mapping=True)
    words = tokenizer(["he", "he", "is"], is_split_into_words=True)
    assert tokenizer.is_fast
    assert words.input_ids == sentence.input_ids
    assert words.word_ids()[1:3] == [0, 1]
    assert sentence["offset_mapping"][1] == (0, 2)
    tokenizer.save_pretrained(tmp_path / "again")
    shutil.copy(tmp_path / "config.json", tmp_path / "again")
    again = load_tokenizer(str(tmp_path / "again"))
    assert again(["he", "he", "is"], is_split_into_words=True).input_ids == words.input_ids


def test_a_tokenizer_that_cannot_be_mended_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    strip = normalizers.Strip()
    name = write_tokenizer(tmp_path, pre_tokenizer, FAST, strip)
    with caplog.at_level(logging.WARNING):
        load_tokenizer(name)
    assert "reads a word alone otherwise than in a sentence" in caplog.text


@pytest.mark.parametrize("removed", [False, True])
def test_a_run_says_whether_marks_of_words_are_read(
    tmp_path: Path, sentencepiece: Any, removed: bool
) -> None:
    sentencepiece.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "xlm-roberta"}')
    tokenizer = load_tokenizer(str(tmp_path), remove_marks=removed)
    (subwords,) = subwords_of([["猫", "a"]], tokenizer)
    read = tokenizer.convert_ids_to_tokens(subwords.ids.tolist())
    assert read == [*([] if removed else ["▁"]), "猫", "▁a"]


def test_no_tokenizer_beside_the_model(folder: Path) -> None:
    with pytest.raises(EncoderError, match="no tokenizer beside the model"):
        load_tokenizer(str(folder))


@pytest.mark.parametrize(
    ("config", "told_apart"),
    [
        ({"model_type": "bert"}, True),
        ({"model_type": "bert", "type_vocab_size": 1}, False),
        ({"model_type": "distilbert"}, False),
    ],
)
def test_two_texts_are_told_apart_only_where_the_encoder_can(
    tmp_path: Path, config: dict[str, Any], told_apart: bool
) -> None:
    name = write_tokenizer(tmp_path, pre_tokenizers.BertPreTokenizer(), FAST)
    (tmp_path / "config.json").write_text(json.dumps(config))
    settings = tmp_path / "tokenizer_config.json"
    names = ["input_ids", "token_type_ids", "attention_mask"]
    told = json.loads(settings.read_text()) | {"model_input_names": names}
    settings.write_text(json.dumps(told))
    assert ("token_type_ids" in load_tokenizer(name)("he", "is")) == told_apart
