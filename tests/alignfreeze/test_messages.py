"""Values as messages have them."""

from collections import Counter

from alignfreeze.messages import counted, listed, shortened, shown


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
