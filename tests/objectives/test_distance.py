import pytest

from alignfreeze.contracts import Objective
from alignfreeze.contracts.registry import OBJECTIVE, create_plugin
from alignfreeze.errors import ConfigError
from alignfreeze.testing import ObjectiveContract, word_batch
from alignfreeze_objectives.distance import Distance


class TestDistance(ObjectiveContract):
    def instances(self) -> list[Objective]:
        return [Distance(), Distance(pull=0), Distance(pull=2.5)]


@pytest.mark.parametrize("pull", [0, 1, 0.3])
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_the_naive_loop(pull: float, seed: int) -> None:
    objective = Distance(pull=pull)
    batch = word_batch(objective, seed)
    words = batch.words.tolist()

    def squared(one: list[float], other: list[float]) -> float:
        return sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / len(one)

    pairs = list(zip(batch.anchors.tolist(), batch.positives.tolist(), strict=True))
    links = [(s, t) for s, t in pairs if s < t]  # the source's words come first
    total = sum(squared(words[s], words[t]) for s, t in links)
    if pull:
        before = batch.pretrained.tolist()
        source = [k for k, sentence in enumerate(batch.sentences.tolist()) if sentence < 3]
        total += pull * sum(squared(words[k], before[k]) for k in source)
    assert objective.loss(batch).item() == pytest.approx(total / len(links), rel=1e-12)
    assert objective.terms(len(links), 3) == len(links)


def test_only_a_pull_needs_the_encoder_as_it_was() -> None:
    assert Distance().needs_pretrained
    assert not Distance(pull=0).needs_pretrained
    assert not Distance.projects


def test_a_pull_must_not_be_negative() -> None:
    with pytest.raises(ConfigError, match=r"objective 'distance': pull must be >= 0, got -1"):
        create_plugin(OBJECTIVE, "distance", {"pull": -1})
