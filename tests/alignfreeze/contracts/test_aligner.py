from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.contracts import one_to_one

NUMBERS = st.integers(0, 5)


@given(links=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8))
def test_links_are_one_to_one_as_a_naive_loop_finds_them(links):
    different = list(dict.fromkeys(links))
    assert one_to_one(links) == [
        (s, t) for s, t in different if sum(s == i or t == j for i, j in different) == 1
    ]
