import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alignfreeze.evaluation.scores import rows_from_csv, rows_to_csv
from alignfreeze.probing.geometry import (
    AlignmentScore,
    DriftScore,
    alignment_scores,
    drift_scores,
    linear_cka,
)
from alignfreeze.probing.probes import LanguageVectors, WordVectors

# Alignment scores


def cosine(a, b) -> float:
    """Of a word without length to any other: 0."""
    size = math.sqrt((a @ a) * (b @ b))
    return float(a @ b) / size if size else 0.0


def naive_accuracy(source, target, *, kind: str, direction: str) -> float:
    queries, others = (source, target) if direction == "forward" else (target, source)
    right = 0
    for i, query in enumerate(queries):
        rivals = [other for j, other in enumerate(others) if j != i]
        if kind == "strong":
            rivals += [own for j, own in enumerate(queries) if j != i]
        wanted = cosine(query, others[i])
        right += all(wanted > cosine(query, rival) + 1e-9 for rival in rivals)
    return right / len(queries)


def vectors_of(**languages) -> WordVectors:
    return WordVectors("en", {code: LanguageVectors(*sides) for code, sides in languages.items()})


def related(seed: int, links: int, noise: float, layers: int = 3, dim: int = 6) -> LanguageVectors:
    random = np.random.default_rng(seed)
    source = random.normal(size=(layers, links, dim))
    target = source + noise * random.normal(size=source.shape) + 0.5
    return LanguageVectors(source.astype(np.float16), target.astype(np.float16))


def test_scores_equal_naive_loops():
    vectors = vectors_of(de=related(0, 21, 0.5), no=related(1, 13, 1.0))
    scores = alignment_scores(vectors, "realigned")
    assert len(scores) == 2 * 3 * 4
    assert [score[:5] for score in scores[:5]] == [
        ("realigned", "de", 0, "weak", "forward"),
        ("realigned", "de", 0, "weak", "backward"),
        ("realigned", "de", 0, "strong", "forward"),
        ("realigned", "de", 0, "strong", "backward"),
        ("realigned", "de", 1, "weak", "forward"),
    ]
    for score in scores:
        sides = (side[score.layer].astype(float) for side in vectors.languages[score.language])
        expected = naive_accuracy(*sides, kind=score.kind, direction=score.direction)
        assert score.value == pytest.approx(expected)
    assert len({score.value for score in scores}) > 6


@given(table=arrays(np.float16, (2, 5, 2), elements=st.integers(-2, 2)))
def test_scores_equal_naive_loops_where_words_coincide(table):
    for score in alignment_scores(vectors_of(de=(table[:1], table[1:])), "realigned"):
        expected = naive_accuracy(*table.astype(float), kind=score.kind, direction=score.direction)
        assert score.value == pytest.approx(expected)
        assert 0 <= score.value <= 1


def test_equal_words_find_nothing():
    same = np.full((1, 50, 33), 0.1, dtype=np.float16)
    assert {score.value for score in alignment_scores(vectors_of(de=(same, same)), "s")} == {0.0}


def test_weak_is_easier_than_strong():
    """The translation is the nearest of the other language's, but one's own are nearer still."""
    source, target = np.eye(3, 4), np.eye(3, 4)
    source[:, 3], target[:, 3] = 5, -0.4
    vectors = vectors_of(de=(source[None], target[None]))
    values = {score[3:5]: score.value for score in alignment_scores(vectors, "s")}
    assert values[("weak", "forward")] == values[("weak", "backward")] == 1
    assert values[("strong", "forward")] == 0


def test_directions_differ():
    source = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    target = np.array([[[1.0, 0.2], [1.0, 0.3]]])
    values = {s[3:5]: s.value for s in alignment_scores(vectors_of(de=(source, target)), "s")}
    assert values[("weak", "forward")] == 1
    assert values[("weak", "backward")] == 0.5


# CKA and drift


def hsic(x, y) -> float:
    """The empirical HSIC of linear kernels, with the centring matrix written out."""
    n = len(x)
    centring = np.eye(n) - np.ones((n, n)) / n
    return float(np.trace(x @ x.T @ centring @ y @ y.T @ centring)) / (n - 1) ** 2


def draw(seed: int, *shape: int):
    return np.random.default_rng(seed).normal(loc=3, size=shape)


@pytest.mark.parametrize("shapes", [((9, 4), (9, 4)), ((4, 9), (4, 9)), ((9, 2), (9, 30))])
def test_cka_equals_hsic(shapes):
    x, y = draw(0, *shapes[0]), draw(1, *shapes[1])
    expected = hsic(x, y) / math.sqrt(hsic(x, x) * hsic(y, y))
    assert linear_cka(x, y) == pytest.approx(expected, abs=1e-12)
    assert linear_cka(y, x) == pytest.approx(expected, abs=1e-12)
    assert 0.01 < expected < 0.99


