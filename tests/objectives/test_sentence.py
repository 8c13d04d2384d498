import math

import pytest

from alignfreeze.contracts import Objective
from alignfreeze.testing import ObjectiveContract, word_batch
from alignfreeze_objectives.sentence import Sentence


class TestSentence(ObjectiveContract):
    def instances(self) -> list[Objective]:
        return [Sentence(), Sentence(negatives="strong")]


@pytest.mark.parametrize("negatives", ["target", "strong"])
@pytest.mark.parametrize("n_pairs", [1, 4])
def test_equals_the_naive_loop(negatives: str, n_pairs: int) -> None:
    objective = Sentence(negatives=negatives)
    batch = word_batch(objective, n_pairs=n_pairs)
    rows = [[x / math.hypot(*row) for x in row] for row in batch.words.tolist()]
    losses = []
    for own in range(2 * n_pairs):
        others = [k for k in range(2 * n_pairs) if k != own]
        if negatives == "target":
            others = [k for k in others if (k < n_pairs) != (own < n_pairs)]
        near = {
            k: math.exp(sum(a * b for a, b in zip(rows[own], rows[k], strict=True)) / 0.5)
            for k in others
        }
        losses.append(-math.log(near[(own + n_pairs) % (2 * n_pairs)] / sum(near.values())))
    expected = sum(losses) / len(losses)
    assert objective.loss(batch).item() == pytest.approx(expected, rel=1e-12)
