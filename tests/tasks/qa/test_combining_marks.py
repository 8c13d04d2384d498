"""A mark behind a letter is the subword's that has the letter, unless another one has the mark."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from alignfreeze.contracts import text_subwords

ACUTE, TILDE = "\u0301", "\u0303"


def sentencepiece(*pieces: str, normalizer: normalizers.Normalizer) -> PreTrainedTokenizerBase:
    vocabulary = [("<unk>", 0.0), *((piece, -len(piece)) for piece in ("▁", *pieces))]
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=0))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.normalizer = normalizer
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


COMPOSING = sentencepiece("น", "ั", "นัก", "é", "e", "a", ACUTE, normalizer=normalizers.NFC())
STRIPPING = sentencepiece("a", "e", "o", normalizer=normalizers.StripAccents())


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("e\u0301a", [(0, 1), (0, 2), (2, 3)]),
        ("นัก", [(0, 1), (0, 3)]),  # of the word, not of the boundary before it
        ("นั", [(0, 1), (0, 1), (1, 2)]),
    ],
)
def test_a_mark_that_no_subword_has_goes_with_its_letter(text, ranges):
    found = text_subwords([text], COMPOSING)[text]
    assert list(map(tuple, found.offsets.tolist())) == ranges


@given(st.text(alphabet=f"aeo {ACUTE}{TILDE}", min_size=1))
def test_ends_are_in_order_and_no_mark_is_left_alone(text):
    for tokenizer in (COMPOSING, STRIPPING):
        offsets = text_subwords([text], tokenizer)[text].offsets
        assert (np.diff(offsets[:, 1]) >= 0).all()
        covered = np.zeros(len(text), dtype=bool)
        for start, end in offsets:
            covered[start:end] = True
        places = range(len(text) - len(text.lstrip(f" {ACUTE}{TILDE}")), len(text))
        assert all(covered[place] for place in places if text[place] != " ")
