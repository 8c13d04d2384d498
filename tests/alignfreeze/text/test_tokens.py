import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.text.tokens import join_tokens, split_tokens

NO_BLANKS = ["\u00a0", "\u202f", "\u2009", "\u3000", "\u2028", "\u2029", "\u0085", "\ufeff"]
"""Characters that are no ASCII blanks; ``str.split`` splits at most of them."""


CONTROLS = [chr(code) for code in range(33)]
"""ASCII's control characters and space."""


@pytest.mark.parametrize("character", [*NO_BLANKS, "\x1c", "\x1d", "\x1e", "\x1f", "\x0b", "\x0c"])
def test_only_spaces_and_tabs_part_words(character):
    word = f"10{character}000"
    assert split_tokens(f"\t {word} km\t\t{character} x \r") == [word, "km", character, "x"]


@pytest.mark.parametrize("line", ["", " ", "\t \t", "\r", " \r\r"])
def test_blanks_alone_are_no_word(line):
    assert split_tokens(line) == []


@pytest.mark.parametrize("character", NO_BLANKS)
def test_what_is_no_ascii_blank_is_written(character):
    assert join_tokens([f"10{character}000", "km"]) == f"10{character}000 km"


@given(words=st.lists(st.text()))
def test_words_are_as_many_to_whoever_splits_at_ascii_blanks(words):
    words = [f"a{word}" for word in words]
    line = join_tokens(words)
    assert "\n" not in line
    assert len(split_tokens(line)) == len(line.encode("utf-8", "replace").split()) == len(words)


@given(words=st.lists(st.text(st.characters(exclude_characters=CONTROLS), min_size=1)))
def test_words_without_ascii_blanks_are_read_as_they_were(words):
    assert split_tokens(join_tokens(words)) == words
