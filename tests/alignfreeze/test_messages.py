"""Values as messages have them."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.messages import MOST_OF_A_MESSAGE, as_line, counted, listed, shortened, shown


def test_a_long_value_is_shown_shortened() -> None:
    assert shown("x" * 60) == f"'{'x' * 60}'"
    assert shown("x" * 61) == f"'{'x' * 60}'…"
    assert shown("line\nbreak") == r"'line\nbreak'"
    assert shown(["x" * 90]) == f"['{'x' * 58}…"
    assert shortened("x" * 4, 3) == "xxx…"


def test_of_many_texts_the_first_are_listed() -> None:
    assert listed(["a", "b"]) == "a, b"
    some = [str(number) for number in range(1010)]
    assert listed(some) == "0, 1, 2, 3, 4, 5, 6, 7 and 1,002 more"


def test_what_is_counted_comes_by_frequency() -> None:
    assert counted(Counter(DATE=13, MISC=1702)) == "MISC (1,702), DATE (13)"
    assert counted(Counter(map(str, range(12)))).endswith("9 (1) and 2 more")
    assert counted(Counter(["x" * 61])) == f"{'x' * 60}… (1)"


def test_a_message_is_one_line_that_a_terminal_shows_as_it_is() -> None:
    assert as_line("two\n  lines \r\n and a half") == "two lines and a half"
    assert as_line("a  name\twith blanks") == r"a  name\twith blanks"
    assert as_line("\x1b[31mred\x07 \udcff é") == r"\x1b[31mred\x07 \udcff é"


def test_of_a_long_message_the_middle_is_left_out() -> None:
    line = as_line(f"begin {'x' * 200_000} end")
    assert len(line) <= MOST_OF_A_MESSAGE + 3
    assert line.startswith("begin x")
    assert line.endswith("x end")
    assert " … " in line


@given(st.text())
def test_any_text_is_one_printable_line(text: str) -> None:
    assert as_line(text).isprintable()
    assert as_line(as_line(text)) == as_line(text)
