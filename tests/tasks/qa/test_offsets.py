"""Every word of a context must come back whole, whatever the tokenizer is made of."""

import json
import logging

import numpy as np
import pytest
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoTokenizer,
    GPT2TokenizerFast,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    RobertaTokenizerFast,
)

from alignfreeze.contracts import text_subwords
from alignfreeze.encoders import load_tokenizer
from alignfreeze.errors import EncoderError
from alignfreeze_tasks.qa import QuestionAnswering
from alignfreeze_tasks.qa.answers import AnsweredQuestion
from alignfreeze_tasks.qa.offsets import exact_tokenizer

WORDS = ["Amsterdam", "Zürich", "1995", "Noord", "東京", "ต้น", "नमस्ते", "한국어", "naïve", "end"]
WORDS += ["Καλημέρα", "Москва", "العربية", "cafe\u0301", "Vie\u0323\u0302t", "🇬🇧", "👩\u200d👧"]
CONTEXTS = [" ".join(WORDS), "Zürich, (Noord)  end!", "東京 Amsterdam", "नमस्ते. cafe\u0301"]
MADE_OF = {  # what a context is put together from
    context: [word for word in WORDS if word in context.translate(dict.fromkeys(b".,()!"))]
    for context in CONTEXTS
}
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]

GPT2 = Regex(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
SPLITTER = pre_tokenizers.ByteLevel
PRE_TOKENIZERS = {
    "bytes, a space put in": lambda: SPLITTER(add_prefix_space=True),
    "bytes": lambda: SPLITTER(add_prefix_space=False),
    "words, a space each": lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), SPLITTER(add_prefix_space=True)]
    ),
    "words, a space each, punctuation": lambda: pre_tokenizers.Sequence(
        [
            pre_tokenizers.Whitespace(),
            SPLITTER(add_prefix_space=True),
            pre_tokenizers.Punctuation(),
        ]
    ),
    "words": lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), SPLITTER(add_prefix_space=False)]
    ),
    "a regex": lambda: pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(GPT2, "isolated"),
            SPLITTER(add_prefix_space=False, use_regex=False),
        ]
    ),
    "a regex, a space each": lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.Split(GPT2, "isolated"), SPLITTER(add_prefix_space=True, use_regex=False)]
    ),
    "digits": lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), SPLITTER(add_prefix_space=False)]
    ),
}


def roberta(**options: bool):
    return processors.RobertaProcessing(("</s>", 2), ("<s>", 0), **options)


def template():
    tokens = [("<s>", 0), ("</s>", 2)]
    return processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B </s>", tokens)


POST_PROCESSORS = {
    "trims": lambda: processors.ByteLevel(trim_offsets=True, add_prefix_space=False),
    "trims but the first": lambda: processors.ByteLevel(trim_offsets=True, add_prefix_space=True),
    "keeps": lambda: processors.ByteLevel(trim_offsets=False),
    "RoBERTa's trims": lambda: roberta(trim_offsets=True, add_prefix_space=False),
    "RoBERTa's trims but the first": lambda: roberta(trim_offsets=True, add_prefix_space=True),
    "RoBERTa's keeps": lambda: roberta(trim_offsets=False),
    "template": template,
    "trims, template": lambda: processors.Sequence(
        [processors.ByteLevel(trim_offsets=True, add_prefix_space=False), template()]
    ),
}


