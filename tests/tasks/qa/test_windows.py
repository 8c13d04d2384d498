import logging
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from alignfreeze.contracts import PairTemplate, cuts
from alignfreeze.errors import ConfigError, EncoderError
from alignfreeze_tasks.qa import QuestionAnswering
from alignfreeze_tasks.qa.answers import AnsweredQuestion
from alignfreeze_tasks.qa.scoring import best, f1, own_tokens
from alignfreeze_tasks.qa.windows import windows_of

CONTEXT = (
    "  The Panthers (founded in 1995)   finished the regular season with 118 points. "
    "In München, the naïve café of 東京 added\tthe rest; ต้น stayed in 1918."
)


def asked(answer: str, question: str = "Where?", context: str = CONTEXT):
    start = context.index(answer)
    return AnsweredQuestion("", question, context, (answer,), (start,), "en")


def rows(examples, tokenizer, max_length=40, stride=8, question_length=10):
    return windows_of(
        examples,
        tokenizer,
        max_length=max_length,
        stride=stride,
        question_length=question_length,
    )


def inside(window) -> np.ndarray:
    """Positions of the context's subwords in a row."""
    return np.flatnonzero(window.offsets[:, 0] >= 0)


@given(st.integers(0, 200), st.integers(1, 50), st.integers(0, 60))
def test_cuts_cover_the_context_and_advance(length, room, stride):
    found = cuts(length, room, stride)
    assert found[0][0] == 0
    assert found[-1][1] == length
    assert all(0 <= end - begin <= room for begin, end in found)
    assert all(end - begin == room for begin, end in found[:-1])
    shared = {before[1] - after[0] for before, after in pairwise(found)}
    assert shared <= {min(stride, room // 2)}
    counts = np.bincount([k for window in found for k in range(*window)], minlength=length)
    assert length == 0 or (counts.min() >= 1 and counts.max() <= 2)


@pytest.mark.parametrize(("max_length", "stride"), [(40, 0), (40, 8), (64, 16), (512, 128)])
def test_rows_are_those_of_the_tokenizer(any_tokenizer, max_length, stride):
    """The tokenizer's own windows are the same, where the question is short enough."""
    examples = [asked("118"), asked("café of", "Who?"), asked("1995", context="in 1995")]
    found = rows(examples, any_tokenizer, max_length, stride, question_length=64)
    encoded = any_tokenizer(
        [example.question for example in examples],
        [example.context for example in examples],
        truncation="only_second",
        max_length=max_length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    assert [list(window.input_ids) for window in found] == encoded["input_ids"]
    assert [window.example for window in found] == encoded["overflow_to_sample_mapping"]
    for number, window in enumerate(found):
        owners = encoded.sequence_ids(number)
        expected = [
            span if owner == 1 else (-1, -1)
            for owner, span in zip(owners, encoded["offset_mapping"][number], strict=True)
        ]
        assert window.offsets.dtype == np.int32
        assert window.offsets.tolist() == [list(span) for span in expected]
        types = encoded["token_type_ids"][number] if "token_type_ids" in encoded else None
        extra = window.extra_inputs
        assert (extra and list(extra["token_type_ids"])) == types
        assert (types is not None) == ("token_type_ids" in any_tokenizer.model_input_names)


@pytest.mark.parametrize("max_length", [24, 33, 64, 256])
def test_every_character_is_in_a_window(any_tokenizer, max_length):
    """All but white space can be cut out of the context, at the same place."""
    found = rows([asked("118")], any_tokenizer, max_length)
    covered = set()
    for window in found:
        assert len(window.input_ids) <= max_length
        for position in inside(window):
            begin, end = window.offsets[position]
            assert 0 <= begin < end <= len(CONTEXT)
            covered.update(range(begin, end))
    assert {CONTEXT[k] for k in set(range(len(CONTEXT))) - covered} <= {" ", "\t"}


@pytest.mark.parametrize("max_length", [32, 64, 256])
@pytest.mark.parametrize("answer", ["1995", "the naïve", "東京", "The", "118 points", "ต้น"])
def test_targets_give_the_answer_back(any_tokenizer, right, answer, max_length):
    task = QuestionAnswering(stride=16, question_length=10, answer_length=200)
    examples = [asked(answer)]
    features = task.featurize(examples, any_tokenizer, max_length)
    assert task.answers(examples, features, right(features)) == [answer]


@pytest.mark.parametrize("stride", [0, 8])
def test_windows_without_the_whole_answer_point_to_the_first_token(bytes_tokenizer, stride):
    example = asked("regular season", "?")
    start, end = example.starts[0], example.starts[0] + len(example.answers[0])
    found = rows([example], bytes_tokenizer, 40, stride)
    held = 0
    for window in found:
        spans = window.offsets[inside(window)]
        first, last = window.targets["start_positions"], window.targets["end_positions"]
        assert window.holds_answer == (spans[0][0] <= start and spans[-1][1] >= end)
        if window.holds_answer:
            held += 1
            assert (window.offsets[first][0], window.offsets[last][1]) == (start, end)
        else:
            assert (first, last) == (0, 0)
    assert held < len(found)


def test_two_windows_may_hold_the_answer(bytes_tokenizer):
    context = "." * 30 + "Ada" + "." * 60
    found = rows([asked("Ada", "Who?", context)], bytes_tokenizer, 47, 20)
    assert [window.holds_answer for window in found] == [True, True, False, False]
    first, second = (window.targets["start_positions"] for window in found[:2])
    assert first - second == 20  # 40 subwords of context in a window, 20 of them shared


@given(before=st.integers(0, 57), max_length=st.integers(20, 40), stride=st.integers(0, 5))
def test_a_window_holds_an_answer_wholly_or_not_at_all(bytes_tokenizer, before, max_length, stride):
    context = "." * before + "Ada" + "." * (57 - before)
    found = rows([asked("Ada", "Who?", context)], bytes_tokenizer, max_length, stride)
    for window in found:
        characters = window.offsets[inside(window), 0].tolist()
        assert window.holds_answer == (set(range(before, before + 3)) <= set(characters))
        assert max(window.targets.values()) < len(window.input_ids)


def test_a_long_question_is_cut_and_counted(bytes_tokenizer, caplog):
    examples = [asked("118", "What about it, " * 9), asked("118", "Who?")]
    with caplog.at_level(logging.WARNING):
        found = rows(examples, bytes_tokenizer, 64, question_length=12)
    tokens = bytes_tokenizer.convert_ids_to_tokens(list(found[0].input_ids[:14]))
    assert tokens == ["[CLS]", *"WhatĠaboutĠi", "[SEP]"]
    assert caplog.messages == ["1 of 2 questions cut to 12 subwords"]


def test_a_stride_over_half_is_said_once(bytes_tokenizer, caplog):
    """Rows of 46 have room for 43; a question of 6 or 10 leaves 37 or 33, of which half is less."""
    examples = [asked("118"), asked("118", "Where? Who"), asked("118", "Who? Where", "has 118")]
    rows(examples, bytes_tokenizer, 46, stride=16)
    assert caplog.messages == []
    rows(examples, bytes_tokenizer, 46, stride=17)
    assert caplog.messages == [
        "1 of 3 questions have windows that share half, since stride 17 is more"
    ]
    caplog.clear()
    rows(examples, bytes_tokenizer, 46, stride=19)
    assert caplog.messages == [
        "2 of 3 questions have windows that share half, since stride 19 is more"
    ]


def test_the_stride_is_compared_after_the_question_is_taken_off(bytes_tokenizer, caplog):
    """150 less 3 special tokens less 64 is 83, of which half is 41, although 64 is under 75."""
    example = asked("118", "?" * 64, CONTEXT * 2)
    first, second, *_ = rows([example], bytes_tokenizer, 150, stride=64, question_length=64)
    shared = {tuple(span) for span in first.offsets[inside(first)].tolist()} & {
        tuple(span) for span in second.offsets[inside(second)].tolist()
    }
    assert len(shared) == 41
    assert caplog.messages == [
        "1 of 1 questions have windows that share half, since stride 64 is more"
    ]


def test_a_context_may_begin_with_a_byte_order_mark(any_tokenizer, right):
    task = QuestionAnswering(answer_length=200)
    examples = [asked("The Panthers", context="\ufeff" + CONTEXT.strip())]
    features = task.featurize(examples, any_tokenizer, 256)
    assert task.answers(examples, features, right(features))[0].strip("\ufeff") == "The Panthers"


def test_a_question_takes_half_of_a_short_row_at_most(bytes_tokenizer):
    found = rows([asked("118", "What about it?")], bytes_tokenizer, 20, question_length=64)
    for window in found:
        assert (window.offsets[:10] == -1).all()
        assert 0 < len(inside(window)) <= 20 - 3 - 8


def test_rows_may_be_too_short(bytes_tokenizer):
    assert rows([asked("118")], bytes_tokenizer, 5)
    with pytest.raises(ConfigError, match="max_length must be at least 5 for questions, got 4"):
        rows([asked("118")], bytes_tokenizer, 4)


def test_a_tokenizer_without_offsets_is_named():
    class Slow:
        is_fast = False

    with pytest.raises(EncoderError, match="needs a fast tokenizer, got Slow"):
        rows([asked("118")], Slow())


def test_an_answer_without_subwords_is_held_by_no_window(tokenizer):
    (window,) = rows([asked("\x01", context="\x01")], tokenizer)
    assert not window.holds_answer
    assert len(inside(window)) == 0


def test_no_example_has_no_row(bytes_tokenizer):
    assert rows([], bytes_tokenizer) == []


def test_chunks_number_examples_through(bytes_tokenizer, monkeypatch):
    examples = [asked("118", f"{n}?", f"{n} has 118") for n in range(7)]
    whole = rows(examples, bytes_tokenizer)
    monkeypatch.setattr("alignfreeze_tasks.qa.windows.CHUNK", 3)
    assert rows(examples, bytes_tokenizer) == whole
    assert [window.example for window in whole] == list(range(7))


def test_a_tokenizer_may_have_no_special_tokens(tokenizer):
    template = PairTemplate.of(tokenizer)
    assert template.count == 0
    assert template.wrap([5], [6, 7]) == [5, 6, 7]


@pytest.mark.suite
def test_the_suite_gives_its_answers_back(suite, right):
    """What differs is a subword that begins before the answer or ends after it."""
    tokenizer = AutoTokenizer.from_pretrained(suite.root / "model")
    task = QuestionAnswering(answer_length=500)
    languages = task.languages_in(suite)
    assert set(languages) == {"en", *task.languages}
    for language in languages:
        examples = task.load(suite, language, "test")
        blanks = "answers with blanks at an end, taken without them"
        assert set(examples.notes) <= {blanks}
        features = task.featurize(examples, tokenizer, 384)
        found = task.answers(examples, features, right(features))
        gold = [example.answers[0].strip() for example in examples]
        pairs = list(zip(found, gold, strict=True))
        assert all(answer in text for text, answer in pairs)
        assert np.mean([text == answer for text, answer in pairs]) > 0.94, language
        scores = [
            best(f1, partial(own_tokens, language=language), text, [answer])
            for text, answer in pairs
        ]
        assert np.mean(scores) > 0.99, language
