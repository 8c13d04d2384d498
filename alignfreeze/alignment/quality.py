"""Scores of sentence pairs, and which pairs are the worst by them."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alignfreeze.contracts import Bitext, count_lines, numbered_lines
from alignfreeze.errors import DataError
from alignfreeze.messages import shown
from alignfreeze.text.numbers import number_in


def read_scores(path: Path, text: Path) -> NDArray[np.float64]:
    """The scores of sentence pairs, of shape (pairs,): line n is that of pair n.

    Args:
        path: A number a line, packed or not.
        text: A text of the pairs, which says how many there are.

    Raises:
        DataError: If a line is no finite number, or there are not as many lines as in the text.
    """
    n_pairs = count_lines(text)
    scores = np.empty(n_pairs)
    line = 0
    for line, given in numbered_lines(path):
        if line <= n_pairs:
            scores[line - 1] = _score(given, path, line)
    if line != n_pairs:
        rule = f"must have a line for each of the {n_pairs} sentence pairs that are read"
        raise DataError(f"{rule} ({text.name}), got {line}", file=path, line=min(line, n_pairs) + 1)
    return scores


def _score(text: str, path: Path, line: int) -> float:
    score = number_in(text.strip())
    if score is None:
        raise DataError(f"a score must be a finite number, got {shown(text)}", file=path, line=line)
    return score


def worst(scores: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Which sentence pairs are the worst part of all, of shape (pairs,).

    These are the ``floor(share * pairs)`` with the lowest scores, of equal ones those that come
    last.

    Args:
        scores: Of shape (pairs,).
        share: In [0, 1).
    """
    # As it is written: 0.29 as a binary number, times 100, is below 29.
    count = int(Fraction(str(share)) * len(scores))
    found = np.zeros(len(scores), np.bool_)
    rising = np.argsort(scores[::-1], kind="stable")
    found[len(scores) - 1 - rising[:count]] = True
    return found


def mark_worst(bitext: Bitext, n_pairs: int, share: float, marks: Path) -> None:
    """Write to a file which of the first sentence pairs of a text are the `worst`.

    Scores take 8 bytes a pair of memory, sorting them as much again.

    Args:
        bitext: The text, with its file of scores.
        n_pairs: How many pairs count, from its start.
        share: What part of them is marked, in [0, 1).
        marks: The file to write: a byte a pair, 1 for those that are.

    Raises:
        DataError: As `read_scores`.
    """
    assert bitext.scores_file is not None, "checked where texts are found"
    scores = read_scores(bitext.scores_file, bitext.source_file)
    worst(scores[:n_pairs], share).tofile(marks)
