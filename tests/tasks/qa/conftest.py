"""Tokenizers of every kind, and predictions of a model that is always right."""

import json
import string
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from alignfreeze.contracts import Prediction
from alignfreeze.testing.task import byte_tokenizer
from alignfreeze_tasks.qa.windows import Window

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
LETTERS = string.ascii_letters + string.digits + string.punctuation + "äöüßéあ東京ตนน้"
PIECES = ["the", "▁the", "▁of", "▁in", "▁(", ").", "ing", "18"]


def sentencepiece_tokenizer() -> PreTrainedTokenizerBase:
    """A Unigram model over pieces that begin with a mark for the space, as XLM-R's is."""
    vocabulary = [(token, 0.0) for token in SPECIAL]
    vocabulary += [(token, -9.0) for token in dict.fromkeys("▁" + LETTERS)]
    vocabulary += [(token, -5.0) for token in PIECES]
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=SPECIAL.index("<unk>")))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
    )


def typed_tokenizer() -> PreTrainedTokenizerBase:
    """A tokenizer that gives token types, as BERT's does."""
    return PreTrainedTokenizerFast(
        tokenizer_object=byte_tokenizer().backend_tokenizer,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


@pytest.fixture(params=["wordpiece", "bytes", "sentencepiece", "typed"])
def any_tokenizer(request, tokenizer) -> PreTrainedTokenizerBase:
    """A tokenizer of each kind; the first has no template for pairs."""
    kinds = {
        "wordpiece": lambda: tokenizer,
        "bytes": byte_tokenizer,
        "sentencepiece": sentencepiece_tokenizer,
        "typed": typed_tokenizer,
    }
    return kinds[request.param]()


@pytest.fixture(scope="session")
def bytes_tokenizer() -> PreTrainedTokenizerBase:
    return byte_tokenizer()


@pytest.fixture(scope="session")
def right() -> Callable[[Sequence[Window]], list[Prediction]]:
    """What a model that points to the targets predicts."""

    def predictions(windows: Sequence[Window]) -> list[Prediction]:
        result = []
        for window in windows:
            parts = []
            for name in ("start_positions", "end_positions"):
                logits = np.zeros(len(window.input_ids), dtype=np.float32)
                logits[window.targets[name]] = 1
                parts.append(logits)
            result.append(tuple(parts))
        return result

    return predictions


@pytest.fixture(scope="session")
def squad_json() -> Callable[..., str]:
    """SQuAD's JSON of one paragraph, from questions, answers and their starts."""

    def text(context: str, *questions: tuple[str, str, int]) -> str:
        entries = [
            {"id": f"q{n}", "question": q, "answers": [{"text": answer, "answer_start": start}]}
            for n, (q, answer, start) in enumerate(questions)
        ]
        paragraph = {"context": context, "qas": entries}
        return json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": [paragraph]}]})

    return text