@pytest.mark.parametrize("words", [5, 40])
def test_cka_ignores_rotation_scale_and_shift(words):
    x, y = draw(0, words, 8), draw(1, words, 8)
    rotation, _ = np.linalg.qr(draw(2, 8, 8))
    assert linear_cka(x, x) == pytest.approx(1, abs=1e-12)
    assert linear_cka(x, -7 * x @ rotation + 11) == pytest.approx(1, abs=1e-12)
    assert linear_cka(x, 1e-3 * y @ rotation - 2) == pytest.approx(linear_cka(x, y), abs=1e-9)
    assert linear_cka(x, x * np.arange(8)) < 0.99


def test_cka_of_unrelated_directions_is_0():
    x = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    y = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    assert linear_cka(x, y) == 0


@given(
    x=arrays(np.float16, (4, 3), elements=st.integers(-3, 3)),
    y=arrays(np.float16, (4, 2), elements=st.integers(-3, 3)),
)
def test_cka_is_a_fraction_for_any_input(x, y):
    assert 0 <= linear_cka(x, y) <= 1


def test_cka_of_words_that_are_all_the_same():
    same, other = np.full((7, 3), 0.1), draw(0, 7, 3)
    assert linear_cka(same, 2 * same) == 1
    assert linear_cka(same, np.zeros((7, 5))) == 1
    assert linear_cka(same, other) == linear_cka(other, same) == 0


@pytest.mark.parametrize("words", [(3, 4), (1, 1), (0, 0)])
def test_cka_needs_the_same_two_words(words):
    message = f"the same 2 or more words, got {words[0]} and {words[1]}"
    with pytest.raises(ValueError, match=message):
        linear_cka(*(draw(0, n, 2) for n in words))


def test_drift_equals_a_naive_loop():
    before = vectors_of(de=related(0, 9, 1), no=related(1, 5, 1))
    after = vectors_of(de=related(2, 9, 1), no=related(3, 5, 1))
    expected = []
    for layer in range(3):
        stacks = []
        for vectors in (before, after):
            rows = [row for sides in vectors.languages.values() for row in sides.source[layer]]
            stacks.append(np.array(rows, dtype=float))
        expected.append(("en", layer, linear_cka(*stacks)))
    for language in ("de", "no"):
        for layer in range(3):
            old = before.languages[language].target[layer]
            expected.append(
                (language, layer, linear_cka(old, after.languages[language].target[layer]))
            )
    found = drift_scores(before, after, "realigned")
    assert [score[:3] for score in found] == [("realigned", *key) for *key, _ in expected]
    for score, (*_, cka) in zip(found, expected, strict=True):
        assert score.value == pytest.approx(1 - cka, abs=1e-12)
    assert all(0.05 < score.value < 1 for score in found)


def test_drift_needs_the_same_words():
    with pytest.raises(ValueError, match=r"the same \(layers, links\), got .*'de': \(3, 9\).*5"):
        drift_scores(vectors_of(de=related(0, 9, 1)), vectors_of(de=related(0, 5, 1)), "realigned")


# Tables

VALUES = [1 / 3, 0.1 + 0.2, 0.0, 1.0, 5e-324, math.nextafter(1, 0)]


def test_alignment_scores_come_back_from_a_table(tmp_path):
    scores = [
        AlignmentScore(stage, language, layer, kind, direction, value)
        for stage, language in (("pretrained", "no"), ("finetuned-pos", "nan"), ("1", "zh"))
        for layer, value in enumerate(VALUES)
        for kind in ("weak", "strong")
        for direction in ("forward", "backward")
    ]
    path = tmp_path / "alignment.csv"
    path.write_text(rows_to_csv(scores, AlignmentScore), "utf-8")
    assert path.read_text("utf-8").startswith("stage,language,layer,kind,direction,value\n")
    found = rows_from_csv(path, AlignmentScore)
    assert found == scores
    assert {tuple(map(type, score)) for score in found} == {(str, str, int, str, str, float)}


def test_drift_scores_come_back_from_a_table(tmp_path):
    scores = [
        DriftScore(stage, language, layer, value)
        for stage, language in (("realigned", "no"), ("a,b", "null"))
        for layer, value in enumerate(VALUES)
    ]
    path = tmp_path / "drift.csv"
    path.write_text(rows_to_csv(scores, DriftScore), "utf-8")
    assert path.read_text("utf-8").startswith("stage,language,layer,value\n")
    found = rows_from_csv(path, DriftScore)
    assert found == scores
    assert {tuple(map(type, score)) for score in found} == {(str, str, int, float)}


def test_tables_may_be_empty(tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text(rows_to_csv([], AlignmentScore), "utf-8")
    assert rows_from_csv(path, AlignmentScore) == []
    path.write_text(rows_to_csv([], DriftScore), "utf-8")
    assert rows_from_csv(path, DriftScore) == []
