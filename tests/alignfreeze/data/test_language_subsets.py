"""How some of many languages are found, against plain loops and against all that is possible."""

import math
import random
from collections import Counter
from itertools import combinations

import pytest

from alignfreeze.data.language_subsets import diverse, drawn, nearest

CODES = "abcdefg"


def distances(seed, *, levels=None):
    """Distances of the languages of `CODES` and of targets ``x``, ``y``, ``z``; symmetric."""
    numbers = random.Random(seed)
    found = {}
    for one, other in combinations(CODES + "xyz", 2):
        far = numbers.randrange(levels) / levels if levels else numbers.random()
        found[one, other] = found[other, one] = far
    return lambda one, other: 0.0 if one == other else found[one, other]


def cover(targets, chosen, away):
    """How well the targets are covered, as the formula has it."""
    return sum(max((1 - away(t, c) for c in chosen), default=0) for t in targets)


def one_after_the_other(targets, candidates, count, away):
    """The greedy choice, each sum made anew."""
    chosen = []
    for _ in range(count):
        best, found = None, None
        for candidate in sorted(candidates):
            if candidate in chosen:
                continue
            covers = cover(targets, [*chosen, candidate], away)
            among = cover(candidates, [*chosen, candidate], away)
            if best is None or (covers, among) > best:
                best, found = (covers, among), candidate
        chosen.append(found)
    return sorted(chosen)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("targets", ["xyz", "abxy", CODES])
@pytest.mark.parametrize("levels", [None, 4])
def test_the_greatest_gain_is_taken_each_time(seed, targets, levels):
    away = distances(seed, levels=levels)  # in quarters sums are exact, and many are the same
    for count in range(1, len(CODES) + 1):
        expected = one_after_the_other(targets, CODES, count, away)
        assert diverse(targets, CODES[::-1], count, away) == expected


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("targets", ["xyz", CODES])
def test_it_comes_to_the_part_of_the_best_that_is_promised(seed, targets):
    away = distances(seed)
    for count in range(1, len(CODES) + 1):
        best = max(cover(targets, chosen, away) for chosen in combinations(CODES, count))
        found = cover(targets, diverse(targets, CODES, count, away), away)
        assert (1 - 1 / math.e) * best <= found <= best + 1e-12


def test_what_covers_itself_leaves_the_rest_to_the_others():
    places = {"a": 0.0, "b": 0.1, "c": 0.2, "d": 0.8, "e": 0.9}
    assert diverse("ab", "abcde", 3, lambda one, other: abs(places[one] - places[other])) == [
        *("a", "b", "d")
    ]
    assert diverse("a", "cb", 1, lambda one, other: 0.5) == ["b"]  # of the same the first


def test_the_nearest_are_sorted_and_ties_are_broken_by_code():
    far = {"a": 0.9, "b": 0.2, "c": 0.4, "d": 0.2, "e": 0.2}
    assert nearest("x", "edcba", 2, lambda one, other: far[other]) == ["b", "d"]
    assert nearest("x", "edcba", 4, lambda one, other: far[other]) == ["b", "c", "d", "e"]


def test_a_seed_draws_the_same_everywhere():
    assert drawn(CODES, 3, 31) == drawn(CODES[::-1], 3, 31) == ["a", "e", "g"]
    assert set(drawn(CODES, 3, 31)) < set(drawn(CODES, 4, 31))
    assert drawn(CODES, len(CODES), 31) == [*CODES]


def test_each_language_is_drawn_as_often():
    counts = Counter(code for seed in range(2100) for code in drawn(CODES, 3, seed))
    assert all(count == pytest.approx(900, abs=90) for count in counts.values())
