import math

import pytest
from alignfreeze_example import UniformityObjective

from alignfreeze.contracts import Objective
from alignfreeze.testing import ObjectiveContract, word_batch


class TestUniformityObjective(ObjectiveContract):
    def instances(self) -> list[Objective]:
        return [UniformityObjective(), UniformityObjective(weight=0.2)]


@pytest.mark.parametrize("weight", [0, 1, 0.3])
def test_equals_the_naive_loop(weight: float) -> None:
    objective = UniformityObjective(weight=weight)
    batch = word_batch(objective)
    words = [[x / math.hypot(*word) for x in word] for word in batch.words.tolist()]

    def squared(one: int, other: int) -> float:
        return sum((a - b) ** 2 for a, b in zip(words[one], words[other], strict=True))

    links = list(zip(batch.anchors.tolist(), batch.positives.tolist(), strict=True))
    pulled = sum(squared(*link) for link in links) / len(links)
    near = [math.exp(-2 * squared(a, b)) for a in range(18) for b in range(18) if a != b]
    expected = pulled + weight * math.log(sum(near) / len(near))
    assert objective.loss(batch).item() == pytest.approx(expected, rel=1e-9)