def byte_level(before: str, after: str, normalizer: object = None) -> Tokenizer:
    """A byte-level BPE that has learnt the words."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = PRE_TOKENIZERS[before]()
    if normalizer is not None:
        backend.normalizer = normalizer
    alphabet = SPLITTER.alphabet()
    backend.train_from_iterator(
        CONTEXTS[:1] * 3,
        trainers.BpeTrainer(
            vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
        ),
    )
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = POST_PROCESSORS[after]()
    return backend


def fast(backend: Tokenizer, cls: type = PreTrainedTokenizerFast) -> PreTrainedTokenizerBase:
    names = dict(zip(("cls_token", "pad_token", "sep_token", "unk_token"), SPECIAL, strict=True))
    return cls(tokenizer_object=backend, **names)


@pytest.fixture
def given_back(right):
    """What comes back for each word of each context, by a model that is always right."""

    def answers(tokenizer: PreTrainedTokenizerBase) -> dict[str, str]:
        task = QuestionAnswering(answer_length=500)
        found = {}
        for context, words in MADE_OF.items():
            examples = [
                AnsweredQuestion("", "Where?", context, (word,), (context.index(word),), "en")
                for word in words
            ]
            rows = task.featurize(examples, tokenizer, 512)
            for word, text in zip(words, task.answers(examples, rows, right(rows)), strict=True):
                found[f"{word} in {context}"] = text
        return found

    return answers


EXPECTED = {f"{word} in {context}": word for context, words in MADE_OF.items() for word in words}


@pytest.mark.parametrize("after", POST_PROCESSORS)
@pytest.mark.parametrize("before", PRE_TOKENIZERS)
def test_byte_level_tokenizers_give_every_word_back(given_back, caplog, before, after):
    assert given_back(fast(byte_level(before, after))) == EXPECTED
    assert caplog.messages == []


@pytest.mark.parametrize("cls", [RobertaTokenizerFast, GPT2TokenizerFast])
@pytest.mark.parametrize("space", [True, False])
@pytest.mark.parametrize("trims", [True, False])
def test_transformers_own_classes_give_every_word_back(given_back, tmp_path, cls, space, trims):
    trained = byte_level("bytes", "keeps")
    trained.save(str(tmp_path / "tokenizer.json"))
    model = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    tokenizer = cls(
        vocab=model["vocab"], merges=merges, add_prefix_space=space, trim_offsets=trims, **names
    )
    assert given_back(tokenizer) == EXPECTED


@pytest.mark.parametrize("after", ["trims", "RoBERTa's trims but the first", "template"])
@pytest.mark.parametrize("before", ["bytes", "words, a space each, punctuation", "a regex"])
@pytest.mark.parametrize("name", ["TokenizersBackend", "RobertaTokenizer"])
def test_what_loading_puts_in_is_no_letter(given_back, tmp_path, name, before, after):
    """A space in front is put in by the loader, where the tokenizer needs one."""
    fast(byte_level(before, after)).save_pretrained(tmp_path)
    settings = tmp_path / "tokenizer_config.json"
    values = json.loads(settings.read_text("utf-8")) | {"tokenizer_class": name}
    settings.write_text(json.dumps(values), "utf-8")
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}', "utf-8")
    assert given_back(load_tokenizer(str(tmp_path))) == EXPECTED


NORMALIZERS = {
    "none": lambda: None,
    "NFC": normalizers.NFC,
    "NFKC": normalizers.NFKC,
    "lower case": normalizers.Lowercase,
    "no accents": lambda: normalizers.Sequence(
        [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]
    ),
    "BERT's": lambda: normalizers.BertNormalizer(lowercase=True, strip_accents=True),
    "Llama's": lambda: normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    ),
}


@pytest.mark.parametrize("normalizer", ["NFC", "no accents"])
@pytest.mark.parametrize("after", ["trims", "template"])
def test_bytes_of_a_normalized_text_give_every_word_back(given_back, normalizer, after):
    backend = byte_level("words, a space each", after, NORMALIZERS[normalizer]())
    assert given_back(fast(backend)) == EXPECTED


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
@pytest.mark.parametrize("normalizer", NORMALIZERS)
def test_sentencepiece_gives_every_word_back(given_back, scheme, normalizer):
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    if own := NORMALIZERS[normalizer]():
        backend.normalizer = own
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator([*CONTEXTS, *WORDS], trainer)
    backend.post_processor = template()
    assert {text for text, word in _wrong(given_back(fast(backend)))} == set()


@pytest.mark.parametrize("normalizer", [name for name in NORMALIZERS if name != "Llama's"])
def test_wordpiece_gives_every_word_back(given_back, normalizer):
    backend = Tokenizer(models.WordPiece(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if own := NORMALIZERS[normalizer]():
        backend.normalizer = own
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    backend.train_from_iterator([*CONTEXTS, *WORDS], trainer)
    backend.post_processor = template()
    assert {text for text, word in _wrong(given_back(fast(backend)))} == set()


def _wrong(found: dict[str, str]) -> list[tuple[str, str]]:
    """Words that did not come back; a piece may hold the punctuation beside its word."""
    return [(found[key], word) for key, word in EXPECTED.items() if word not in found[key]]


def test_the_same_subwords_are_read(caplog):
    """Only ranges are mended; and a tokenizer that trims nothing is not copied."""
    trimming, whole = (fast(byte_level("words, a space each", name)) for name in ("trims", "keeps"))
    exact = exact_tokenizer(trimming)
    assert trimming.backend_tokenizer.post_processor is not None
    assert exact_tokenizer(whole) is whole
    for context, subwords in text_subwords(CONTEXTS, exact).items():
        assert subwords.ids == trimming(context, add_special_tokens=False)["input_ids"]


def test_a_tokenizer_whose_ranges_are_wrong_is_named():
    class Shifted(PreTrainedTokenizerFast):
        def __call__(self, *args, **options):
            encoded = super().__call__(*args, **options)
            spans = encoded["offset_mapping"]
            encoded["offset_mapping"] = [[(s + 1, e + 1) for s, e in ranges] for ranges in spans]
            return encoded

    message = r"which characters a subword stands for; Shifted gives 'msterdam' for 'Amsterdam'"
    with pytest.raises(EncoderError, match=message):
        exact_tokenizer(fast(byte_level("bytes", "template"), Shifted))


def test_subwords_of_other_text_are_found_too():
    """Words come back whole by ranges of all they are in, but subwords do not."""

    class Wide(PreTrainedTokenizerFast):
        def __call__(self, *args, **options):
            encoded = super().__call__(*args, **options)
            spans = encoded["offset_mapping"]
            encoded["offset_mapping"] = [[(0, e) for _, e in ranges] for ranges in spans]
            return encoded

    with pytest.raises(EncoderError, match=r"Wide gives .* for the subword"):
        exact_tokenizer(fast(byte_level("bytes", "template"), Wide))


def test_answers_that_lack_a_part_are_counted(tokenizer, caplog):
    """The normalizer takes control characters away, at the end of an answer too."""
    examples = [
        AnsweredQuestion("", "Who?", "Ada\x01 was", (answer,), (0,), "en")
        for answer in ("Ada\x01", "Ada")
    ]
    with caplog.at_level(logging.WARNING):
        QuestionAnswering().featurize(examples, tokenizer, 64)
    assert caplog.messages == [
        "1 of 2 questions have an answer of which no subword stands for a part"
    ]


@pytest.mark.suite
def test_subwords_stand_for_what_they_decode_to(suite):
    """Without blanks, for every subword of real texts that is text in one normal form."""
    tokenizer = AutoTokenizer.from_pretrained(suite.root / "model")
    task = QuestionAnswering()
    for language in task.languages_in(suite):
        texts = [example.context for example in task.load(suite, language, "test")]
        for text, subwords in text_subwords(texts[:200], exact_tokenizer(tokenizer)).items():
            ids = [[number] for number in subwords.ids]
            decoded = tokenizer.backend_tokenizer.decode_batch(ids, skip_special_tokens=True)
            for written, (start, end) in zip(decoded, subwords.offsets, strict=True):
                own = text[start:end].strip()
                if written.strip() and normalizers.NFKC().normalize_str(own) == own:
                    assert written.strip() == own
            covered = np.zeros(len(text), dtype=bool)
            for start, end in subwords.offsets:
                covered[start:end] = True
            assert "".join(np.array(list(text))[~covered]).strip() == ""
